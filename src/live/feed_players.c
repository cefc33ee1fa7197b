#define LOG_MODULE "playout"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "feed_private.h"

#define LOOK_US 1000000
/* Whether a player is still allowed is asked at every so many looks. */
#define LOOKS_PER_ASK 5
/* A pause may last so many times as long as a stall: it holds a place among the players. */
#define PAUSE_STALLS 60

static const char *end_label(enum feed_end end)
{
	static const char *const labels[] = {
#define X(name, label) [FEED_END_##name] = label,
		FEED_END_TABLE(X)
#undef X
	};
	return labels[end];
}

static void metrics_init(struct feeds_metrics *m, struct metrics *all)
{
	char labels[64];

	m->players = metrics_gauge(
		all, "souk_playout_players", NULL, "Players of RTMP and HTTP-FLV connected.");
	m->joined = metrics_counter(all, "souk_playout_joined_total", NULL, "Such players taken.");
	m->bytes = metrics_counter(
		all, "souk_playout_bytes_total", NULL, "Bytes of tags handed to such players.");
	m->skips = metrics_counter(all, "souk_playout_skips_total", NULL,
		"Times that a slow player was set to the next keyframe.");
	m->memory = metrics_gauge(all, "souk_playout_memory_bytes", NULL,
		"Tags kept for play-out: since the last keyframes, and for slow players.");
	m->refused[FEED_FULL] = metrics_counter(all, "souk_playout_refused_total",
		"reason=\"players\"", "Players refused by a limit.");
	m->refused[FEED_STREAM_FULL] = metrics_counter(all, "souk_playout_refused_total",
		"reason=\"players_of_stream\"", "Players refused by a limit.");
	for (unsigned i = 0; i < FEED_END_COUNT; i++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"", end_label(i));
		m->ended[i] = metrics_counter(
			all, "souk_playout_ended_total", labels, "Players gone, by reason.");
	}
}

/* False: it was told to go, and may be gone. */
static bool check_stalled(struct feed_player *p, uint64_t now)
{
	uint64_t bound_us = p->feed->feeds->config.stall_us * (p->paused ? PAUSE_STALLS : 1);

	if ((!p->busy && !p->paused) || now - p->moved_us < bound_us)
		return true;
	p->ops->end(p, FEED_END_STALLED);
	return false;
}

static void look(void *user)
{
	struct feeds *feeds = user;
	uint64_t now = loop_now_us(feeds->loop);
	bool ask = ++feeds->looks % LOOKS_PER_ASK == 0;
	struct feed *f;
	struct feed_player *p, *next;

	list_for_each (f, &feeds->all, link)
		list_for_each_safe (p, next, &f->players, link)
			if (check_stalled(p, now) && ask && !p->ops->allowed(p))
				p->ops->end(p, FEED_END_FORBIDDEN);
}

static uint64_t behind(const struct feed_player *p)
{
	return p->last ? p->feed->bytes - p->last->end : 0;
}

static void check_queue(struct feed_player *p)
{
	struct feed *f = p->feed;
	const struct feeds_config *c = &f->feeds->config;
	size_t bound = c->queue_max > c->gop_max ? c->queue_max : c->gop_max;
	uint64_t had;

	if (behind(p) <= bound)
		return;
	had = p->last->end;
	p->skips++;
	metric_add(f->feeds->metrics.skips, 1);
	log_info("player skips to a keyframe", kv_str("stream", f->stream_id),
		kv_str("kind", p->kind), kv_str("address", p->address), kv_u64("bytes", behind(p)));
	/* One that is inside the GOP already waits for the next. */
	if (f->before_key && f->before_key->end > had) {
		feed_place(p, had);
		return;
	}
	feed_tag_unref(&p->last);
}

static void wake_players(struct feed *f)
{
	struct feed_player *p, *next;

	list_for_each_safe (p, next, &f->players, link) {
		check_queue(p);
		p->ops->ready(p);
	}
}

static void wake(void *user)
{
	struct feeds *feeds = user;

	while (!list_empty(&feeds->dirty)) {
		struct feed *f = container_of(feeds->dirty.next, struct feed, dirty);
		list_remove(&f->dirty);
		wake_players(f);
	}
}

struct feeds *feeds_create(struct loop *l, const struct feeds_config *config)
{
	struct feeds *f = mem_new(struct feeds);

	f->loop = l;
	f->config = *config;
	list_init(&f->all);
	list_init(&f->dirty);
	metrics_init(&f->metrics, loop_metrics(l));
	f->wake = loop_timer_create(l, "playout", wake, f);
	f->look = loop_timer_create(l, "playout look", look, f);
	return f;
}

void feeds_destroy(struct feeds **feeds)
{
	struct feeds *f = *feeds;

	*feeds = NULL;
	if (!f)
		return;
	timer_destroy(&f->wake);
	timer_destroy(&f->look);
	free(f);
}

void feeds_reconfigure(struct feeds *f, const struct feeds_config *config)
{
	f->config = *config;
}

unsigned feeds_players(const struct feeds *f)
{
	return f->players;
}

static enum feed_join refuse(struct feed *f, struct feed_player *p, enum feed_join why)
{
	metric_add(f->feeds->metrics.refused[why], 1);
	log_warn("player refused", kv_str("stream", f->stream_id), kv_str("kind", p->kind),
		kv_str("address", p->address),
		kv_str("reason", why == FEED_FULL ? "players" : "players_of_stream"));
	return why;
}

static void count(struct feeds *feeds, int delta)
{
	feeds->players = (unsigned)((int)feeds->players + delta);
	metric_change(feeds->metrics.players, delta);
	if (!feeds->players)
		timer_stop(feeds->look);
	else if (!timer_active(feeds->look))
		timer_repeat(feeds->look, LOOK_US);
}

enum feed_join feed_join(struct feed *f, struct feed_player *p)
{
	struct feeds *feeds = f->feeds;
	const struct feeds_config *c = &feeds->config;

	if (!p->own && c->players_max && feeds->players >= c->players_max)
		return refuse(f, p, FEED_FULL);
	if (!p->own && c->per_stream_max && f->n_players >= c->per_stream_max)
		return refuse(f, p, FEED_STREAM_FULL);
	p->feed = f;
	p->last = NULL;
	p->joined_us = p->moved_us = loop_now_us(feeds->loop);
	p->bytes = p->skips = p->resumed_at = 0;
	p->busy = p->paused = false;
	list_append(&f->players, &p->link);
	feed_place(p, 0);
	if (p->own)
		return FEED_JOINED;
	f->n_players++;
	count(feeds, 1);
	metric_add(feeds->metrics.joined, 1);
	log_info("player joined", kv_str("stream", f->stream_id), kv_str("kind", p->kind),
		kv_str("address", p->address), kv_bool("at_once", p->last != NULL));
	return FEED_JOINED;
}

static void tell_gone(const struct feed *f, const struct feed_player *p, enum feed_end why)
{
	log_write(why == FEED_END_STALLED || why == FEED_END_FORBIDDEN ? LOG_WARN : LOG_INFO,
		LOG_MODULE, "player gone", kv_str("stream", f->stream_id), kv_str("kind", p->kind),
		kv_str("address", p->address), kv_str("reason", end_label(why)),
		kv_u64("bytes", p->bytes), kv_u64("skips", p->skips),
		kv_u64("ms", (loop_now_us(f->feeds->loop) - p->joined_us) / 1000), KV_LAST);
	metric_add(f->feeds->metrics.ended[why], 1);
}

void feed_leave(struct feed_player *p, enum feed_end why)
{
	struct feed *f = p->feed;

	if (!f)
		return;
	if (!p->own)
		tell_gone(f, p, why);
	feed_tag_unref(&p->last);
	list_remove(&p->link);
	p->feed = NULL;
	if (p->own)
		return;
	f->n_players--;
	count(f->feeds, -1);
}

void feed_moved(struct feed_player *p, bool busy)
{
	if (!p->feed)
		return;
	p->moved_us = loop_now_us(p->feed->feeds->loop);
	p->busy = busy;
}

static void resume(struct feed_player *p)
{
	const struct feed_tag *before = p->feed->before_key;
	uint64_t begins = before ? before->end + 1 : 0;

	if (begins && begins == p->resumed_at)
		return;
	p->resumed_at = begins;
	feed_place(p, 0);
}

void feed_pause(struct feed_player *p, bool paused)
{
	if (!p->feed || p->paused == paused)
		return;
	p->paused = paused;
	if (paused)
		feed_tag_unref(&p->last);
	else
		resume(p);
	p->moved_us = loop_now_us(p->feed->feeds->loop);
}
