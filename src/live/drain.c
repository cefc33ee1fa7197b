#define LOG_MODULE "live"

#include "base/log.h"
#include "internal.h"

static bool work_is_left(const struct live_registry *r)
{
	if (r->drain_pending > 0 || !list_empty(&r->vod_jobs) || !list_empty(&r->deletions))
		return true;
	struct live_stream *s;
	list_for_each (s, &r->streams, link) {
		if (s->state == LIVE_FINISHING && !(s->end_committed && s->vod_settled))
			return true;
	}
	return false;
}

void live_drain_step(struct live_registry *r)
{
	if (!r->draining || !r->drain_done || work_is_left(r))
		return;
	void (*done)(void *user) = r->drain_done;
	r->drain_done = NULL;
	done(r->drain_user);
}

static void flushed(struct live_stream *s)
{
	struct live_registry *r = s->registry;
	r->drain_pending--;
	vod_job_start(r, s->id, r->config.mp4 == LIVE_MP4_END, NULL, NULL);
}

static void drain_stream(struct live_stream *s)
{
	struct live_publisher *p = s->publisher;
	if (p) {
		live_stream_detach(s);
		live_publisher_kick(p, LIVE_KICK_DRAIN);
	}
	timer_stop(s->timer);
	if (!s->record.record_stream || !s->first_published_at_ms)
		return;
	s->registry->drain_pending++;
	live_stream_flush(s, flushed);
}

static void first_step(void *user)
{
	live_drain_step(user);
}

void live_registry_drain(struct live_registry *r, void (*done)(void *user), void *user)
{
	struct live_stream *s;
	r->draining = true;
	storyboards_stop(r);
	uploads_stop(r);
	r->drain_done = done;
	r->drain_user = user;
	log_info("draining streams", kv_u64("streams", live_registry_count(r)));
	list_for_each (s, &r->streams, link) {
		if (s->state != LIVE_FINISHING)
			drain_stream(s);
	}
	if (!r->drain_timer)
		r->drain_timer = loop_timer_create(r->loop, "drain", first_step, r);
	timer_start(r->drain_timer, 0);
}
