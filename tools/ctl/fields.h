#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* How a member of an answer is shown to people: as a column of a list or a line of an object. */
enum field_kind {
	FIELD_TEXT,
	FIELD_FLEXIBLE, /* text that a table may cut */
	FIELD_TIME, /* ISO 8601 */
	FIELD_COUNT,
	FIELD_FRACTION, /* one digit after the point */
	FIELD_RATE, /* bits a second */
	FIELD_BYTES,
	FIELD_SECONDS,
	FIELD_MILLIS, /* seconds, shown as milliseconds */
	FIELD_YES,
	FIELD_PLACE, /* degrees, and shares of a picture */
	FIELD_PICTURE, /* an object with width and height */
	FIELD_WORDS, /* an array of texts, with commas between */
};

struct field {
	const char *title;
	const char *member; /* dots go into objects: "ingest.bitrate"; "" is the object itself */
	enum field_kind kind;
};

bool field_is_figure(const struct field *f);
/* Appends the text; nothing if the member is absent or null. */
void field_write(const struct field *f, const json_t *object, struct buf *out);

/* Members of an answer; borrowed. NULL, "" or 0 if absent or of another type. */
const json_t *field_member(const json_t *object, const char *member);
const char *field_string(const json_t *object, const char *member);
double field_number(const json_t *object, const char *member);
