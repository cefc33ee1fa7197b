#include <stdlib.h>
#include <string.h>

#include "live/bans.h"
#include "market_rig.h"

/* Encoders that are set up once: a seller's permanent key, and what it feeds. */

static const struct studio_caller seller = {.user_id = "seller", .roles = ROLE_SELLER};

struct heard {
	unsigned answers;
	enum studio_result result;
	char key[LIVE_KEY_SIZE];
};

static void hear(void *user, const struct studio_answer *answer)
{
	struct heard *h = user;

	h->answers++;
	h->result = answer->result;
	h->key[0] = '\0';
	if (answer->stream_key)
		memcpy(h->key, answer->stream_key, sizeof(h->key));
}

static struct heard change_key(struct market *m, const struct studio_caller *caller, bool wanted)
{
	struct heard h = {0};

	studio_seller_key(m->studio, caller, wanted, hear, &h);
	run_until(&m->rig, h.answers);
	return h;
}

static void expect_refusal(struct market *m, const char *key, enum live_refusal why)
{
	struct stream_record row;
	struct encoder e;

	assert_false(live_registry_accepts(m->rig.registry, key, &row));
	rig_join(&m->rig, &e, key);
	run_until(&m->rig, e.admitted || e.refused);
	assert_true(e.refused);
	assert_int_equal(e.refusal, why);
}

static void expect_accepted(struct market *m, const char *key, const struct live_case *c)
{
	struct stream_record row;

	assert_true(live_registry_accepts(m->rig.registry, key, &row));
	assert_true(uuid_eq(row.id, c->id));
	assert_string_equal(row.seller_id, "seller");
	stream_record_finish(&row);
}

static void publish(struct market *m, struct encoder *e, const char *key, const struct live_case *c)
{
	expect_accepted(m, key, c);
	rig_join(&m->rig, e, key);
	run_until(&m->rig, e->admitted || e->refused);
	assert_true(e->admitted);
	assert_ptr_equal(e->stream, live_registry_find(m->rig.registry, c->id));
}

static void it_feeds_what_is_live(void **state)
{
	struct market m;
	struct live_case scheduled, live;
	struct encoder e, f;

	market_init(&m);
	rig_stream(&m.rig, &scheduled, false, false);
	rig_stream(&m.rig, &live, true, false);
	struct heard h = change_key(&m, &seller, true);
	assert_int_equal(h.result, STUDIO_OK);
	assert_int_equal(strlen(h.key), LIVE_KEY_SIZE - 1);
	publish(&m, &e, h.key, &live);
	/* The stream's own key goes on to work. */
	publish(&m, &f, live.key, &live);
	assert_true(e.kicked);
	assert_int_equal(e.kick, LIVE_KICK_TAKEOVER);
	assert_int_equal(rig_status(&m.rig, &scheduled, NULL), STREAM_SCHEDULED);
	live_publisher_lost(&f.publisher);
	market_finish(&m);
}

static void what_is_due_goes_live_by_itself(void **state)
{
	struct market m;
	struct live_case far, due;
	struct encoder e;
	uint64_t now = clock_wall_ms(&clock_system);

	market_init(&m);
	rig_stream(&m.rig, &far, false, false);
	market_schedule(&m, &far, now + 2 * LIVE_DUE_AHEAD_MS);
	struct heard h = change_key(&m, &seller, true);
	expect_refusal(&m, h.key, LIVE_REFUSE_NOT_LIVE);
	rig_stream(&m.rig, &due, false, false);
	market_schedule(&m, &due, now + LIVE_DUE_AHEAD_MS / 2);
	publish(&m, &e, h.key, &due);
	assert_int_equal(rig_status(&m.rig, &due, NULL), STREAM_LIVE);
	assert_int_equal(rig_status(&m.rig, &far, NULL), STREAM_SCHEDULED);
	rig_feed(&e, 2);
	live_publisher_stop(&e.publisher);
	run_until(&m.rig, rig_status(&m.rig, &due, NULL) == STREAM_ENDED);
	expect_refusal(&m, h.key, LIVE_REFUSE_NOT_LIVE);
	market_finish(&m);
}

static void two_encoders_at_once_make_one_stream(void **state)
{
	struct market m;
	struct live_case due;
	struct encoder e, f;

	market_init(&m);
	rig_stream(&m.rig, &due, false, false);
	struct heard h = change_key(&m, &seller, true);
	rig_join(&m.rig, &e, h.key);
	rig_join(&m.rig, &f, h.key);
	run_until(&m.rig, e.admitted && f.admitted);
	assert_true(e.kicked != f.kicked);
	assert_int_equal(live_registry_count(m.rig.registry), 1);
	live_publisher_lost(e.kicked ? &f.publisher : &e.publisher);
	market_finish(&m);
}

static void an_encoder_that_leaves_meanwhile_leaves_the_stream_live(void **state)
{
	struct market m;
	struct live_case due;
	struct encoder e;

	market_init(&m);
	rig_stream(&m.rig, &due, false, false);
	struct heard h = change_key(&m, &seller, true);
	rig_join(&m.rig, &e, h.key);
	run_until(&m.rig, rig_status(&m.rig, &due, NULL) == STREAM_LIVE || e.admitted);
	live_publisher_lost(&e.publisher);
	run_until(&m.rig, live_registry_find(m.rig.registry, due.id));
	market_finish(&m);
}

static void a_new_key_ends_the_old_one(void **state)
{
	const struct studio_caller buyer = {.user_id = "seller", .roles = ROLE_BUYER};
	struct market m;
	struct live_case live;
	struct encoder e, f;

	market_init(&m);
	rig_stream(&m.rig, &live, true, false);
	assert_int_equal(change_key(&m, &buyer, true).result, STUDIO_FORBIDDEN);
	struct heard first = change_key(&m, &seller, true);
	publish(&m, &e, first.key, &live);
	struct heard second = change_key(&m, &seller, true);
	assert_string_not_equal(first.key, second.key);
	assert_true(e.kicked);
	assert_int_equal(e.kick, LIVE_KICK_ROTATED);
	expect_refusal(&m, first.key, LIVE_REFUSE_WRONG_KEY);
	publish(&m, &f, second.key, &live);
	/* A new key of the stream is no business of the seller's. */
	struct heard rotated = {0};
	studio_rotate_key(m.studio, &seller, live.id, hear, &rotated);
	run_until(&m.rig, rotated.answers);
	assert_int_equal(rotated.result, STUDIO_OK);
	assert_false(f.kicked);
	struct heard none = change_key(&m, &seller, false);
	assert_int_equal(none.result, STUDIO_OK);
	assert_string_equal(none.key, "");
	assert_true(f.kicked);
	expect_refusal(&m, second.key, LIVE_REFUSE_WRONG_KEY);
	market_finish(&m);
}

static void hear_ban(void *user, enum bans_result result, const struct ban_record *ban)
{
	assert_int_equal(result, BANS_OK);
}

static void the_banned_publish_nothing(void **state)
{
	struct market m;
	struct live_case due;
	struct ban_record ban = {
		.kind = BAN_USER, .subject = (char *)"seller", .actor = (char *)"admin"};
	struct bans *bans;

	market_init(&m);
	rig_stream(&m.rig, &due, false, false);
	struct heard h = change_key(&m, &seller, true);
	expect_accepted(&m, h.key, &due);
	bans = bans_create(m.rig.loop, m.rig.repo, 10);
	bans_put(bans, &ban, hear_ban, NULL);
	run_until(&m.rig, bans_user(bans, "seller"));
	live_registry_heed(m.rig.registry, bans);
	expect_refusal(&m, h.key, LIVE_REFUSE_BANNED);
	assert_int_equal(rig_status(&m.rig, &due, NULL), STREAM_SCHEDULED);
	live_registry_heed(m.rig.registry, NULL);
	bans_destroy(&bans);
	market_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_feeds_what_is_live),
		cmocka_unit_test(what_is_due_goes_live_by_itself),
		cmocka_unit_test(two_encoders_at_once_make_one_stream),
		cmocka_unit_test(an_encoder_that_leaves_meanwhile_leaves_the_stream_live),
		cmocka_unit_test(a_new_key_ends_the_old_one),
		cmocka_unit_test(the_banned_publish_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
