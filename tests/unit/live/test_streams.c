#include <stdlib.h>
#include <string.h>

#include "live_rig.h"

/* Who may publish, and how a stream's life goes on and ends. */

static enum live_state state_of(struct live_rig *r, const struct live_case *c)
{
	struct live_stream *s = live_registry_find(r->registry, c->id);

	assert_non_null(s);
	return live_stream_state(s);
}

static void assert_refused(struct live_rig *r, const char *key, enum live_refusal reason)
{
	struct encoder e;

	rig_join(r, &e, key);
	run_until(r, e.refused || e.admitted);
	assert_true(e.refused);
	assert_int_equal(e.refusal, reason);
}

static void new_key(struct live_rig *r, const struct live_case *c, char key[static LIVE_KEY_SIZE])
{
	struct answer a = {0};
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	live_key_new(&clock_system, key);
	live_key_hash(key, hash);
	r->repo.ops->stream_rotate_key(r->repo.impl, c->id, hash, rig_answer, &a);
	run_until(r, a.came);
	assert_int_equal(a.result, REPO_OK);
}

static void a_key_lets_its_encoder_in(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	assert_int_equal(state_of(&r, &c), LIVE_WAITING);
	rig_publish(&r, &e, &c);
	assert_int_equal(state_of(&r, &c), LIVE_PUBLISHING);
	assert_int_equal(live_registry_publishers(r.registry), 1);
	rig_feed(&e, 3);
	run_until(&r, media_window_playable(live_stream_window(e.stream)));
	live_publisher_lost(&e.publisher);
	live_publisher_lost(&e.publisher);
	assert_int_equal(state_of(&r, &c), LIVE_INTERRUPTED);
	assert_int_equal(live_registry_publishers(r.registry), 0);
	rig_finish(&r);
}

static void wrong_keys_are_told_apart(void **state)
{
	struct live_rig r;
	struct live_case live, scheduled, ended;
	struct answer a = {0};
	char key[LIVE_KEY_SIZE];

	rig_init(&r);
	rig_stream(&r, &live, true, false);
	rig_stream(&r, &scheduled, false, false);
	rig_stream(&r, &ended, true, false);
	assert_refused(&r, "no such key", LIVE_REFUSE_WRONG_KEY);
	assert_refused(&r, "", LIVE_REFUSE_WRONG_KEY);
	assert_refused(&r, scheduled.key, LIVE_REFUSE_NOT_LIVE);
	new_key(&r, &live, key);
	assert_refused(&r, live.key, LIVE_REFUSE_ROTATED_KEY);
	live_registry_end(r.registry, live_registry_find(r.registry, ended.id), LIVE_END_REQUESTED,
		rig_answer, &a);
	assert_refused(&r, ended.key, LIVE_REFUSE_ENDED); /* before the store knows, too */
	run_until(&r, a.came);
	assert_refused(&r, ended.key, LIVE_REFUSE_ENDED);
	rig_finish(&r);
}

static void only_what_is_stored_as_live_is_opened(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct answer live = {0}, ended = {0};
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	rig_init(&r);
	rig_stream(&r, &c, false, false);
	assert_null(live_registry_open_stored(r.registry, c.id));
	live_key_new(&clock_system, c.key);
	live_key_hash(c.key, hash);
	r.repo.ops->stream_go_live(
		r.repo.impl, c.id, clock_wall_ms(&clock_system), hash, false, rig_answer, &live);
	run_until(&r, live.came);
	assert_int_equal(live.result, REPO_OK);
	assert_null(live_registry_find(r.registry, c.id));
	assert_non_null(live_registry_open_stored(r.registry, c.id));
	assert_ptr_equal(
		live_registry_open_stored(r.registry, c.id), live_registry_find(r.registry, c.id));
	live_registry_end(r.registry, live_registry_find(r.registry, c.id), LIVE_END_REQUESTED,
		rig_answer, &ended);
	run_until(&r, ended.came);
	rig_crash(&r);
	rig_open_registry(&r);
	assert_null(live_registry_open_stored(r.registry, c.id));
	rig_finish(&r);
}

static void a_newer_connection_takes_over(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder old, new;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &old, &c);
	rig_feed(&old, 2);
	rig_publish(&r, &new, &c);
	assert_true(old.kicked);
	assert_int_equal(old.kick, LIVE_KICK_TAKEOVER);
	live_publisher_lost(&old.publisher);
	assert_int_equal(state_of(&r, &c), LIVE_PUBLISHING);
	rig_feed(&new, 2);
	assert_int_equal(live_registry_publishers(r.registry), 1);
	live_publisher_lost(&new.publisher);
	rig_finish(&r);
}

static void or_is_refused_where_that_is_the_rule(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	r.config.takeover = LIVE_TAKEOVER_REJECT;
	live_registry_reconfigure(r.registry, &r.config);
	assert_refused(&r, c.key, LIVE_REFUSE_BUSY);
	assert_false(e.kicked);
	live_publisher_lost(&e.publisher);
	rig_publish(&r, &e, &c);
	live_publisher_lost(&e.publisher);
	rig_finish(&r);
}

static void publishers_are_limited(void **state)
{
	struct live_rig r;
	struct live_case a, b;
	struct encoder e, again;

	rig_init(&r);
	r.config.max_publishers = 1;
	live_registry_reconfigure(r.registry, &r.config);
	rig_stream(&r, &a, true, false);
	rig_stream(&r, &b, true, false);
	rig_publish(&r, &e, &a);
	assert_refused(&r, b.key, LIVE_REFUSE_FULL);
	/* Coming back on one's own stream takes no more room. */
	rig_publish(&r, &again, &a);
	assert_true(e.kicked);
	live_publisher_lost(&again.publisher);
	rig_finish(&r);
}

static void a_connection_that_goes_before_the_answer_is_not_answered(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_join(&r, &e, c.key);
	live_publisher_lost(&e.publisher);
	for (int i = 0; i < 20; i++)
		rig_turn(&r);
	assert_false(e.admitted || e.refused);
	assert_int_equal(state_of(&r, &c), LIVE_WAITING);
	rig_finish(&r);
}

static void stopping_ends_the_stream(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct live_stats stats;
	char reason[32];

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 2);
	live_publisher_stop(&e.publisher);
	assert_false(e.kicked);
	assert_int_equal(state_of(&r, &c), LIVE_FINISHING);
	live_stream_stats(live_registry_find(r.registry, c.id), &stats);
	assert_int_equal(stats.interruptions, 0);
	run_until(&r, media_window_ended(live_stream_window(live_registry_find(r.registry, c.id))));
	run_until(&r, rig_status(&r, &c, reason) == STREAM_ENDED);
	assert_string_equal(reason, live_end_reason_text(LIVE_END_STOPPED));
	rig_finish(&r);
}

static void a_lost_encoder_has_its_grace(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	char reason[32];

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 2);
	live_publisher_lost(&e.publisher);
	rig_publish(&r, &e, &c); /* in time */
	rig_feed(&e, 2);
	r.config.grace_us = 1000;
	live_registry_reconfigure(r.registry, &r.config);
	live_publisher_lost(&e.publisher);
	run_until(&r, rig_status(&r, &c, reason) == STREAM_ENDED);
	assert_string_equal(reason, live_end_reason_text(LIVE_END_GRACE));
	rig_finish(&r);
}

static void a_stream_without_publisher_ends(void **state)
{
	struct live_rig r;
	struct live_case c;
	char reason[32];

	rig_init(&r);
	r.config.grace_us = r.config.unpublished_us = 1000;
	live_registry_reconfigure(r.registry, &r.config);
	rig_stream(&r, &c, true, true);
	run_until(&r, rig_status(&r, &c, reason) == STREAM_ENDED);
	assert_string_equal(reason, live_end_reason_text(LIVE_END_UNPUBLISHED));
	rig_finish(&r);
}

static void a_stream_can_be_ended_while_interrupted_but_once(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct answer first = {0}, second = {0};
	struct live_stream *s;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 2);
	live_publisher_lost(&e.publisher);
	s = live_registry_find(r.registry, c.id);
	live_registry_end(r.registry, s, LIVE_END_REQUESTED, rig_answer, &first);
	live_registry_end(r.registry, s, LIVE_END_REQUESTED, rig_answer, &second);
	assert_false(first.came || second.came);
	run_until(&r, first.came && second.came);
	assert_int_equal(first.result, REPO_OK);
	assert_int_equal(second.result, REPO_WRONG_STATE);
	rig_finish(&r);
}

static void ending_closes_the_publisher(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct answer a = {0};

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	live_registry_end(r.registry, e.stream, LIVE_END_ADMIN, rig_answer, &a);
	assert_true(e.kicked);
	assert_int_equal(e.kick, LIVE_KICK_ENDED);
	run_until(&r, a.came);
	rig_finish(&r);
}

static void a_new_key_closes_the_publisher_of_the_old_one(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct stream_record row;
	char key[LIVE_KEY_SIZE];

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	assert_int_equal(r.repo.ops->stream_get(r.repo.impl, c.id, &row), REPO_OK);
	live_registry_rekey(r.registry, &row);
	assert_false(e.kicked); /* it has that key */
	stream_record_finish(&row);
	new_key(&r, &c, key);
	assert_int_equal(r.repo.ops->stream_get(r.repo.impl, c.id, &row), REPO_OK);
	live_registry_rekey(r.registry, &row);
	stream_record_finish(&row);
	assert_true(e.kicked);
	assert_int_equal(e.kick, LIVE_KICK_ROTATED);
	memcpy(c.key, key, sizeof(key));
	rig_publish(&r, &e, &c);
	live_publisher_lost(&e.publisher);
	rig_finish(&r);
}

static void a_kick_leaves_the_grace(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	assert_true(live_registry_kick(r.registry, e.stream));
	assert_false(live_registry_kick(r.registry, e.stream));
	assert_int_equal(e.kick, LIVE_KICK_ADMIN);
	assert_int_equal(state_of(&r, &c), LIVE_INTERRUPTED);
	rig_finish(&r);
}

static void an_end_that_the_store_could_not_write_is_written_again(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct answer a = {0};

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	repo_memory_fail(r.memory, 1);
	live_registry_end(r.registry, live_registry_find(r.registry, c.id), LIVE_END_REQUESTED,
		rig_answer, &a);
	run_until(&r, a.came);
	assert_int_equal(a.result, REPO_FAILED);
	assert_int_equal(rig_status(&r, &c, NULL), STREAM_LIVE);
	run_until(&r, rig_status(&r, &c, NULL) == STREAM_ENDED);
	rig_finish(&r);
}

static void drained(void *user)
{
	*(bool *)user = true;
}

static void draining_refuses_and_leaves_streams_live(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	bool done = false;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 2);
	live_registry_drain(r.registry, drained, &done);
	assert_false(done);
	assert_int_equal(e.kick, LIVE_KICK_DRAIN);
	assert_refused(&r, c.key, LIVE_REFUSE_DRAINING);
	run_until(&r, done);
	assert_int_equal(rig_status(&r, &c, NULL), STREAM_LIVE);
	rig_finish(&r);
}

/* Whatever was under way: the answers that come later find nothing to hurt. */
static void destroying_the_registry_strands_nobody(void **state)
{
	struct live_rig r;
	struct live_case a, b, c;
	struct encoder joining, publishing, ending;
	struct answer answer = {0};
	bool done = false;

	rig_init(&r);
	rig_stream(&r, &a, true, true);
	rig_stream(&r, &b, true, true);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &publishing, &a);
	rig_feed(&publishing, 3);
	rig_publish(&r, &ending, &b);
	rig_feed(&ending, 3);
	live_publisher_stop(&ending.publisher);
	rig_join(&r, &joining, c.key);
	live_registry_drain(r.registry, drained, &done);
	live_registry_delete_recording(r.registry, uuid_new(&clock_system), rig_answer, &answer);
	live_registry_destroy(&r.registry);
	for (int i = 0; i < 100; i++)
		rig_turn(&r);
	live_publisher_lost(&joining.publisher);
	live_publisher_lost(&publishing.publisher);
	assert_false(done || joining.admitted || joining.refused || answer.came);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_lets_its_encoder_in),
		cmocka_unit_test(wrong_keys_are_told_apart),
		cmocka_unit_test(only_what_is_stored_as_live_is_opened),
		cmocka_unit_test(a_newer_connection_takes_over),
		cmocka_unit_test(or_is_refused_where_that_is_the_rule),
		cmocka_unit_test(publishers_are_limited),
		cmocka_unit_test(a_connection_that_goes_before_the_answer_is_not_answered),
		cmocka_unit_test(stopping_ends_the_stream),
		cmocka_unit_test(a_lost_encoder_has_its_grace),
		cmocka_unit_test(a_stream_without_publisher_ends),
		cmocka_unit_test(a_stream_can_be_ended_while_interrupted_but_once),
		cmocka_unit_test(ending_closes_the_publisher),
		cmocka_unit_test(a_new_key_closes_the_publisher_of_the_old_one),
		cmocka_unit_test(a_kick_leaves_the_grace),
		cmocka_unit_test(an_end_that_the_store_could_not_write_is_written_again),
		cmocka_unit_test(draining_refuses_and_leaves_streams_live),
		cmocka_unit_test(destroying_the_registry_strands_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
