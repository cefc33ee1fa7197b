#pragma once

#include "hls_private.h"

/*
 * The text of a playlist in pieces, and its gzip form, which is there once it can be had for
 * little: of a long one each stretch that never changes is compressed once for all, some of them
 * with each answer. Counted, as any number of answers share one.
 */
struct hls_pieces {
	struct rcbuf **pieces;
	size_t n;
	uint64_t len;
};

struct hls_text {
	struct list link; /* of those of a stream; alone, one for a single viewer */
	unsigned refs;
	uint64_t generation;
	bool multivariant, brief;
	enum hls_skip skip;
	unsigned rendition;
	uint64_t msn, part; /* newest position that is known to be in it */
	struct hls_pieces plain, gzip; /* gzip.n 0: not there */
	struct media_playlist playlist; /* what plain is made of; empty if multivariant */
};

/* Looks up; *out is for the caller to release on MEDIA_FOUND only. `texts` keeps those of this
 * generation that are for all. */
enum media_lookup hls_text_get(struct media_window *w, const struct hls_ask *ask,
	struct list *texts, struct hls_text **out);
void hls_text_unref(struct hls_text **t);
void hls_texts_free(struct list *texts);
