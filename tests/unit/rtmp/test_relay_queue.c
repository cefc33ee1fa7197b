#include <stdlib.h>

#include "relay_queue.h"
#include "support/test.h"

enum { SOUND = 8, PICTURE = 9 };

/* what: 's' sound, 'p' picture, 'k' keyframe; 'C' and 'c': the configuration of either. */
static unsigned put(struct relay_queue *q, char what, uint8_t track, size_t len, uint64_t now_us)
{
	struct relay_packet p = {
		.wire = rcbuf_create(len),
		.type = what == 's' || what == 'C' ? SOUND : PICTURE,
		.track = track,
		.is_key = what == 'k',
		.is_config = what == 'c' || what == 'C',
	};
	unsigned dropped = relay_queue_put(q, &p, now_us);

	rcbuf_unref(&p.wire);
	return dropped;
}

/* Takes all: a letter each, as put takes them. */
static void expect(struct relay_queue *q, const char *letters)
{
	struct relay_packet p;

	for (; *letters; letters++) {
		assert_true(relay_queue_take(q, &p));
		char got = p.is_config	  ? (p.type == SOUND ? 'C' : 'c')
			: p.is_key	  ? 'k'
			: p.type == SOUND ? 's'
					  : 'p';
		assert_int_equal(got, *letters);
		rcbuf_unref(&p.wire);
	}
	assert_false(relay_queue_take(q, &p));
	assert_int_equal(q->bytes, 0);
}

static void what_fits_comes_out_in_order(void **state)
{
	struct relay_queue q;

	relay_queue_init(&q, 500, 1000);
	assert_int_equal(put(&q, 'C', 0, 100, 0), 0);
	assert_int_equal(put(&q, 'c', 0, 100, 0), 0);
	assert_int_equal(put(&q, 'k', 0, 100, 0), 0);
	assert_int_equal(put(&q, 's', 0, 100, 500), 0);
	assert_int_equal(put(&q, 'p', 0, 100, 1000), 0);
	assert_int_equal(q.bytes, 500);
	expect(&q, "Ccksp");
	assert_int_equal(q.dropped, 0);
	relay_queue_finish(&q);
}

static void too_many_bytes_drop_to_the_next_keyframe(void **state)
{
	struct relay_queue q;

	relay_queue_init(&q, 400, 1000);
	put(&q, 'c', 0, 100, 0);
	put(&q, 'k', 0, 100, 0);
	put(&q, 'p', 0, 100, 0);
	put(&q, 's', 0, 100, 0);
	assert_int_equal(put(&q, 'p', 0, 1, 0), 4);
	assert_int_equal(put(&q, 's', 0, 1, 0), 1);
	assert_int_equal(put(&q, 'p', 0, 1, 0), 1);
	assert_int_equal(put(&q, 'k', 0, 100, 0), 0);
	assert_int_equal(put(&q, 'p', 0, 100, 0), 0);
	assert_int_equal(q.dropped, 6);
	expect(&q, "ckp");
	relay_queue_finish(&q);
}

static void so_does_too_much_time(void **state)
{
	struct relay_queue q;

	relay_queue_init(&q, 4000, 1000);
	put(&q, 'k', 0, 100, 0);
	assert_int_equal(put(&q, 'p', 0, 100, 1001), 2);
	assert_true(q.waits_for_key);
	/* A keyframe that comes then is not too late itself. */
	assert_int_equal(put(&q, 'k', 0, 100, 9000), 0);
	assert_int_equal(put(&q, 'p', 0, 100, 10000), 0);
	expect(&q, "kp");
	/* An empty queue is never too old. */
	assert_int_equal(put(&q, 'p', 0, 100, 90000), 0);
	expect(&q, "p");
	relay_queue_finish(&q);
}

static void the_newest_configurations_stay(void **state)
{
	struct relay_queue q;

	relay_queue_init(&q, 500, 1000);
	put(&q, 'c', 0, 100, 0);
	put(&q, 'C', 0, 100, 0);
	put(&q, 'c', 0, 100, 0);
	put(&q, 'c', 1, 100, 0);
	put(&q, 'k', 0, 100, 0);
	assert_int_equal(put(&q, 'p', 0, 100, 0), 2);
	assert_int_equal(q.bytes, 300);
	/* While it waits, a new one takes the place of the old. */
	assert_int_equal(put(&q, 'C', 0, 50, 500), 0);
	assert_int_equal(q.bytes, 250);
	/* The time that they waited does not count. */
	assert_int_equal(put(&q, 'k', 0, 100, 5000), 0);
	assert_int_equal(put(&q, 's', 0, 100, 6000), 0);
	expect(&q, "ccCks");
	relay_queue_finish(&q);
}

static void a_keyframe_that_is_too_much_begins_anew(void **state)
{
	struct relay_queue q;

	relay_queue_init(&q, 300, 1000);
	put(&q, 'k', 0, 200, 0);
	assert_int_equal(put(&q, 'k', 0, 200, 0), 1);
	assert_int_equal(q.bytes, 200);
	expect(&q, "k");
	/* Larger than the queue: alone it goes through. */
	assert_int_equal(put(&q, 'k', 0, 900, 0), 0);
	expect(&q, "k");
	relay_queue_finish(&q);
}

static void finish_gives_all_back(void **state)
{
	struct relay_queue q;

	relay_queue_init(&q, 1000, 1000);
	put(&q, 'c', 0, 100, 0);
	put(&q, 'k', 0, 100, 0);
	relay_queue_finish(&q);
	assert_int_equal(q.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_comes_out_in_order),
		cmocka_unit_test(too_many_bytes_drop_to_the_next_keyframe),
		cmocka_unit_test(so_does_too_much_time),
		cmocka_unit_test(the_newest_configurations_stay),
		cmocka_unit_test(a_keyframe_that_is_too_much_begins_anew),
		cmocka_unit_test(finish_gives_all_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
