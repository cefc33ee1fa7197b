#include "hls_answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rcbuf.h"
#include "base/text.h"
#include "http_private.h"

/* RFC 8216bis, B.1: what a blocking reload answers may be kept for six target durations. */
#define BLOCKING_KEPT_TARGETS 6

/* A playlist of the window's current generation, with its gzip form once somebody wants it. */
struct hls_text {
	struct list link;
	uint64_t generation;
	bool multivariant, skip;
	unsigned rendition;
	uint64_t msn, part; /* newest position that is known to be in it */
	struct rcbuf *text, *gzip;
};

static void text_drop(struct hls_text *t)
{
	list_remove(&t->link);
	rcbuf_unref(&t->text);
	rcbuf_unref(&t->gzip);
	free(t);
}

void hls_texts_free(struct list *texts)
{
	while (!list_empty(texts))
		text_drop(container_of(texts->next, struct hls_text, link));
}

static bool skips(const struct hls_ask *ask)
{
	return ask->query.skip != HLS_SKIP_NONE;
}

/* Also forgets what is of an older generation. */
static struct hls_text *text_find(
	struct list *texts, uint64_t generation, const struct hls_ask *ask)
{
	struct hls_text *t, *next, *found = NULL;

	list_for_each_safe (t, next, texts, link) {
		if (t->generation != generation)
			text_drop(t);
		else if (t->multivariant == ask->name.multivariant && t->skip == skips(ask) &&
			t->rendition == ask->name.rendition)
			found = t;
	}
	return found;
}

static enum media_lookup text_make(
	struct media_window *w, const struct hls_ask *ask, struct rcbuf **out)
{
	struct media_playlist_query query = {
		.has_msn = ask->query.has_msn,
		.has_part = ask->query.has_part,
		.msn = ask->query.msn,
		.part = ask->query.part,
		.skip = skips(ask),
		.uri_suffix = ask->suffix[0] ? ask->suffix : NULL,
	};
	struct buf text = {0};
	enum media_lookup outcome;

	if (ask->name.multivariant)
		outcome = media_window_multivariant(w, query.uri_suffix, &text);
	else
		outcome = media_window_playlist(w, ask->name.rendition, &query, &text);
	if (outcome == MEDIA_FOUND)
		*out = rcbuf_from(text.data, text.len);
	buf_finish(&text);
	return outcome;
}

/* Without a part the whole segment is asked for. */
static uint64_t part_asked(const struct hls_ask *ask)
{
	return ask->query.has_part ? ask->query.part : UINT64_MAX;
}

static bool text_reaches(const struct hls_text *t, const struct hls_ask *ask)
{
	uint64_t msn = ask->query.msn;

	return !ask->query.has_msn || msn < t->msn || (msn == t->msn && part_asked(ask) <= t->part);
}

static void text_reached(struct hls_text *t, const struct hls_ask *ask)
{
	if (text_reaches(t, ask))
		return;
	t->msn = ask->query.msn;
	t->part = part_asked(ask);
}

/* Whether the look-up would find what a kept text of this generation has. */
static enum media_lookup text_ready(struct media_window *w, const struct hls_ask *ask,
	struct list *texts, struct hls_text **out)
{
	uint64_t generation = media_window_generation(w);
	struct hls_text *t = ask->suffix[0] ? NULL : text_find(texts, generation, ask);
	struct rcbuf *text = NULL;
	enum media_lookup outcome;

	*out = t;
	if (t && text_reaches(t, ask))
		return MEDIA_FOUND;
	outcome = text_make(w, ask, &text);
	if (outcome != MEDIA_FOUND)
		return outcome;
	if (t) {
		rcbuf_unref(&text);
		text_reached(t, ask);
		return MEDIA_FOUND;
	}
	t = mem_new(struct hls_text);
	*t = (struct hls_text){.generation = generation,
		.multivariant = ask->name.multivariant,
		.skip = skips(ask),
		.rendition = ask->name.rendition,
		.text = text};
	list_init(&t->link);
	text_reached(t, ask);
	list_append(texts, &t->link);
	*out = t;
	return MEDIA_FOUND;
}

static enum media_lookup playlist_make(struct hls *h, struct media_window *w, struct list *texts,
	const struct hls_ask *ask, struct hls_answer *a)
{
	struct hls_text *t;
	enum media_lookup outcome = text_ready(w, ask, texts, &t);

	if (outcome != MEDIA_FOUND)
		return outcome;
	if (!t->gzip)
		t->gzip = http_gzip(&t->text, 1);
	a->content_type = hls_playlist_type;
	a->text = rcbuf_ref(t->text);
	a->gzip = t->gzip ? rcbuf_ref(t->gzip) : NULL;
	snprintf(a->etag, sizeof(a->etag), "\"%s-%llx-%x%s\"", h->boot,
		(unsigned long long)t->generation, ask->name.rendition, t->skip ? "s" : "");
	snprintf(a->cache_control, sizeof(a->cache_control), "%sno-cache",
		ask->for_one ? "private, " : "");
	if (ask->query.has_msn)
		snprintf(a->cache_control, sizeof(a->cache_control), "%s, max-age=%llu",
			ask->for_one ? "private" : "public",
			(unsigned long long)(BLOCKING_KEPT_TARGETS * media_window_target_us(w, 0) /
				1000000));
	/* One with a token in it is made for one viewer. */
	if (ask->suffix[0])
		text_drop(t);
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
	bool encoded = a->gzip && http_request_accepts_gzip(r);
	struct rcbuf **pieces = encoded ? &a->gzip : &a->text;

	metric_add(h->bytes, rcbuf_len(*pieces));
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = a->content_type,
			.cache_control = a->cache_control,
			.etag = a->etag,
			.encoded = encoded,
			.cors = true,
			.extra_headers = encoded ? NULL : "vary: Accept-Encoding\r\n",
			.kind = HTTP_BODY_PIECES,
			.pieces = pieces,
			.n_pieces = 1});
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
	rcbuf_unref(&a->text);
	rcbuf_unref(&a->gzip);
	media_body_finish(&a->body);
}
