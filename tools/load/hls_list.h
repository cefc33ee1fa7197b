#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a player needs to know of an HLS playlist (RFC 8216bis). */
struct hls_item {
	char *uri;
	uint64_t msn;
	int part; /* -1: a whole segment */
};

struct hls_list {
	char *variant; /* multivariant: the first variant's URI; else NULL */
	char *map; /* the newest EXT-X-MAP, or NULL */
	char *hint; /* EXT-X-PRELOAD-HINT of a part, or NULL */
	struct hls_item *items; /* parts and segments in the list's order */
	size_t n_items;
	uint64_t next_msn; /* the segment that is not finished */
	int next_part; /* the part of it that is not listed */
	uint64_t target_us;
	bool ended, can_block, has_parts;
};

bool hls_list_parse(struct hls_list *l, const char *text, size_t len); /* finish in any case */
void hls_list_finish(struct hls_list *l);

/* The path of a URI found in the playlist at the path `base`; false if it does not fit. */
bool hls_resolve(const char *base, const char *uri, char *out, size_t size);
