#define LOG_MODULE "playout"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "feed_private.h"

/*~ Tags come from live/publisher.c as the encoder sent them and leave by rtmp/player.c and
 * http/flv.c, which are woken once for all that came in one turn of the loop. */

#define FLV_HEAD FEED_WIRE_HEAD
#define FLV_TAIL FEED_WIRE_TAIL

/* A clock that goes back or leaps so far is another clock. */
#define BACK_MAX_MS 5000
#define LEAP_MAX_MS 60000

static void put_u24(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 16);
	at[1] = (uint8_t)(v >> 8);
	at[2] = (uint8_t)v;
}

/* Adobe FLV 10.1, annex E.4.1: the fourth byte of the timestamp stands behind the others. */
static struct rcbuf *make_wire(uint8_t type, uint32_t timestamp, const uint8_t *body, size_t len)
{
	struct rcbuf *wire = rcbuf_create(FLV_HEAD + len + FLV_TAIL);
	uint8_t *at = rcbuf_writable(wire);
	uint32_t size = (uint32_t)(FLV_HEAD + len);

	at[0] = type;
	put_u24(at + 1, (uint32_t)len);
	put_u24(at + 4, timestamp & 0xffffff);
	at[7] = (uint8_t)(timestamp >> 24);
	put_u24(at + 8, 0);
	memcpy(at + FLV_HEAD, body, len);
	at += FLV_HEAD + len;
	at[0] = (uint8_t)(size >> 24);
	put_u24(at + 1, size & 0xffffff);
	return wire;
}

static void account(struct feeds *feeds, int64_t bytes)
{
	metric_change(feeds->metrics.memory, bytes);
}

static struct feed_tag *tag_bare(struct feeds *feeds, size_t len)
{
	struct feed_tag *t = mem_new(struct feed_tag);

	t->refs = 1;
	t->feeds = feeds;
	t->cost = sizeof(*t) + len;
	account(feeds, (int64_t)t->cost);
	return t;
}

static struct feed_tag *tag_create(
	struct feeds *feeds, uint8_t type, uint32_t timestamp, const uint8_t *body, size_t len)
{
	struct feed_tag *t = tag_bare(feeds, FLV_HEAD + len + FLV_TAIL);

	t->type = type;
	t->timestamp = timestamp;
	t->wire = make_wire(type, timestamp, body, len);
	return t;
}

/* The same outside the chain: it holds nothing that comes after it. */
static struct feed_tag *tag_alone(const struct feed_tag *t)
{
	struct feed_tag *alone = tag_bare(t->feeds, 0);

	alone->type = t->type;
	alone->track = t->track;
	alone->is_config = t->is_config;
	alone->end = t->end;
	alone->wire = rcbuf_ref(t->wire);
	return alone;
}

static struct feed_tag *tag_ref(struct feed_tag *t)
{
	t->refs++;
	return t;
}

/* A tag holds its next: what nobody else holds goes with it. */
void feed_tag_unref(struct feed_tag **tag)
{
	struct feed_tag *t = *tag;

	*tag = NULL;
	while (t && --t->refs == 0) {
		struct feed_tag *next = t->next;
		account(t->feeds, -(int64_t)t->cost);
		rcbuf_unref(&t->wire);
		free(t);
		t = next;
	}
}

static void headers_clear(struct feed_headers *h)
{
	for (unsigned i = 0; i < FEED_HEADERS_MAX; i++)
		feed_tag_unref(&h->tags[i]);
}

static void headers_copy(struct feed_headers *to, const struct feed_headers *from)
{
	headers_clear(to);
	for (unsigned i = 0; i < FEED_HEADERS_MAX; i++)
		to->tags[i] = from->tags[i] ? tag_ref(from->tags[i]) : NULL;
}

/* The metadata has the first place; configurations follow in the order of their coming. */
static void headers_put(struct feed_headers *h, const struct feed_tag *t)
{
	for (unsigned i = t->type == FEED_SCRIPT ? 0 : 1; i < FEED_HEADERS_MAX; i++) {
		struct feed_tag *old = h->tags[i];
		if (old && (old->type != t->type || old->track != t->track))
			continue;
		feed_tag_unref(&h->tags[i]);
		h->tags[i] = tag_alone(t);
		return;
	}
}

struct feed *feed_create(struct feeds *feeds, const char *stream_id)
{
	struct feed *f = mem_new(struct feed);

	f->feeds = feeds;
	f->stream_id = mem_strdup(stream_id);
	list_init(&f->players);
	list_init(&f->dirty);
	f->tail = tag_bare(feeds, 0);
	f->is_new_clock = true;
	list_append(&feeds->all, &f->link);
	return f;
}

void feed_destroy(struct feed **feed)
{
	struct feed *f = *feed;

	*feed = NULL;
	if (!f)
		return;
	while (!list_empty(&f->players)) {
		struct list *first = f->players.next;
		struct feed_player *p = container_of(first, struct feed_player, link);
		p->ops->end(p, FEED_END_OVER);
		/* Who left at once may be gone. */
		if (f->players.next == first)
			feed_leave(p, FEED_END_OVER);
	}
	headers_clear(&f->latest);
	headers_clear(&f->start);
	feed_tag_unref(&f->before_key);
	feed_tag_unref(&f->tail);
	list_remove(&f->dirty);
	list_remove(&f->link);
	free(f->stream_id);
	free(f);
}

void feed_restart(struct feed *f)
{
	f->is_new_clock = true;
	f->has_audio = f->has_video = false;
	headers_clear(&f->latest);
}

/*
 * The stream's own clock. Between two publishers it goes on by the time that passed. Scripts and
 * configurations do not move it: some encoders give them the time 0 whenever they come.
 */
static uint32_t stream_time(struct feed *f, uint32_t timestamp)
{
	uint64_t now_ms = loop_now_us(f->feeds->loop) / 1000;
	int32_t step = (int32_t)(timestamp - f->in_ms);
	bool leaps = f->is_new_clock || step < -BACK_MAX_MS || step > LEAP_MAX_MS;

	if (leaps && f->has_begun)
		f->out_ms = f->newest_ms + (now_ms > f->put_ms ? now_ms - f->put_ms : 1);
	else if (!leaps && step < 0 && (uint64_t) - (int64_t)step > f->out_ms)
		f->out_ms = 0;
	else if (!leaps)
		f->out_ms += (uint64_t)(int64_t)step;
	f->is_new_clock = false;
	f->has_begun = true;
	f->in_ms = timestamp;
	f->put_ms = now_ms;
	if (f->out_ms > f->newest_ms)
		f->newest_ms = f->out_ms;
	return (uint32_t)f->out_ms;
}

static void forget_gop(struct feed *f)
{
	feed_tag_unref(&f->before_key);
	headers_clear(&f->start);
}

/* `before` is the last tag that came before the keyframe. */
static void begin_gop(struct feed *f, struct feed_tag *before)
{
	struct feed_tag *old = f->before_key;

	f->before_key = tag_ref(before);
	feed_tag_unref(&old);
	headers_copy(&f->start, &f->latest);
}

static void append(struct feed *f, struct feed_tag *t)
{
	struct feed_tag *before = f->tail;

	f->bytes += rcbuf_len(t->wire);
	t->end = f->bytes;
	before->next = tag_ref(t);
	f->tail = t;
	if (t->is_key && (f->feeds->config.gop_max || !list_empty(&f->players)))
		begin_gop(f, before);
	feed_tag_unref(&before);
}

/* Players that wait get their keyframe at once, whatever becomes of the GOP. */
static void place_waiting(struct feed *f)
{
	struct feed_player *p;

	list_for_each (p, &f->players, link)
		if (!p->last && !p->paused)
			feed_place(p, 0);
}

static void mark_dirty(struct feed *f)
{
	if (list_empty(&f->players) || !list_empty(&f->dirty))
		return;
	list_append(&f->feeds->dirty, &f->dirty);
	timer_start(f->feeds->wake, 0);
}

void feed_put(struct feed *f, const struct feed_input *in)
{
	struct feed_tag *t;
	uint32_t timestamp;
	bool timeless;

	if (f->is_over || in->len >= 1u << 24)
		return;
	f->has_video = f->has_video || in->type == FEED_VIDEO;
	f->has_audio = f->has_audio || in->type == FEED_AUDIO;
	timeless = in->is_config || in->type == FEED_SCRIPT;
	timestamp = timeless ? (uint32_t)f->newest_ms : stream_time(f, in->timestamp);
	t = tag_create(f->feeds, (uint8_t)in->type, timestamp, in->body, in->len);
	t->track = in->track;
	t->is_config = in->is_config;
	/* Without a picture a player may begin anywhere. */
	t->is_key = in->is_key || (!f->has_video && in->type == FEED_AUDIO && !in->is_config);
	append(f, t);
	if (in->is_config)
		headers_put(&f->latest, t);
	if (t->is_key)
		place_waiting(f);
	if (f->before_key && f->bytes - f->before_key->end > f->feeds->config.gop_max)
		forget_gop(f);
	mark_dirty(f);
}

void feed_finish(struct feed *f)
{
	f->is_over = true;
	mark_dirty(f);
}

/* The configurations as of the keyframe, on its time, lead to it: a way into the chain. */
void feed_place(struct feed_player *p, uint64_t had)
{
	struct feed *f = p->feed;
	struct feed_tag *first, *last, *key;

	feed_tag_unref(&p->last);
	if (!f->before_key || !f->before_key->next)
		return;
	key = f->before_key->next;
	first = last = tag_bare(f->feeds, 0);
	first->end = f->before_key->end;
	for (unsigned i = 0; i < FEED_HEADERS_MAX; i++) {
		const struct feed_tag *h = f->start.tags[i];
		if (!h || (had && h->end <= had))
			continue;
		last->next = tag_create(f->feeds, h->type, key->timestamp,
			rcbuf_data(h->wire) + FLV_HEAD, rcbuf_len(h->wire) - FLV_HEAD - FLV_TAIL);
		last = last->next;
		last->track = h->track;
		last->is_config = true;
		last->end = f->before_key->end;
	}
	last->next = tag_ref(key);
	p->last = first;
}

bool feed_next(struct feed_player *p, struct feed_item *out)
{
	struct feed_tag *t = p->last ? p->last->next : NULL;

	if (!t)
		return false;
	tag_ref(t);
	feed_tag_unref(&p->last);
	p->last = t;
	p->bytes += rcbuf_len(t->wire);
	if (!p->own)
		metric_add(t->feeds->metrics.bytes, rcbuf_len(t->wire));
	*out = (struct feed_item){
		.type = t->type,
		.timestamp = t->timestamp,
		.body = rcbuf_data(t->wire) + FLV_HEAD,
		.len = rcbuf_len(t->wire) - FLV_HEAD - FLV_TAIL,
		.wire = t->wire,
		.track = t->track,
		.is_key = t->is_key,
		.is_config = t->is_config,
	};
	return true;
}

void feed_kinds(const struct feed_player *p, bool *audio, bool *video)
{
	*audio = p->feed && p->feed->has_audio;
	*video = p->feed && p->feed->has_video;
}

bool feed_is_over(const struct feed_player *p)
{
	return p->feed && p->feed->is_over && (!p->last || !p->last->next);
}
