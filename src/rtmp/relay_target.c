#define LOG_MODULE "relay"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "live/relay_url.h"
#include "relay_private.h"

static const char *end_text(enum relay_end end)
{
	static const char *const texts[] = {
#define X(name, text) [RELAY_END_##name] = text,
		RELAY_END_TABLE(X)
#undef X
	};
	return texts[end];
}

static struct relays *relays_of(const struct relay_target *t)
{
	return t->stream->relays;
}

static uint64_t wall_ms(const struct relay_target *t)
{
	return clock_wall_ms(loop_clock(relays_of(t)->loop));
}

static void set_state(struct relay_target *t, enum relay_state state)
{
	struct relays *r = relays_of(t);

	t->next_ms = state == RELAY_WAITING ? t->next_ms : 0;
	if (t->state == state)
		return;
	metric_change(r->metrics.targets[t->state], -1);
	metric_change(r->metrics.targets[state], 1);
	t->state = state;
	t->since_ms = wall_ms(t);
}

static bool has_encoder(const struct relay_target *t)
{
	return live_stream_state(t->stream->live) == LIVE_PUBLISHING;
}

static bool is_over(const struct relay_target *t)
{
	return relays_of(t)->draining || live_stream_state(t->stream->live) == LIVE_FINISHING;
}

/* The state that follows from what there is. */
static void settle(struct relay_target *t)
{
	if (is_over(t)) {
		/* What is left of the stream is still on its way. */
		if (!t->attempt)
			set_state(t, RELAY_STOPPED);
	} else if (!has_encoder(t))
		set_state(t, RELAY_PAUSED);
	else if (t->attempt)
		set_state(t, t->is_up ? RELAY_LIVE : RELAY_CONNECTING);
	else
		set_state(t, RELAY_WAITING);
}

/* From the feed to the link. */

static struct relay_target *target_of(struct feed_player *p)
{
	return container_of(p, struct relay_target, player);
}

static void take_all(struct relay_target *t)
{
	struct relays *r = relays_of(t);
	uint64_t now = loop_now_us(r->loop);
	struct feed_item item;
	unsigned dropped = 0;

	while (feed_next(&t->player, &item))
		dropped += relay_link_put(t->attempt, &item, now);
	if (dropped && !t->dropped)
		log_warn("relay drops to a keyframe",
			kv_str("stream", live_stream_id_text(t->stream->live)),
			kv_str("target", t->masked));
	t->dropped += dropped;
	metric_add(r->metrics.dropped, dropped);
}

static void on_ready(struct feed_player *p)
{
	take_all(target_of(p));
}

static bool on_allowed(struct feed_player *p)
{
	return true;
}

static void on_end(struct feed_player *p, enum feed_end why)
{
	feed_leave(p, why);
}

static const struct feed_player_ops player_ops = {
	.ready = on_ready,
	.allowed = on_allowed,
	.end = on_end,
};

/* Attempts */

static void on_up(void *user)
{
	struct relay_target *t = user;
	struct relays *r = relays_of(t);

	if (is_over(t))
		return;
	t->is_up = true;
	t->up_us = loop_now_us(r->loop);
	t->connects++;
	metric_add(r->metrics.connects, 1);
	log_info("relay accepted", kv_str("stream", live_stream_id_text(t->stream->live)),
		kv_str("target", t->masked), kv_u64("attempts", t->attempts));
	t->player = (struct feed_player){
		.ops = &player_ops, .kind = "relay", .address = t->masked, .own = true};
	feed_join(live_stream_feed(t->stream->live), &t->player);
	take_all(t);
	settle(t);
}

static void close_link(struct relay_target *t)
{
	feed_leave(&t->player, FEED_END_CLOSED);
	if (t->attempt)
		t->bytes += relay_link_bytes(t->attempt);
	if (t->is_up)
		relay_backoff_lived(&t->backoff, loop_now_us(relays_of(t)->loop) - t->up_us);
	t->is_up = false;
}

static void retry(struct relay_target *t)
{
	struct relays *r = relays_of(t);
	uint32_t chance;
	uint64_t us;

	clock_random(loop_clock(r->loop), &chance, sizeof(chance));
	us = relay_backoff_next(
		&t->backoff, r->config.backoff_min_us, r->config.backoff_max_us, chance);
	timer_start(t->timer, us);
	settle(t);
	if (t->state == RELAY_WAITING)
		t->next_ms = wall_ms(t) + us / 1000;
}

static void failed(struct relay_target *t, enum relay_end why, const char *error)
{
	struct relays *r = relays_of(t);

	metric_add(r->metrics.ended[why], 1);
	text_copy(t->error, sizeof(t->error), error);
	log_warn("relay failed", kv_str("stream", live_stream_id_text(t->stream->live)),
		kv_str("target", t->masked), kv_str("reason", end_text(why)),
		kv_str("error", t->error), kv_u64("attempts", t->attempts),
		kv_u64("bytes", t->bytes), kv_u64("dropped", t->dropped));
	retry(t);
}

static void on_down(void *user, enum relay_end why, const char *error)
{
	struct relay_target *t = user;

	close_link(t);
	t->attempt = NULL;
	if (!is_over(t)) {
		failed(t, why, why == RELAY_END_DONE ? "ended" : error);
		return;
	}
	metric_add(relays_of(t)->metrics.ended[why], 1);
	log_info("relay ended", kv_str("stream", live_stream_id_text(t->stream->live)),
		kv_str("target", t->masked), kv_str("reason", end_text(why)),
		kv_u64("bytes", t->bytes), kv_u64("dropped", t->dropped));
	settle(t);
}

static const struct relay_link_events link_events = {.up = on_up, .down = on_down};

static void begin(struct relay_target *t)
{
	struct relays *r = relays_of(t);
	const struct relay_link_config config = {
		.relay = &r->config,
		.mailbox = r->mailbox,
		.bytes = r->metrics.bytes,
		.url = t->url,
		.events = &link_events,
		.user = t,
	};

	if (!relays_have_room(r)) {
		failed(t, RELAY_END_LIMIT, "the server has too many relays");
		return;
	}
	t->attempts++;
	metric_add(r->metrics.attempts, 1);
	t->attempt = relay_link_start(&config, &r->links);
	if (!t->attempt)
		failed(t, RELAY_END_LIMIT, "no thread for another relay");
	else if (!timer_active(r->look))
		timer_repeat(r->look, RELAY_LOOK_US);
}

static void try_now(struct relay_target *t)
{
	if (!is_over(t) && has_encoder(t) && !t->attempt && !timer_active(t->timer))
		begin(t);
	settle(t);
}

static void on_time(void *user)
{
	try_now(user);
}

/* The rest of the stream is for it too, as long as the queue may wait; a server that goes has less
 * time. */
static void finish(struct relay_target *t)
{
	struct relays *r = relays_of(t);
	uint64_t patience_us = r->draining ? RELAY_GOODBYE_US : r->config.queue_us;

	if (t->player.feed)
		take_all(t);
	relay_link_finish(t->attempt, loop_now_us(r->loop) + patience_us);
}

void relay_target_update(struct relay_target *t)
{
	if (!is_over(t)) {
		try_now(t);
		return;
	}
	timer_stop(t->timer);
	if (t->attempt)
		finish(t);
	settle(t);
}

struct relay_target *relay_target_create(struct relay_stream *s, const struct relay_record *row)
{
	struct relay_target *t = mem_new(struct relay_target);

	t->stream = s;
	t->id = row->id;
	t->url = mem_strdup(row->url);
	t->masked = relay_url_masked(row->url);
	t->timer = loop_timer_create(s->relays->loop, "relay", on_time, t);
	t->since_ms = wall_ms(t);
	metric_change(s->relays->metrics.targets[t->state], 1);
	return t;
}

void relay_target_destroy(struct relay_target *t)
{
	close_link(t);
	relay_link_drop(&t->attempt);
	metric_change(relays_of(t)->metrics.targets[t->state], -1);
	timer_destroy(&t->timer);
	explicit_bzero(t->url, strlen(t->url));
	free(t->url);
	free(t->masked);
	free(t);
}

void relay_target_status(const struct relay_target *t, struct relay_status *out)
{
	*out = (struct relay_status){
		.state = t->state,
		.since_ms = t->since_ms,
		.next_ms = t->next_ms,
		.bytes = t->bytes + (t->attempt ? relay_link_bytes(t->attempt) : 0),
		.dropped = t->dropped,
		.attempts = t->attempts,
		.connects = t->connects,
		.error = t->error[0] ? t->error : NULL,
	};
}
