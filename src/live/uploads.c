#define LOG_MODULE "storage"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "uploads_private.h"

/* A sweep asks for so many recordings a turn. */
#define PAGE 50u
#define SWEEP_PAUSE_US 20000u
#define PATIENCE_US 10000000u
#define SWEEP_US UINT64_C(600000000)

static void kick(struct uploads *u)
{
	timer_start(u->timer, 0);
}

static void metrics_init(struct uploads *u, struct metrics *m)
{
	static const char recordings[] = "Recordings that were sent to object storage, by outcome.";
	static const char objects[] = "Objects of recordings, by what became of them.";

	u->stored = metrics_counter(
		m, "souk_storage_recordings_total", "result=\"stored\"", recordings);
	u->failed = metrics_counter(
		m, "souk_storage_recordings_total", "result=\"failed\"", recordings);
	u->removed = metrics_counter(
		m, "souk_storage_recordings_total", "result=\"removed\"", recordings);
	u->sent = metrics_counter(m, "souk_storage_objects_total", "result=\"sent\"", objects);
	u->there = metrics_counter(m, "souk_storage_objects_total", "result=\"there\"", objects);
	u->lost = metrics_counter(m, "souk_storage_objects_total", "result=\"failed\"", objects);
	u->bytes = metrics_counter(
		m, "souk_storage_bytes_total", NULL, "Bytes of objects that were sent.");
	u->waiting = metrics_gauge(m, "souk_storage_waiting", NULL,
		"Recordings that wait for their way to object storage, or for their removal.");
	u->alert = metrics_gauge(m, "souk_storage_alert", NULL,
		"Of those, how many failed when they were tried last.");
}

static void show_counts(struct uploads *u)
{
	const struct repo *repo = &u->registry->repo;
	struct upload_counts counts;

	if (repo->uploads->upload_counts(repo->impl, &counts) != REPO_OK)
		return;
	metric_set(u->waiting, (int64_t)counts.waiting + counts.removing);
	metric_set(u->alert, counts.failing);
}

/* Whether something still writes into the folder. */
static bool is_unfinished(struct live_registry *r, struct uuid stream_id)
{
	return live_stream_is_writing(r, stream_id) || vod_job_running(r, stream_id) ||
		storyboard_pending(r, stream_id);
}

/* A write of which the store's answer is awaited, maybe longer than the registry lives. */
struct knock {
	struct list link; /* uploads.knocks */
	struct uploads *owner; /* NULL: gone */
};

static void knocked(void *user, const struct repo_outcome *outcome)
{
	struct knock *k = user;

	(void)outcome;
	if (k->owner)
		kick(k->owner);
	list_remove(&k->link);
	free(k);
}

static struct knock *knock_create(struct uploads *u)
{
	struct knock *k = mem_new(struct knock);

	k->owner = u;
	list_append(&u->knocks, &k->link);
	return k;
}

static bool read_row(struct live_registry *r, struct uuid stream_id, struct upload_record *out)
{
	*out = (struct upload_record){0};
	return r->repo.uploads &&
		r->repo.uploads->upload_get(r->repo.impl, stream_id, out) == REPO_OK;
}

/* One that will stay here is told of once. */
static void tell_kept(struct live_registry *r, struct uuid stream_id)
{
	char id_text[UUID_TEXT_SIZE];
	struct stream_record stream;
	struct upload_record row;
	bool is_known = read_row(r, stream_id, &row);

	upload_record_finish(&row);
	if (is_known || r->repo.ops->stream_get(r->repo.impl, stream_id, &stream) != REPO_OK)
		return;
	uuid_text(id_text, stream_id);
	if (stream.audience != AUDIENCE_EVERYONE)
		log_info("recording is not for everyone: it stays here", kv_str("stream", id_text),
			kv_str("audience", stream_audience_text(stream.audience)));
	stream_record_finish(&stream);
}

void upload_want(struct live_registry *r, struct uuid stream_id)
{
	struct uploads *u = r->uploads;

	if (!u || !u->settings || r->draining || is_unfinished(r, stream_id))
		return;
	if (u->sending && uuid_eq(u->sending->stream_id, stream_id))
		u->sending->again = true;
	tell_kept(r, stream_id);
	r->repo.uploads->upload_want(r->repo.impl, stream_id, knocked, knock_create(u));
}

/* Old recordings, and those whose files should have gone before a restart. */
static void sweep(struct uploads *u)
{
	const struct repo *repo = &u->registry->repo;
	struct uuid *ids;
	size_t n;

	if (repo->uploads->upload_missing(repo->impl, u->swept, PAGE, &ids, &n) != REPO_OK)
		return;
	for (size_t i = 0; i < n; i++)
		upload_want(u->registry, ids[i]);
	u->sweeping = n == PAGE;
	if (n > 0)
		u->swept = ids[n - 1];
	free(ids);
}

struct leaving {
	struct list link; /* registry.leavings */
	struct live_registry *registry; /* NULL: gone */
	struct uuid stream_id;
	char *dir;
	enum recorder_result result;
};

static void leave_run(void *arg)
{
	struct leaving *l = arg;

	l->result = vod_delete(l->dir);
}

static void leave_done(void *arg, bool cancelled)
{
	struct leaving *l = arg;
	struct live_registry *r = l->registry;

	if (r && !cancelled && l->result == RECORDER_OK)
		r->repo.uploads->upload_away(r->repo.impl, l->stream_id, NULL, NULL);
	else if (r)
		log_error("recording's files not deleted", kv_str("path", l->dir),
			kv_str("reason", recorder_result_text(l->result)));
	list_remove(&l->link);
	free(l->dir);
	free(l);
}

static bool leaving_find(const struct live_registry *r, struct uuid stream_id)
{
	const struct leaving *l;

	list_for_each (l, &r->leavings, link) {
		if (uuid_eq(l->stream_id, stream_id))
			return true;
	}
	return false;
}

/* The files go: they are in storage, and that was verified. */
static void leave(struct live_registry *r, struct uuid stream_id)
{
	char id_text[UUID_TEXT_SIZE];
	struct leaving *l;

	if (is_unfinished(r, stream_id) || deletion_running(r, stream_id) ||
		leaving_find(r, stream_id))
		return;
	/* Its window may have segments on the disk only. */
	if (!live_stream_linger_end(r, stream_id)) {
		r->uploads->leaving = true;
		kick(r->uploads);
		return;
	}
	uuid_text(id_text, stream_id);
	l = mem_new(struct leaving);
	l->registry = r;
	l->stream_id = stream_id;
	l->dir = live_recording_dir(r, id_text);
	list_append(&r->leavings, &l->link);
	work_submit(loop_work(r->loop), WORK_SLOW, leave_run, leave_done, l);
}

static void leave_all(struct uploads *u)
{
	const struct repo *repo = &u->registry->repo;
	struct uuid *ids, after = {0};
	size_t n;

	u->leaving = false;
	if (u->settings->config.keep_local ||
		repo->uploads->upload_local(repo->impl, after, PAGE, &ids, &n) != REPO_OK)
		return;
	for (size_t i = 0; i < n; i++)
		leave(u->registry, ids[i]);
	free(ids);
}

/* NULL: none is due; then *next_at is as upload_next says. */
static struct upload *start_due(struct uploads *u, enum upload_state state, uint64_t *next_at)
{
	const struct repo *repo = &u->registry->repo;
	uint64_t now = clock_wall_ms(loop_clock(u->registry->loop));
	struct upload *upload = NULL;
	struct upload_record row;

	if (repo->uploads->upload_next(repo->impl, state, now, &row, next_at) == REPO_OK)
		upload = upload_start(u, &row);
	upload_record_finish(&row);
	return upload;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* Until something is due, or asked for; now and then all is looked through. */
static void rest(struct uploads *u, uint64_t us)
{
	if (us >= SWEEP_US) {
		u->sweeping = u->leaving = true;
		u->swept = (struct uuid){0};
		us = SWEEP_US;
	}
	timer_start(u->timer, us);
}

static void look_for_work(void *user)
{
	struct uploads *u = user;
	uint64_t next_send = 0, next_removal = 0, now, next;

	if (!u->settings || u->registry->draining)
		return;
	show_counts(u);
	if (u->sweeping)
		sweep(u);
	if (u->leaving)
		leave_all(u);
	if (!u->sending)
		u->sending = start_due(u, UPLOAD_WAITING, &next_send);
	if (!u->removing)
		u->removing = start_due(u, UPLOAD_REMOVING, &next_removal);
	now = clock_wall_ms(loop_clock(u->registry->loop));
	next = earlier(next_send, next_removal);
	if (u->sweeping || u->leaving)
		timer_start(u->timer, SWEEP_PAUSE_US);
	else
		rest(u, next > now ? (next - now) * 1000 : next ? 0 : SWEEP_US);
}

static void count(const struct uploads *u, const struct upload *job)
{
	uint32_t sent = atomic_load(&job->sent), done = atomic_load(&job->done);

	metric_add(u->sent, sent);
	metric_add(u->there, done - sent);
	metric_add(u->lost, atomic_load(&job->lost));
	metric_add(u->bytes, atomic_load(&job->sent_bytes));
}

/* A job's last write is done; it goes. */
static void written(void *user, const struct repo_outcome *outcome)
{
	struct upload *job = user;
	struct uploads *u = job->owner;

	if (!u) {
		upload_free(job);
		return;
	}
	if (outcome->result == REPO_OK && job->result == S3_OK && !job->is_removal && !job->again &&
		!job->settings->config.keep_local)
		leave(u->registry, job->stream_id);
	uploads_close(job, outcome->result != REPO_FAILED);
}

void uploads_close(struct upload *job, bool hurry)
{
	struct uploads *u = job->owner;
	void (*stopped)(void *user) = job->stopped;
	void *user = job->user;
	struct uuid id = job->stream_id;
	bool again = job->again && job->result == S3_OK;

	if (u->sending == job)
		u->sending = NULL;
	else
		u->removing = NULL;
	upload_free(job);
	if (stopped)
		stopped(user);
	if (again)
		upload_want(u->registry, id);
	/* The store cannot be written: not over and over. */
	timer_start(u->timer, hurry ? 0 : PATIENCE_US);
}

static void tell_failure(struct uploads *u, struct upload *job)
{
	const struct repo *repo = &u->registry->repo;
	const struct uploads_config *c = &job->settings->config;
	uint32_t attempts = atomic_load(&job->sent) > 0 ? 1 : job->attempts + 1;
	uint64_t wait_us = upload_wait_us(c, job->result, attempts, job->retry_after_us);
	uint64_t now = clock_wall_ms(loop_clock(u->registry->loop));

	metric_add(u->failed, 1);
	log_error(job->is_removal ? "objects not removed" : "recording not stored",
		kv_str("stream", job->id_text), kv_str("reason", s3_result_text(job->result)),
		kv_str("error", job->error), kv_u64("attempts", attempts),
		kv_u64("retry_s", wait_us / 1000000));
	repo->uploads->upload_failed(repo->impl, job->stream_id, job->error, attempts,
		now + wait_us / 1000, written, job);
}

static void tell_stored(struct uploads *u, struct upload *job)
{
	const struct repo *repo = &u->registry->repo;
	const struct uploads_config *c = &job->settings->config;
	char *url = upload_url(c->public_url, c->endpoint, c->path_style, job->bucket, job->prefix);

	metric_add(u->stored, 1);
	log_info("recording stored", kv_str("stream", job->id_text), kv_str("url", url),
		kv_u64("objects", job->plan.n), kv_u64("sent", atomic_load(&job->sent)),
		kv_u64("bytes", job->plan.bytes));
	repo->uploads->upload_stored(repo->impl, job->stream_id, url, (uint32_t)job->plan.n,
		job->plan.bytes, written, job);
	free(url);
}

void uploads_ended(struct upload *job)
{
	struct uploads *u = job->owner;
	const struct repo *repo = &u->registry->repo;

	count(u, job);
	if (atomic_load(&job->stop) || job->result == S3_STOPPED) {
		/* The row is as it was: it is tried again, or was deleted. */
		job->result = S3_STOPPED;
		uploads_close(job, !job->unplaced);
	} else if (job->result != S3_OK) {
		tell_failure(u, job);
	} else if (job->is_removal) {
		metric_add(u->removed, 1);
		log_info("objects removed", kv_str("stream", job->id_text));
		repo->uploads->upload_removed(repo->impl, job->stream_id, written, job);
	} else {
		tell_stored(u, job);
	}
}

void uploads_look(struct live_registry *r)
{
	if (r->uploads)
		kick(r->uploads);
}

bool upload_stop(
	struct live_registry *r, struct uuid stream_id, void (*stopped)(void *user), void *user)
{
	struct upload *job = r->uploads ? r->uploads->sending : NULL;

	if (!job || !uuid_eq(job->stream_id, stream_id) || job->stopped)
		return true;
	job->stopped = stopped;
	job->user = user;
	atomic_store(&job->stop, true);
	return false;
}

void uploads_stop(struct live_registry *r)
{
	struct uploads *u = r->uploads;

	if (u && u->sending)
		atomic_store(&u->sending->stop, true);
	if (u && u->removing)
		atomic_store(&u->removing->stop, true);
}

static void drop(struct upload *job)
{
	if (!job)
		return;
	job->owner = NULL;
	job->stopped = NULL;
	atomic_store(&job->stop, true);
}

void uploads_drop(struct live_registry *r)
{
	struct uploads *u = r->uploads;
	struct leaving *l, *next;
	struct knock *k, *after;

	list_for_each_safe (l, next, &r->leavings, link) {
		l->registry = NULL;
		list_remove(&l->link);
	}
	if (!u)
		return;
	r->uploads = NULL;
	list_for_each_safe (k, after, &u->knocks, link) {
		k->owner = NULL;
		list_remove(&k->link);
	}
	drop(u->sending);
	drop(u->removing);
	timer_destroy(&u->timer);
	upload_settings_unref(u->settings);
	free(u);
}

static bool is_complete(const struct uploads_config *c)
{
	return c->endpoint && c->region && c->bucket && c->access_key && c->secret;
}

/* What runs by the old settings ends; what waits is due. */
static void begin_anew(struct live_registry *r)
{
	struct uploads *u = r->uploads;

	uploads_stop(r);
	u->swept = (struct uuid){0};
	u->sweeping = u->leaving = true;
	r->repo.uploads->upload_hurry(r->repo.impl, knocked, knock_create(u));
}

static struct uploads *create(struct live_registry *r)
{
	struct uploads *u = mem_new(struct uploads);

	u->registry = r;
	list_init(&u->knocks);
	u->timer = loop_timer_create(r->loop, "storage", look_for_work, u);
	metrics_init(u, loop_metrics(r->loop));
	return u;
}

void live_registry_upload(struct live_registry *r, const struct uploads_config *config)
{
	struct uploads *u = r->uploads;

	if (!r->repo.uploads || (!u && !is_complete(config)))
		return;
	if (!u)
		u = r->uploads = create(r);
	if (u->settings && is_complete(config) && upload_settings_equal(u->settings, config))
		return;
	upload_settings_unref(u->settings);
	u->settings = is_complete(config) ? upload_settings_create(config) : NULL;
	if (u->settings)
		begin_anew(r);
	else
		uploads_stop(r);
}

void live_registry_upload_progress(
	struct live_registry *r, struct uuid stream_id, struct upload_progress *out)
{
	const struct upload *job = r->uploads ? r->uploads->sending : NULL;

	*out = (struct upload_progress){0};
	if (!job || !uuid_eq(job->stream_id, stream_id))
		return;
	out->running = true;
	out->objects_done = atomic_load(&job->done);
	out->bytes_done = atomic_load(&job->done_bytes);
	if (job->planned) {
		out->objects = (uint32_t)job->plan.n;
		out->bytes = job->plan.bytes;
	}
}

bool upload_is_away(struct live_registry *r, struct uuid stream_id)
{
	struct upload_record row;
	bool away = read_row(r, stream_id, &row) && row.state == UPLOAD_STORED && !row.is_local;

	upload_record_finish(&row);
	return away;
}

char *live_registry_upload_url(struct live_registry *r, struct uuid stream_id)
{
	struct upload_record row;
	char *url = NULL;

	if (read_row(r, stream_id, &row) && row.state == UPLOAD_STORED && !row.is_local) {
		url = row.url;
		row.url = NULL;
	}
	upload_record_finish(&row);
	return url;
}
