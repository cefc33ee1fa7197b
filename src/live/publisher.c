#define LOG_MODULE "live"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"

/* A publisher that waits for its answer; outlives it if the connection goes first. */
struct join {
	struct list link;
	struct live_registry *registry;
	struct live_publisher *publisher; /* NULL: gone */
	bool went_live; /* the stream was asked to, for a permanent key */
};

static void join_free(struct join *j)
{
	list_remove(&j->link);
	free(j);
}

void live_joins_drop(struct live_registry *r)
{
	struct join *j, *next;
	list_for_each_safe (j, next, &r->joins, link) {
		if (j->publisher)
			j->publisher->pending = false;
		j->publisher = NULL;
		j->registry = NULL;
		list_remove(&j->link);
	}
}

static void refuse(struct live_publisher *p, enum live_refusal reason)
{
	metric_add(p->registry->metrics.refused[reason], 1);
	log_warn("publish refused", kv_str("reason", live_refusal_code(reason)),
		kv_str("address", p->address));
	p->ops->refused(p, reason);
}

static void take_over(struct live_stream *s)
{
	struct live_publisher *old = s->publisher;
	log_info("publisher taken over", kv_str("stream", s->id_text),
		kv_str("old_address", old->address));
	live_stream_detach(s);
	live_publisher_kick(old, LIVE_KICK_TAKEOVER);
}

static bool is_full(const struct live_registry *r)
{
	return r->config.max_publishers && r->publishers >= r->config.max_publishers;
}

static void admit(struct live_publisher *p, struct live_stream *s)
{
	struct live_registry *r = p->registry;
	if (s->publisher && r->config.takeover == LIVE_TAKEOVER_REJECT) {
		refuse(p, LIVE_REFUSE_BUSY);
		return;
	}
	if (!s->publisher && is_full(r)) {
		refuse(p, LIVE_REFUSE_FULL);
		return;
	}
	if (s->publisher)
		take_over(s);
	live_stream_attach(s, p);
	p->ops->admitted(p, s);
}

/* The answer to a join, which goes with it. */
static void settle(struct join *j, struct live_stream *s, enum live_refusal why)
{
	struct live_publisher *p = j->publisher;
	join_free(j);
	p->pending = false;
	if (s)
		admit(p, s);
	else
		refuse(p, why);
}

static void on_due_live(void *user, const struct repo_outcome *outcome);

/* A permanent key on a scheduled stream: nobody is told the stream's own key, so nobody has it. */
static void go_live(struct join *j, const struct stream_record *due)
{
	struct live_registry *r = j->registry;
	const struct clock *clock = loop_clock(r->loop);
	uint8_t hash[STREAM_KEY_HASH_SIZE];
	char key[LIVE_KEY_SIZE];
	live_key_new(clock, key);
	live_key_hash(key, hash);
	explicit_bzero(key, sizeof(key));
	j->went_live = true;
	r->repo.ops->stream_go_live(
		r->repo.impl, due->id, clock_wall_ms(clock), hash, false, on_due_live, j);
}

static void look_up(struct join *j)
{
	struct live_registry *r = j->registry;
	struct key_find f;
	if (r->draining) {
		settle(j, NULL, LIVE_REFUSE_DRAINING);
		return;
	}
	key_find(r, j->publisher->key_hash, &f);
	j->publisher->by_seller_key = f.by_seller_key;
	if (!f.is_due || j->went_live)
		settle(j, f.stream, f.why);
	else if (is_full(r))
		settle(j, NULL, LIVE_REFUSE_FULL);
	else
		go_live(j, &f.due);
	key_find_finish(&f);
}

/* Also where another way was quicker to make it live: the look-up finds that. */
static void on_due_live(void *user, const struct repo_outcome *outcome)
{
	struct join *j = user;
	if (j->registry && outcome->result == REPO_OK)
		live_registry_open_stored(j->registry, outcome->stream->id);
	if (j->registry && j->publisher)
		look_up(j);
	else
		join_free(j);
}

static void join_answer(void *arg)
{
	struct join *j = arg;
	if (j->publisher && j->registry)
		look_up(j);
	else
		join_free(j);
}

/*~ The key is looked up and the answer comes back in a later turn of the loop, so that the edge
 * sees one behaviour whatever the store is. Next stop: live_stream_attach in stream.c. */
void live_publisher_join(struct live_publisher *p, struct live_registry *r, const char *key)
{
	struct join *j = mem_new(struct join);
	p->registry = r;
	p->stream = NULL;
	p->pending = true;
	p->by_seller_key = false;
	live_key_hash(key, p->key_hash);
	j->registry = r;
	j->publisher = p;
	list_append(&r->joins, &j->link);
	loop_defer(r->loop, join_answer, j);
}

static void cancel_join(struct live_publisher *p)
{
	struct join *j;
	if (!p->pending)
		return;
	p->pending = false;
	list_for_each (j, &p->registry->joins, link) {
		if (j->publisher == p)
			j->publisher = NULL;
	}
}

void live_publisher_stop(struct live_publisher *p)
{
	struct live_stream *s = p->stream;
	cancel_join(p);
	if (!s)
		return;
	/* It said goodbye itself: no interruption, and nothing to tell it. */
	live_stream_forget_publisher(s);
	live_stream_finish(s, LIVE_END_STOPPED, NULL, NULL);
}

void live_publisher_lost(struct live_publisher *p)
{
	cancel_join(p);
	if (p->stream)
		live_stream_detach(p->stream);
}

void live_publisher_kick(struct live_publisher *p, enum live_kick reason)
{
	log_info("publisher closed", kv_str("reason", live_kick_code(reason)),
		kv_str("address", p->address));
	p->ops->kicked(p, reason);
}

void live_publisher_configure(struct live_publisher *p, enum media_kind kind, unsigned track,
	enum media_codec codec, const uint8_t *config, size_t len)
{
	struct live_stream *s = p->stream;
	if (s)
		intake_configure(s->intake, s->publisher_number,
			&(struct intake_configuration){.kind = kind,
				.track = track,
				.codec = codec,
				.data = config,
				.len = len});
}

void live_publisher_sample(struct live_publisher *p, const struct media_sample *sample)
{
	struct live_stream *s = p->stream;
	if (!s)
		return;
	s->bytes_in += sample->len;
	live_health_sample(&s->health, sample, loop_now_us(p->registry->loop));
	intake_write(s->intake, s->publisher_number, sample);
}

void live_publisher_color(struct live_publisher *p, unsigned track, const struct media_color *color)
{
	struct live_stream *s = p->stream;
	if (s)
		intake_color(s->intake, s->publisher_number, track, color);
}

void live_publisher_metadata(struct live_publisher *p, const struct live_metadata *m)
{
	struct live_stream *s = p->stream;
	if (!s)
		return;
	s->metadata = *m;
	if (m->has_video || m->has_audio)
		intake_expect(s->intake, m->has_video, m->has_audio);
	signal_emit(&s->changed, s);
}

void live_publisher_tag(struct live_publisher *p, const struct feed_input *tag)
{
	if (p->stream)
		feed_put(p->stream->feed, tag);
}
