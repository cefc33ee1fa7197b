#define LOG_MODULE "live"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"

/* A stream whose segments are on disk: its VOD is made as far as it goes. */
struct flush {
	struct live_registry *registry;
	struct uuid id;
};

static bool work_is_left(const struct live_registry *r)
{
	if (r->drain_pending > 0 || !list_empty(&r->vod_jobs))
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

static void flushed(void *user)
{
	struct flush *f = user;
	f->registry->drain_pending--;
	vod_job_start(f->registry, f->id, f->registry->config.mp4 == LIVE_MP4_END, NULL, NULL);
	free(f);
}

static void drain_stream(struct live_stream *s)
{
	struct live_publisher *p = s->publisher;
	if (p) {
		live_stream_detach(s);
		live_publisher_kick(p, LIVE_KICK_DRAIN);
	}
	timer_stop(s->timer);
	if (!s->row_opened)
		return;
	struct flush *f = mem_new(struct flush);
	*f = (struct flush){.registry = s->registry, .id = s->id};
	s->registry->drain_pending++;
	live_stream_flush(s, flushed, f);
}

static void first_step(void *arg)
{
	live_drain_step(arg);
}

void live_registry_drain(struct live_registry *r, void (*done)(void *user), void *user)
{
	struct live_stream *s;
	r->draining = true;
	r->drain_done = done;
	r->drain_user = user;
	log_info("draining streams", kv_u64("streams", live_registry_count(r)));
	list_for_each (s, &r->streams, link) {
		if (s->state != LIVE_FINISHING)
			drain_stream(s);
	}
	loop_defer(r->loop, first_step, r);
}
