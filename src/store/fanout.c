#include "fanout.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "outbox.h"
#include "people.h"
#include "tables.h"

/* Users looked at in a turn: about ten milliseconds. */
#define TURN 1000

#define TYPE "stream_live"

enum stage { STAGE_FOLLOWERS, STAGE_NEIGHBORS, STAGE_DONE };

struct fanout {
	struct db *db;
	const struct stream_record *stream;
	struct notices *notices;
	char *title; /* of the notifications; their body is the stream's title */
	struct near_words near;
	enum stage stage;
	char *after_neighborhood, *after_user; /* where the stage goes on */
	uint32_t written;
	unsigned budget; /* users that this turn may still look at */
};

static const char *const stage_texts[] = {
	[STAGE_FOLLOWERS] = "followers", [STAGE_NEIGHBORS] = "neighbors"};

static void finish(struct fanout *f)
{
	free(f->title);
	free(f->after_neighborhood);
	free(f->after_user);
	near_words_finish(&f->near);
}

static void replace(char **text, const char *with)
{
	char *copy = mem_strdup(with);
	free(*text);
	*text = copy;
}

static bool wants(const struct fanout *f, enum stage stage)
{
	const struct stream_record *s = f->stream;
	switch (stage) {
	case STAGE_FOLLOWERS:
		return s->notify_followers;
	case STAGE_NEIGHBORS:
		/* Neighbours who follow were told as followers. */
		return s->notify_neighborhood &&
			!(s->notify_followers && s->audience == AUDIENCE_FOLLOWERS);
	case STAGE_DONE:
		return false;
	}
	return false;
}

static void enter(struct fanout *f, enum stage stage)
{
	while (stage != STAGE_DONE && !wants(f, stage)) {
		stage++;
	}
	f->stage = stage;
	replace(&f->after_neighborhood, "");
	replace(&f->after_user, "");
}

/* The words of the notifications and who is near, both from the seller's row. */
static bool prepare(struct fanout *f)
{
	struct user_record seller;
	if (users_get(f->db, f->stream->seller_id, &seller) != REPO_OK) {
		return false;
	}
	f->title = mem_printf("%s is live", seller.name != NULL ? seller.name : seller.id);
	notices_about(f->notices, TYPE, f->stream->id, f->title, f->stream->title);
	bool ok = seller.neighborhood == NULL ||
		neighborhoods_near(f->db, seller.neighborhood, &f->near) == REPO_OK;
	user_record_finish(&seller);
	return ok;
}

static bool push(const struct fanout *f, const char *user_id, struct uuid id)
{
	struct stmt s = stmt_begin(f->db,
		OUTBOX_INSERT("push", TYPE, "d.token",
			"json_object('title', n.title, 'body', n.body, 'data', json_object("
			"'type', n.type, 'streamId', uuid_text(n.stream_id),"
			" 'notificationId', uuid_text(n.id)))") " FROM notifications n JOIN "
								"devices d ON d.user_id = n.user_id"
								" WHERE n.user_id = ? AND n.id = "
								"?");
	stmt_text(&s, user_id);
	stmt_uuid(&s, id);
	return outbox_run(&s, OUTBOX_PUSH);
}

/* Tells one user, unless he knows it already. */
static bool notify(struct fanout *f, const char *user_id)
{
	struct uuid id;
	if (strcmp(user_id, f->stream->seller_id) == 0) {
		return true;
	}
	struct stmt s = stmt_begin(f->db,
		"INSERT INTO notifications (id, user_id, type, stream_id, title, body, created_at)"
		" VALUES (uuid_new(), ?, '" TYPE "', ?, ?, ?, now_ms())"
		" ON CONFLICT (user_id, type, stream_id) DO NOTHING RETURNING id, created_at");
	stmt_text(&s, user_id);
	stmt_uuid(&s, f->stream->id);
	stmt_text(&s, f->title);
	stmt_text(&s, f->stream->title);
	bool is_new = stmt_step(&s);
	if (is_new) {
		id = stmt_col_uuid(&s);
		notices_add(f->notices, user_id, id, stmt_col_uint(&s));
	}
	if (!stmt_end(&s)) {
		return false;
	}
	f->written += is_new;
	return !is_new || push(f, user_id, id);
}

/* Of a row of the stage's query: the user's id, and what the audience is judged by. */
static bool may_watch(const struct fanout *f, struct stmt *s)
{
	switch (f->stage) {
	case STAGE_FOLLOWERS:
		return f->stream->audience != AUDIENCE_NEIGHBORHOOD ||
			near_words_has(&f->near, (const char *)sqlite3_column_text(s->handle, 1));
	case STAGE_NEIGHBORS:
		return sqlite3_column_int(s->handle, 1) != 0;
	case STAGE_DONE:
		break;
	}
	return false;
}

/*
 * Tells the users of a query, which come in the order of their ids, as far as the budget goes.
 * *last: there are no more. Ends the statement.
 */
static bool notify_all(struct fanout *f, struct stmt *s, bool *last)
{
	bool ok = true;
	while (ok && f->budget > 0 && stmt_step(s)) {
		replace(&f->after_user, (const char *)sqlite3_column_text(s->handle, 0));
		ok = !may_watch(f, s) || notify(f, f->after_user);
		f->budget--;
	}
	*last = f->budget > 0;
	return stmt_end(s) && ok;
}

static bool notify_followers(struct fanout *f, const char *after, bool *last)
{
	struct stmt s = stmt_begin(f->db,
		"SELECT f.follower_id, u.neighborhood FROM follows f"
		" JOIN users u ON u.id = f.follower_id"
		" WHERE f.followed_id = ? AND f.follower_id > ? ORDER BY f.follower_id");
	stmt_text(&s, f->stream->seller_id);
	stmt_text(&s, after);
	return notify_all(f, &s, last);
}

static bool notify_neighborhood(struct fanout *f, const char *word, const char *after, bool *last)
{
	struct stmt s = stmt_begin(f->db,
		"SELECT u.id, ? OR EXISTS (SELECT 1 FROM follows f"
		" WHERE f.followed_id = ? AND f.follower_id = u.id)"
		" FROM users u WHERE u.neighborhood = ? AND u.id > ? ORDER BY u.id");
	stmt_int(&s, f->stream->audience != AUDIENCE_FOLLOWERS);
	stmt_text(&s, f->stream->seller_id);
	stmt_text(&s, word);
	stmt_text(&s, after);
	return notify_all(f, &s, last);
}

/* One neighbourhood after the other, in the order of their words. */
static bool notify_neighbors(struct fanout *f, const char *after, bool *last)
{
	bool ok = true;
	*last = true;
	for (size_t i = 0; i < f->near.n && ok && *last; i++) {
		const char *word = f->near.words[i];
		int order = strcmp(word, f->after_neighborhood);
		if (order < 0) {
			continue;
		}
		if (order > 0) {
			replace(&f->after_neighborhood, word);
			after = "";
		}
		ok = notify_neighborhood(f, word, after, last);
	}
	return ok;
}

static bool run_stage(struct fanout *f, bool *last)
{
	/* The query holds on to where it begins, while `after_user` goes on. */
	char *after = mem_strdup(f->after_user);
	bool ok = f->stage == STAGE_FOLLOWERS ? notify_followers(f, after, last)
					      : notify_neighbors(f, after, last);
	free(after);
	return ok;
}

static bool run_turn(struct fanout *f)
{
	bool ok = true, last = true;
	f->budget = TURN;
	while (ok && last && f->stage != STAGE_DONE) {
		ok = run_stage(f, &last);
		if (last) {
			enter(f, f->stage + 1);
		}
	}
	return ok;
}

static bool forget(struct db *db, struct uuid stream_id)
{
	struct stmt s = stmt_begin(db, "DELETE FROM fanouts WHERE stream_id = ?");
	stmt_uuid(&s, stream_id);
	return stmt_run(&s);
}

static bool keep(const struct fanout *f)
{
	struct stmt s = stmt_begin(f->db,
		"INSERT INTO fanouts (stream_id, stage, after_neighborhood, after_user, written,"
		" created_at) VALUES (?, ?, ?, ?, ?, now_ms()) ON CONFLICT (stream_id) DO UPDATE"
		" SET stage = excluded.stage, after_neighborhood = excluded.after_neighborhood,"
		" after_user = excluded.after_user, written = excluded.written");
	stmt_uuid(&s, f->stream->id);
	stmt_text(&s, stage_texts[f->stage]);
	stmt_text(&s, f->after_neighborhood);
	stmt_text(&s, f->after_user);
	stmt_uint(&s, f->written);
	return stmt_run(&s);
}

enum repo_result fanout_begin(struct db *db, const struct stream_record *stream,
	struct notices *notices, struct fanout_progress *out)
{
	struct fanout f = {.db = db, .stream = stream, .notices = notices};
	*out = (struct fanout_progress){0};
	enter(&f, STAGE_FOLLOWERS);
	bool ok = f.stage == STAGE_DONE || (prepare(&f) && run_turn(&f));
	out->written = f.written;
	out->more = f.stage != STAGE_DONE;
	ok = ok && (!out->more || keep(&f));
	finish(&f);
	return ok ? REPO_OK : REPO_FAILED;
}

/* OK, NOT_FOUND or FAILED. */
static enum repo_result load(struct fanout *f, struct uuid stream_id)
{
	struct stmt s = stmt_begin(f->db,
		"SELECT stage = 'neighbors', after_neighborhood, after_user, written FROM fanouts"
		" WHERE stream_id = ?");
	stmt_uuid(&s, stream_id);
	bool found = stmt_step(&s);
	if (found) {
		f->stage = stmt_col_bool(&s) ? STAGE_NEIGHBORS : STAGE_FOLLOWERS;
		f->after_neighborhood = stmt_col_text(&s);
		f->after_user = stmt_col_text(&s);
		f->written = stmt_col_u32(&s);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

/* The loaded fan-out of a stream, which is live unless it ended meanwhile. */
static enum repo_result go_on(struct fanout *f, struct fanout_progress *out)
{
	bool ok = true;
	out->before = f->written;
	if (f->stream->status == STREAM_LIVE) {
		ok = prepare(f) && run_turn(f);
	} else {
		f->stage = STAGE_DONE;
	}
	out->written = f->written;
	out->more = f->stage != STAGE_DONE;
	ok = ok && (out->more ? keep(f) : forget(f->db, f->stream->id));
	return ok ? REPO_OK : REPO_FAILED;
}

enum repo_result fanout_continue(
	struct db *db, struct uuid stream_id, struct notices *notices, struct fanout_progress *out)
{
	struct stream_record stream;
	struct fanout f = {.db = db, .stream = &stream, .notices = notices};
	*out = (struct fanout_progress){0};
	enum repo_result result = streams_get(db, stream_id, &stream);
	if (result != REPO_OK) {
		return result;
	}
	result = load(&f, stream_id);
	if (result == REPO_OK) {
		result = go_on(&f, out);
	}
	finish(&f);
	stream_record_finish(&stream);
	return result;
}
