#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "apply.h"
#include "backup.h"
#include "bans.h"
#include "base/mem.h"
#include "base/must.h"
#include "chat.h"
#include "functions.h"
#include "go_live.h"
#include "insight.h"
#include "ledger.h"
#include "migrate.h"
#include "notices.h"
#include "outbox.h"
#include "people.h"
#include "sales.h"
#include "store_private.h"
#include "tables.h"
#include "uploads.h"
#include "writer.h"

#define LOG_MODULE "store"
#include "base/log.h"

struct store {
	struct repo_front front; /* first: the vtable's impl is one */
	struct store_config config;
	struct db_place place;
	struct db reader;
	struct writer *writer;
	struct outbox_switch *outbox;
	struct notice_watch *notices;
	struct follow_watch *follows;

	bool backup_started; /* the thread has to be joined */
	pthread_t backup_thread;
	atomic_bool backup_running, backup_stop;
};

/* A copy in the making, and then its outcome on the way to the loop. */
struct backup_job {
	struct store *store;
	char *path, *error;
	void (*done)(void *user, const char *error);
	void *user;
};

struct db *store_reader(void *impl)
{
	return &((struct store *)impl)->reader;
}

const struct clock *store_clock(void *impl)
{
	return ((struct store *)impl)->front.clock;
}

struct outbox_switch *store_outbox(void *impl)
{
	return ((struct store *)impl)->outbox;
}

struct notice_watch *store_notices(void *impl)
{
	return ((struct store *)impl)->notices;
}

struct follow_watch *store_follows(void *impl)
{
	return ((struct store *)impl)->follows;
}

void store_submit(void *impl, struct store_job *job)
{
	writer_submit(((struct store *)impl)->writer, job);
}

static enum repo_result user_get(void *impl, const char *id, struct user_record *out)
{
	return users_get(store_reader(impl), id, out);
}

static enum repo_result stream_get(void *impl, struct uuid id, struct stream_record *out)
{
	return streams_get(store_reader(impl), id, out);
}

static enum repo_result stream_by_key(
	void *impl, const uint8_t hash[STREAM_KEY_HASH_SIZE], struct stream_record *out)
{
	return streams_by_key(store_reader(impl), hash, out);
}

static enum repo_result stream_list(
	void *impl, const struct repo_stream_filter *f, struct repo_stream_page *out)
{
	return streams_list(store_reader(impl), f, out);
}

static enum repo_result product_get(void *impl, struct uuid id, struct product_record *out)
{
	return products_get(store_reader(impl), id, out);
}

static enum repo_result product_list(void *impl, const char *seller_id, unsigned limit,
	const char *cursor, struct repo_product_page *out)
{
	return products_list(store_reader(impl), seller_id, limit, cursor, out);
}

static enum repo_result stream_products(
	void *impl, struct uuid stream_id, struct stream_product_record **out, size_t *n)
{
	return products_of_stream(store_reader(impl), stream_id, out, n);
}

static enum repo_result recording_get(
	void *impl, struct uuid stream_id, struct recording_record *out)
{
	return recordings_get(store_reader(impl), stream_id, out);
}

static enum repo_result recording_list(void *impl, int state, unsigned limit, unsigned offset,
	struct recording_record **out, size_t *n)
{
	return recordings_list(store_reader(impl), state, limit, offset, out, n);
}

static enum repo_result segment_list(void *impl, struct uuid stream_id, uint64_t from,
	unsigned limit, struct segment_record **out, size_t *n)
{
	return recordings_segments(store_reader(impl), stream_id, from, limit, out, n);
}

static const struct repo_ops ops = {
	.user_get = user_get,
	.user_put = repo_front_user_put,
	.user_set = repo_front_user_set,
	.user_note = repo_front_user_note,
	.stream_get = stream_get,
	.stream_by_key = stream_by_key,
	.stream_list = stream_list,
	.stream_create = repo_front_stream_create,
	.stream_attach = repo_front_stream_attach,
	.stream_go_live = repo_front_stream_go_live,
	.stream_rotate_key = repo_front_stream_rotate_key,
	.stream_end = repo_front_stream_end,
	.stream_cancel = repo_front_stream_cancel,
	.stream_delete = repo_front_stream_delete,
	.product_get = product_get,
	.product_list = product_list,
	.product_create = repo_front_product_create,
	.stream_products = stream_products,
	.recording_get = recording_get,
	.recording_list = recording_list,
	.segment_list = segment_list,
	.recording_open = repo_front_recording_open,
	.recording_finish = repo_front_recording_finish,
	.recording_delete = repo_front_recording_delete,
};

static void submit(struct repo_front *front, struct repo_write *w)
{
	struct store *s = container_of(front, struct store, front);
	store_submit(s, apply_job_create(s, w));
}

static bool open_connections(struct store *s, struct db *writer_db, char **error)
{
	return db_open(writer_db, &s->place, DB_CREATE, error) &&
		migrate_run(writer_db, migrations, n_migrations, error) &&
		db_open(&s->reader, &s->place, DB_READ, error);
}

struct store *store_open(const struct store_config *config, char **error)
{
	struct store *s = mem_new(struct store);
	struct db writer_db = {0};
	must(config->post != NULL);
	s->config = *config;
	s->config.url = NULL; /* the caller's */
	if (config->clock == NULL) {
		s->config.clock = &clock_system;
	}
	s->front = (struct repo_front){.clock = s->config.clock, .submit = submit};
	if (!db_locate(config->url, &s->place, error) || !open_connections(s, &writer_db, error)) {
		db_close(&writer_db);
		store_close(s);
		return NULL;
	}
	if (!functions_add(&writer_db, s->config.clock)) {
		*error = db_error_text(&writer_db, "prepare", s->place.path);
		db_close(&writer_db);
		store_close(s);
		return NULL;
	}
	s->outbox = outbox_switch_create();
	s->notices = notice_watch_create(s->config.post, s->config.post_user);
	s->follows = follow_watch_create();
	writer_db.outbox = s->outbox;
	s->writer = writer_create(&writer_db, &s->config);
	go_live_resume(s);
	log_info("store opened", kv_str("path", s->place.path),
		kv_u64("schema", (uint64_t)n_migrations));
	return s;
}

static void end_backup(struct store *s)
{
	if (s->backup_started) {
		pthread_join(s->backup_thread, NULL);
		s->backup_started = false;
	}
}

void store_close(struct store *s)
{
	if (s == NULL) {
		return;
	}
	atomic_store(&s->backup_stop, true);
	end_backup(s);
	/* The writer's connection goes last: it is the one that may clear the write-ahead log. */
	db_close(&s->reader);
	writer_destroy(s->writer);
	outbox_switch_close(&s->outbox);
	notice_watch_close(&s->notices);
	follow_watch_close(&s->follows);
	db_place_finish(&s->place);
	free(s);
}

void store_flush(struct store *s)
{
	writer_flush(s->writer);
}

struct repo store_repo(struct store *s)
{
	return (struct repo){
		.ops = &ops,
		.bans = &bans_ops,
		.chat = &chat_ops,
		.insight = &insight_ops,
		.ledger = &ledger_ops,
		.outbox = &outbox_ops,
		.people = &people_ops,
		.sales = &sales_ops,
		.uploads = &uploads_ops,
		.impl = s,
	};
}

bool store_healthy(struct store *s)
{
	struct stmt st = stmt_begin(&s->reader, "SELECT 1 FROM users LIMIT 1");
	return stmt_run(&st) && writer_healthy(s->writer);
}

/* On the loop thread; the store may be gone. */
static void backup_complete(void *arg)
{
	struct backup_job *job = arg;
	if (job->error != NULL) {
		log_error("backup failed", kv_str("path", job->path), kv_str("error", job->error));
	} else {
		log_info("backup made", kv_str("path", job->path));
	}
	if (job->done != NULL) {
		job->done(job->user, job->error);
	}
	free(job->path);
	free(job->error);
	free(job);
}

static void *backup_run(void *arg)
{
	struct backup_job *job = arg;
	struct store *s = job->store;
	backup_copy(&s->place, job->path, &s->backup_stop, &job->error);
	atomic_store(&s->backup_running, false);
	s->config.post(s->config.post_user, backup_complete, job);
	return NULL;
}

static void start_backup_thread(struct store *s, struct backup_job *job)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&s->backup_thread, NULL, backup_run, job);
	must(rc == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->backup_started = true;
}

void store_backup(
	struct store *s, const char *path, void (*done)(void *user, const char *error), void *user)
{
	struct backup_job *job = mem_new(struct backup_job);
	*job = (struct backup_job){
		.store = s, .path = mem_strdup(path), .done = done, .user = user};
	if (atomic_load(&s->backup_running)) {
		job->error = mem_strdup("another backup is being made");
		s->config.post(s->config.post_user, backup_complete, job);
		return;
	}
	end_backup(s);
	atomic_store(&s->backup_running, true);
	start_backup_thread(s, job);
}
