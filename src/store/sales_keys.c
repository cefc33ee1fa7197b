#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sales.h"
#include "tables.h"

struct key_job {
	struct plain_job plain; /* first */
	char *seller_id;
	bool has_key;
	uint8_t hash[STREAM_KEY_HASH_SIZE];
};

static bool drop_key(struct db *db, const char *seller_id)
{
	struct stmt s = stmt_begin(db, "DELETE FROM seller_keys WHERE seller_id = ?");
	stmt_text(&s, seller_id);
	return stmt_run(&s);
}

static bool insert_key(struct db *db, const struct key_job *j)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO seller_keys (seller_id, key_hash, created_at)"
		" VALUES (?, ?, now_ms())");
	stmt_text(&s, j->seller_id);
	stmt_blob(&s, j->hash, sizeof(j->hash));
	return stmt_run(&s);
}

static enum repo_result key_apply(struct db *db, struct store_job *job)
{
	const struct key_job *j = container_of(job, struct key_job, plain.job);
	enum repo_result result = users_exists(db, j->seller_id);
	if (result != REPO_OK) {
		return result;
	}
	bool ok = drop_key(db, j->seller_id) && (!j->has_key || insert_key(db, j));
	return ok ? REPO_OK : REPO_FAILED;
}

static void key_finish(struct plain_job *plain)
{
	free(container_of(plain, struct key_job, plain)->seller_id);
}

void sales_seller_key_put(void *impl, const char *seller_id,
	const uint8_t hash[STREAM_KEY_HASH_SIZE], repo_done done, void *user)
{
	struct key_job *j = mem_new(struct key_job);
	plain_job_init(&j->plain, "seller key", key_apply, key_finish, done, user);
	j->seller_id = mem_strdup(seller_id);
	j->has_key = hash != NULL;
	if (hash != NULL) {
		memcpy(j->hash, hash, sizeof(j->hash));
	}
	store_submit(impl, &j->plain.job);
}

enum repo_result sales_seller_by_key(
	void *impl, const uint8_t hash[STREAM_KEY_HASH_SIZE], char **seller_id)
{
	struct stmt s = stmt_begin(
		store_reader(impl), "SELECT seller_id FROM seller_keys WHERE key_hash = ?");
	stmt_blob(&s, hash, STREAM_KEY_HASH_SIZE);
	*seller_id = stmt_step(&s) ? stmt_col_text(&s) : NULL;
	if (!stmt_end(&s)) {
		free(*seller_id);
		*seller_id = NULL;
		return REPO_FAILED;
	}
	return *seller_id != NULL ? REPO_OK : REPO_NOT_FOUND;
}

/* Of several live ones the last to go live, of several due ones the first that was. */
static const char *seller_stream_sql(void)
{
	return "SELECT id FROM streams WHERE seller_id = ?1 AND (status = 'live'"
	       " OR (status = 'scheduled' AND coalesce(scheduled_at, 0) <= ?2))"
	       " ORDER BY is_live DESC, iif(is_live, -started_at,"
	       " coalesce(scheduled_at, created_at)), id LIMIT 1";
}

enum repo_result sales_seller_stream(void *impl, const char *seller_id, uint64_t now_ms,
	uint64_t ahead_ms, struct stream_record *out)
{
	struct db *db = store_reader(impl);
	struct stmt s = stmt_begin(db, seller_stream_sql());
	struct uuid id = {{0}};
	*out = (struct stream_record){0};
	stmt_text(&s, seller_id);
	stmt_uint(&s, now_ms + ahead_ms);
	bool found = stmt_step(&s);
	if (found) {
		id = stmt_col_uuid(&s);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? streams_get(db, id, out) : REPO_NOT_FOUND;
}

struct relay_job {
	struct plain_job plain; /* first */
	struct uuid stream_id;
	char **urls;
	size_t n;
};

static bool drop_relays(struct db *db, struct uuid stream_id)
{
	struct stmt s = stmt_begin(db, "DELETE FROM relays WHERE stream_id = ?");
	stmt_uuid(&s, stream_id);
	return stmt_run(&s);
}

static bool insert_relay(struct db *db, const struct relay_job *j, size_t i)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO relays (id, stream_id, position, url, created_at)"
		" VALUES (uuid_new(), ?, ?, ?, now_ms())");
	stmt_uuid(&s, j->stream_id);
	stmt_uint(&s, i);
	stmt_text(&s, j->urls[i]);
	return stmt_run(&s);
}

static enum repo_result relay_apply(struct db *db, struct store_job *job)
{
	const struct relay_job *j = container_of(job, struct relay_job, plain.job);
	enum stream_status status = STREAM_SCHEDULED;
	enum repo_result result = streams_status(db, j->stream_id, &status);
	if (result != REPO_OK) {
		return result;
	}
	if (status != STREAM_SCHEDULED && status != STREAM_LIVE) {
		return REPO_WRONG_STATE;
	}
	bool ok = drop_relays(db, j->stream_id);
	for (size_t i = 0; ok && i < j->n; i++) {
		ok = insert_relay(db, j, i);
	}
	return ok ? REPO_OK : REPO_FAILED;
}

static void relay_finish(struct plain_job *plain)
{
	struct relay_job *j = container_of(plain, struct relay_job, plain);
	for (size_t i = 0; i < j->n; i++) {
		free(j->urls[i]);
	}
	free(j->urls);
}

void sales_relay_replace(void *impl, struct uuid stream_id, const struct relay_record *relays,
	size_t n, repo_done done, void *user)
{
	struct relay_job *j = mem_new(struct relay_job);
	plain_job_init(&j->plain, "relays", relay_apply, relay_finish, done, user);
	j->stream_id = stream_id;
	j->n = n;
	j->urls = mem_zalloc((n + 1) * sizeof(*j->urls));
	for (size_t i = 0; i < n; i++) {
		j->urls[i] = mem_strdup(relays[i].url);
	}
	store_submit(impl, &j->plain.job);
}

enum repo_result sales_relay_list(
	void *impl, struct uuid stream_id, struct relay_record **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT id, url, created_at FROM relays WHERE stream_id = ? ORDER BY position");
	*out = NULL;
	*n = 0;
	stmt_uuid(&s, stream_id);
	while (stmt_step(&s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		struct relay_record *r = &(*out)[(*n)++];
		*r = (struct relay_record){.id = stmt_col_uuid(&s)};
		r->url = stmt_col_text(&s);
		r->created_at = stmt_col_uint(&s);
	}
	if (stmt_end(&s)) {
		return REPO_OK;
	}
	for (size_t i = 0; i < *n; i++) {
		relay_record_finish(&(*out)[i]);
	}
	free(*out);
	*out = NULL;
	*n = 0;
	return REPO_FAILED;
}
