#include <stdlib.h>

#include "audience_private.h"
#include "base/mem.h"

/*
 * How the ingest of a stream goes. The live stream knows it since this process began; what came
 * before that was stored, and counts too.
 */

static void copy_texts(struct ingest_record *out, const struct ingest_record *i)
{
	out->video_codec = mem_strdup(i->video_codec);
	out->audio_codec = mem_strdup(i->audio_codec);
	out->codecs = mem_strdup(i->codecs);
	out->encoder = mem_strdup(i->encoder);
}

static void copy(struct ingest_record *out, const struct ingest_record *i)
{
	*out = *i;
	copy_texts(out, i);
}

/* The picture that was last seen, where none was since. */
static void take_picture(struct ingest_record *out, const struct ingest_record *before)
{
	ingest_record_finish(&(struct ingest_record){.video_codec = out->video_codec,
		.audio_codec = out->audio_codec,
		.codecs = out->codecs,
		.encoder = out->encoder});
	out->bitrate = before->bitrate;
	out->frame_rate = before->frame_rate;
	out->width = before->width;
	out->height = before->height;
	out->keyframe_interval = before->keyframe_interval;
	copy_texts(out, before);
}

static void add(struct ingest_record *out, const struct ingest_record *before)
{
	if (!out->codecs)
		take_picture(out, before);
	out->interruptions += before->interruptions;
	out->bytes += before->bytes;
	out->dropped_samples += before->dropped_samples;
	out->discontinuities += before->discontinuities;
}

static bool read_now(struct audience_stream *s, struct ingest_record *out)
{
	const struct audience_config *c = &s->audience->config;

	*out = (struct ingest_record){0};
	if (!c->ingest || !c->ingest(c->ingest_user, s->id, out))
		return false;
	add(out, &s->ingest_before);
	return true;
}

void ingest_restore(struct audience_stream *s)
{
	const struct repo *repo = &s->audience->config.repo;

	repo->insight->ingest(repo->impl, s->id, &s->ingest_before);
}

void ingest_end(struct audience_stream *s)
{
	s->has_ingest = read_now(s, &s->ingest);
}

bool audience_ingest(struct audience *a, struct uuid stream_id, struct ingest_record *out)
{
	struct audience_stream *s = audience_find(a, stream_id);

	*out = (struct ingest_record){0};
	if (!s || (s->ended && !s->has_ingest))
		return false;
	if (!s->ended)
		return read_now(s, out);
	copy(out, &s->ingest);
	return true;
}
