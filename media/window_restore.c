#include <inttypes.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "codec.h"
#include "window_private.h"

/* Segments that an earlier process left on disk; they have no parts. */

static void restore_init(struct media_window *w, const char *dir, unsigned number)
{
	if (w->n_inits > 0 && w->inits[w->n_inits - 1].number >= number)
		return;
	w->inits = mem_realloc(w->inits, (w->n_inits + 1) * sizeof(*w->inits));
	w->inits[w->n_inits++] = (struct window_init){
		.number = number,
		.path = mem_printf("%s/init_0_%u.mp4", dir, number),
	};
}

static void restore_segment(
	struct media_window *w, const char *dir, const struct recording_entry *e)
{
	struct media_segment *s = mem_new(struct media_segment);

	*s = (struct media_segment){
		.refs = 1,
		.sequence = e->sequence,
		.start_us = e->start_us,
		.duration_us = e->duration_us,
		.wall_ms = e->wall_ms,
		.init = e->init,
		.discontinuity = e->discontinuity,
		.independent = e->independent,
		.aged = true,
		.bytes = e->bytes,
		.path = mem_printf("%s/seg_0_%" PRIu64 ".m4s", dir, e->sequence),
	};
	restore_init(w, dir, e->init);
	w->independent = w->independent && s->independent;
	w->segments[w->n_segments++] = s;
	window_count_bitrate(w, s);
}

static bool track_info(const AVCodecParameters *par, struct codec_info *out)
{
	enum media_codec codec = par->codec_id == AV_CODEC_ID_H264 ? MEDIA_CODEC_H264
		: par->codec_id == AV_CODEC_ID_AAC		   ? MEDIA_CODEC_AAC
		: par->codec_id == AV_CODEC_ID_MP3		   ? MEDIA_CODEC_MP3
								   : MEDIA_CODEC_NONE;

	return codec_info_init(out, codec, par->extradata, (size_t)par->extradata_size);
}

/* What the multivariant playlist says, from the newest init segment. */
static void restore_description(struct media_window *w)
{
	AVFormatContext *ctx = NULL;

	if (avformat_open_input(
		    &ctx, w->inits[w->n_inits - 1].path, av_find_input_format("mp4"), NULL) < 0)
		return;
	for (unsigned i = 0; i < ctx->nb_streams; i++) {
		struct codec_info c;
		size_t n = strlen(w->codecs);
		if (!track_info(ctx->streams[i]->codecpar, &c))
			continue;
		snprintf(w->codecs + n, sizeof(w->codecs) - n, "%s%s", n ? "," : "", c.name);
		if (c.width) {
			w->width = c.width;
			w->height = c.height;
		}
		codec_info_finish(&c);
	}
	avformat_close_input(&ctx);
}

/* The newest entries that follow each other: a playlist's numbers have no holes. */
static size_t first_entry(const struct media_window *w, const struct recording_index *index)
{
	size_t first = index->n;

	if (index->n == 0 || index->entries[index->n - 1].sequence + 1 != index->next_sequence)
		return index->n;
	while (first > 0 && index->n - first < w->capacity) {
		const struct recording_entry *e = &index->entries[first - 1];
		if (first < index->n && e->sequence + 1 != e[1].sequence)
			break;
		first--;
	}
	return first;
}

void media_window_restore(
	struct media_window *w, const struct recording_index *index, const char *dir)
{
	size_t first = first_entry(w, index);

	for (size_t i = 0; i < first; i++)
		w->discontinuity_sequence += index->entries[i].discontinuity;
	for (size_t i = first; i < index->n; i++)
		restore_segment(w, dir, &index->entries[i]);
	if (first < index->n) {
		const struct recording_entry *last = &index->entries[index->n - 1];
		window_publish(
			w, (unsigned)((last->target_us + 999999) / 1000000), last->part_target_us);
		restore_description(w);
	}
}
