#pragma once

#include "hls_private.h"

/* What the two files of chat.json share; nobody else includes it. */

/* Where in a recording a moment stands. Made once a recording and kept. */
struct chat_map;

/* A question for a page. */
struct chat_ask {
	struct list link; /* chat_map.asks, while the map is made */
	struct http_request *request; /* NULL: the peer is gone */
	struct uuid id;
	struct uuid after; /* none: from the beginning */
	uint64_t at_ms; /* if has_at: the page around this place */
	bool has_at, for_one;
	char suffix[HLS_SUFFIX_SIZE];
};

/* hls_chat_map.c: answers now or when the map is made; the ask is copied. False: there is no such
 * recording. */
bool hls_chat_ask(struct hls *h, const struct chat_ask *ask);
/* Milliseconds from the recording's start. An interruption takes no time in it: what was said then
 * stands where it was cut, as in the chapters. */
uint64_t chat_map_offset(const struct chat_map *map, uint64_t wall_ms);
/* The last moment that stands at this place; a place behind the end is the end of time. */
uint64_t chat_map_wall(const struct chat_map *map, uint64_t offset_ms);

/* hls_chat.c */
void hls_chat_answer(struct hls *h, const struct chat_ask *ask, const struct chat_map *map);
