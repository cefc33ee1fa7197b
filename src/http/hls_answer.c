#include "hls_answer.h"

#include <stdio.h>

#include "base/text.h"

/* RFC 8216bis, B.1: what a blocking reload answers may be kept for six target durations. */
#define BLOCKING_KEPT_TARGETS 6

static const char *const skip_marks[] = {
	[HLS_SKIP_NONE] = "", [HLS_SKIP_YES] = "s", [HLS_SKIP_V2] = "v"};

static enum media_lookup playlist_make(struct hls *h, struct media_window *w, struct list *texts,
	const struct hls_ask *ask, struct hls_answer *a)
{
	enum media_lookup outcome = hls_text_get(w, ask, texts, &a->text);

	if (outcome != MEDIA_FOUND)
		return outcome;
	a->content_type = hls_playlist_type;
	snprintf(a->etag, sizeof(a->etag), "\"%s-%llx-%x%s%s\"", h->boot,
		(unsigned long long)a->text->generation, ask->name.rendition,
		skip_marks[ask->query.skip], ask->query.brief ? "b" : "");
	snprintf(a->cache_control, sizeof(a->cache_control), "%sno-cache",
		ask->for_one ? "private, " : "");
	if (ask->query.has_msn)
		snprintf(a->cache_control, sizeof(a->cache_control), "%s, max-age=%llu",
			ask->for_one ? "private" : "public",
			(unsigned long long)(BLOCKING_KEPT_TARGETS * media_window_target_us(w, 0) /
				1000000));
	return MEDIA_FOUND;
}

static enum media_lookup media_make(
	struct media_window *w, const struct hls_ask *ask, struct hls_answer *a)
{
	enum media_lookup outcome = media_window_media(w, ask->text, &a->body);

	if (outcome != MEDIA_FOUND)
		return outcome;
	a->content_type = hls_media_type_of(&ask->name);
	a->ranges = true;
	text_copy(a->cache_control, sizeof(a->cache_control), hls_immutable(ask->for_one));
	snprintf(a->etag, sizeof(a->etag), "\"%llx-%llx\"", (unsigned long long)a->body.id,
		(unsigned long long)a->body.len);
	return MEDIA_FOUND;
}

enum media_lookup hls_answer_make(struct hls *h, struct media_window *w, struct list *texts,
	const struct hls_ask *ask, struct hls_answer *out)
{
	*out = (struct hls_answer){0};
	if (ask->name.kind == HLS_PLAYLIST)
		return playlist_make(h, w, texts, ask, out);
	return media_make(w, ask, out);
}

static void send_playlist(struct hls *h, struct http_request *r, struct hls_answer *a)
{
	bool encoded = a->text->gzip.n > 0 && http_request_accepts_gzip(r);
	const struct hls_pieces *body = encoded ? &a->text->gzip : &a->text->plain;

	metric_add(h->bytes, body->len);
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = a->content_type,
			.cache_control = a->cache_control,
			.etag = a->etag,
			.encoded = encoded,
			.cors = true,
			.extra_headers = encoded ? NULL : "vary: Accept-Encoding\r\n",
			.kind = HTTP_BODY_PIECES,
			.pieces = body->pieces,
			.n_pieces = body->n});
}

void hls_answer_send(struct hls *h, struct http_request *r, struct hls_answer *a)
{
	if (a->text) {
		send_playlist(h, r, a);
		return;
	}
	metric_add(h->bytes, a->body.len);
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = a->content_type,
			.cache_control = a->cache_control,
			.etag = a->etag,
			.ranges = a->ranges,
			.cors = true,
			.kind = a->body.path ? HTTP_BODY_FILE : HTTP_BODY_PIECES,
			.pieces = a->body.pieces,
			.n_pieces = a->body.n_pieces,
			.path = a->body.path,
			.offset = a->body.offset,
			.len = a->body.len});
}

void hls_answer_finish(struct hls_answer *a)
{
	hls_text_unref(&a->text);
	media_body_finish(&a->body);
}
