#pragma once

#include "live/registry.h"
#include "loop/workers.h"
#include "media/engine.h"
#include "media/window.h"

/*
 * The way of a stream's samples through its engine into its window. Without a worker the engine
 * runs inside these calls. With one it is the worker's: what comes in goes there in batches, one a
 * turn of the loop, and what was made comes back and is applied to the window on the loop, in the
 * same order; so nothing is shared and nothing is locked. Loop thread only.
 *
 * What waits for the worker is bounded: over queue_max the intake is full, and whoever feeds it
 * should read no more until it is not.
 */
struct intake;

struct intake_events {
	/* Inside the call that brought it in or, with a worker, later: `publisher` is what came
	 * along with the input, which may belong to one who is gone. */
	void (*fault)(void *user, unsigned publisher, const struct live_fault *fault);
	/* intake_is_full is another than before. */
	void (*flow)(void *user);
};

struct intake_config {
	const struct media_config *media; /* borrowed for the call */
	const struct clock *clock;
	struct media_window *window; /* gone after the release */
	struct workers *workers; /* NULL: none */
	size_t queue_max; /* bytes */
	const struct intake_events *events; /* live longer */
	void *user;
};

struct intake *intake_create(const struct intake_config *config);
/* Nothing of it is heard any more; the engine goes when it is idle. NULL is fine. */
void intake_release(struct intake **in);

/* As those of media_engine_*. */
struct intake_configuration {
	enum media_kind kind;
	unsigned track;
	enum media_codec codec;
	const uint8_t *data;
	size_t len;
};
void intake_configure(
	struct intake *in, unsigned publisher, const struct intake_configuration *config);
void intake_color(
	struct intake *in, unsigned publisher, unsigned track, const struct media_color *color);
void intake_expect(struct intake *in, bool video, bool audio);
void intake_write(struct intake *in, unsigned publisher, const struct media_sample *sample);
void intake_interrupt(struct intake *in);
void intake_end(struct intake *in);

/* done(user) when all that came in before is in the window: inside the call, or later. Not called
 * any more after the release. */
void intake_settle(struct intake *in, void (*done)(void *user), void *user);
bool intake_is_full(const struct intake *in);
size_t intake_queued(const struct intake *in); /* bytes that wait for the worker */
/* Of what is in the window. */
void intake_stats(const struct intake *in, struct media_stats *out);
