#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "people.h"
#include "tables.h"

struct follow_watch {
	follow_watcher fn;
	void *user;
	unsigned refs;
};

struct follow_job {
	struct plain_job plain;
	struct follow_watch *watch;
	bool follows;
	repo_done done;
	void *user;
	char *follower, *followed;
	uint64_t now;
};

struct follow_watch *follow_watch_create(void)
{
	struct follow_watch *w = mem_new(struct follow_watch);
	w->refs = 1;
	return w;
}

static void drop(struct follow_watch *w)
{
	if (--w->refs == 0) {
		free(w);
	}
}

void follow_watch_close(struct follow_watch **w)
{
	if (*w != NULL) {
		(*w)->fn = NULL;
		drop(*w);
		*w = NULL;
	}
}

void follows_watch(void *impl, follow_watcher fn, void *user)
{
	struct follow_watch *w = store_follows(impl);
	w->fn = fn;
	w->user = user;
}

static void finish(struct plain_job *p)
{
	struct follow_job *f = container_of(p, struct follow_job, plain);
	drop(f->watch);
	free(f->follower);
	free(f->followed);
}

/* The watcher knows before whoever asked is answered. */
static void done(void *user, const struct repo_outcome *outcome)
{
	struct follow_job *f = user;
	if (outcome->result == REPO_OK && f->watch->fn != NULL) {
		f->watch->fn(f->watch->user, f->follower, f->followed, f->follows);
	}
	if (f->done != NULL) {
		f->done(f->user, outcome);
	}
}

static enum repo_result check_users(struct db *db, const struct follow_job *f)
{
	enum repo_result result = users_exists(db, f->follower);
	return result == REPO_OK ? users_exists(db, f->followed) : result;
}

static enum repo_result put(struct db *db, struct store_job *job)
{
	const struct follow_job *f = container_of(job, struct follow_job, plain.job);
	enum repo_result result = check_users(db, f);
	if (result != REPO_OK) {
		return result;
	}
	if (strcmp(f->follower, f->followed) == 0) {
		return REPO_WRONG_STATE;
	}
	struct stmt s = stmt_begin(db,
		"INSERT INTO follows (follower_id, followed_id, created_at) VALUES (?, ?, ?)"
		" ON CONFLICT DO NOTHING");
	stmt_text(&s, f->follower);
	stmt_text(&s, f->followed);
	stmt_uint(&s, f->now);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static enum repo_result erase(struct db *db, struct store_job *job)
{
	const struct follow_job *f = container_of(job, struct follow_job, plain.job);
	enum repo_result result = check_users(db, f);
	if (result != REPO_OK) {
		return result;
	}
	struct stmt s =
		stmt_begin(db, "DELETE FROM follows WHERE follower_id = ? AND followed_id = ?");
	stmt_text(&s, f->follower);
	stmt_text(&s, f->followed);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

/* job: as the caller filled it; it is copied, with its texts. */
static void submit(void *impl, const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job),
	const struct follow_job *job)
{
	struct follow_job *f = mem_new(struct follow_job);
	*f = *job;
	plain_job_init(&f->plain, name, apply, finish, done, f);
	f->follower = mem_strdup(job->follower);
	f->followed = mem_strdup(job->followed);
	f->now = clock_wall_ms(store_clock(impl));
	f->watch = store_follows(impl);
	f->watch->refs++;
	store_submit(impl, &f->plain.job);
}

void follows_put(void *impl, const char *follower, const char *followed, repo_done done, void *user)
{
	submit(impl, "follow", put,
		&(struct follow_job){.follows = true,
			.follower = (char *)follower,
			.followed = (char *)followed,
			.done = done,
			.user = user});
}

void follows_delete(
	void *impl, const char *follower, const char *followed, repo_done done, void *user)
{
	submit(impl, "unfollow", erase,
		&(struct follow_job){.follower = (char *)follower,
			.followed = (char *)followed,
			.done = done,
			.user = user});
}

enum repo_result follows_is_following(void *impl, const char *follower, const char *followed)
{
	bool failed = false;
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT 1 FROM follows WHERE followed_id = ? AND follower_id = ?");
	stmt_text(&s, followed);
	stmt_text(&s, follower);
	bool found = stmt_exists(&s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result follows_counts(
	void *impl, const char *id, uint32_t *followers, uint32_t *following)
{
	struct stmt s = stmt_begin(
		store_reader(impl), "SELECT followers, following FROM users WHERE id = ?");
	*followers = *following = 0;
	stmt_text(&s, id);
	bool found = stmt_step(&s);
	if (found) {
		*followers = stmt_col_u32(&s);
		*following = stmt_col_u32(&s);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

static enum repo_result list(void *impl, const char *sql, const char *id, unsigned limit,
	const char *cursor, struct repo_user_page *out)
{
	*out = (struct repo_user_page){0};
	char *after = people_cursor_parse(cursor);
	if (after == NULL) {
		return REPO_NOT_FOUND;
	}
	struct stmt s = stmt_begin(store_reader(impl), sql);
	stmt_text(&s, id);
	stmt_text(&s, after);
	enum repo_result result = people_read_users(&s, limit, out);
	free(after);
	return result;
}

enum repo_result follows_followers(
	void *impl, const char *id, unsigned limit, const char *cursor, struct repo_user_page *out)
{
	return list(impl,
		"SELECT " PEOPLE_USER_COLUMNS " FROM follows f JOIN users u ON u.id = f.follower_id"
		" WHERE f.followed_id = ? AND f.follower_id > ? ORDER BY f.follower_id",
		id, limit, cursor, out);
}

enum repo_result follows_following(
	void *impl, const char *id, unsigned limit, const char *cursor, struct repo_user_page *out)
{
	return list(impl,
		"SELECT " PEOPLE_USER_COLUMNS " FROM follows f JOIN users u ON u.id = f.followed_id"
		" WHERE f.follower_id = ? AND f.followed_id > ? ORDER BY f.followed_id",
		id, limit, cursor, out);
}

enum repo_result follows_following_ids(
	void *impl, const char *id, unsigned limit, struct repo_id_list *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT followed_id FROM follows WHERE follower_id = ? ORDER BY followed_id"
		" LIMIT ?");
	size_t room = 0;
	*out = (struct repo_id_list){0};
	stmt_text(&s, id);
	stmt_uint(&s, limit);
	while (stmt_step(&s)) {
		if (out->n == room) {
			room = room > 0 ? 2 * room : 16;
			out->ids = mem_realloc(out->ids, room * sizeof(*out->ids));
		}
		out->ids[out->n++] = stmt_col_text(&s);
	}
	if (!stmt_end(&s)) {
		repo_id_list_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}
