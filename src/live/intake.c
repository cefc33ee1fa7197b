#include "intake.h"

#include <stdlib.h>

#include "base/mem.h"

/* What an input costs besides its bytes. */
#define INPUT_COST 128
/* A batch is no larger than this many inputs: what is made of the first ones need not wait. */
#define BATCH_MAX 1024

enum input_kind {
	INPUT_CONFIGURE,
	INPUT_COLOR,
	INPUT_EXPECT,
	INPUT_SAMPLE,
	INPUT_INTERRUPT,
	INPUT_END,
	INPUT_SETTLE, /* for the loop, when it comes back */
	INPUT_CLOSE, /* the last of all */
};

struct input {
	enum input_kind kind;
	unsigned publisher;
	union {
		struct intake_configuration config;
		struct media_sample sample;
		struct {
			unsigned track;
			const struct media_color *color;
		} color;
		struct {
			bool video, audio;
		} expected;
		struct {
			void (*done)(void *user);
			void *user;
		} settle;
	};
};

struct fault {
	unsigned publisher;
	struct live_fault what;
};

/* There and back again. */
struct batch {
	struct errand errand;
	struct intake *intake;
	struct input *inputs; /* what they point to is theirs */
	size_t n_inputs, cap_inputs;
	/* What the worker made of them. */
	struct media_change *changes; /* each with a reference to its bytes */
	size_t n_changes, cap_changes;
	struct fault *faults;
	size_t n_faults, cap_faults;
	struct media_stats stats;
	bool ask; /* for an answer at once, whatever comes of it */
};

struct intake {
	struct media_window *window;
	struct worker *worker; /* NULL: none */
	const struct intake_events *events;
	void *user;
	size_t queue_max, queued;
	bool full, released;
	struct batch *filling; /* goes at the end of this turn; NULL: none */
	struct media_stats stats; /* with a worker: as of the last batch that is back */
	/* The worker's, if there is one. */
	struct media_engine *engine;
	struct batch *running;
};

/* --- on whatever thread has the engine --- */

static enum media_result run_configure(
	struct media_engine *e, const struct intake_configuration *c, struct live_fault *fault)
{
	*fault = (struct live_fault){.kind = c->kind, .codec = c->codec};
	return media_engine_configure(e, c->kind, c->track, c->codec, c->data, c->len);
}

/* True: there is something wrong. */
static bool run_input(struct media_engine *e, const struct input *input, struct live_fault *fault)
{
	enum media_result result = MEDIA_OK;

	*fault = (struct live_fault){0};
	switch (input->kind) {
	case INPUT_CONFIGURE:
		result = run_configure(e, &input->config, fault);
		break;
	case INPUT_COLOR:
		media_engine_color(e, input->color.track, input->color.color);
		break;
	case INPUT_EXPECT:
		media_engine_expect(e, input->expected.video, input->expected.audio);
		break;
	case INPUT_SAMPLE:
		fault->kind = input->sample.kind;
		result = media_engine_write(e, &input->sample);
		break;
	case INPUT_INTERRUPT:
		media_engine_interrupt(e);
		break;
	case INPUT_END:
		media_engine_end(e);
		break;
	case INPUT_SETTLE:
		break;
	case INPUT_CLOSE:
		media_engine_destroy(e);
		break;
	}
	fault->result = result;
	return result != MEDIA_OK && result != MEDIA_BAD_SAMPLE;
}

static void *grown(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? 2 * *cap : 8;
	return mem_realloc(array, *cap * size);
}

static void keep_fault(struct batch *b, unsigned publisher, const struct live_fault *what)
{
	b->faults = grown(b->faults, b->n_faults, &b->cap_faults, sizeof(*b->faults));
	b->faults[b->n_faults++] = (struct fault){publisher, *what};
}

static void keep_change(void *user, const struct media_change *change)
{
	struct intake *in = user;
	struct batch *b = in->running;

	b->changes = grown(b->changes, b->n_changes, &b->cap_changes, sizeof(*b->changes));
	b->changes[b->n_changes] = *change;
	if (change->bytes)
		rcbuf_ref(change->bytes);
	b->n_changes++;
}

static void keep_settled(void *user)
{
	(void)user; /* it is when the batch comes back */
}

static const struct media_output worker_output = {
	.change = keep_change,
	.settled = keep_settled,
};

static bool batch_run(struct errand *errand)
{
	struct batch *b = container_of(errand, struct batch, errand);
	struct media_engine *e = b->intake->engine;
	bool closes = false;

	b->intake->running = b;
	for (size_t i = 0; i < b->n_inputs; i++) {
		struct live_fault fault;
		if (run_input(e, &b->inputs[i], &fault))
			keep_fault(b, b->inputs[i].publisher, &fault);
		closes = b->inputs[i].kind == INPUT_CLOSE;
	}
	if (!closes)
		media_engine_stats(e, &b->stats);
	return b->ask || b->n_changes > 0 || b->n_faults > 0;
}

/* --- on the loop --- */

static void batch_leave(struct errand *errand)
{
	struct batch *b = container_of(errand, struct batch, errand);

	b->intake->filling = NULL;
}

static void input_finish(struct input *input)
{
	switch (input->kind) {
	case INPUT_CONFIGURE:
		free((void *)input->config.data);
		break;
	case INPUT_COLOR:
		free((void *)input->color.color);
		break;
	case INPUT_SAMPLE:
		rcbuf_unref(&input->sample.bytes);
		break;
	case INPUT_EXPECT:
	case INPUT_INTERRUPT:
	case INPUT_END:
	case INPUT_SETTLE:
	case INPUT_CLOSE:
		break;
	}
}

static void batch_free(struct batch *b)
{
	for (size_t i = 0; i < b->n_inputs; i++)
		input_finish(&b->inputs[i]);
	for (size_t i = 0; i < b->n_changes; i++)
		rcbuf_unref(&b->changes[i].bytes);
	free(b->inputs);
	free(b->changes);
	free(b->faults);
	free(b);
}

static void set_full(struct intake *in, bool full)
{
	if (in->full == full || in->released)
		return;
	in->full = full;
	in->events->flow(in->user);
}

/* Each of these may bring about the release. */
static void batch_deliver(struct intake *in, struct batch *b)
{
	for (size_t i = 0; i < b->n_changes && !in->released; i++)
		media_window_apply(in->window, &b->changes[i]);
	in->stats = b->stats;
	if (!in->released)
		media_window_settle(in->window);
	for (size_t i = 0; i < b->n_faults && !in->released; i++)
		in->events->fault(in->user, b->faults[i].publisher, &b->faults[i].what);
	for (size_t i = 0; i < b->n_inputs && !in->released; i++) {
		if (b->inputs[i].kind == INPUT_SETTLE)
			b->inputs[i].settle.done(b->inputs[i].settle.user);
	}
	if (!in->released && in->queued <= in->queue_max / 2)
		set_full(in, false);
}

static void batch_done(struct errand *errand)
{
	struct batch *b = container_of(errand, struct batch, errand);
	struct intake *in = b->intake;
	bool closes = b->inputs[b->n_inputs - 1].kind == INPUT_CLOSE;

	in->queued -= b->errand.bytes;
	batch_deliver(in, b);
	batch_free(b);
	if (!closes)
		return;
	worker_give_back(&in->worker);
	free(in);
}

static const struct errand_ops batch_ops = {
	.leave = batch_leave,
	.run = batch_run,
	.done = batch_done,
};

static struct batch *batch_of_turn(struct intake *in)
{
	struct batch *b = in->filling;

	if (b && b->n_inputs < BATCH_MAX)
		return b;
	b = in->filling = mem_new(struct batch);
	b->errand.ops = &batch_ops;
	b->intake = in;
	worker_send(in->worker, &b->errand);
	return b;
}

/* Makes what the input points to its own. */
static size_t input_own(struct input *input)
{
	switch (input->kind) {
	case INPUT_CONFIGURE:
		if (input->config.data)
			input->config.data = mem_dup(input->config.data, input->config.len);
		return input->config.len;
	case INPUT_COLOR:
		input->color.color = mem_dup(input->color.color, sizeof(*input->color.color));
		return sizeof(*input->color.color);
	case INPUT_SAMPLE:
		if (input->sample.bytes) {
			rcbuf_ref(input->sample.bytes);
		} else {
			input->sample.bytes = rcbuf_from(input->sample.data, input->sample.len);
			input->sample.data = rcbuf_data(input->sample.bytes);
		}
		return input->sample.len;
	case INPUT_EXPECT:
	case INPUT_INTERRUPT:
	case INPUT_END:
	case INPUT_SETTLE:
	case INPUT_CLOSE:
		break;
	}
	return 0;
}

static void send_input(struct intake *in, const struct input *input)
{
	struct batch *b = batch_of_turn(in);
	struct input *own;
	size_t bytes;

	b->inputs = grown(b->inputs, b->n_inputs, &b->cap_inputs, sizeof(*b->inputs));
	own = &b->inputs[b->n_inputs++];
	*own = *input;
	bytes = INPUT_COST + input_own(own);
	b->errand.bytes += bytes;
	in->queued += bytes;
	if (in->queued > in->queue_max)
		set_full(in, true);
	/* Whoever is full must hear when it is not. */
	b->ask = b->ask || in->full || input->kind == INPUT_SETTLE || input->kind == INPUT_CLOSE;
}

static void put(struct intake *in, const struct input *input)
{
	struct live_fault fault;

	if (in->worker)
		send_input(in, input);
	else if (run_input(in->engine, input, &fault))
		in->events->fault(in->user, input->publisher, &fault);
}

struct intake *intake_create(const struct intake_config *c)
{
	struct intake *in = mem_new(struct intake);

	in->window = c->window;
	in->worker = c->workers ? workers_take(c->workers) : NULL;
	in->queue_max = c->queue_max;
	in->events = c->events;
	in->user = c->user;
	in->engine = media_engine_create(c->media, c->clock, c->window,
		in->worker ? &worker_output : &media_window_output,
		in->worker ? (void *)in : (void *)c->window);
	return in;
}

void intake_release(struct intake **intake)
{
	struct intake *in = *intake;

	*intake = NULL;
	if (!in)
		return;
	in->released = true;
	put(in, &(struct input){.kind = INPUT_CLOSE});
	if (!in->worker)
		free(in);
}

void intake_configure(
	struct intake *in, unsigned publisher, const struct intake_configuration *config)
{
	put(in,
		&(struct input){
			.kind = INPUT_CONFIGURE, .publisher = publisher, .config = *config});
}

void intake_color(
	struct intake *in, unsigned publisher, unsigned track, const struct media_color *color)
{
	put(in,
		&(struct input){.kind = INPUT_COLOR,
			.publisher = publisher,
			.color = {.track = track, .color = color}});
}

void intake_expect(struct intake *in, bool video, bool audio)
{
	put(in, &(struct input){.kind = INPUT_EXPECT, .expected = {video, audio}});
}

/*~ Next stop: media/engine.c, here and now or on the stream's worker. */
void intake_write(struct intake *in, unsigned publisher, const struct media_sample *sample)
{
	put(in, &(struct input){.kind = INPUT_SAMPLE, .publisher = publisher, .sample = *sample});
}

void intake_interrupt(struct intake *in)
{
	put(in, &(struct input){.kind = INPUT_INTERRUPT});
}

void intake_end(struct intake *in)
{
	put(in, &(struct input){.kind = INPUT_END});
}

void intake_settle(struct intake *in, void (*done)(void *user), void *user)
{
	if (!in->worker)
		done(user);
	else
		send_input(in, &(struct input){.kind = INPUT_SETTLE, .settle = {done, user}});
}

bool intake_is_full(const struct intake *in)
{
	return in->full;
}

size_t intake_queued(const struct intake *in)
{
	return in->queued;
}

void intake_stats(const struct intake *in, struct media_stats *out)
{
	if (in->worker)
		*out = in->stats;
	else
		media_engine_stats(in->engine, out);
}
