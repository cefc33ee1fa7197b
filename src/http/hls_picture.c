#include <stdio.h>
#include <string.h>

#include "base/rcbuf.h"
#include "hls_private.h"
#include "http/reply.h"

/* /thumb/STREAM_ID.jpg: the newest picture of a live stream, renewed under its name. */

const char hls_picture_type[] = "image/jpeg";

bool hls_thumb_split(const char *rest, struct uuid *id)
{
	char text[UUID_TEXT_SIZE];

	if (strlen(rest) < UUID_TEXT_SIZE - 1 || strcmp(rest + UUID_TEXT_SIZE - 1, ".jpg") != 0)
		return false;
	memcpy(text, rest, UUID_TEXT_SIZE - 1);
	text[UUID_TEXT_SIZE - 1] = '\0';
	return uuid_parse(text, id);
}

static void answer(struct hls *h, struct http_request *r, struct rcbuf *jpeg, uint64_t made_at_ms,
	bool for_one)
{
	char etag[48];

	snprintf(etag, sizeof(etag), "\"%llx-%zx\"", (unsigned long long)made_at_ms,
		rcbuf_len(jpeg));
	metric_add(h->bytes, rcbuf_len(jpeg));
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = hls_picture_type,
			.cache_control = for_one ? "private, max-age=5" : "public, max-age=5",
			.etag = etag,
			.cors = true,
			.kind = HTTP_BODY_PIECES,
			.pieces = &jpeg,
			.n_pieces = 1});
}

void hls_thumb_get(struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask)
{
	struct live_stream *live = live_registry_find(h->config.registry, id);
	uint64_t made_at_ms;
	struct rcbuf *jpeg = live ? live_stream_thumbnail(live, &made_at_ms) : NULL;

	metric_add(h->requests[HLS_PICTURE], 1);
	if (jpeg)
		answer(h, r, jpeg, made_at_ms, ask->for_one);
	else if (live || !hls_vod_redirect(h, r, id, ask))
		reply_error(r, 404, "not_found", "There is no picture of this stream yet.", NULL);
}
