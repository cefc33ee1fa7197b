#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "market_rig.h"

/* Who may show what, and what comes of it in the playlists. */

static const struct studio_caller seller = {.user_id = "seller", .roles = ROLE_SELLER};
static const struct studio_caller other = {.user_id = "other", .roles = ROLE_SELLER | ROLE_ADMIN};
static const struct showcase_place middle = {.x = 0.42, .y = 0.63, .timestamp_seconds = -1};

struct heard {
	unsigned answers;
	enum showcase_result result;
	struct stream_product_record row; /* numbers only */
};

static void hear(void *user, const struct showcase_answer *answer)
{
	struct heard *h = user;

	h->answers++;
	h->result = answer->result;
	assert_int_equal(answer->product != NULL, answer->result == SHOWCASE_OK);
	if (answer->product)
		h->row = *answer->product;
	h->row.product = (struct product_record){0};
}

struct listener {
	struct signal_listener base; /* first */
	unsigned n;
	struct showcase_change last; /* borrowed parts not to be read */
	char order_id[32], user_id[32];
};

static void notice(struct signal_listener *l, void *data)
{
	struct listener *self = (struct listener *)l;
	const struct showcase_change *change = data;

	self->n++;
	self->last = *change;
	snprintf(self->order_id, sizeof(self->order_id), "%s",
		change->order ? change->order->order_id : "");
	snprintf(
		self->user_id, sizeof(self->user_id), "%s", change->user_id ? change->user_id : "");
}

struct stall {
	struct market m;
	struct live_case c;
	struct uuid shoe;
	struct listener heard;
};

static void go_live(struct stall *s)
{
	struct repo repo = s->m.rig.repo;
	struct stream_record row;
	struct answer a = {0};
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	live_key_new(&clock_system, s->c.key);
	live_key_hash(s->c.key, hash);
	repo.ops->stream_go_live(
		repo.impl, s->c.id, clock_wall_ms(&clock_system), hash, true, rig_answer, &a);
	run_until(&s->m.rig, a.came);
	assert_int_equal(a.result, REPO_OK);
	assert_int_equal(repo.ops->stream_get(repo.impl, s->c.id, &row), REPO_OK);
	assert_non_null(live_registry_open(s->m.rig.registry, &row));
	stream_record_finish(&row);
}

static void stall_init(struct stall *s)
{
	*s = (struct stall){0};
	market_init(&s->m);
	rig_stream(&s->m.rig, &s->c, false, true);
	s->shoe = market_product(&s->m, &s->c);
	signal_listener_init(&s->heard.base, notice);
	signal_add(showcase_changed(s->m.showcase), &s->heard.base);
}

static void stall_finish(struct stall *s)
{
	signal_listener_remove(&s->heard.base);
	market_finish(&s->m);
}

static struct heard tag(struct stall *s, const struct studio_caller *who, struct uuid stream,
	struct uuid product, const struct showcase_place *place)
{
	struct heard h = {0};

	showcase_tag(s->m.showcase, who, stream, product, place, hear, &h);
	assert_int_equal(h.answers, 0);
	run_until(&s->m.rig, h.answers);
	return h;
}

static struct heard pin(struct stall *s, const struct studio_caller *who, bool on)
{
	struct heard h = {0};

	showcase_pin(s->m.showcase, who, s->c.id, s->shoe, on, hear, &h);
	run_until(&s->m.rig, h.answers);
	return h;
}

static void playlist(struct stall *s, struct buf *out)
{
	struct live_stream *live = live_registry_find(s->m.rig.registry, s->c.id);
	const struct media_playlist_query query = {0};

	out->len = 0;
	assert_int_equal(
		media_window_playlist(live_stream_window(live), 0, &query, out), MEDIA_FOUND);
}

static unsigned occurrences(struct buf *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = buf_text(text); (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void only_the_owner_shows_and_only_live(void **state)
{
	struct stall s;

	stall_init(&s);
	assert_int_equal(tag(&s, &seller, s.c.id, s.shoe, &middle).result, SHOWCASE_NOT_LIVE);
	go_live(&s);
	assert_int_equal(tag(&s, &other, s.c.id, s.shoe, &middle).result, SHOWCASE_FORBIDDEN);
	assert_int_equal(pin(&s, &other, true).result, SHOWCASE_FORBIDDEN);
	assert_int_equal(tag(&s, &seller, s.shoe, s.shoe, &middle).result, SHOWCASE_NOT_FOUND);
	assert_int_equal(tag(&s, &seller, s.c.id, s.c.id, &middle).result, SHOWCASE_NOT_IN_STREAM);
	assert_int_equal(s.heard.n, 0);
	struct heard h = tag(&s, &seller, s.c.id, s.shoe, &middle);
	assert_int_equal(h.result, SHOWCASE_OK);
	assert_true(h.row.has_position && h.row.x_position == 0.42);
	assert_int_equal(h.row.timestamp_seconds, 0);
	assert_int_equal(s.heard.n, 1);
	assert_int_equal(s.heard.last.action, SHOWCASE_TAGGED);
	assert_string_equal(s.heard.user_id, "seller");
	stall_finish(&s);
}

static void what_is_shown_stands_in_the_playlist(void **state)
{
	struct stall s;
	struct encoder e;
	struct buf text = {0};
	char id[UUID_TEXT_SIZE], want[128];

	stall_init(&s);
	go_live(&s);
	/* Before the first frame: kept for it. */
	assert_true(pin(&s, &seller, true).row.pinned);
	rig_publish(&s.m.rig, &e, &s.c);
	rig_feed(&e, 3);
	tag(&s, &seller, s.c.id, s.shoe, &middle);
	assert_false(pin(&s, &seller, false).row.pinned);
	playlist(&s, &text);
	uuid_text(id, s.shoe);
	snprintf(want, sizeof(want), "X-PRODUCT-ID=\"%s\"", id);
	assert_int_equal(occurrences(&text, "CLASS=\"live.souk.product\""), 3);
	assert_int_equal(occurrences(&text, want), 3);
	assert_int_equal(occurrences(&text, "X-X=0.4200,X-Y=0.6300,X-ACTION=\"tagged\""), 1);
	assert_int_equal(occurrences(&text, "X-ACTION=\"pinned\""), 1);
	assert_int_equal(occurrences(&text, "X-ACTION=\"unpinned\""), 1);
	assert_int_equal(occurrences(&text, "START-DATE=\"1970"), 0);
	buf_finish(&text);
	live_publisher_lost(&e.publisher);
	stall_finish(&s);
}

static void a_time_of_the_stream_is_placed_from_its_first_frame(void **state)
{
	const struct showcase_place later = {.x = 0, .y = 1, .timestamp_seconds = 3600};
	struct stall s;
	struct encoder e;
	struct buf text = {0};
	struct live_stats stats;
	char time[TEXT_TIME_SIZE], want[64];

	stall_init(&s);
	go_live(&s);
	rig_publish(&s.m.rig, &e, &s.c);
	rig_feed(&e, 3);
	struct heard h = tag(&s, &seller, s.c.id, s.shoe, &later);
	assert_int_equal(h.row.timestamp_seconds, 3600);
	live_stream_stats(e.stream, &stats);
	text_time(time, stats.first_published_at_ms + 3600000);
	snprintf(want, sizeof(want), "START-DATE=\"%s\"", time);
	playlist(&s, &text);
	assert_int_equal(occurrences(&text, want), 1);
	buf_finish(&text);
	live_publisher_lost(&e.publisher);
	stall_finish(&s);
}

static void events_are_told_with_their_order(void **state)
{
	const struct order_record order = {
		.order_id = (char *)"o-1", .amount = 5, .currency = (char *)"EUR"};
	struct stall s;
	struct heard h = {0};

	stall_init(&s);
	showcase_event(s.m.showcase, NULL, s.c.id, s.shoe, PRODUCT_VIEW, NULL, hear, &h);
	run_until(&s.m.rig, h.answers == 1);
	assert_int_equal(h.result, SHOWCASE_NOT_LIVE);
	go_live(&s);
	showcase_event(s.m.showcase, NULL, s.c.id, s.shoe, PRODUCT_VIEW, NULL, hear, &h);
	run_until(&s.m.rig, h.answers == 2);
	assert_int_equal(h.result, SHOWCASE_OK);
	assert_int_equal(h.row.views, 1);
	assert_string_equal(s.heard.user_id, "");
	assert_string_equal(s.heard.order_id, "");
	for (unsigned i = 0; i < 2; i++)
		showcase_event(
			s.m.showcase, "buyer", s.c.id, s.shoe, PRODUCT_PURCHASE, &order, hear, &h);
	run_until(&s.m.rig, h.answers == 4);
	assert_int_equal(h.result, SHOWCASE_DUPLICATE_ORDER);
	assert_int_equal(h.row.purchases, 1);
	assert_int_equal(h.row.revenue, 5);
	assert_int_equal(s.heard.n, 2);
	assert_int_equal(s.heard.last.event, PRODUCT_PURCHASE);
	assert_string_equal(s.heard.order_id, "o-1");
	stall_finish(&s);
}

static void what_is_under_way_fails_at_the_end(void **state)
{
	struct stall s;
	struct heard h = {0};

	stall_init(&s);
	go_live(&s);
	showcase_event(s.m.showcase, NULL, s.c.id, s.shoe, PRODUCT_VIEW, NULL, hear, &h);
	showcase_tag(s.m.showcase, &other, s.c.id, s.shoe, &middle, hear, &h);
	signal_listener_remove(&s.heard.base);
	showcase_destroy(&s.m.showcase);
	assert_int_equal(h.answers, 2);
	assert_int_equal(h.result, SHOWCASE_FAILED);
	stall_finish(&s);
	assert_int_equal(h.answers, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_owner_shows_and_only_live),
		cmocka_unit_test(what_is_shown_stands_in_the_playlist),
		cmocka_unit_test(a_time_of_the_stream_is_placed_from_its_first_frame),
		cmocka_unit_test(events_are_told_with_their_order),
		cmocka_unit_test(what_is_under_way_fails_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
