#include "hls_chat.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/reply.h"
#include "live/replay.h"
#include "model/chat.h"

/*
 * /vod/STREAM_ID/chat.json: what was said, with the place in the recording at which it was. Pages,
 * so that no answer is long: `next` is where the following one is. Loop thread.
 */
#define PAGE 500
/* What a page that begins in the middle has of what was said before its place. */
#define BEFORE 200

/* Rows of either list, oldest first. */
struct said {
	struct repo_chat_news news;
	struct repo_chat_page page;
	const struct chat_record **rows;
	size_t n;
	bool earlier, more;
};

static void said_finish(struct said *s)
{
	repo_chat_news_finish(&s->news);
	repo_chat_page_finish(&s->page);
	free(s->rows);
}

static char *next_url(const struct chat_ask *ask, const struct said *said)
{
	char id[UUID_TEXT_SIZE];

	if (!said->more || !said->n)
		return NULL;
	uuid_text(id, said->rows[said->n - 1]->id);
	return mem_printf("chat.json%s%cafter=%s", ask->suffix, ask->suffix[0] ? '&' : '?', id);
}

static void answer(const struct chat_ask *ask, const struct chat_map *map, const struct said *said)
{
	json_t *messages = json_array();
	char *next = next_url(ask, said);

	for (size_t i = 0; i < said->n; i++)
		json_array_append_new(messages,
			replay_message_json(
				said->rows[i], chat_map_offset(map, said->rows[i]->created_at)));
	json_t *o = json_pack(
		"{s:o, s:b, s:s?}", "messages", messages, "earlier", said->earlier, "next", next);
	char *text = json_dumps(o, JSON_COMPACT);
	struct rcbuf *body = rcbuf_from(text, strlen(text));
	http_respond(ask->request,
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

static enum repo_result read_since(
	const struct repo *repo, const struct chat_ask *ask, struct said *s)
{
	enum repo_result result =
		repo->chat->chat_since(repo->impl, ask->id, ask->after, PAGE, &s->news);

	if (result != REPO_OK)
		return result;
	s->n = s->news.n;
	s->rows = mem_zalloc((s->n + 1) * sizeof(*s->rows));
	for (size_t i = 0; i < s->n; i++)
		s->rows[i] = &s->news.rows[i];
	s->earlier = !uuid_is_none(ask->after);
	s->more = s->news.more;
	return REPO_OK;
}

/* The least id that a message of this time or a later one can have (RFC 9562, version 7). */
static struct uuid least_id(uint64_t wall_ms)
{
	struct uuid id = {0};

	for (int i = 0; i < 6; i++)
		id.bytes[i] = (uint8_t)(wall_ms >> (40 - 8 * i));
	return id;
}

/* The last that was said up to a place; n 0: nothing was. */
static enum repo_result read_before(
	const struct repo *repo, const struct chat_ask *ask, uint64_t wall_ms, struct said *s)
{
	enum repo_result result =
		repo->chat->chat_list(repo->impl, ask->id, least_id(wall_ms + 1), BEFORE, &s->page);

	if (result != REPO_OK)
		return result;
	s->n = s->page.n;
	s->rows = mem_zalloc((s->n + 1) * sizeof(*s->rows));
	for (size_t i = 0; i < s->n; i++)
		s->rows[i] = &s->page.rows[s->n - 1 - i];
	s->earlier = s->page.next_cursor != NULL;
	s->more = true;
	return REPO_OK;
}

static enum repo_result read_page(const struct repo *repo, const struct chat_ask *ask,
	const struct chat_map *map, struct said *s)
{
	enum repo_result result;

	if (!ask->has_at)
		return read_since(repo, ask, s);
	result = read_before(repo, ask, chat_map_wall(map, ask->at_ms), s);
	if (result == REPO_OK && !s->n) {
		said_finish(s);
		*s = (struct said){0};
		return read_since(repo, ask, s);
	}
	return result;
}

void hls_chat_answer(struct hls *h, const struct chat_ask *ask, const struct chat_map *map)
{
	struct said said = {0};

	enum repo_result result = read_page(&h->config.repo, ask, map, &said);

	if (result == REPO_OK)
		answer(ask, map, &said);
	else if (result == REPO_FAILED)
		reply_error(ask->request, 500, "internal", "The store failed.", NULL);
	else
		reply_error(ask->request, 404, "message_not_found", "There is no such message.",
			"after");
	said_finish(&said);
}

static bool invalid(struct http_request *r, const char *text, const char *field)
{
	reply_error(r, 422, "invalid_value", text, field);
	return false;
}

/* False: answered. One that is too long to be read would else begin anew, for ever. */
static bool read_query(struct http_request *r, struct chat_ask *ask)
{
	const char *query = http_request_query(r);
	char text[UUID_TEXT_SIZE];
	bool after = strstr(query, "after=") != NULL;

	if (after &&
		!(http_request_arg(r, "after", text, sizeof(text)) &&
			uuid_parse(text, &ask->after)))
		return invalid(r, "This is not the id of a message.", "after");
	ask->has_at = !after && http_request_arg(r, "at", text, sizeof(text));
	if (ask->has_at && !text_u64(text, 0, UINT32_MAX, &ask->at_ms))
		return invalid(r, "This is not a place in milliseconds.", "at");
	return true;
}

void hls_chat_get(struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *from)
{
	const struct hls_config *c = &h->config;
	struct chat_ask ask = {.request = r, .id = id, .for_one = from->for_one};

	memcpy(ask.suffix, from->suffix, sizeof(ask.suffix));
	if (c->limit && !c->limit(c->user, r))
		return;
	if (!read_query(r, &ask))
		return;
	if (!c->repo.chat || !hls_chat_ask(h, &ask))
		reply_error(r, 404, "not_found", "There is no such recording.", NULL);
}
