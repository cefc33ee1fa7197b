#pragma once

#include <stdbool.h>

#include "http/hls.h"

/*
 * HTTP-FLV (spec media.md, "RTMP and HTTP-FLV out"): GET /live/STREAM_ID.flv is the stream as its
 * publisher sends it, from the last keyframe on, as an FLV file without an end. Who may have it is
 * asked as for HLS, with the token of the query or an Authorization header, and again while it
 * plays. A stream that waits for its publisher is waited for. Loop thread only.
 */
struct flv;

struct flv_config {
	struct live_registry *registry; /* must outlive the flv */
	/* As in hls.h. */
	enum hls_access (*access)(
		void *user, struct uuid stream, const char *token, const char *authorization);
	void *user;
};

struct flv *flv_create(const struct flv_config *config);
void flv_destroy(struct flv **f); /* after the HTTP server */
/* Answers a request under /live/; false, with nothing done, for other paths. */
bool flv_handle(struct flv *f, struct http_request *r);
/* Ends the bodies of all players. */
void flv_drain(struct flv *f);
