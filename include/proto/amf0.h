#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * AMF0 (Adobe "Action Message Format -- AMF 0"), pulled value by value without building a tree.
 *
 * amf0_read takes one value. For an OBJECT, TYPED_OBJECT or ECMA_ARRAY the members follow: call
 * amf0_member until it is false, and amf0_read (or amf0_skip) once for each. For a STRICT_ARRAY
 * `count` values follow. What is not of interest is dropped with amf0_skip.
 *
 * Bounds hold whatever the peer sends: nesting of AMF0_DEPTH_MAX, AMF0_VALUES_MAX values in all,
 * and no value longer than the bytes that are there. Switching to AMF3 (marker 0x11) is refused:
 * the reader fails. `failed` is sticky; then every call is false.
 */
#define AMF0_DEPTH_MAX 16
#define AMF0_VALUES_MAX 4096

enum amf0_type {
	AMF0_NUMBER = 0,
	AMF0_BOOLEAN = 1,
	AMF0_STRING = 2, /* long strings (12) and XML (15) come as this too */
	AMF0_OBJECT = 3, /* typed objects (16) come as this too, the class name is dropped */
	AMF0_NULL = 5,
	AMF0_UNDEFINED = 6, /* and unsupported (13) */
	AMF0_REFERENCE = 7, /* not resolved */
	AMF0_ECMA_ARRAY = 8,
	AMF0_STRICT_ARRAY = 10,
	AMF0_DATE = 11, /* number: milliseconds since 1970, UTC */
};

struct amf0_text {
	const char *data; /* borrowed, not NUL-terminated, any bytes */
	size_t len;
};

struct amf0_value {
	enum amf0_type type;
	double number;
	bool flag;
	struct amf0_text text;
	uint32_t count; /* STRICT_ARRAY: values that follow */
};

struct amf0_reader {
	struct buf_reader in;
	unsigned depth, values;
	bool failed;
};

struct amf0_reader amf0_reader(const void *data, size_t len);
bool amf0_at_end(const struct amf0_reader *r);
bool amf0_read(struct amf0_reader *r, struct amf0_value *v);
/* Inside an object or ECMA array: the next member's name; false at its end (consumed). */
bool amf0_member(struct amf0_reader *r, struct amf0_text *name);
/* Drops the inside of a value that amf0_read just gave; nothing to do for scalars. */
bool amf0_skip_inside(struct amf0_reader *r, const struct amf0_value *v);
bool amf0_skip(struct amf0_reader *r); /* one whole value */

bool amf0_text_is(struct amf0_text t, const char *s);
/*
 * Copies what fits, NUL-terminated; all but printable ASCII becomes '?', so that the copy is safe
 * in logs and JSON. False if it did not fit or something was replaced.
 */
bool amf0_text_copy(struct amf0_text t, char *out, size_t size);

void amf0_put_number(struct buf *b, double v);
void amf0_put_boolean(struct buf *b, bool v);
void amf0_put_string(struct buf *b, const char *s); /* long form from 65536 bytes on */
void amf0_put_null(struct buf *b);
void amf0_put_undefined(struct buf *b);
void amf0_put_object(struct buf *b); /* begins; members follow */
void amf0_put_ecma_array(struct buf *b, uint32_t count); /* begins; members follow */
void amf0_put_strict_array(struct buf *b, uint32_t count); /* begins; count values follow */
void amf0_put_name(struct buf *b, const char *name); /* a member's name; its value follows */
void amf0_put_end(struct buf *b); /* ends an object or ECMA array */
