#include "audience_feed.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/signal.h"

struct audience_feed {
	struct audience *audience;
	struct live_registry *registry;
	struct repo repo;
	struct signal_listener opened, ended;
};

static void open_stream(struct audience_feed *f, const struct live_stream *live)
{
	const struct stream_record *row = live_stream_record(live);
	struct user_record seller = {0};

	f->repo.ops->user_get(f->repo.impl, row->seller_id, &seller);
	audience_open(f->audience, row, seller.neighborhood);
	user_record_finish(&seller);
}

static void on_opened(struct signal_listener *l, void *data)
{
	open_stream(container_of(l, struct audience_feed, opened), data);
}

static char *text_or_null(const char *text)
{
	return text && *text ? mem_strdup(text) : NULL;
}

static void read_ingest(struct live_stream *live, struct ingest_record *out)
{
	struct live_stats s;
	const struct media_stats *m = &s.media;

	live_stream_stats(live, &s);
	*out = (struct ingest_record){
		.bitrate = m->bitrate,
		.frame_rate = m->frame_rate,
		.width = m->width,
		.height = m->height,
		.video_codec = text_or_null(m->video_codec),
		.audio_codec = text_or_null(m->audio_codec),
		.encoder = text_or_null(s.metadata.encoder),
		.keyframe_interval = (double)m->keyframe_interval_us / 1e6,
		.interruptions = s.interruptions,
		.bytes = s.bytes_in,
		.dropped_samples = m->dropped_samples,
		.discontinuities = m->discontinuities,
	};
	if (m->video_codec || m->audio_codec)
		out->codecs = mem_printf("%s%s%s", m->video_codec ? m->video_codec : "",
			m->video_codec && m->audio_codec ? "," : "",
			m->audio_codec ? m->audio_codec : "");
}

static void on_ended(struct signal_listener *l, void *data)
{
	struct audience_feed *f = container_of(l, struct audience_feed, ended);
	struct live_stream *live = data;
	struct ingest_record ingest;

	read_ingest(live, &ingest);
	audience_end(f->audience, live_stream_id(live), &ingest);
	ingest_record_finish(&ingest);
}

static bool figures(void *user, struct uuid stream_id, struct repo_stats *out)
{
	return audience_stats(user, stream_id, out);
}

struct audience_feed *audience_feed_create(
	struct audience *audience, struct live_registry *registry, struct repo repo)
{
	struct audience_feed *f = mem_new(struct audience_feed);
	struct live_stream *live = NULL;

	*f = (struct audience_feed){.audience = audience, .registry = registry, .repo = repo};
	signal_listener_init(&f->opened, on_opened);
	signal_listener_init(&f->ended, on_ended);
	signal_add(live_registry_opened(registry), &f->opened);
	signal_add(live_registry_ended(registry), &f->ended);
	live_registry_ask_figures(registry, figures, audience);
	while ((live = live_registry_next(registry, live)))
		open_stream(f, live);
	return f;
}

void audience_feed_destroy(struct audience_feed **feed)
{
	struct audience_feed *f = *feed;

	if (!f)
		return;
	*feed = NULL;
	signal_listener_remove(&f->opened);
	signal_listener_remove(&f->ended);
	live_registry_ask_figures(f->registry, NULL, NULL);
	free(f);
}
