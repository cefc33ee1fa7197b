#pragma once

#include "ctl.h"
#include "fields.h"

/*
 * What most commands are, as data: one request of the daemon's API with the operands in its path
 * and the options in its body or query, and the fields of the answer that people are shown.
 */
enum call_as {
	CALL_OPERATOR, /* as whoever runs soukctl */
	CALL_OWNER, /* as the seller of the stream {0} */
	CALL_PRODUCT_OWNER, /* as the seller of the product {0} */
	CALL_USER, /* as the user {0} */
	CALL_SELLER, /* as the user {0}, made a seller if need be */
};

enum call_kind {
	CALL_TEXT,
	CALL_TEXT_OR_NULL, /* "" or "none" is null */
	CALL_INTEGER,
	CALL_INTEGER_OR_NULL,
	CALL_NUMBER,
	CALL_YES_NO,
	CALL_SWITCH, /* true if the option is there */
	CALL_SWITCH_OFF, /* false if it is there */
	CALL_LIST, /* of texts: the option is repeated */
	CALL_SECONDS, /* a duration, as whole seconds */
	CALL_OPERAND, /* the operand of this name ("0", "1", …) as a text */
	CALL_INTEGER_OPERAND,
	CALL_OPERANDS, /* all operands from this one on, as a list */
	CALL_TRUE, /* always true */
};

struct call_field {
	const char *option;
	const char *member; /* of the body, or name in the query */
	enum call_kind kind;
};

struct call {
	const char *method;
	const char *path; /* "{0}" is the first operand, percent-encoded */
	enum call_as as;
	const struct call_field *body, *query; /* end with member NULL; or NULL */
	const struct field *fields;
	size_t n_fields;
	bool is_list; /* all pages, up to --limit if the command has it */
	const char *member; /* what is printed is this member of the answer; NULL: all of it */
	bool is_whole; /* as JSON all of it nevertheless */
	const char *said; /* instead of fields, for people: one line */
	bool needs_field; /* at least one option of the body must be given */
};

enum ctl_exit call_run(struct ctl *c, const struct call *call);
/* Appends the members of the options that are given; false, with a line on stderr, for a bad one.
 */
bool call_fill(struct ctl *c, const struct call_field *fields, json_t *body);
/* --limit, 0 if it is not given; false with a line on stderr if it is no number. */
bool call_limit(struct ctl *c, size_t *limit);

#define CALL_FIELDS(array) .fields = array, .n_fields = sizeof(array) / sizeof((array)[0])
