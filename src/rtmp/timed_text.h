#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Timed metadata out of an encoder's data messages: the members of onTextData's or onCuePoint's
 * object become X- attributes of an EXT-X-DATERANGE (RFC 8216bis, section 4.4.5.1), so that
 * {text: "Hello", time: 1.5} reads X-TEXT="Hello",X-TIME=1.500.
 *
 * Bounded: TIMED_TEXT_ATTRIBUTES_MAX attributes, strings cut at TIMED_TEXT_STRING_MAX bytes.
 * Members that are neither string, number nor boolean are left out, as are texts that are not
 * UTF-8.
 */
#define TIMED_TEXT_ATTRIBUTES_MAX 16
#define TIMED_TEXT_STRING_MAX 512

/* Appends the attributes, comma-separated. False if there are none. */
bool timed_text_attributes(const uint8_t *amf, size_t len, struct buf *out);
/* The class of a message's DATERANGE, or NULL if the message is not passed on to viewers. */
const char *timed_text_class(const char *message_name);
