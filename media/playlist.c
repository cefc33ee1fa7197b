#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "playlist_text.h"
#include "window_private.h"

/*
 * The media playlist (RFC 8216 and draft-pantos-hls-rfc8216bis, low latency). Version 9 because of
 * EXT-X-SKIP; of transport streams, which old players take, 3 wherever it does not stand: they pass
 * over tags they do not know, but not over a version.
 */
#define VERSION_SKIP 9
#define VERSION_MPEGTS 3
#define SKIP_TARGETS 6 /* CAN-SKIP-UNTIL, 4.4.3.8: at least six target durations */
#define PART_TARGETS 3 /* EXT-X-PART are listed this far from the end, 4.4.4.9 */
#define HOLD_BACK_TARGETS 3 /* 4.4.3.8 */

void playlist_put_range(struct buf *out, const struct media_daterange *r)
{
	char time[TEXT_TIME_SIZE];

	text_time(time, r->wall_ms);
	buf_printf(out, "#EXT-X-DATERANGE:ID=\"%s\"", r->id ? r->id : "");
	if (r->class_name)
		buf_printf(out, ",CLASS=\"%s\"", r->class_name);
	buf_printf(out, ",START-DATE=\"%s\"", time);
	if (r->duration_ms)
		buf_printf(out, ",DURATION=%.3f", (double)r->duration_ms / 1000);
	if (r->end_on_next)
		buf_put_str(out, ",END-ON-NEXT=YES");
	if (r->attributes)
		buf_printf(out, ",%s", r->attributes);
	buf_put_u8(out, '\n');
}

static void put_seconds(struct buf *out, uint64_t us)
{
	buf_printf(out, "%" PRIu64 ".%05" PRIu64, us / 1000000, us % 1000000 / 10);
}

void media_playlist_finish(struct media_playlist *p)
{
	for (size_t i = 0; i < p->n_texts; i++)
		media_text_unref(&p->texts[i]);
	free(p->texts);
	buf_finish(&p->head);
	buf_finish(&p->tail);
	*p = (struct media_playlist){0};
}

/* What a playlist lists of a rendition: `old` of what is before the live window, and that. */
struct view {
	const struct window_rendition *r;
	size_t old;
	bool event; /* nothing ever leaves it */
	const char *suffix, *list_suffix;
};

static size_t view_length(const struct view *v)
{
	return v->old + v->r->n_segments;
}

static uint64_t view_duration_us(const struct view *v, size_t i)
{
	return i < v->old ? dvr_at(&v->r->dvr, i)->duration_us
			  : v->r->segments[i - v->old]->duration_us;
}

static uint64_t view_sequence(const struct view *v)
{
	const struct window_rendition *r = v->r;

	if (v->old > 0)
		return dvr_at(&r->dvr, 0)->sequence;
	return r->n_segments ? r->segments[0]->sequence : r->open->sequence;
}

static void put_head(const struct view *v, bool skips, struct buf *out)
{
	const struct window_rendition *r = v->r;
	uint64_t hold_us = 3 * r->part_target_us;
	uint64_t discontinuities =
		r->discontinuity_sequence + (v->old > 0 ? 0 : r->dvr.discontinuities);

	buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n",
		r->window->container == MEDIA_CONTAINER_CMAF || skips ? VERSION_SKIP
								      : VERSION_MPEGTS);
	if (r->independent)
		buf_put_str(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
	if (v->event)
		buf_put_str(out, "#EXT-X-PLAYLIST-TYPE:EVENT\n");
	buf_printf(out, "#EXT-X-TARGETDURATION:%u\n", r->target_s);
	buf_put_str(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=");
	put_seconds(out, hold_us);
	buf_printf(out, ",HOLD-BACK=%u.0,CAN-SKIP-UNTIL=%u.0%s\n", HOLD_BACK_TARGETS * r->target_s,
		SKIP_TARGETS * r->target_s, v->event ? ",CAN-SKIP-DATERANGES=YES" : "");
	buf_put_str(out, "#EXT-X-PART-INF:PART-TARGET=");
	put_seconds(out, r->part_target_us);
	buf_printf(out, "\n#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", view_sequence(v));
	if (discontinuities)
		buf_printf(out, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n", discontinuities);
}

static void put_parts(struct buf *out, const struct media_segment *s, size_t n, const char *suffix)
{
	for (size_t i = 0; i < n; i++) {
		buf_put_str(out, "#EXT-X-PART:DURATION=");
		put_seconds(out, s->parts[i].duration_us);
		buf_printf(out, ",URI=\"part_%u_%" PRIu64 "_%zu.%s%s\"%s\n", s->rendition,
			s->sequence, i, media_container_suffix(s->container), suffix,
			s->parts[i].independent ? ",INDEPENDENT=YES" : "");
	}
}

void playlist_put_map(struct buf *out, unsigned rendition, unsigned init, const char *suffix)
{
	buf_printf(out, "#EXT-X-MAP:URI=\"init_%u_%u.mp4%s\"\n", rendition, init, suffix);
}

static void put_segment_head(struct buf *out, const struct playlist_segment *s, const char *suffix)
{
	char time[TEXT_TIME_SIZE];

	if (s->discontinuity)
		buf_put_str(out, "#EXT-X-DISCONTINUITY\n");
	if (s->map)
		playlist_put_map(out, s->rendition, s->init, suffix);
	text_time(time, s->wall_ms);
	buf_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", time);
}

static void put_segment_uri(struct buf *out, const struct playlist_segment *s, const char *suffix)
{
	if (s->gap)
		buf_put_str(out, "#EXT-X-GAP\n");
	buf_put_str(out, "#EXTINF:");
	put_seconds(out, s->duration_us);
	buf_printf(out, ",\nseg_%u_%" PRIu64 ".%s%s\n", s->rendition, s->sequence,
		media_container_suffix(s->container), suffix);
}

void playlist_put_segment(struct buf *out, const struct playlist_segment *s, const char *suffix)
{
	put_segment_head(out, s, suffix);
	put_segment_uri(out, s, suffix);
}

/* The init segment that holds before segments[i]; NULL: none is said yet. */
static const unsigned *init_before(const struct view *v, size_t i)
{
	const struct window_rendition *r = v->r;

	if (i > 0)
		return &r->segments[i - 1]->init;
	return v->old > 0 ? &dvr_last(&r->dvr)->init : NULL;
}

static struct playlist_segment say(
	const struct view *v, const struct media_segment *s, const unsigned *before)
{
	return (struct playlist_segment){
		.rendition = s->rendition,
		.container = s->container,
		.init = s->init,
		.sequence = s->sequence,
		.wall_ms = s->wall_ms,
		.duration_us = s->duration_us,
		.discontinuity = s->discontinuity,
		.gap = s->gap,
		.map = s->container == MEDIA_CONTAINER_CMAF && (!before || *before != s->init),
	};
}

static uint64_t open_us(const struct window_rendition *r)
{
	uint64_t us = 0;

	for (size_t i = 0; i < r->open_listed; i++)
		us += r->open->parts[i].duration_us;
	return us;
}

/* The first segment whose parts are listed: those before are further from the end than needed. */
static size_t first_with_parts(const struct window_rendition *r)
{
	uint64_t from_end = open_us(r);
	size_t i = r->n_segments;

	while (i > 0 && from_end < PART_TARGETS * (uint64_t)r->target_s * 1000000 &&
		segment_in_memory(r->segments[i - 1]) && !r->segments[i - 1]->hide_parts) {
		i--;
		from_end += r->segments[i]->duration_us;
	}
	return i;
}

/* How many segments a delta update may leave out: those before the skip boundary, 4.4.5.2. */
static size_t skippable(const struct view *v)
{
	uint64_t from_end = open_us(v->r);
	size_t i = view_length(v);

	while (i > 0 &&
		from_end + view_duration_us(v, i - 1) <=
			SKIP_TARGETS * (uint64_t)v->r->target_s * 1000000) {
		i--;
		from_end += view_duration_us(v, i);
	}
	/* The segment that the boundary cuts stays. */
	return i > 0 ? i - 1 : 0;
}

static void put_segments(const struct view *v, size_t skip, struct media_playlist *out)
{
	const struct window_rendition *r = v->r;
	size_t parts_from = r->window->ended ? r->n_segments : first_with_parts(r);

	if (skip < v->old)
		dvr_put(&r->dvr, r->number, skip, v->suffix, out);
	for (size_t i = skip > v->old ? skip - v->old : 0; i < r->n_segments; i++) {
		const struct media_segment *s = r->segments[i];
		const struct playlist_segment said = say(v, s, init_before(v, i));
		put_segment_head(&out->tail, &said, v->suffix);
		if (i >= parts_from)
			put_parts(&out->tail, s, s->n_parts, v->suffix);
		put_segment_uri(&out->tail, &said, v->suffix);
	}
}

/* 4.4.5.4: how far the other renditions are, so that a player that changes need not ask. */
static void put_report(const struct window_rendition *r, const char *suffix, struct buf *out)
{
	const struct media_segment *last = r->n_segments ? r->segments[r->n_segments - 1] : NULL;

	buf_printf(out, "#EXT-X-RENDITION-REPORT:URI=\"stream_%u.m3u8%s\"", r->number, suffix);
	if (r->open_listed > 0)
		buf_printf(out, ",LAST-MSN=%" PRIu64 ",LAST-PART=%zu\n", r->open->sequence,
			r->open_listed - 1);
	else if (last->n_parts > 0)
		buf_printf(out, ",LAST-MSN=%" PRIu64 ",LAST-PART=%zu\n", last->sequence,
			last->n_parts - 1);
	else
		buf_printf(out, ",LAST-MSN=%" PRIu64 "\n", last->sequence);
}

static void put_reports(const struct window_rendition *r, const char *suffix, struct buf *out)
{
	for (size_t i = 0; i < MEDIA_RENDITIONS; i++) {
		const struct window_rendition *other = r->window->renditions[i];
		if (other != r && rendition_current(other))
			put_report(other, suffix, out);
	}
}

/* 4.4.5.2: those that were there before the skip boundary, and as long again as a segment may be
 * open. Nothing is removed where they may be left out. */
static bool is_skipped(const struct view *v, const struct window_range *range)
{
	const uint64_t boundary_us = (SKIP_TARGETS + 1) * (uint64_t)v->r->target_s * 1000000;

	return range->added_us + boundary_us < window_end_us(window_main(v->r->window));
}

static void put_ranges(const struct view *v, bool skip, struct buf *out)
{
	struct window_range *range;

	list_for_each (range, &v->r->window->ranges, link) {
		if (!skip || !is_skipped(v, range))
			playlist_put_range(out, &range->range);
	}
}

static void put_tail(const struct view *v, bool skip_ranges, struct buf *out)
{
	const struct window_rendition *r = v->r;
	const struct media_segment *open = r->open;
	const char *suffix = v->suffix;

	if (r->window->ended) {
		put_ranges(v, skip_ranges, out);
		buf_put_str(out, "#EXT-X-ENDLIST\n");
		return;
	}
	if (r->open_listed > 0) {
		const struct playlist_segment said = say(v, open, init_before(v, r->n_segments));
		put_segment_head(out, &said, suffix);
		put_parts(out, open, r->open_listed, suffix);
	}
	buf_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part_%u_%" PRIu64 "_%zu.%s%s\"\n",
		r->number, open->sequence, r->open_listed, media_container_suffix(open->container),
		suffix);
	put_reports(r, v->list_suffix, out);
	put_ranges(v, skip_ranges, out);
}

/* 6.2.5.2: how many parts ahead of the playlist a request may ask for. */
static uint64_t part_limit(const struct window_rendition *r)
{
	return r->part_target_us < 1000000 ? (3000000 + r->part_target_us - 1) / r->part_target_us
					   : 3;
}

static enum media_lookup check_blocking(
	const struct window_rendition *r, const struct media_playlist_query *q)
{
	uint64_t next = r->open->sequence, msn = q->msn, part = q->part;
	const struct media_segment *last = r->n_segments ? r->segments[r->n_segments - 1] : NULL;

	if (!q->has_msn || r->window->ended)
		return MEDIA_FOUND;
	/* A part behind a segment's last one means the first of the next segment. */
	if (q->has_part && last && msn == last->sequence && last->n_parts > 0 &&
		part >= last->n_parts && part < last->n_parts + part_limit(r)) {
		msn = next;
		part = 0;
	}
	if (msn < next)
		return MEDIA_FOUND;
	if (msn > next + 1)
		return MEDIA_TOO_FAR;
	if (q->has_part && part >= (msn == next ? r->open_listed : 0) + part_limit(r))
		return MEDIA_TOO_FAR;
	if (msn == next && q->has_part && part < r->open_listed)
		return MEDIA_FOUND;
	return MEDIA_WAIT;
}

static struct view view_of(
	const struct window_rendition *r, const struct media_playlist_query *query)
{
	const char *suffix = query->uri_suffix ? query->uri_suffix : "";

	return (struct view){
		.r = r,
		.old = query->brief ? 0 : dvr_listed(&r->dvr),
		.event = !query->brief && r->window->dvr_us == MEDIA_DVR_WHOLE && !r->broken,
		.suffix = suffix,
		.list_suffix = query->list_suffix ? query->list_suffix : suffix,
	};
}

enum media_lookup media_window_playlist_pieces(struct media_window *w, unsigned rendition,
	const struct media_playlist_query *query, struct media_playlist *out)
{
	struct window_rendition *r = rendition < MEDIA_RENDITIONS ? w->renditions[rendition] : NULL;
	struct view v;
	enum media_lookup look;
	size_t skip;

	*out = (struct media_playlist){0};
	if (!rendition_playable(r))
		return MEDIA_GONE;
	look = check_blocking(r, query);
	if (look != MEDIA_FOUND)
		return look;
	v = view_of(r, query);
	skip = query->skip ? skippable(&v) : 0;
	put_head(&v, skip > 0, &out->head);
	if (skip > 0)
		buf_printf(&out->head, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%zu\n", skip);
	put_segments(&v, skip, out);
	put_tail(&v, query->skip_ranges && v.event, &out->tail);
	return MEDIA_FOUND;
}

enum media_lookup media_window_playlist(struct media_window *w, unsigned rendition,
	const struct media_playlist_query *query, struct buf *out)
{
	struct media_playlist p;
	enum media_lookup look = media_window_playlist_pieces(w, rendition, query, &p);

	if (look != MEDIA_FOUND)
		return look;
	buf_put(out, p.head.data, p.head.len);
	for (size_t i = 0; i < p.n_texts; i++)
		buf_put(out, rcbuf_data(p.texts[i]->bytes), rcbuf_len(p.texts[i]->bytes));
	buf_put(out, p.tail.data, p.tail.len);
	media_playlist_finish(&p);
	return MEDIA_FOUND;
}
