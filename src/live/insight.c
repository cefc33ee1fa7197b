#include "base/mem.h"
#include "live/stream.h"

static char *text_or_null(const char *text)
{
	return *text ? mem_strdup(text) : NULL;
}

static char *codecs_text(const struct media_stats *m)
{
	if (!m->video_codec[0] || !m->audio_codec[0])
		return text_or_null(m->video_codec[0] ? m->video_codec : m->audio_codec);
	return mem_printf("%s,%s", m->video_codec, m->audio_codec);
}

void live_stream_ingest(struct live_stream *s, struct ingest_record *out)
{
	struct live_stats stats;
	const struct media_stats *m = &stats.media;

	live_stream_stats(s, &stats);
	*out = (struct ingest_record){
		.bitrate = m->bitrate,
		.frame_rate = m->frame_rate,
		.width = m->width,
		.height = m->height,
		.video_codec = text_or_null(m->video_codec),
		.audio_codec = text_or_null(m->audio_codec),
		.codecs = codecs_text(m),
		.encoder = text_or_null(stats.metadata.encoder),
		.keyframe_interval = (double)m->keyframe_interval_us / 1e6,
		.interruptions = stats.interruptions,
		.bytes = stats.bytes_in,
		.dropped_samples = m->dropped_samples,
		.discontinuities = m->discontinuities,
	};
}
