#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "people.h"
#include "tables.h"

struct follow_job {
	struct plain_job plain;
	char *follower, *followed;
	uint64_t now;
};

static void finish(struct plain_job *p)
{
	struct follow_job *f = container_of(p, struct follow_job, plain);
	free(f->follower);
	free(f->followed);
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

static enum repo_result delete (struct db *db, struct store_job *job) {
	const struct follow_job *f = container_of(job, struct follow_job, plain.job);
	enum repo_result result = check_users(db, f); if (result != REPO_OK){return result;}
struct stmt s = stmt_begin(db, "DELETE FROM follows WHERE follower_id = ? AND followed_id = ?");
stmt_text(&s, f->follower);
stmt_text(&s, f->followed);
return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static void submit(void *impl, const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job), const char *follower,
	const char *followed, repo_done done, void *user)
{
	struct follow_job *f = mem_new(struct follow_job);
	plain_job_init(&f->plain, name, apply, finish, done, user);
	f->follower = mem_strdup(follower);
	f->followed = mem_strdup(followed);
	f->now = clock_wall_ms(store_clock(impl));
	store_submit(impl, &f->plain.job);
}

void follows_put(void *impl, const char *follower, const char *followed, repo_done done, void *user)
{
	submit(impl, "follow", put, follower, followed, done, user);
}

void follows_delete(
	void *impl, const char *follower, const char *followed, repo_done done, void *user)
{
	submit(impl, "unfollow", delete, follower, followed, done, user);
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
