#pragma once

#include "hls_text.h"

/* A ready answer that any number of requests may share. */
struct hls_answer {
	const char *content_type;
	char cache_control[64];
	char etag[64];
	bool ranges;
	struct hls_text *text; /* a playlist; NULL: media */
	struct media_body body; /* media */
};

/* Looks up; *out is set on MEDIA_FOUND only. `texts` keeps the playlists of this generation. */
enum media_lookup hls_answer_make(struct hls *h, struct media_window *w, struct list *texts,
	const struct hls_ask *ask, struct hls_answer *out);
void hls_answer_send(struct hls *h, struct http_request *r, struct hls_answer *a);
void hls_answer_finish(struct hls_answer *a);
