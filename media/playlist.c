#include <inttypes.h>
#include <math.h>

#include "base/text.h"
#include "playlist_text.h"
#include "window_private.h"

/*
 * The media playlist (RFC 8216 and draft-pantos-hls-rfc8216bis, low latency). Version 9 because of
 * EXT-X-SKIP.
 */
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

static uint64_t first_sequence(const struct window_rendition *r)
{
	return r->n_segments ? r->segments[0]->sequence : r->open->sequence;
}

static void put_head(const struct window_rendition *r, struct buf *out)
{
	uint64_t hold_us = 3 * r->part_target_us;

	buf_put_str(out, "#EXTM3U\n#EXT-X-VERSION:9\n");
	if (r->independent)
		buf_put_str(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
	buf_printf(out, "#EXT-X-TARGETDURATION:%u\n", r->target_s);
	buf_put_str(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=");
	put_seconds(out, hold_us);
	buf_printf(out, ",HOLD-BACK=%u.0,CAN-SKIP-UNTIL=%u.0\n", HOLD_BACK_TARGETS * r->target_s,
		SKIP_TARGETS * r->target_s);
	buf_put_str(out, "#EXT-X-PART-INF:PART-TARGET=");
	put_seconds(out, r->part_target_us);
	buf_printf(out, "\n#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", first_sequence(r));
	if (r->discontinuity_sequence)
		buf_printf(out, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n",
			r->discontinuity_sequence);
}

static void put_parts(struct buf *out, const struct media_segment *s, size_t n, const char *suffix)
{
	for (size_t i = 0; i < n; i++) {
		buf_put_str(out, "#EXT-X-PART:DURATION=");
		put_seconds(out, s->parts[i].duration_us);
		buf_printf(out, ",URI=\"part_%u_%" PRIu64 "_%zu.m4s%s\"%s\n", s->rendition,
			s->sequence, i, suffix, s->parts[i].independent ? ",INDEPENDENT=YES" : "");
	}
}

static void put_segment_head(struct buf *out, const struct media_segment *s,
	const struct media_segment *before, const char *suffix)
{
	char time[TEXT_TIME_SIZE];

	if (s->discontinuity)
		buf_put_str(out, "#EXT-X-DISCONTINUITY\n");
	if (!before || before->init != s->init)
		buf_printf(out, "#EXT-X-MAP:URI=\"init_%u_%u.mp4%s\"\n", s->rendition, s->init,
			suffix);
	text_time(time, s->wall_ms);
	buf_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", time);
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
static size_t skippable(const struct window_rendition *r)
{
	uint64_t from_end = open_us(r);
	size_t i = r->n_segments;

	while (i > 0 &&
		from_end + r->segments[i - 1]->duration_us <=
			SKIP_TARGETS * (uint64_t)r->target_s * 1000000) {
		i--;
		from_end += r->segments[i]->duration_us;
	}
	/* The segment that the boundary cuts stays. */
	return i > 0 ? i - 1 : 0;
}

static void put_segments(
	const struct window_rendition *r, size_t first, const char *suffix, struct buf *out)
{
	size_t parts_from = r->window->ended ? r->n_segments : first_with_parts(r);

	for (size_t i = first; i < r->n_segments; i++) {
		const struct media_segment *s = r->segments[i];
		put_segment_head(out, s, i ? r->segments[i - 1] : NULL, suffix);
		if (i >= parts_from)
			put_parts(out, s, s->n_parts, suffix);
		buf_put_str(out, "#EXTINF:");
		put_seconds(out, s->duration_us);
		buf_printf(out, ",\nseg_%u_%" PRIu64 ".m4s%s\n", s->rendition, s->sequence, suffix);
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

static void put_tail(const struct window_rendition *r, const char *suffix, struct buf *out)
{
	const struct media_segment *open = r->open;
	struct window_range *range;

	if (r->window->ended) {
		list_for_each (range, &r->window->ranges, link)
			playlist_put_range(out, &range->range);
		buf_put_str(out, "#EXT-X-ENDLIST\n");
		return;
	}
	if (r->open_listed > 0) {
		put_segment_head(
			out, open, r->n_segments ? r->segments[r->n_segments - 1] : NULL, suffix);
		put_parts(out, open, r->open_listed, suffix);
	}
	buf_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part_%u_%" PRIu64 "_%zu.m4s%s\"\n",
		r->number, open->sequence, r->open_listed, suffix);
	put_reports(r, suffix, out);
	list_for_each (range, &r->window->ranges, link)
		playlist_put_range(out, &range->range);
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

enum media_lookup media_window_playlist(struct media_window *w, unsigned rendition,
	const struct media_playlist_query *query, struct buf *out)
{
	const char *suffix = query->uri_suffix ? query->uri_suffix : "";
	struct window_rendition *r;
	enum media_lookup look;
	size_t skip;

	r = rendition < MEDIA_RENDITIONS ? w->renditions[rendition] : NULL;
	if (!rendition_playable(r))
		return MEDIA_GONE;
	look = check_blocking(r, query);
	if (look != MEDIA_FOUND)
		return look;
	skip = query->skip ? skippable(r) : 0;
	put_head(r, out);
	if (skip > 0)
		buf_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%zu\n", skip);
	put_segments(r, skip, suffix, out);
	put_tail(r, suffix, out);
	return MEDIA_FOUND;
}
