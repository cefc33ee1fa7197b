#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "live/feed.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "support/test.h"

/* The feed on a real loop: each test lets it run until the players were woken. */
struct rig {
	struct metrics *metrics;
	struct loop *loop;
	struct feeds *feeds;
	struct feed *feed;
	struct timer *stop;
};

struct taker {
	struct feed_player player;
	unsigned woken;
	bool may_not, ended;
	enum feed_end why;
	char got[400];
};

static void on_ready(struct feed_player *p)
{
	container_of(p, struct taker, player)->woken++;
}

static bool on_allowed(struct feed_player *p)
{
	return !container_of(p, struct taker, player)->may_not;
}

static void on_end(struct feed_player *p, enum feed_end why)
{
	struct taker *t = container_of(p, struct taker, player);
	t->ended = true;
	t->why = why;
	feed_leave(p, why);
}

static const struct feed_player_ops ops = {on_ready, on_allowed, on_end};

static void rig_open(struct rig *r, size_t gop, size_t queue, unsigned players)
{
	struct feeds_config config = {.gop_max = gop,
		.queue_max = queue,
		.stall_us = 1000000,
		.players_max = players,
		.per_stream_max = 2};
	r->metrics = metrics_create();
	r->loop = loop_create(&(struct loop_config){
		.clock = &clock_system, .metrics = r->metrics, .max_connections = 8});
	r->feeds = feeds_create(r->loop, &config);
	r->feed = feed_create(r->feeds, "stream");
}

static void rig_close(struct rig *r)
{
	feed_destroy(&r->feed);
	assert_int_equal(feeds_players(r->feeds), 0);
	assert_int_equal(
		metric_count(metrics_find(r->metrics, "souk_playout_memory_bytes", NULL)), 0);
	feeds_destroy(&r->feeds);
	loop_destroy(r->loop);
	metrics_destroy(r->metrics);
}

static void stop(void *loop)
{
	loop_stop(loop);
}

static void run(struct rig *r)
{
	struct timer *t = loop_timer_create(r->loop, "stop", stop, r->loop);
	timer_start(t, 20000);
	loop_run(r->loop);
	timer_destroy(&t);
}

static enum feed_join join(struct rig *r, struct taker *t)
{
	*t = (struct taker){.player = {.ops = &ops, .kind = "test", .address = "nowhere"}};
	return feed_join(r->feed, &t->player);
}

/* 'M' metadata, 'C' and 'D' configurations of a picture and of sound, 'K' and 'v' frames, 'a'
 * sound; bytes of a body are its letter. */
static void put(struct rig *r, char what, uint32_t ms, size_t len)
{
	uint8_t body[5000];
	memset(body, what, sizeof(body));
	feed_put(r->feed,
		&(struct feed_input){
			.type = what == 'M'		     ? FEED_SCRIPT
				: what == 'a' || what == 'D' ? FEED_AUDIO
							     : FEED_VIDEO,
			.timestamp = ms,
			.is_config = what == 'M' || what == 'C' || what == 'D',
			.is_key = what == 'K',
			.body = body,
			.len = len,
		});
}

static const char *take(struct taker *t)
{
	struct feed_item item;
	t->got[0] = '\0';
	while (feed_next(&t->player, &item)) {
		size_t at = strlen(t->got);
		snprintf(t->got + at, sizeof(t->got) - at, "%s%c@%u", at > 0 ? " " : "",
			item.body[0], item.timestamp);
		assert_int_equal(rcbuf_len(item.wire), item.len + 15);
		assert_int_equal(rcbuf_data(item.wire)[0], item.type);
	}
	return t->got;
}

static void start(struct rig *r)
{
	put(r, 'M', 0, 30);
	put(r, 'C', 0, 20);
	put(r, 'D', 0, 10);
}

static void test_starts_at_the_last_keyframe(void **state)
{
	struct rig r;
	struct taker early, late;
	rig_open(&r, 1000, 1000, 0);
	assert_int_equal(join(&r, &early), FEED_JOINED);
	start(&r);
	put(&r, 'v', 3, 10);
	assert_string_equal(take(&early), "");
	put(&r, 'K', 40, 10);
	put(&r, 'a', 50, 10);
	put(&r, 'K', 80, 10);
	put(&r, 'v', 120, 10);
	run(&r);
	assert_int_equal(early.woken, 1);
	assert_string_equal(take(&early), "M@37 C@37 D@37 K@37 a@47 K@77 v@117");
	assert_int_equal(join(&r, &late), FEED_JOINED);
	assert_string_equal(take(&late), "M@77 C@77 D@77 K@77 v@117");
	put(&r, 'C', 0, 21);
	put(&r, 'v', 160, 10);
	assert_string_equal(take(&late), "C@117 v@157");
	assert_string_equal(take(&early), "C@117 v@157");
	assert_false(feed_is_over(&late.player));
	feed_finish(r.feed);
	assert_true(feed_is_over(&late.player));
	rig_close(&r);
	assert_true(early.ended && early.why == FEED_END_OVER && late.ended);
}

static void test_sound_alone_begins_anywhere(void **state)
{
	struct rig r;
	struct taker t;
	rig_open(&r, 1000, 1000, 0);
	put(&r, 'D', 0, 10);
	put(&r, 'a', 0, 10);
	put(&r, 'a', 23, 10);
	assert_int_equal(join(&r, &t), FEED_JOINED);
	assert_string_equal(take(&t), "D@23 a@23");
	rig_close(&r);
}

static void test_a_long_gop_is_not_kept(void **state)
{
	struct rig r;
	struct taker t;
	rig_open(&r, 3000, 3000, 0);
	start(&r);
	put(&r, 'K', 0, 1000);
	put(&r, 'v', 40, 4000);
	assert_in_range(
		metric_count(metrics_find(r.metrics, "souk_playout_memory_bytes", NULL)), 1, 4999);
	assert_int_equal(join(&r, &t), FEED_JOINED);
	assert_string_equal(take(&t), "");
	put(&r, 'v', 80, 10);
	put(&r, 'K', 120, 10);
	assert_string_equal(take(&t), "M@120 C@120 D@120 K@120");
	rig_close(&r);
}

static void test_without_a_cache_nothing_is_kept(void **state)
{
	struct rig r;
	struct taker t;
	rig_open(&r, 0, 3000, 0);
	start(&r);
	for (unsigned i = 0; i < 100; i++)
		put(&r, i % 10 ? 'v' : 'K', i * 40, 2000);
	assert_in_range(
		metric_count(metrics_find(r.metrics, "souk_playout_memory_bytes", NULL)), 1, 4000);
	assert_int_equal(join(&r, &t), FEED_JOINED);
	put(&r, 'v', 4000, 10);
	put(&r, 'K', 4040, 10);
	put(&r, 'v', 4080, 10);
	assert_string_equal(take(&t), "M@4040 C@4040 D@4040 K@4040 v@4080");
	rig_close(&r);
}

static void test_a_slow_player_skips(void **state)
{
	struct rig r;
	struct taker slow, good;
	rig_open(&r, 4000, 4000, 0);
	start(&r);
	put(&r, 'K', 0, 10);
	assert_int_equal(join(&r, &slow), FEED_JOINED);
	assert_int_equal(join(&r, &good), FEED_JOINED);
	take(&slow);
	take(&good);
	put(&r, 'v', 40, 3000);
	put(&r, 'C', 0, 22);
	put(&r, 'K', 80, 1000);
	put(&r, 'v', 120, 1000);
	assert_string_equal(take(&good), "v@40 C@40 K@80 v@120");
	run(&r);
	/* Only the configuration that it missed. */
	assert_string_equal(take(&slow), "C@80 K@80 v@120");
	assert_int_equal(slow.player.skips, 1);
	assert_int_equal(good.player.skips, 0);
	/* Too far behind inside a GOP: the next one. */
	put(&r, 'v', 160, 3000);
	put(&r, 'v', 200, 3000);
	run(&r);
	assert_string_equal(take(&slow), "");
	put(&r, 'K', 240, 10);
	assert_string_equal(take(&slow), "M@240 C@240 D@240 K@240");
	rig_close(&r);
}

static void test_another_publisher_goes_on_with_the_clock(void **state)
{
	struct rig r;
	struct taker t;
	struct feed_item item;
	uint32_t before = 0;
	rig_open(&r, 1000, 1000, 0);
	assert_int_equal(join(&r, &t), FEED_JOINED);
	start(&r);
	put(&r, 'K', UINT32_MAX - 10, 10);
	put(&r, 'v', 29, 10);
	assert_string_equal(take(&t), "M@0 C@0 D@0 K@0 v@40");
	feed_restart(r.feed);
	put(&r, 'C', 7000, 10);
	put(&r, 'K', 7000, 10);
	put(&r, 'v', 7040, 10);
	put(&r, 'K', 900000, 10); /* a leap */
	put(&r, 'v', 899990, 10);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(feed_next(&t.player, &item));
		assert_in_range(item.timestamp, i == 4 ? before - 10 : before, 60000);
		assert_true(i == 0 || i == 4 || item.timestamp > 40);
		before = item.timestamp;
	}
	assert_false(feed_next(&t.player, &item));
	rig_close(&r);
}

static void test_limits_and_pause(void **state)
{
	struct rig r;
	struct taker a, b, c;
	struct feed *other;
	rig_open(&r, 1000, 1000, 3);
	start(&r);
	put(&r, 'K', 0, 10);
	assert_int_equal(join(&r, &a), FEED_JOINED);
	assert_int_equal(join(&r, &b), FEED_JOINED);
	assert_int_equal(join(&r, &c), FEED_STREAM_FULL);
	feed_leave(&b.player, FEED_END_PEER);
	feed_leave(&b.player, FEED_END_PEER);
	assert_int_equal(join(&r, &c), FEED_JOINED);
	other = feed_create(r.feeds, "other");
	b.player.feed = NULL;
	assert_int_equal(feed_join(other, &b.player), FEED_JOINED);
	struct taker d = {.player = {.ops = &ops, .kind = "test", .address = "nowhere"}};
	assert_int_equal(feed_join(other, &d.player), FEED_FULL);
	feed_destroy(&other);
	assert_true(b.ended);

	take(&a);
	feed_pause(&a.player, true);
	put(&r, 'K', 40, 10);
	put(&r, 'v', 80, 10);
	assert_string_equal(take(&a), "");
	feed_pause(&a.player, false);
	assert_string_equal(take(&a), "M@40 C@40 D@40 K@40 v@80");
	/* The same again is not to be had. */
	feed_pause(&a.player, true);
	feed_pause(&a.player, false);
	assert_string_equal(take(&a), "");
	put(&r, 'v', 120, 10);
	assert_string_equal(take(&a), "");
	put(&r, 'K', 160, 10);
	assert_string_equal(take(&a), "M@160 C@160 D@160 K@160");
	feed_pause(&a.player, true);
	feed_pause(&a.player, false);
	assert_string_equal(take(&a), "M@160 C@160 D@160 K@160");
	rig_close(&r);
}

/* A relay is no player of a stranger's: it takes nobody's place, and is no figure of play-out. */
static void test_the_servers_own_do_not_count(void **state)
{
	struct rig r;
	struct taker a, own[3];
	struct feed_item item;
	rig_open(&r, 1000, 1000, 1);
	start(&r);
	put(&r, 'K', 0, 10);
	for (unsigned i = 0; i < 3; i++) {
		own[i] = (struct taker){.player = {.ops = &ops, .kind = "own", .own = true}};
		assert_int_equal(feed_join(r.feed, &own[i].player), FEED_JOINED);
	}
	assert_int_equal(feeds_players(r.feeds), 0);
	assert_int_equal(join(&r, &a), FEED_JOINED);
	assert_int_equal(feeds_players(r.feeds), 1);
	feed_leave(&own[0].player, FEED_END_CLOSED);
	assert_int_equal(feeds_players(r.feeds), 1);
	/* They are told what a packet is. */
	for (unsigned i = 0; i < 3; i++) {
		assert_true(feed_next(&own[1].player, &item));
		assert_true(item.is_config);
		assert_false(item.is_key);
	}
	assert_true(feed_next(&own[1].player, &item));
	assert_true(item.is_key);
	assert_false(item.is_config);
	assert_int_equal(
		metric_count(metrics_find(r.metrics, "souk_playout_bytes_total", NULL)), 0);
	rig_close(&r);
	assert_true(own[1].ended && own[2].ended && !own[0].ended);
}

static void on_end_and_go(struct feed_player *p, enum feed_end why)
{
	feed_leave(p, why);
	free(container_of(p, struct taker, player));
}

static void on_end_later(struct feed_player *p, enum feed_end why)
{
	container_of(p, struct taker, player)->ended = true;
}

/* As one of HTTP-FLV, whose peer is slow when the stream is destroyed, and one of RTMP. */
static void test_players_go_with_the_feed(void **state)
{
	static const struct feed_player_ops goes = {on_ready, on_allowed, on_end_and_go};
	static const struct feed_player_ops stays = {on_ready, on_allowed, on_end_later};
	struct taker *one = mem_new(struct taker), other;
	struct rig r;
	rig_open(&r, 1000, 1000, 10);
	assert_int_equal(join(&r, one), FEED_JOINED);
	assert_int_equal(join(&r, &other), FEED_JOINED);
	one->player.ops = &goes;
	other.player.ops = &stays;
	put(&r, 'K', 0, 10);
	feed_destroy(&r.feed);
	assert_true(other.ended);
	assert_null(other.player.feed);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_at_the_last_keyframe),
		cmocka_unit_test(test_sound_alone_begins_anywhere),
		cmocka_unit_test(test_a_long_gop_is_not_kept),
		cmocka_unit_test(test_without_a_cache_nothing_is_kept),
		cmocka_unit_test(test_a_slow_player_skips),
		cmocka_unit_test(test_another_publisher_goes_on_with_the_clock),
		cmocka_unit_test(test_limits_and_pause),
		cmocka_unit_test(test_the_servers_own_do_not_count),
		cmocka_unit_test(test_players_go_with_the_feed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
