#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/process.h"
#include "metric_private.h"
#include "payload.h"

/* Five minutes, as the third source shows them. */
#define SERIES 60
/* The streams that the server's figures list: those with the most viewers. */
#define STREAMS_MAX 50

static void set_integer(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, json_integer((json_int_t)v));
}

static uint64_t wall_ms(const struct metric_events *m)
{
	return clock_wall_ms(loop_clock(m->config.loop));
}

/* --- the last five minutes --- */

/* Counts of five seconds each, the bucket of now first. */
struct series {
	uint64_t now; /* its bucket's number */
	uint64_t viewers[SERIES], chat[SERIES], reactions[SERIES];
};

static void add_timeline(const struct metric_events *m, struct uuid stream, struct series *s)
{
	size_t n = 0;
	const struct timeline_record *t = audience_timeline(m->config.audience, stream, &n);

	for (size_t i = n; i-- > 0;) {
		uint64_t bucket = t[i].at / TIMELINE_BUCKET_MS;
		if (bucket > s->now)
			continue;
		if (s->now - bucket >= SERIES)
			break;
		s->viewers[s->now - bucket] += t[i].viewers;
		s->chat[s->now - bucket] += t[i].chat;
		s->reactions[s->now - bucket] += t[i].reactions;
	}
}

static json_t *counts_json(const struct series *s, const uint64_t counts[static SERIES])
{
	json_t *list = json_array();

	for (uint64_t i = 0; i < SERIES; i++)
		json_array_append_new(list,
			json_pack("{s:I, s:I}", "timestamp",
				(json_int_t)((s->now - i) * TIMELINE_BUCKET_MS), "count",
				(json_int_t)counts[i]));
	return list;
}

static void set_series(json_t *o, const struct series *s)
{
	json_object_set_new(o, "viewers", counts_json(s, s->viewers));
	json_object_set_new(o, "chat", counts_json(s, s->chat));
	json_object_set_new(o, "reactions", counts_json(s, s->reactions));
}

/* --- one stream --- */

/* REPO_OK: *out is the caller's. */
static enum repo_result read_row(
	const struct metric_events *m, struct uuid id, struct stream_record *out)
{
	struct live_stream *live = live_registry_find(m->config.registry, id);

	if (!live)
		return m->config.repo.ops->stream_get(m->config.repo.impl, id, out);
	stream_record_copy(out, live_stream_record(live));
	return REPO_OK;
}

static void set_figures(json_t *o, const struct audience_figures *f)
{
	json_t *counts = json_object();

	set_integer(o, "currentViewers", f->current);
	set_integer(o, "peakViewers", f->peak);
	set_integer(o, "uniqueViewers", f->unique);
	set_integer(o, "averageWatchTime", f->average_watch);
	json_object_set_new(o, "totalWatchTime", json_real((double)f->watch_ms / 1000));
	set_integer(o, "totalLikes", f->likes);
	for (int i = 0; i < AUDIENCE_EMOJIS; i++)
		set_integer(counts, audience_emojis[i], f->reactions[i]);
	json_object_set_new(o, "reactionCounts", counts);
	set_integer(o, "chatMessages", f->chat);
	set_integer(o, "chatters", f->chatters);
}

static json_t *product_json(const struct stream_product_record *p)
{
	json_t *o = json_pack(
		"{s:s, s:b}", "name", p->product.name ? p->product.name : "", "pinned", p->pinned);
	char id[UUID_TEXT_SIZE];

	uuid_text(id, p->product.id);
	json_object_set_new(o, "productId", json_string(id));
	set_integer(o, "clicks", p->clicks);
	set_integer(o, "views", p->views);
	set_integer(o, "inquiries", p->inquiries);
	set_integer(o, "purchases", p->purchases);
	json_object_set_new(o, "revenue", json_integer(p->revenue));
	json_object_set_new(o, "currency", payload_text(p->product.currency));
	return o;
}

static json_t *products_json(const struct metric_events *m, struct uuid stream)
{
	const struct repo *repo = &m->config.repo;
	struct stream_product_record *rows = NULL;
	json_t *list = json_array();
	size_t n = 0;

	if (repo->ops->stream_products(repo->impl, stream, &rows, &n) != REPO_OK)
		return list;
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, product_json(&rows[i]));
		stream_product_record_finish(&rows[i]);
	}
	free(rows);
	return list;
}

static json_t *number_or_null(double v)
{
	return v > 0 ? json_real(v) : json_null();
}

static json_t *ingest_json(const struct ingest_record *i)
{
	json_t *o = json_pack("{s:o, s:o, s:o}", "bitrate",
		i->bitrate ? json_integer((json_int_t)i->bitrate) : json_null(), "fps",
		number_or_null(i->frame_rate), "keyframeInterval",
		number_or_null(i->keyframe_interval));

	json_object_set_new(o, "width", i->width ? json_integer(i->width) : json_null());
	json_object_set_new(o, "height", i->height ? json_integer(i->height) : json_null());
	json_object_set_new(o, "videoCodec", payload_text(i->video_codec));
	json_object_set_new(o, "audioCodec", payload_text(i->audio_codec));
	json_object_set_new(o, "codecs", payload_text(i->codecs));
	json_object_set_new(o, "encoder", payload_text(i->encoder));
	set_integer(o, "interruptions", i->interruptions);
	set_integer(o, "bytes", i->bytes);
	set_integer(o, "droppedSamples", i->dropped_samples);
	set_integer(o, "discontinuities", i->discontinuities);
	return o;
}

static json_t *read_ingest(const struct metric_events *m, struct uuid stream)
{
	struct live_stream *live = live_registry_find(m->config.registry, stream);
	struct ingest_record i = {0};
	json_t *o;

	if (!audience_ingest(m->config.audience, stream, &i)) {
		if (!live)
			return json_null();
		live_stream_ingest(live, &i);
	}
	o = ingest_json(&i);
	ingest_record_finish(&i);
	return o;
}

/* What the audience knows; else as it is stored. */
static void figures_of(const struct metric_events *m, const struct stream_record *row,
	struct audience_figures *out)
{
	if (audience_figures(m->config.audience, row->id, out))
		return;
	*out = (struct audience_figures){.peak = row->peak_viewers,
		.unique = row->unique_viewers,
		.likes = row->total_likes,
		.chat = row->chat_messages_count,
		.average_watch = row->average_watch_time};
}

static void set_state(const struct metric_events *m, json_t *o, const struct stream_record *row)
{
	struct live_stream *live = live_registry_find(m->config.registry, row->id);
	uint64_t now = wall_ms(m);

	json_object_set_new(o, "ingestState",
		payload_text(live ? live_state_text(live_stream_state(live)) : NULL));
	json_object_set_new(o, "duration",
		row->started_at && now > row->started_at
			? json_real((double)(now - row->started_at) / 1000)
			: json_null());
}

json_t *metric_stream_json(const struct metric_subject *subject, bool final)
{
	const struct metric_events *m = subject->owner;
	struct series series = {.now = wall_ms(m) / TIMELINE_BUCKET_MS};
	struct audience_figures figures;
	struct stream_record row;
	json_t *o;

	if (read_row(m, subject->stream, &row) != REPO_OK)
		return NULL;
	o = json_pack("{s:s, s:s, s:s, s:b}", "scope", "stream", "streamId", subject->id, "status",
		final ? stream_status_text(STREAM_ENDED) : stream_status_text(row.status), "final",
		final);
	json_object_set_new(o, "at", payload_time(wall_ms(m)));
	set_state(m, o, &row);
	figures_of(m, &row, &figures);
	set_figures(o, &figures);
	json_object_set_new(o, "products", products_json(m, row.id));
	json_object_set_new(o, "ingest", read_ingest(m, row.id));
	add_timeline(m, row.id, &series);
	set_series(o, &series);
	stream_record_finish(&row);
	return o;
}

/* --- the server --- */

void metric_sample_take(struct metric_events *m)
{
	m->before = m->now;
	m->now = (struct metric_sample){
		.at_us = loop_now_us(m->config.loop),
		.cpu_us = process_cpu_us(),
		.deliveries = metric_count(
			metrics_find(m->config.metrics, "souk_hub_deliveries_total", NULL)),
	};
}

/* Between the last two samples; null until there are two. */
static json_t *rate_json(const struct metric_events *m, uint64_t before, uint64_t now)
{
	if (!m->before.at_us || m->now.at_us <= m->before.at_us)
		return json_null();
	return json_real((double)(now - before) * 1e6 / (double)(m->now.at_us - m->before.at_us));
}

static json_t *cpu_json(const struct metric_events *m)
{
	json_t *us = rate_json(m, m->before.cpu_us, m->now.cpu_us);
	json_t *share = json_is_null(us) ? json_null() : json_real(json_real_value(us) / 1e6);

	json_decref(us);
	return share;
}

static json_t *lag_json(const struct metric_events *m)
{
	const struct metric *lag = metrics_find(m->config.metrics, "souk_loop_lag_seconds", NULL);
	double seconds;

	if (!lag || !metric_quantile(lag, 0.99, &seconds) || isinf(seconds))
		return json_null();
	return json_real(seconds);
}

/* One line of the list of streams. */
struct line {
	struct live_stream *live;
	struct audience_figures figures;
};

static int most_viewers_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->figures.current < y->figures.current ? 1
						       : -(x->figures.current > y->figures.current);
}

static json_t *line_json(const struct line *l)
{
	const struct stream_record *row = live_stream_record(l->live);
	json_t *o = json_pack("{s:s, s:o, s:s, s:s}", "streamId", live_stream_id_text(l->live),
		"title", payload_text(row->title), "sellerId", row->seller_id, "ingestState",
		live_state_text(live_stream_state(l->live)));

	set_integer(o, "currentViewers", l->figures.current);
	set_integer(o, "peakViewers", l->figures.peak);
	set_integer(o, "totalLikes", l->figures.likes);
	set_integer(o, "chatMessages", l->figures.chat);
	return o;
}

/* Adds up the series on the way. */
static json_t *lines_json(const struct metric_events *m, struct series *series)
{
	unsigned n = live_registry_count(m->config.registry), i = 0;
	struct line *lines = mem_zalloc((n + 1) * sizeof(struct line));
	struct live_stream *live = NULL;
	json_t *list = json_array();

	while (i < n && (live = live_registry_next(m->config.registry, live))) {
		lines[i].live = live;
		audience_figures(m->config.audience, live_stream_id(live), &lines[i].figures);
		add_timeline(m, live_stream_id(live), series);
		i++;
	}
	qsort(lines, i, sizeof(struct line), most_viewers_first);
	for (unsigned k = 0; k < i && k < STREAMS_MAX; k++)
		json_array_append_new(list, line_json(&lines[k]));
	free(lines);
	return list;
}

json_t *metric_server_json(const struct metric_events *m)
{
	const struct metric_events_config *c = &m->config;
	struct series series = {.now = wall_ms(m) / TIMELINE_BUCKET_MS};
	json_t *o = json_pack("{s:s, s:b}", "scope", "server", "final", 0);

	json_object_set_new(o, "at", payload_time(wall_ms(m)));
	set_integer(o, "streamsLive", live_registry_count(c->registry));
	set_integer(o, "publishers", live_registry_publishers(c->registry));
	set_integer(o, "currentViewers", audience_current(c->audience));
	set_integer(o, "sockets", peers_count(c->peers));
	set_integer(o, "deliveries", m->now.deliveries);
	json_object_set_new(
		o, "deliveriesPerSecond", rate_json(m, m->before.deliveries, m->now.deliveries));
	json_object_set_new(o, "cpu", cpu_json(m));
	set_integer(o, "memory", process_memory());
	json_object_set_new(o, "loopLagP99", lag_json(m));
	json_object_set_new(o, "streams", lines_json(m, &series));
	set_series(o, &series);
	return o;
}
