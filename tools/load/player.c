#include "player.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hls_list.h"
#include "http_conn.h"
#include "samples.h"
#include "stamp.h"

enum { PATH_SIZE = 1100, QUEUE_MAX = 64, RETRY_US = 200 * 1000 };

struct crowd {
	const struct player_options *opt;
	struct player *players;
	struct samples *frames, *lists, *media; /* latencies */
	uint64_t late, n_lists, n_media, bytes, list_errors, media_errors, overruns;
	unsigned playing, ended;
};

struct player {
	struct crowd *crowd;
	struct http_conn list_conn, media_conn;
	char list_path[PATH_SIZE]; /* multivariant first, then media */
	uint64_t list_us; /* when to ask for the playlist next; UINT64_MAX while asking */
	bool begun, ended;
	uint64_t msn; /* newest item taken up */
	int part;
	char *hint; /* path of the newest part asked for by its hint */
	char *queue[QUEUE_MAX]; /* paths to fetch */
	unsigned n_queue;
};

static void stamp_found(uint64_t wall_us, void *user)
{
	struct crowd *c = user;
	uint64_t now = clock_wall_us(&clock_system), took = now > wall_us ? now - wall_us : 0;
	samples_add(c->frames, took);
	c->late += c->opt->late_us && took > c->opt->late_us;
}

static void media_ask(struct player *p, uint64_t now_us)
{
	if (p->media_conn.busy || p->n_queue == 0)
		return;
	char *path = p->queue[0];
	memmove(p->queue, p->queue + 1, --p->n_queue * sizeof(*p->queue));
	if (!http_conn_get(&p->media_conn, path, true, now_us))
		p->crowd->media_errors++;
	free(path);
}

static void media_done(struct http_conn *http, uint64_t now_us)
{
	struct player *p = http->user;
	struct crowd *c = p->crowd;
	if (http->answer.status == 200) {
		c->n_media++;
		c->bytes += http->answer.body_bytes;
		samples_add(c->media, now_us - http->asked_us);
		stamp_scan(http->answer.body.data, http->answer.body.len, stamp_found, c);
	} else {
		c->media_errors++;
	}
	media_ask(p, now_us);
}

static void media_queue(struct player *p, const char *path)
{
	if (p->n_queue == QUEUE_MAX) {
		p->crowd->overruns++;
		return;
	}
	p->queue[p->n_queue++] = mem_strdup(path);
}

static void item_take(struct player *p, const struct hls_item *item)
{
	char path[PATH_SIZE];
	bool newer = item->msn > p->msn || (item->msn == p->msn && item->part > p->part);
	if (!newer || !hls_resolve(p->list_path, item->uri, path, sizeof(path)))
		return;
	p->msn = item->msn;
	p->part = item->part;
	if (p->begun && !text_eq(p->hint, path))
		media_queue(p, path);
}

static void hint_take(struct player *p, const struct hls_list *l)
{
	char path[PATH_SIZE];
	if (!p->crowd->opt->hints || !l->hint ||
		!hls_resolve(p->list_path, l->hint, path, sizeof(path)) || text_eq(p->hint, path))
		return;
	free(p->hint);
	p->hint = mem_strdup(path);
	media_queue(p, path);
}

static void list_ask(struct player *p, const char *path, uint64_t now_us)
{
	bool ok = http_conn_get(&p->list_conn, path, true, now_us);
	p->crowd->list_errors += !ok;
	p->list_us = ok ? UINT64_MAX : now_us + RETRY_US;
}

static void list_next(struct player *p, const struct hls_list *l, bool low, uint64_t now_us)
{
	struct crowd *c = p->crowd;
	if (low) {
		struct buf b = {0};
		buf_printf(&b, "%s%s_HLS_msn=%llu&_HLS_part=%d", p->list_path,
			strchr(p->list_path, '?') ? "&" : "?", (unsigned long long)l->next_msn,
			l->next_part);
		list_ask(p, buf_text(&b), now_us);
		buf_finish(&b);
		return;
	}
	uint64_t wait = c->opt->poll_us ? c->opt->poll_us : l->target_us / 2;
	p->list_us = now_us + (wait ? wait : RETRY_US);
}

static void player_end(struct player *p)
{
	p->crowd->ended += !p->ended;
	p->ended = true;
	p->list_us = UINT64_MAX;
}

static void list_take(struct player *p, const struct hls_list *l, uint64_t now_us)
{
	if (l->variant) {
		char path[PATH_SIZE];
		if (hls_resolve(p->list_path, l->variant, path, sizeof(path)))
			text_copy(p->list_path, sizeof(p->list_path), path);
		p->list_us = now_us;
		return;
	}
	bool low = l->can_block && l->has_parts && !p->crowd->opt->plain;
	for (size_t i = 0; i < l->n_items; i++) {
		/* A segment whose parts were fetched is nothing new. */
		if (low == (l->items[i].part >= 0))
			item_take(p, &l->items[i]);
	}
	p->crowd->playing += !p->begun && l->n_items > 0;
	p->begun |= l->n_items > 0;
	if (low)
		hint_take(p, l);
	media_ask(p, now_us);
	if (l->ended)
		player_end(p);
	else
		list_next(p, l, low, now_us);
}

static void list_done(struct http_conn *http, uint64_t now_us)
{
	struct player *p = http->user;
	struct crowd *c = p->crowd;
	struct hls_list l;
	int status = http->answer.status;
	/* 404 is a stream that has not begun. */
	c->list_errors += status != 200 && !(status == 404 && !p->begun);
	p->list_us = now_us + RETRY_US;
	if (status != 200)
		return;
	p->list_us = UINT64_MAX;
	c->n_lists++;
	c->bytes += http->answer.body_bytes;
	samples_add(c->lists, now_us - http->asked_us);
	if (hls_list_parse(&l, (const char *)http->answer.body.data, http->answer.body.len))
		list_take(p, &l, now_us);
	else
		c->list_errors++;
	hls_list_finish(&l);
}

static void player_tick(struct player *p, uint64_t now_us)
{
	if (p->list_us == UINT64_MAX || now_us < p->list_us || p->list_conn.busy)
		return;
	list_ask(p, p->list_path, now_us);
}

static void player_init(struct player *p, struct crowd *c, unsigned index, int epoll)
{
	const struct target *t = &c->opt->targets[index % c->opt->n_targets];
	*p = (struct player){.crowd = c, .part = -1};
	text_copy(p->list_path, sizeof(p->list_path), t->path);
	http_conn_init(&p->list_conn, t, epoll);
	http_conn_init(&p->media_conn, t, epoll);
	p->list_conn.done = list_done;
	p->media_conn.done = media_done;
	p->list_conn.user = p->media_conn.user = p;
}

static void player_finish(struct player *p)
{
	http_conn_finish(&p->list_conn);
	http_conn_finish(&p->media_conn);
	for (unsigned i = 0; i < p->n_queue; i++)
		free(p->queue[i]);
	free(p->hint);
}

static void crowd_loop(struct crowd *c, int epoll)
{
	struct epoll_event events[256];
	uint64_t now = clock_mono_us(&clock_system), end = now + c->opt->duration_us;
	while (now < end && !*c->opt->stop && c->ended < c->opt->players) {
		int n = epoll_wait(epoll, events, 256, 5);
		now = clock_mono_us(&clock_system);
		for (int i = 0; i < n; i++)
			http_conn_ready(events[i].data.ptr, events[i].events, now);
		for (unsigned i = 0; i < c->opt->players; i++)
			player_tick(&c->players[i], now);
	}
}

static json_t *crowd_json(const struct crowd *c)
{
	return json_pack("{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
		"players", (int)c->opt->players, "playing", (int)c->playing, "ended", (int)c->ended,
		"lists", (json_int_t)c->n_lists, "media", (json_int_t)c->n_media, "bytes",
		(json_int_t)c->bytes, "listErrors", (json_int_t)c->list_errors, "mediaErrors",
		(json_int_t)c->media_errors, "overruns", (json_int_t)c->overruns, "lateFrames",
		(json_int_t)c->late, "frameLatencyMs", samples_json(c->frames), "listMs",
		samples_json(c->lists), "mediaMs", samples_json(c->media));
}

json_t *players_run(const struct player_options *opt)
{
	struct crowd c = {.opt = opt};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	c.frames = mem_new(struct samples);
	c.lists = mem_new(struct samples);
	c.media = mem_new(struct samples);
	c.players = mem_zalloc(opt->players * sizeof(*c.players));
	for (unsigned i = 0; i < opt->players; i++)
		player_init(&c.players[i], &c, i, epoll);
	crowd_loop(&c, epoll);
	json_t *out = crowd_json(&c);
	for (unsigned i = 0; i < opt->players; i++)
		player_finish(&c.players[i]);
	close(epoll);
	free(c.players);
	free(c.frames);
	free(c.lists);
	free(c.media);
	return out;
}
