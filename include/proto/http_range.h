#pragma once

#include <stdint.h>

/*
 * Range of a GET (RFC 9110, section 14): `bytes=a-b`, `bytes=a-`, `bytes=-n` against a known size.
 * What is not such a single range (another unit, several ranges, nonsense) is ignored, as the RFC
 * allows: FULL.
 */
enum http_range_result {
	HTTP_RANGE_FULL, /* 200 with everything */
	HTTP_RANGE_PARTIAL, /* 206 with bytes first to last, both counted */
	HTTP_RANGE_UNSATISFIABLE, /* 416 */
};

/* value: the header's value, or NULL if there is none. */
enum http_range_result http_range_parse(
	const char *value, uint64_t size, uint64_t *first, uint64_t *last);
