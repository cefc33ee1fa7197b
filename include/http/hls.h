#pragma once

#include <stdbool.h>

#include "http/server.h"
#include "live/registry.h"
#include "loop/loop.h"
#include "model/repo.h"

/*
 * Delivery of media (spec media.md "HLS" and "Recording and VOD"):
 *
 *   /hls/STREAM_ID/NAME   the live window, with blocking reload and hinted parts
 *   /vod/STREAM_ID/NAME   files of a recording: index.m3u8, init_*, seg_*, recording.mp4,
 *                         poster.jpg, storyboard.vtt, storyboard_*.jpg, chat.json
 *   /thumb/STREAM_ID.jpg  the newest picture of a live stream
 *
 * A request for what does not exist yet is held and answered when the stream announces it, at most
 * three target durations (then 503); all that wait for the same thing share one text and its gzip
 * form. A recording.mp4 that is to be made on demand is waited for. A playlist under /hls/ of a
 * stream that is gone leads to its VOD.
 *
 * Cache-Control: segments, parts, init segments and VOD files never change under their name. The
 * answer to a blocking reload may be kept for six target durations (RFC 8216bis B.1), since the
 * same question has the same answer. A plain playlist would be good for half a part, which
 * max-age cannot say: it is to be revalidated each time (no-cache, with an ETag), which a CDN
 * joins to one request.
 *
 * What is for one viewer (a stream that is not for everyone) says `private` instead, and the token
 * of the request stands behind every URI of its playlists.
 *
 * Loop thread only.
 */
struct hls;

enum hls_access {
	HLS_FOR_ALL,
	HLS_FOR_ONE, /* who asked may have it; no cache that others share may keep it */
	HLS_REFUSED,
	HLS_UNKNOWN, /* there is no such stream (any more), whatever lies on the disk */
};

static inline bool hls_access_given(enum hls_access access)
{
	return access == HLS_FOR_ALL || access == HLS_FOR_ONE;
}

struct hls_config {
	struct loop *loop;
	struct live_registry *registry; /* must outlive the hls */
	const char *media_root; /* copied */
	struct repo repo; /* chat.json is made from it; without a chat family there is none */
	/* What the bearer of this playback token ("": none) and Authorization header (NULL: none)
	 * may have; NULL: everything is for all. */
	enum hls_access (*access)(
		void *user, struct uuid stream, const char *token, const char *authorization);
	/* Counts what is more than a file under the limits of the API; false: answered (429). NULL:
	 * there are none. */
	bool (*limit)(void *user, struct http_request *r);
	void *user;
};

struct hls *hls_create(const struct hls_config *config);
void hls_destroy(struct hls **h); /* held requests are answered with 503 */
/* Answers or holds a request under /hls/, /vod/ or /thumb/; false, with nothing done, for other
 * paths. */
bool hls_handle(struct hls *h, struct http_request *r);
unsigned hls_waiting(const struct hls *h);
