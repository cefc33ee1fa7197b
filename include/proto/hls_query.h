#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Delivery directives of a playlist's query (draft-pantos-hls-rfc8216bis, section 6.2.5) and the
 * playback token. Strict: an empty or non-decimal number, one that does not fit, a directive given
 * twice, _HLS_part without _HLS_msn, an unknown _HLS_skip and an unknown window are errors (answer
 * 400). Other parameters are ignored.
 */
#define HLS_QUERY_TOKEN_SIZE 2048

enum hls_skip { HLS_SKIP_NONE, HLS_SKIP_YES, HLS_SKIP_V2 };

struct hls_query {
	bool has_msn, has_part;
	uint64_t msn;
	uint32_t part;
	enum hls_skip skip;
	bool brief; /* window=live: only the live window of a longer playlist */
	char token[HLS_QUERY_TOKEN_SIZE]; /* percent-decoded; "" if absent */
};

/* `query` is what stands after '?' (NULL and "" are an empty one). */
bool hls_query_parse(const char *query, size_t len, struct hls_query *out);
