#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intake.h"
#include "support/h264_make.h"
#include "support/test.h"

/*
 * The way through a worker and back, with a worker that runs when the test says so: what is made is
 * the same as without one, whatever happens while something is under way.
 */
struct worker {
	struct list leaving, inbox, finished;
	unsigned users, told;
};

struct workers {
	struct worker worker;
};

struct worker *workers_take(struct workers *all)
{
	all->worker.users++;
	return &all->worker;
}

void worker_give_back(struct worker **w)
{
	(*w)->users--;
	*w = NULL;
}

void worker_send(struct worker *w, struct errand *e)
{
	list_append(&w->leaving, &e->link);
}

static struct errand *take(struct list *from)
{
	struct errand *e;

	if (list_empty(from))
		return NULL;
	e = container_of(from->next, struct errand, link);
	list_remove(&e->link);
	return e;
}

/* The turn of the loop ends. */
static void leave(struct workers *all)
{
	struct errand *e;

	while ((e = take(&all->worker.leaving))) {
		e->ops->leave(e);
		list_append(&all->worker.inbox, &e->link);
	}
}

/* On the thread. */
static void work(struct workers *all)
{
	struct errand *e;

	while ((e = take(&all->worker.inbox))) {
		all->worker.told += e->ops->run(e);
		list_append(&all->worker.finished, &e->link);
	}
}

static void come_back(struct workers *all)
{
	struct errand *e;

	while ((e = take(&all->worker.finished)))
		e->ops->done(e);
}

static void round_trip(struct workers *all)
{
	leave(all);
	work(all);
	come_back(all);
}

struct rig {
	struct workers workers;
	bool threaded;
	struct clock_manual clock;
	struct media_window *window;
	struct intake *intake;
	struct buf story; /* what the window announced, but for bytes */
	unsigned updates, inits, segments, faults, flows, settled;
	unsigned faulty; /* publisher of the last fault */
	struct live_fault fault;
	bool release_on_fault;
	uint32_t ms;
};

static void on_updated(void *user, struct media_window *window)
{
	struct rig *r = user;

	r->updates++;
}

static void on_init(void *user, const struct media_init *init)
{
	struct rig *r = user;

	r->inits++;
	buf_printf(&r->story, "init %u/%u %zu %s %s\n", init->rendition, init->number,
		rcbuf_len(init->bytes), init->description->video, init->description->audio);
}

static void on_segment(void *user, struct media_segment *s)
{
	struct rig *r = user;

	r->segments++;
	buf_printf(&r->story, "segment %u/%llu at %llu for %llu, %zu parts, %llu bytes%s%s\n",
		s->rendition, (unsigned long long)s->sequence, (unsigned long long)s->start_us,
		(unsigned long long)s->duration_us, s->n_parts, (unsigned long long)s->bytes,
		s->discontinuity ? ", discontinuity" : "", s->hide_parts ? ", hidden" : "");
}

static void on_fault(void *user, unsigned publisher, const struct live_fault *fault)
{
	struct rig *r = user;

	r->faults++;
	r->faulty = publisher;
	r->fault = *fault;
	if (r->release_on_fault)
		intake_release(&r->intake);
}

static void on_flow(void *user)
{
	struct rig *r = user;

	r->flows++;
}

static void on_settled(void *user)
{
	struct rig *r = user;

	r->settled++;
}

static void rig_init(struct rig *r, bool threaded)
{
	static const struct media_config media = {.part_target_us = 200000,
		.segment_target_us = 1000000,
		.max_jump_us = 3000000,
		.window = 6,
		.memory_segments = 2};
	static const struct media_events window_events = {
		.updated = on_updated, .init = on_init, .segment = on_segment};
	static const struct intake_events events = {.fault = on_fault, .flow = on_flow};

	*r = (struct rig){.threaded = threaded};
	list_init(&r->workers.worker.leaving);
	list_init(&r->workers.worker.inbox);
	list_init(&r->workers.worker.finished);
	clock_manual_init(&r->clock, 1700000000000000);
	r->window = media_window_create(&media, &window_events, r);
	r->intake = intake_create(&(struct intake_config){.media = &media,
		.clock = &r->clock.clock,
		.window = r->window,
		.workers = threaded ? &r->workers : NULL,
		.queue_max = 100000,
		.events = &events,
		.user = r});
	assert_int_equal(r->workers.worker.users, threaded);
}

/* As a stream goes: the window at once, the engine when the worker comes to it. */
static void rig_finish(struct rig *r)
{
	intake_release(&r->intake);
	media_window_destroy(r->window);
	round_trip(&r->workers);
	assert_int_equal(r->workers.worker.users, 0);
	assert_true(list_empty(&r->workers.worker.leaving));
	buf_finish(&r->story);
}

static void configure(struct rig *r, unsigned publisher, unsigned width)
{
	uint8_t picture[256];
	const uint8_t sound[] = {0x11, 0x90};
	size_t n = h264_make_config(picture, sizeof(picture), width, 240);

	intake_configure(r->intake, publisher,
		&(struct intake_configuration){MEDIA_VIDEO, 0, MEDIA_CODEC_H264, picture, n});
	intake_configure(r->intake, publisher,
		&(struct intake_configuration){
			MEDIA_AUDIO, 0, MEDIA_CODEC_AAC, sound, sizeof(sound)});
	/* It is the caller's again. */
	memset(picture, 0, sizeof(picture));
}

static void feed(struct rig *r, unsigned publisher, unsigned ms)
{
	for (uint32_t end = r->ms + ms; r->ms < end; r->ms += 40) {
		uint8_t slice[64] = {0, 0, 0, 60, r->ms % 1000 == 0 ? 0x65 : 0x41};
		struct rcbuf *counted = rcbuf_from("....sound.", 10);
		intake_write(r->intake, publisher,
			&(struct media_sample){.kind = MEDIA_VIDEO,
				.key = r->ms % 1000 == 0,
				.timestamp_ms = r->ms,
				.data = slice,
				.len = sizeof(slice)});
		memset(slice, 0xff, sizeof(slice));
		intake_write(r->intake, publisher,
			&(struct media_sample){.kind = MEDIA_AUDIO,
				.timestamp_ms = r->ms,
				.data = rcbuf_data(counted) + 4,
				.len = 6,
				.bytes = counted});
		rcbuf_unref(&counted);
	}
}

static void damage(struct rig *r, unsigned publisher)
{
	intake_configure(r->intake, publisher,
		&(struct intake_configuration){
			MEDIA_VIDEO, 0, MEDIA_CODEC_H264, (const uint8_t *)"\xff", 1});
}

/* All that can come in, with turns of the loop between; what was announced. */
static void live_a_life(struct rig *r)
{
	const struct media_color color = {.primaries = 9, .transfer = 16, .matrix = 9};

	intake_expect(r->intake, true, true);
	configure(r, 1, 320);
	feed(r, 1, 2400);
	round_trip(&r->workers);
	feed(r, 1, 400);
	intake_color(r->intake, 1, 0, &color);
	feed(r, 1, 2200);
	intake_interrupt(r->intake);
	round_trip(&r->workers);
	configure(r, 2, 640);
	feed(r, 2, 3000);
	intake_end(r->intake);
	round_trip(&r->workers);
}

static void a_worker_makes_what_the_loop_would(void **state)
{
	struct rig direct, threaded;
	struct media_stats a, b;

	rig_init(&direct, false);
	rig_init(&threaded, true);
	live_a_life(&direct);
	live_a_life(&threaded);
	assert_true(direct.segments >= 7 && direct.inits == 3);
	assert_string_equal(buf_text(&direct.story), buf_text(&threaded.story));
	intake_stats(direct.intake, &a);
	intake_stats(threaded.intake, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(media_window_ended(threaded.window));
	assert_int_equal(direct.faults + threaded.faults, 0);
	/* Once for each that came back, not for each that was made. */
	assert_true(threaded.updates < direct.updates && threaded.updates >= 3);
	rig_finish(&direct);
	rig_finish(&threaded);
}

static void a_turn_is_one_errand(void **state)
{
	struct rig r;

	rig_init(&r, true);
	configure(&r, 1, 320);
	assert_ptr_equal(r.workers.worker.leaving.next, r.workers.worker.leaving.prev);
	leave(&r.workers);
	work(&r.workers);
	assert_int_equal(r.workers.worker.told, 0); /* nothing that cannot wait */
	feed(&r, 1, 1200);
	leave(&r.workers);
	work(&r.workers);
	assert_int_equal(r.workers.worker.told, 1);
	assert_int_equal(r.segments, 0);
	come_back(&r.workers);
	assert_int_equal(r.segments, 1);
	rig_finish(&r);
}

/* Whose it is comes along: the one that it is about may have been replaced. */
static void a_fault_knows_its_publisher(void **state)
{
	for (unsigned threaded = 0; threaded < 2; threaded++) {
		struct rig r;

		rig_init(&r, threaded);
		configure(&r, 1, 320);
		damage(&r, 1);
		intake_interrupt(r.intake);
		configure(&r, 2, 320);
		assert_int_equal(r.faults, !threaded);
		feed(&r, 2, 1200);
		round_trip(&r.workers);
		assert_int_equal(r.faults, 1);
		assert_int_equal(r.faulty, 1);
		assert_int_equal(r.fault.result, MEDIA_BAD_CONFIG);
		assert_int_equal(r.fault.codec, MEDIA_CODEC_H264);
		assert_int_equal(r.segments, 1);
		rig_finish(&r);
	}
}

static void the_stream_may_go_while_much_is_under_way(void **state)
{
	struct rig r;

	rig_init(&r, true);
	configure(&r, 1, 320);
	feed(&r, 1, 3000);
	leave(&r.workers);
	work(&r.workers);
	feed(&r, 1, 1000);
	leave(&r.workers);
	feed(&r, 1, 1000);
	damage(&r, 1);
	intake_settle(r.intake, on_settled, &r);
	rig_finish(&r);
	assert_int_equal(r.updates + r.inits + r.segments + r.faults + r.settled, 0);
}

static void it_may_go_because_of_a_fault(void **state)
{
	for (unsigned threaded = 0; threaded < 2; threaded++) {
		struct rig r;

		rig_init(&r, threaded);
		r.release_on_fault = true;
		configure(&r, 1, 320);
		if (threaded) {
			feed(&r, 1, 2000);
			damage(&r, 1);
		}
		damage(&r, 1);
		round_trip(&r.workers);
		assert_null(r.intake);
		assert_int_equal(r.faults, 1);
		rig_finish(&r);
	}
}

static void what_came_before_is_in_the_window_when_it_settles(void **state)
{
	for (unsigned threaded = 0; threaded < 2; threaded++) {
		struct rig r;

		rig_init(&r, threaded);
		configure(&r, 1, 320);
		feed(&r, 1, 1500);
		intake_end(r.intake);
		intake_settle(r.intake, on_settled, &r);
		assert_int_equal(r.settled, !threaded);
		round_trip(&r.workers);
		assert_int_equal(r.settled, 1);
		assert_int_equal(r.segments, 2);
		assert_true(media_window_ended(r.window));
		rig_finish(&r);
	}
}

static void it_is_full_until_the_worker_has_caught_up(void **state)
{
	struct rig r;

	rig_init(&r, true);
	configure(&r, 1, 320);
	for (unsigned i = 0; i < 1000 && !intake_is_full(r.intake); i++) {
		feed(&r, 1, 40);
		leave(&r.workers);
	}
	assert_true(intake_is_full(r.intake));
	assert_int_equal(r.flows, 1);
	assert_in_range(intake_queued(r.intake), 100000, 101000);
	feed(&r, 1, 400); /* what was read already is taken all the same */
	assert_int_equal(r.flows, 1);
	leave(&r.workers);
	work(&r.workers);
	assert_true(r.workers.worker.told > 0); /* nobody else would wake the loop */
	come_back(&r.workers);
	assert_false(intake_is_full(r.intake));
	assert_int_equal(r.flows, 2);
	assert_int_equal(intake_queued(r.intake), 0);
	assert_true(r.segments > 3);
	/* Full, and gone. */
	while (!intake_is_full(r.intake))
		feed(&r, 1, 40);
	rig_finish(&r);
	assert_int_equal(r.flows, 3);
}

static void without_a_worker_it_is_never_full(void **state)
{
	struct rig r;

	rig_init(&r, false);
	configure(&r, 1, 320);
	feed(&r, 1, 60000);
	assert_false(intake_is_full(r.intake));
	assert_int_equal(intake_queued(r.intake) + r.flows, 0);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_makes_what_the_loop_would),
		cmocka_unit_test(a_turn_is_one_errand),
		cmocka_unit_test(a_fault_knows_its_publisher),
		cmocka_unit_test(the_stream_may_go_while_much_is_under_way),
		cmocka_unit_test(it_may_go_because_of_a_fault),
		cmocka_unit_test(what_came_before_is_in_the_window_when_it_settles),
		cmocka_unit_test(it_is_full_until_the_worker_has_caught_up),
		cmocka_unit_test(without_a_worker_it_is_never_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
