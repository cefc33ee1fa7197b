#include "proto/http_range.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

/* Digits, saturating: a number that does not fit is beyond every size. False if there are none. */
static bool take_number(const char **at, uint64_t *out)
{
	const char *p = *at;
	uint64_t v = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');
		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
	}
	bool any = p != *at;
	*at = p;
	*out = v;
	return any;
}

static enum http_range_result last_bytes(
	uint64_t count, uint64_t size, uint64_t *first, uint64_t *last)
{
	if (count == 0 || size == 0) {
		return HTTP_RANGE_UNSATISFIABLE;
	}
	*first = count < size ? size - count : 0;
	*last = size - 1;
	return HTTP_RANGE_PARTIAL;
}

enum http_range_result http_range_parse(
	const char *value, uint64_t size, uint64_t *first, uint64_t *last)
{
	*first = 0;
	*last = size > 0 ? size - 1 : 0;
	if (value == NULL || strncasecmp(value, "bytes=", 6) != 0) {
		return HTTP_RANGE_FULL;
	}
	const char *at = value + 6;
	uint64_t from = 0, to = UINT64_MAX;
	bool has_from = take_number(&at, &from);
	if (*at++ != '-') {
		return HTTP_RANGE_FULL;
	}
	bool has_to = take_number(&at, &to);
	if (*at != '\0' || (!has_from && !has_to) || (has_from && has_to && to < from)) {
		return HTTP_RANGE_FULL;
	}
	if (!has_from) {
		return last_bytes(to, size, first, last);
	}
	if (from >= size) {
		return HTTP_RANGE_UNSATISFIABLE;
	}
	*first = from;
	*last = has_to && to < size ? to : size - 1;
	return HTTP_RANGE_PARTIAL;
}
