#include <stdlib.h>

#include "base/mem.h"
#include "base/must.h"
#include "people.h"

struct seen_row {
	char *user_id;
	uint64_t seen_at;
};

struct seen_job {
	struct plain_job plain;
	struct seen_row *rows;
	size_t n;
};

/* One statement a row: a point of the primary key, in the page cache for whoever is there. */
enum repo_result seen_get(void *impl, const char *const *user_ids, size_t n, uint64_t *seen_at)
{
	bool ok = true;
	must(n <= SEEN_MAX);
	for (size_t i = 0; i < n && ok; i++) {
		struct stmt s = stmt_begin(
			store_reader(impl), "SELECT last_seen_at FROM users WHERE id = ?");
		stmt_text(&s, user_ids[i]);
		seen_at[i] = stmt_step(&s) ? stmt_col_uint(&s) : 0;
		ok = stmt_end(&s);
	}
	return ok ? REPO_OK : REPO_FAILED;
}

static void finish(struct plain_job *p)
{
	struct seen_job *j = container_of(p, struct seen_job, plain);
	for (size_t i = 0; i < j->n; i++) {
		free(j->rows[i].user_id);
	}
	free(j->rows);
}

static enum repo_result put(struct db *db, struct store_job *job)
{
	const struct seen_job *j = container_of(job, struct seen_job, plain.job);
	bool ok = true;
	for (size_t i = 0; i < j->n && ok; i++) {
		struct stmt s = stmt_begin(db,
			"UPDATE users SET last_seen_at = ?1 WHERE id = ?2 AND last_seen_at < ?1");
		stmt_uint(&s, j->rows[i].seen_at);
		stmt_text(&s, j->rows[i].user_id);
		ok = stmt_run(&s);
	}
	return ok ? REPO_OK : REPO_FAILED;
}

void seen_put(void *impl, const struct seen_record *rows, size_t n, repo_done done, void *user)
{
	struct seen_job *j = mem_new(struct seen_job);
	must(n <= SEEN_MAX);
	plain_job_init(&j->plain, "seen", put, finish, done, user);
	j->rows = mem_alloc(n * sizeof(*j->rows) + 1);
	j->n = n;
	for (size_t i = 0; i < n; i++) {
		j->rows[i].user_id = mem_strdup(rows[i].user_id);
		j->rows[i].seen_at = rows[i].seen_at;
	}
	store_submit(impl, &j->plain.job);
}
