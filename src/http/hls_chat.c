#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hls_private.h"
#include "http/reply.h"
#include "model/chat.h"

/*
 * /vod/STREAM_ID/chat.json: what was said, with the place in the recording at which it was. Pages,
 * so that no answer is long: `next` is where the following one is. Loop thread.
 */
#define PAGE 500
#define SEGMENTS 1000

/* Goes through a recording's segments as time does; they are read in pages. */
struct walk {
	const struct repo *repo;
	struct uuid id;
	struct segment_record *rows;
	size_t n, at;
	struct segment_record now; /* the newest that had begun */
	bool any, over;
};

/* The next one without taking it; NULL: there is none. */
static const struct segment_record *walk_peek(struct walk *w)
{
	uint64_t from = w->n ? w->rows[w->n - 1].sequence + 1 : 0;

	if (w->at < w->n)
		return &w->rows[w->at];
	if (w->over)
		return NULL;
	free(w->rows);
	w->rows = NULL;
	w->n = w->at = 0;
	if (w->repo->ops->segment_list(w->repo->impl, w->id, from, SEGMENTS, &w->rows, &w->n) !=
		REPO_OK)
		w->n = 0;
	w->over = w->n < SEGMENTS;
	return w->n ? &w->rows[0] : NULL;
}

/* Milliseconds from the recording's start. An interruption takes no time in it: what was said then
 * stands where it was cut, as in the chapters. */
static uint64_t walk_to(struct walk *w, uint64_t wall_ms)
{
	const struct segment_record *s;
	uint64_t into;

	while ((s = walk_peek(w)) && (s->wall_ms <= wall_ms || !w->any)) {
		w->now = *s;
		w->any = true;
		w->at++;
	}
	if (!w->any || wall_ms <= w->now.wall_ms)
		return w->any ? w->now.offset_ms : 0;
	into = wall_ms - w->now.wall_ms;
	return w->now.offset_ms + (into < w->now.duration_ms ? into : w->now.duration_ms);
}

static json_t *message_json(const struct chat_record *m, uint64_t offset_ms)
{
	char id[UUID_TEXT_SIZE];

	uuid_text(id, m->id);
	return json_pack("{s:s, s:I, s:s, s:s?, s:s?, s:s}", "id", id, "offset",
		(json_int_t)offset_ms, "userId", m->user_id, "username", m->username, "avatar",
		m->avatar, "message", m->message);
}

static char *next_url(const struct hls_ask *ask, const struct repo_chat_news *news)
{
	char id[UUID_TEXT_SIZE];

	uuid_text(id, news->rows[news->n - 1].id);
	return mem_printf("chat.json%s%cafter=%s", ask->suffix, ask->suffix[0] ? '&' : '?', id);
}

static void answer(struct http_request *r, const struct hls_ask *ask, struct walk *walk,
	const struct repo_chat_news *news)
{
	json_t *messages = json_array();
	char *next = news->more && news->n ? next_url(ask, news) : NULL;

	for (size_t i = 0; i < news->n; i++)
		json_array_append_new(messages,
			message_json(&news->rows[i], walk_to(walk, news->rows[i].created_at)));
	json_t *o = json_pack("{s:o, s:s?}", "messages", messages, "next", next);
	char *text = json_dumps(o, JSON_COMPACT);
	struct rcbuf *body = rcbuf_from(text, strlen(text));
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = "application/json",
			.cache_control =
				ask->for_one ? "private, max-age=10" : "public, max-age=10",
			.gzip = true,
			.cors = true,
			.kind = HTTP_BODY_PIECES,
			.pieces = &body,
			.n_pieces = 1});
	rcbuf_unref(&body);
	free(text);
	free(next);
	json_decref(o);
}

/* False: answered. */
static bool read_after(struct http_request *r, struct uuid *after)
{
	char text[UUID_TEXT_SIZE];

	*after = (struct uuid){0};
	/* One that is too long to be read would else begin anew, for ever. */
	if (!strstr(http_request_query(r), "after="))
		return true;
	if (http_request_arg(r, "after", text, sizeof(text)) && uuid_parse(text, after))
		return true;
	reply_error(r, 422, "invalid_value", "This is not the id of a message.", "after");
	return false;
}

void hls_chat_get(struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask)
{
	const struct repo *repo = &h->config.repo;
	struct walk walk = {.repo = repo, .id = id};
	struct repo_chat_news news;
	struct uuid after;
	enum repo_result result;

	if (!read_after(r, &after))
		return;
	if (!repo->chat || !walk_peek(&walk)) {
		reply_error(r, 404, "not_found", "There is no such recording.", NULL);
	} else {
		result = repo->chat->chat_since(repo->impl, id, after, PAGE, &news);
		if (result == REPO_OK)
			answer(r, ask, &walk, &news);
		else if (result == REPO_FAILED)
			reply_error(r, 500, "internal", "The store failed.", NULL);
		else
			reply_error(
				r, 404, "message_not_found", "There is no such message.", "after");
		if (result == REPO_OK)
			repo_chat_news_finish(&news);
	}
	free(walk.rows);
}
