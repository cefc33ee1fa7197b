#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

static uint64_t first_sequence(const struct media_window *w)
{
	return w->n_segments ? w->segments[0]->sequence : w->open->sequence;
}

static void put_head(const struct media_window *w, struct buf *out)
{
	uint64_t hold_us = 3 * w->part_target_us;

	buf_put_str(out, "#EXTM3U\n#EXT-X-VERSION:9\n");
	if (w->independent)
		buf_put_str(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
	buf_printf(out, "#EXT-X-TARGETDURATION:%u\n", w->target_s);
	buf_put_str(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=");
	put_seconds(out, hold_us);
	buf_printf(out, ",HOLD-BACK=%u.0,CAN-SKIP-UNTIL=%u.0\n", HOLD_BACK_TARGETS * w->target_s,
		SKIP_TARGETS * w->target_s);
	buf_put_str(out, "#EXT-X-PART-INF:PART-TARGET=");
	put_seconds(out, w->part_target_us);
	buf_printf(out, "\n#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", first_sequence(w));
	if (w->discontinuity_sequence)
		buf_printf(out, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n",
			w->discontinuity_sequence);
}

static void put_parts(struct buf *out, const struct media_segment *s, size_t n, const char *suffix)
{
	for (size_t i = 0; i < n; i++) {
		buf_put_str(out, "#EXT-X-PART:DURATION=");
		put_seconds(out, s->parts[i].duration_us);
		buf_printf(out, ",URI=\"part_0_%" PRIu64 "_%zu.m4s%s\"%s\n", s->sequence, i, suffix,
			s->parts[i].independent ? ",INDEPENDENT=YES" : "");
	}
}

static void put_segment_head(struct buf *out, const struct media_segment *s,
	const struct media_segment *before, const char *suffix)
{
	char time[TEXT_TIME_SIZE];

	if (s->discontinuity)
		buf_put_str(out, "#EXT-X-DISCONTINUITY\n");
	if (!before || before->init != s->init)
		buf_printf(out, "#EXT-X-MAP:URI=\"init_0_%u.mp4%s\"\n", s->init, suffix);
	text_time(time, s->wall_ms);
	buf_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", time);
}

static uint64_t open_us(const struct media_window *w)
{
	uint64_t us = 0;

	for (size_t i = 0; i < w->open_listed; i++)
		us += w->open->parts[i].duration_us;
	return us;
}

/* The first segment whose parts are listed: those before are further from the end than needed. */
static size_t first_with_parts(const struct media_window *w)
{
	uint64_t from_end = open_us(w);
	size_t i = w->n_segments;

	while (i > 0 && from_end < PART_TARGETS * (uint64_t)w->target_s * 1000000 &&
		segment_in_memory(w->segments[i - 1]) && !w->segments[i - 1]->hide_parts) {
		i--;
		from_end += w->segments[i]->duration_us;
	}
	return i;
}

/* How many segments a delta update may leave out: those before the skip boundary, 4.4.5.2. */
static size_t skippable(const struct media_window *w)
{
	uint64_t from_end = open_us(w);
	size_t i = w->n_segments;

	while (i > 0 &&
		from_end + w->segments[i - 1]->duration_us <=
			SKIP_TARGETS * (uint64_t)w->target_s * 1000000) {
		i--;
		from_end += w->segments[i]->duration_us;
	}
	/* The segment that the boundary cuts stays. */
	return i > 0 ? i - 1 : 0;
}

static void put_segments(
	const struct media_window *w, size_t first, const char *suffix, struct buf *out)
{
	size_t parts_from = w->ended ? w->n_segments : first_with_parts(w);

	for (size_t i = first; i < w->n_segments; i++) {
		const struct media_segment *s = w->segments[i];
		put_segment_head(out, s, i ? w->segments[i - 1] : NULL, suffix);
		if (i >= parts_from)
			put_parts(out, s, s->n_parts, suffix);
		buf_put_str(out, "#EXTINF:");
		put_seconds(out, s->duration_us);
		buf_printf(out, ",\nseg_0_%" PRIu64 ".m4s%s\n", s->sequence, suffix);
	}
}

static void put_tail(const struct media_window *w, const char *suffix, struct buf *out)
{
	const struct media_segment *open = w->open;
	struct window_range *r;

	if (w->ended) {
		list_for_each (r, &w->ranges, link)
			playlist_put_range(out, &r->range);
		buf_put_str(out, "#EXT-X-ENDLIST\n");
		return;
	}
	if (w->open_listed > 0) {
		put_segment_head(
			out, open, w->n_segments ? w->segments[w->n_segments - 1] : NULL, suffix);
		put_parts(out, open, w->open_listed, suffix);
	}
	buf_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part_0_%" PRIu64 "_%zu.m4s%s\"\n",
		open->sequence, w->open_listed, suffix);
	list_for_each (r, &w->ranges, link)
		playlist_put_range(out, &r->range);
}

/* 6.2.5.2: how many parts ahead of the playlist a request may ask for. */
static uint64_t part_limit(const struct media_window *w)
{
	return w->part_target_us < 1000000 ? (3000000 + w->part_target_us - 1) / w->part_target_us
					   : 3;
}

static enum media_lookup check_blocking(
	const struct media_window *w, const struct media_playlist_query *q)
{
	uint64_t next = w->open->sequence, msn = q->msn, part = q->part;
	const struct media_segment *last = w->n_segments ? w->segments[w->n_segments - 1] : NULL;

	if (!q->has_msn || w->ended)
		return MEDIA_FOUND;
	/* A part behind a segment's last one means the first of the next segment. */
	if (q->has_part && last && msn == last->sequence && last->n_parts > 0 &&
		part >= last->n_parts && part < last->n_parts + part_limit(w)) {
		msn = next;
		part = 0;
	}
	if (msn < next)
		return MEDIA_FOUND;
	if (msn > next + 1)
		return MEDIA_TOO_FAR;
	if (q->has_part && part >= (msn == next ? w->open_listed : 0) + part_limit(w))
		return MEDIA_TOO_FAR;
	if (msn == next && q->has_part && part < w->open_listed)
		return MEDIA_FOUND;
	return MEDIA_WAIT;
}

enum media_lookup media_window_playlist(struct media_window *w, unsigned rendition,
	const struct media_playlist_query *query, struct buf *out)
{
	const char *suffix = query->uri_suffix ? query->uri_suffix : "";
	enum media_lookup look;
	size_t skip;

	if (rendition != 0 || !media_window_playable(w))
		return MEDIA_GONE;
	look = check_blocking(w, query);
	if (look != MEDIA_FOUND)
		return look;
	skip = query->skip ? skippable(w) : 0;
	put_head(w, out);
	if (skip > 0)
		buf_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%zu\n", skip);
	put_segments(w, skip, suffix, out);
	put_tail(w, suffix, out);
	return MEDIA_FOUND;
}
