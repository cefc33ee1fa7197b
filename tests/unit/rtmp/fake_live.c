#include "fake_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct fake_live fake_live;

struct answer {
	struct live_publisher *publisher;
	bool admitted;
	enum live_refusal refusal;
};

static void changed(void)
{
	if (fake_live.changed != NULL) {
		fake_live.changed(fake_live.user);
	}
}

static void give_answer(void *arg)
{
	struct answer *a = arg;
	struct live_publisher *p = a->publisher;
	if (p->pending) {
		p->pending = false;
		if (a->admitted) {
			fake_live.publisher = p;
			p->stream = (struct live_stream *)&fake_live;
			p->ops->admitted(p, p->stream);
		} else {
			p->ops->refused(p, a->refusal);
		}
	}
	free(a);
	changed();
}

void live_publisher_join(struct live_publisher *p, struct live_registry *r, const char *key)
{
	static const char *const words[] = {
		"wrong", "rotated", "ended", "not_live", "busy", "full", "banned", "draining"};
	struct answer *a = mem_new(struct answer);
	bool answered = text_starts(key, "good");
	a->publisher = p;
	a->admitted = answered;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text_eq(key, words[i])) {
			a->refusal = (enum live_refusal)i;
			answered = true;
		}
	}
	fake_live.joins++;
	p->registry = r;
	p->pending = true;
	if (answered) {
		loop_defer(fake_live.loop, give_answer, a);
	} else {
		free(a);
	}
}

static void detach(struct live_publisher *p)
{
	p->pending = false;
	p->stream = NULL;
	if (fake_live.publisher == p) {
		fake_live.publisher = NULL;
	}
}

void live_publisher_stop(struct live_publisher *p)
{
	fake_live.stops += p->stream != NULL;
	detach(p);
	changed();
}

void live_publisher_lost(struct live_publisher *p)
{
	fake_live.losses += p->stream != NULL;
	detach(p);
	changed();
}

static void fault_now(void *arg)
{
	struct live_fault *fault = arg;

	/* The edge may have gone first. */
	if (fake_live.publisher != NULL) {
		fake_live.publisher->ops->faulted(fake_live.publisher, fault);
	}
	free(fault);
}

static void answer(enum media_kind kind, enum media_codec codec)
{
	if (fake_live.answer == MEDIA_OK || fake_live.answer == MEDIA_BAD_SAMPLE) {
		return;
	}
	struct live_fault *fault = mem_new(struct live_fault);
	*fault = (struct live_fault){.result = fake_live.answer, .kind = kind, .codec = codec};
	if (fake_live.answers_late) {
		loop_defer(fake_live.loop, fault_now, fault);
	} else {
		fault_now(fault);
	}
}

void fake_live_hold(bool held)
{
	if (fake_live.publisher != NULL && fake_live.publisher->held != held) {
		fake_live.publisher->held = held;
		fake_live.publisher->ops->flow(fake_live.publisher);
	}
}

void live_publisher_configure(struct live_publisher *p, enum media_kind kind, unsigned track,
	enum media_codec codec, const uint8_t *config, size_t len)
{
	size_t at = strlen(fake_live.codecs);
	fake_live.configs++;
	snprintf(fake_live.codecs + at, sizeof(fake_live.codecs) - at, "%s%s:%zu",
		at > 0 ? " " : "",
		codec == MEDIA_CODEC_H264	   ? "h264"
			: codec == MEDIA_CODEC_AAC ? "aac"
						   : "mp3",
		len);
	answer(kind, codec);
	changed();
}

void live_publisher_sample(struct live_publisher *p, const struct media_sample *s)
{
	if (fake_live.samples++ == 0) {
		fake_live.first_timestamp = s->timestamp_ms;
	}
	fake_live.last_timestamp = s->timestamp_ms;
	for (size_t i = 0; i < s->len; i++) {
		fake_live.sum += s->data[i];
	}
	answer(s->kind, MEDIA_CODEC_NONE);
	if (fake_live.hold && fake_live.samples == 1) {
		fake_live_hold(true);
	}
	changed();
}

void live_publisher_tag(struct live_publisher *p, const struct feed_input *tag)
{
}

void live_publisher_color(struct live_publisher *p, unsigned track, const struct media_color *color)
{
}

struct live_stream *live_registry_playable(struct live_registry *r, struct uuid id)
{
	return NULL;
}

struct feed *live_stream_feed(struct live_stream *s)
{
	return NULL;
}

void live_publisher_metadata(struct live_publisher *p, const struct live_metadata *m)
{
	text_copy(fake_live.encoder, sizeof(fake_live.encoder), m->encoder);
}

void live_stream_daterange(struct live_stream *s, const struct media_daterange *range)
{
	size_t at = strlen(fake_live.ranges);
	snprintf(fake_live.ranges + at, sizeof(fake_live.ranges) - at, "%s%s %s %s",
		at > 0 ? "; " : "", range->id, range->class_name, range->attributes);
}

const char *live_refusal_text(enum live_refusal r)
{
	return "refused by the test";
}

const char *live_kick_text(enum live_kick k)
{
	return "kicked by the test";
}

const char *live_stream_id_text(const struct live_stream *s)
{
	return "stream";
}

void fake_live_kick(enum live_kick reason)
{
	struct live_publisher *p = fake_live.publisher;
	detach(p);
	p->ops->kicked(p, reason);
}
