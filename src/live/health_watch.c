#define LOG_MODULE "live"

#include <stdio.h>

#include "base/log.h"
#include "internal.h"

/* Looks at all ingests every few seconds, and says where what there is to say has changed. */
#define LOOK_US 5000000u

void live_stream_health(struct live_stream *s, struct live_health_report *out)
{
	const struct live_config *c = &s->registry->config;

	live_health_read(&s->health, loop_now_us(s->registry->loop), &out->figures);
	out->frame = (struct live_health_frame){
		.announced_frame_rate = s->metadata.frame_rate,
		.segment_target_s = (double)c->media.segment_target_us / 1e6,
		.max_bitrate = c->max_bitrate,
		.expects_video = s->metadata.has_video,
		.expects_audio = s->metadata.has_audio,
	};
	out->verdict = s->publisher ? live_health_judge(&out->figures, &out->frame)
				    : (struct live_health_verdict){LIVE_HEALTH_UNKNOWN, 0};
}

static void tell(struct live_stream *s, const struct live_health_report *report)
{
	if (s->told.status == report->verdict.status && s->told.advice == report->verdict.advice)
		return;
	s->told = report->verdict;
	if (report->verdict.status != LIVE_HEALTH_UNKNOWN)
		log_info("ingest health", kv_str("stream", s->id_text),
			kv_str("status", live_health_status_text(report->verdict.status)),
			kv_u64("bitrate", report->figures.bitrate),
			kv_i64("late_ms", report->figures.late_ms),
			kv_u64("missing_frames", report->figures.missing_frames));
	signal_emit(&s->registry->health, s);
}

static void look(void *user)
{
	struct live_registry *r = user;
	uint64_t n[LIVE_HEALTH_POOR + 1] = {0};
	struct live_stream *s, *next;

	list_for_each_safe (s, next, &r->streams, link) {
		struct live_health_report report;
		if (s->state != LIVE_PUBLISHING)
			continue;
		live_stream_health(s, &report);
		n[report.verdict.status]++;
		tell(s, &report);
	}
	for (unsigned i = 0; i <= LIVE_HEALTH_POOR; i++)
		metric_set(r->metrics.health[i], n[i]);
}

struct signal *live_registry_health(struct live_registry *r)
{
	return &r->health;
}

void health_watch_start(struct live_registry *r)
{
	signal_init(&r->health);
	for (unsigned i = 0; i <= LIVE_HEALTH_POOR; i++) {
		char label[40];
		snprintf(label, sizeof(label), "health=\"%s\"", live_health_status_text(i));
		r->metrics.health[i] = metrics_gauge(
			loop_metrics(r->loop), "souk_ingests", label, "Ingests by how they go.");
	}
	r->health_timer = loop_timer_create(r->loop, "ingest health", look, r);
	timer_repeat(r->health_timer, LOOK_US);
}

void health_watch_stop(struct live_registry *r)
{
	timer_destroy(&r->health_timer);
}
