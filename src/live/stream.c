#define LOG_MODULE "live"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "internal.h"

/* How long an ended playlist goes on being served, for players that are still behind. */
#define LINGER_US 30000000u
/* The end's row is written again after a failure (a full disk) this much later. */
#define END_RETRY_US 2000000u

/* The store's answer to the end of a stream, which may come after the stream. */
struct end_write {
	struct live_stream *stream; /* NULL once it is gone */
};

/* A DATERANGE that came before there was a picture to put it at. */
struct early_range {
	struct list link;
	struct media_daterange range; /* texts owned */
};

static void stream_settle(struct live_stream *s);

static void stream_set_state(struct live_stream *s, enum live_state state)
{
	s->state = state;
	signal_emit(&s->changed, s);
	signal_emit(&s->updated, s);
}

static void window_updated(void *user, struct media_window *window)
{
	struct live_stream *s = user;
	signal_emit(&s->updated, s);
}

static void window_init(void *user, const struct media_init *init)
{
	struct live_stream *s = user;
	recording_init_segment(s->recording, init);
	thumbnail_init_segment(s, init);
}

/*~ A finished segment goes two ways: it stays in the window, where media/window.c serves it to
 * http/hls.c (next stop), and to disk by recorder_queue.c. */
static void window_segment(void *user, struct media_segment *segment)
{
	struct live_stream *s = user;
	recording_segment(s->recording, segment, s->window);
	thumbnail_segment(s, segment);
}

static const struct media_events window_events = {
	.updated = window_updated,
	.init = window_init,
	.segment = window_segment,
};

/* By one who may be gone. */
static void intake_fault(void *user, unsigned publisher, const struct live_fault *fault)
{
	struct live_stream *s = user;
	if (s->publisher && publisher == s->publisher_number)
		s->publisher->ops->faulted(s->publisher, fault);
}

static void intake_flow(void *user)
{
	struct live_stream *s = user;
	const struct live_metrics *m = &s->registry->metrics;
	bool full = intake_is_full(s->intake);
	metric_change(m->held, full ? 1 : -1);
	if (full) {
		metric_add(m->holds, 1);
		log_warn("media worker is behind, publisher held", kv_str("stream", s->id_text),
			kv_u64("bytes", intake_queued(s->intake)));
	}
	if (!s->publisher)
		return;
	s->publisher->held = full;
	s->publisher->ops->flow(s->publisher);
}

static const struct intake_events intake_events = {
	.fault = intake_fault,
	.flow = intake_flow,
};

static void wait_out(void *user)
{
	struct live_stream *s = user;
	switch (s->state) {
	case LIVE_WAITING:
		live_stream_finish(s, LIVE_END_UNPUBLISHED, NULL, NULL);
		break;
	case LIVE_INTERRUPTED:
		live_stream_finish(s, LIVE_END_GRACE, NULL, NULL);
		break;
	case LIVE_FINISHING:
		stream_settle(s);
		break;
	case LIVE_PUBLISHING:
		break;
	}
}

static uint64_t unpublished_left_us(const struct live_stream *s)
{
	const struct live_config *config = &s->registry->config;
	uint64_t now = clock_wall_ms(loop_clock(s->registry->loop));
	uint64_t waited = now > s->record.started_at ? (now - s->record.started_at) * 1000 : 0;
	uint64_t left = waited < config->unpublished_us ? config->unpublished_us - waited : 0;
	return left > config->grace_us ? left : config->grace_us;
}

/* Where a stream goes on after a restart: behind everything that was ever handed out. */
static void continue_after(struct media_config *config, const struct live_stream *s,
	const struct recording_index *index)
{
	/* Even where no file of it is left: a playlist's numbers never go back. */
	memcpy(config->first_sequence, index->next_sequence, sizeof(config->first_sequence));
	config->first_time_us = index->end_us;
	config->first_init = index->inits;
	/* Whatever the configuration says now: a playlist has one container, and so has a VOD. */
	if (index->has_container)
		config->container = index->container;
}

struct live_stream *live_stream_create(struct live_registry *r, const struct stream_record *row,
	const struct recording_index *index)
{
	struct live_stream *s = mem_new(struct live_stream);
	struct media_config config = r->config.media;
	s->registry = r;
	s->id = row->id;
	uuid_text(s->id_text, row->id);
	stream_record_copy(&s->record, row);
	signal_init(&s->updated);
	signal_init(&s->changed);
	signal_init(&s->destroyed);
	list_init(&s->early_ranges);
	s->recording = recording_create(r, s->id_text, row->record_stream);
	if (index) {
		continue_after(&config, s, index);
		recording_resume(s->recording, index);
	}
	s->window = media_window_create(&config, &window_events, s);
	s->feed = feed_create(r->feeds, s->id_text);
	s->timer = loop_timer_create(r->loop, "live stream", wait_out, s);
	s->state = LIVE_WAITING;
	if (index && index->n > 0) {
		char *dir = live_recording_dir(r, s->id_text);
		media_window_restore(s->window, index, dir);
		free(dir);
		s->first_published_at_ms = index->entries[0].wall_ms;
		s->state = LIVE_INTERRUPTED;
	}
	s->intake = intake_create(&(struct intake_config){.media = &config,
		.clock = loop_clock(r->loop),
		.window = s->window,
		.workers = r->workers,
		.queue_max = r->config.worker_queue,
		.events = &intake_events,
		.user = s});
	timer_start(
		s->timer, s->state == LIVE_WAITING ? unpublished_left_us(s) : r->config.grace_us);
	list_append(&r->streams, &s->link);
	map_put(r->by_id, s->id.bytes, sizeof(s->id.bytes), s);
	metric_change(r->metrics.streams, 1);
	return s;
}

bool live_stream_is_writing(struct live_registry *r, struct uuid id)
{
	const struct live_stream *s = live_registry_find(r, id);
	return s && !(s->state == LIVE_FINISHING && s->vod_settled);
}

static void spool_delete_run(void *arg)
{
	vod_delete(arg);
}

static void spool_delete_done(void *arg, bool cancelled)
{
	free(arg);
}

static void keep_early(struct live_stream *s, const struct media_daterange *range)
{
	struct early_range *e = mem_new(struct early_range);
	e->range = *range;
	e->range.id = mem_strdup(range->id);
	e->range.class_name = mem_strdup(range->class_name);
	e->range.attributes = mem_strdup(range->attributes);
	list_append(&s->early_ranges, &e->link);
}

static void early_free(struct early_range *e)
{
	list_remove(&e->link);
	free((char *)e->range.id);
	free((char *)e->range.class_name);
	free((char *)e->range.attributes);
	free(e);
}

static void put_early_ranges(struct live_stream *s)
{
	struct early_range *e, *next;
	list_for_each_safe (e, next, &s->early_ranges, link) {
		live_stream_daterange(s, &e->range);
		early_free(e);
	}
}

void live_stream_destroy(struct live_stream *s)
{
	struct live_registry *r = s->registry;
	struct early_range *e, *next;
	signal_emit(&s->destroyed, s);
	must(!s->publisher);
	list_for_each_safe (e, next, &s->early_ranges, link)
		early_free(e);
	if (s->state == LIVE_FINISHING && !s->record.record_stream)
		work_submit(loop_work(r->loop), WORK_SLOW, spool_delete_run, spool_delete_done,
			live_recording_dir(r, s->id_text));
	recording_release(&s->recording);
	thumbnail_drop(s);
	timer_destroy(&s->timer);
	if (s->end_write)
		s->end_write->stream = NULL;
	feed_destroy(&s->feed);
	if (intake_is_full(s->intake))
		metric_change(r->metrics.held, -1);
	intake_release(&s->intake);
	media_window_destroy(s->window);
	list_remove(&s->link);
	map_remove(r->by_id, s->id.bytes, sizeof(s->id.bytes));
	metric_change(r->metrics.streams, -1);
	stream_record_finish(&s->record);
	free(s);
}

static void row_opened(void *user, const struct repo_outcome *outcome)
{
	if (outcome->result != REPO_OK)
		log_error("recording not opened in the store",
			kv_str("reason", repo_result_text(outcome->result)));
}

static void open_row(struct live_stream *s)
{
	struct repo repo = s->registry->repo;
	struct recording_record row = {
		.stream_id = s->id,
		.state = RECORDING_OPEN,
		.path = s->id_text,
		.created_at = clock_wall_ms(loop_clock(s->registry->loop)),
	};
	s->row_opened = true;
	repo.ops->recording_open(repo.impl, &row, row_opened, NULL);
}

/*~ From here on the publisher's samples come in by live_publisher_sample (publisher.c) and go
 * on to intake.c, the next stop. */
void live_stream_attach(struct live_stream *s, struct live_publisher *p)
{
	s->publisher = p;
	s->publisher_number++;
	p->stream = s;
	p->held = intake_is_full(s->intake);
	s->registry->publishers++;
	metric_set(s->registry->metrics.publishers, s->registry->publishers);
	s->published_at_ms = clock_wall_ms(loop_clock(s->registry->loop));
	live_health_reset(&s->health);
	s->told = (struct live_health_verdict){LIVE_HEALTH_UNKNOWN, 0};
	if (!s->first_published_at_ms)
		s->first_published_at_ms = s->published_at_ms;
	if (s->record.record_stream && !s->row_opened)
		open_row(s);
	put_early_ranges(s);
	feed_restart(s->feed);
	timer_stop(s->timer);
	log_info("publish started", kv_str("stream", s->id_text), kv_str("address", p->address),
		kv_u64("interruptions", s->interruptions));
	stream_set_state(s, LIVE_PUBLISHING);
}

void live_stream_forget_publisher(struct live_stream *s)
{
	s->publisher->stream = NULL;
	s->publisher->held = false;
	s->publisher = NULL;
	s->registry->publishers--;
	metric_set(s->registry->metrics.publishers, s->registry->publishers);
}

void live_stream_detach(struct live_stream *s)
{
	if (!s->publisher)
		return;
	live_stream_forget_publisher(s);
	s->interruptions++;
	metric_add(s->registry->metrics.interruptions, 1);
	intake_interrupt(s->intake);
	timer_start(s->timer, s->registry->config.grace_us);
	log_info("publish interrupted", kv_str("stream", s->id_text),
		kv_u64("grace_ms", s->registry->config.grace_us / 1000));
	stream_set_state(s, LIVE_INTERRUPTED);
}

static void end_written(void *user, const struct repo_outcome *outcome)
{
	struct end_write *write = user;
	struct live_stream *s = write->stream;
	free(write);
	if (!s)
		return;
	s->end_write = NULL;
	if (outcome->result == REPO_FAILED) {
		log_error("end of stream not written, trying again", kv_str("stream", s->id_text));
		timer_start(s->timer, END_RETRY_US);
	} else {
		s->end_committed = true;
		s->record.status = STREAM_ENDED;
		s->record.ended_at = s->ended_at_ms;
	}
	repo_done done = s->end_done;
	s->end_done = NULL;
	if (done)
		done(s->end_user, outcome);
	if (s->end_committed)
		stream_settle(s);
}

static void write_end(struct live_stream *s)
{
	const struct live_registry *r = s->registry;
	struct repo repo = r->repo;
	struct repo_stats stats;
	bool known = r->figures && r->figures(r->figures_user, s->id, &stats);
	s->end_write = mem_new(struct end_write);
	s->end_write->stream = s;
	repo.ops->stream_end(repo.impl, s->id, s->ended_at_ms, live_end_reason_text(s->end_reason),
		known ? &stats : NULL, end_written, s->end_write);
}

static void vod_settled(void *user)
{
	struct live_stream *s = user;
	s->vod_settled = true;
	signal_emit(&s->changed, s);
	stream_settle(s);
}

static void recording_flushed(void *user)
{
	struct live_stream *s = user;
	vod_job_start(s->registry, s->id, s->registry->config.mp4 == LIVE_MP4_END, vod_settled, s);
}

/* The last segment is in the window. */
static void media_over(void *user)
{
	struct live_stream *s = user;
	recording_flush(s->recording, recording_flushed, s);
}

static void linger_over(void *arg)
{
	live_stream_destroy(arg);
}

bool live_stream_linger_end(struct live_registry *r, struct uuid id)
{
	struct live_stream *s = live_registry_find(r, id);
	if (s && s->end_committed && s->vod_settled && timer_active(s->timer))
		timer_start(s->timer, 0);
	return !s;
}

/* One step nearer to being gone: the end in the store, the VOD made, players given their time. */
static void stream_settle(struct live_stream *s)
{
	if (!s->end_committed) {
		if (!s->end_write && !timer_active(s->timer))
			write_end(s);
		return;
	}
	if (!s->vod_settled)
		return;
	timer_destroy(&s->timer);
	s->timer = loop_timer_create(s->registry->loop, "ended stream", linger_over, s);
	timer_start(s->timer, LINGER_US);
	live_drain_step(s->registry);
}

struct refused_end {
	repo_done done;
	void *user;
};

static void refuse_end(void *arg)
{
	struct refused_end *refused = arg;
	refused->done(refused->user, &(struct repo_outcome){.result = REPO_WRONG_STATE});
	free(refused);
}

void live_stream_finish(
	struct live_stream *s, enum live_end_reason reason, repo_done done, void *user)
{
	if (s->state == LIVE_FINISHING) {
		if (!done)
			return;
		struct refused_end *refused = mem_new(struct refused_end);
		*refused = (struct refused_end){.done = done, .user = user};
		loop_defer(s->registry->loop, refuse_end, refused);
		return;
	}
	struct live_publisher *p = s->publisher;
	if (p) {
		live_stream_forget_publisher(s);
		live_publisher_kick(p, LIVE_KICK_ENDED);
	}
	timer_stop(s->timer);
	s->end_reason = reason;
	s->ended_at_ms = clock_wall_ms(loop_clock(s->registry->loop));
	s->end_done = done;
	s->end_user = user;
	intake_end(s->intake);
	feed_finish(s->feed);
	metric_add(s->registry->metrics.ended, 1);
	log_info("stream ended", kv_str("stream", s->id_text),
		kv_str("reason", live_end_reason_text(reason)));
	stream_set_state(s, LIVE_FINISHING);
	signal_emit(&s->registry->ended, s);
	write_end(s);
	if (s->row_opened || (s->record.record_stream && s->first_published_at_ms))
		intake_settle(s->intake, media_over, s);
	else
		s->vod_settled = true;
}

static void flush_over(void *user)
{
	struct live_stream *s = user;
	void (*done)(struct live_stream *) = s->flushed;
	s->flushed = NULL;
	done(s);
}

static void flush_recording(void *user)
{
	struct live_stream *s = user;
	recording_flush(s->recording, flush_over, s);
}

void live_stream_flush(struct live_stream *s, void (*done)(struct live_stream *s))
{
	must(!s->flushed);
	s->flushed = done;
	intake_settle(s->intake, flush_recording, s);
}

struct uuid live_stream_id(const struct live_stream *s)
{
	return s->id;
}

const char *live_stream_id_text(const struct live_stream *s)
{
	return s->id_text;
}

enum live_state live_stream_state(const struct live_stream *s)
{
	return s->state;
}

bool live_stream_recorded(const struct live_stream *s)
{
	return s->vod_settled;
}

const struct stream_record *live_stream_record(const struct live_stream *s)
{
	return &s->record;
}

struct media_window *live_stream_window(struct live_stream *s)
{
	return s->window;
}

struct feed *live_stream_feed(struct live_stream *s)
{
	return s->feed;
}

struct signal *live_stream_updated(struct live_stream *s)
{
	return &s->updated;
}

struct signal *live_stream_changed(struct live_stream *s)
{
	return &s->changed;
}

struct signal *live_stream_destroyed(struct live_stream *s)
{
	return &s->destroyed;
}

void live_stream_stats(struct live_stream *s, struct live_stats *out)
{
	struct recording_stats rec;
	recording_stats(s->recording, &rec);
	*out = (struct live_stats){
		.metadata = s->metadata,
		.published_at_ms = s->published_at_ms,
		.first_published_at_ms = s->first_published_at_ms,
		.bytes_in = s->bytes_in,
		.interruptions = s->interruptions,
		.recorded_bytes = rec.bytes,
		.recorded_segments = rec.segments,
		.recording_failures = rec.failures,
		.recording = s->record.record_stream && !rec.failing,
		.window_memory = media_window_memory(s->window),
	};
	intake_stats(s->intake, &out->media);
	if (s->publisher)
		memcpy(out->publisher_address, s->publisher->address,
			sizeof(s->publisher->address));
}

void live_stream_daterange(struct live_stream *s, const struct media_daterange *range)
{
	struct media_daterange at = *range;
	if (!s->first_published_at_ms) {
		keep_early(s, range);
		return;
	}
	if (!at.wall_ms)
		at.wall_ms = clock_wall_ms(loop_clock(s->registry->loop));
	media_window_daterange(s->window, &at);
	/* A restart wants them for what can be seen of the stream as well. */
	if (s->record.record_stream || s->registry->config.media.dvr_us)
		recording_daterange(s->recording, &at);
}
