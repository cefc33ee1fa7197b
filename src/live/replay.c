#include "live/replay.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/chat.h"

#define SEGMENTS 1000

/* Goes through a recording's segments as time does; they are read in pages. */
struct replay {
	struct repo repo;
	struct uuid id, after;
	struct segment_record *rows;
	size_t n, at;
	struct segment_record now; /* the newest that had begun */
	bool any, over;
};

/* The next one without taking it; NULL: there is none. */
static const struct segment_record *peek(struct replay *r)
{
	uint64_t from = r->n ? r->rows[r->n - 1].sequence + 1 : 0;

	if (r->at < r->n)
		return &r->rows[r->at];
	if (r->over)
		return NULL;
	free(r->rows);
	r->rows = NULL;
	r->n = r->at = 0;
	if (r->repo.ops->segment_list(r->repo.impl, r->id, from, SEGMENTS, &r->rows, &r->n) !=
		REPO_OK)
		r->n = 0;
	r->over = r->n < SEGMENTS;
	return r->n ? &r->rows[0] : NULL;
}

/* Milliseconds from the recording's start. An interruption takes no time in it: what was said then
 * stands where it was cut, as in the chapters. */
static uint64_t offset_of(struct replay *r, uint64_t wall_ms)
{
	const struct segment_record *s;
	uint64_t into;

	while ((s = peek(r)) && (s->wall_ms <= wall_ms || !r->any)) {
		r->now = *s;
		r->any = true;
		r->at++;
	}
	if (!r->any || wall_ms <= r->now.wall_ms)
		return r->any ? r->now.offset_ms : 0;
	into = wall_ms - r->now.wall_ms;
	return r->now.offset_ms + (into < r->now.duration_ms ? into : r->now.duration_ms);
}

json_t *replay_message_json(const struct chat_record *m, uint64_t offset_ms)
{
	char id[UUID_TEXT_SIZE];

	uuid_text(id, m->id);
	return json_pack("{s:s, s:I, s:s, s:s?, s:s?, s:s}", "id", id, "offset",
		(json_int_t)offset_ms, "userId", m->user_id, "username", m->username, "avatar",
		m->avatar, "message", m->message);
}

enum repo_result replay_open(
	const struct repo *repo, struct uuid stream_id, struct uuid after, struct replay **out)
{
	struct replay *r = mem_new(struct replay);

	r->repo = *repo;
	r->id = stream_id;
	r->after = after;
	*out = NULL;
	if (!repo->chat || !peek(r)) {
		replay_close(&r);
		return REPO_NOT_FOUND;
	}
	*out = r;
	return REPO_OK;
}

enum repo_result replay_next(struct replay *r, json_t **messages, bool *more)
{
	struct repo_chat_news news;
	enum repo_result result =
		r->repo.chat->chat_since(r->repo.impl, r->id, r->after, REPLAY_PAGE, &news);

	*messages = NULL;
	*more = false;
	if (result != REPO_OK)
		return result;
	*messages = json_array();
	for (size_t i = 0; i < news.n; i++)
		json_array_append_new(*messages,
			replay_message_json(&news.rows[i], offset_of(r, news.rows[i].created_at)));
	*more = news.more && news.n > 0;
	if (news.n > 0)
		r->after = news.rows[news.n - 1].id;
	repo_chat_news_finish(&news);
	return REPO_OK;
}

struct uuid replay_place(const struct replay *r)
{
	return r->after;
}

void replay_close(struct replay **replay)
{
	struct replay *r = *replay;

	if (!r)
		return;
	*replay = NULL;
	free(r->rows);
	free(r);
}
