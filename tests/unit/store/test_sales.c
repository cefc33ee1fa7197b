#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fixture.h"
#include "model/outbox.h"
#include "model/sales.h"

static const uint8_t key[STREAM_KEY_HASH_SIZE] = {4, 2};

struct sale {
	int calls;
	enum repo_result result;
	uint32_t views, clicks, inquiries, purchases;
	int64_t revenue, timestamp_seconds;
	double x, y;
	bool pinned;
};

static void hear_sale(void *user, const struct repo_sale_outcome *outcome)
{
	struct sale *s = user;
	*s = (struct sale){.calls = s->calls + 1, .result = outcome->result};
	assert_int_equal(outcome->product != NULL, outcome->result == REPO_OK);
	if (outcome->product != NULL) {
		const struct stream_product_record *p = outcome->product;
		s->views = p->views;
		s->clicks = p->clicks;
		s->inquiries = p->inquiries;
		s->purchases = p->purchases;
		s->revenue = p->revenue;
		s->timestamp_seconds = p->timestamp_seconds;
		s->x = p->x_position;
		s->y = p->y_position;
		s->pinned = p->pinned;
	}
}

/* One seller, one stream with two products. */
struct shop {
	struct repo_backend *b;
	const struct repo_sales_ops *ops;
	void *impl;
	struct uuid stream, shoe, hat, other;
};

static struct shop open_shop(void **state)
{
	struct repo_backend *b = *state;
	struct shop s = {.b = b, .ops = b->repo.sales, .impl = b->repo.impl};
	repo_sample_user(b, "s1", NULL);
	s.stream = repo_sample_stream(b, "s1", "Sale");
	s.shoe = repo_sample_product(b, "s1", "Shoe");
	s.hat = repo_sample_product(b, "s1", "Hat");
	s.other = repo_sample_product(b, "s1", "Other");
	const struct uuid ids[] = {s.shoe, s.hat};
	b->repo.ops->stream_attach(s.impl, s.stream, ids, 2, NULL, NULL);
	b->drain(b);
	return s;
}

static void go_live(struct shop *s)
{
	struct repo_heard h = {0};
	s->b->repo.ops->stream_go_live(s->impl, s->stream, 1770000000000, key, true, repo_hear, &h);
	s->b->drain(s->b);
	assert_int_equal(h.result, REPO_OK);
}

static void end(struct shop *s)
{
	struct repo_stats stats = {0};
	s->b->repo.ops->stream_end(s->impl, s->stream, 1770000100000, "ended", &stats, NULL, NULL);
	s->b->drain(s->b);
}

static struct sale tag(struct shop *s, struct uuid product, double x, double y, int64_t at)
{
	struct sale sale = {0};
	s->ops->product_tag(s->impl, s->stream, product, x, y, at, hear_sale, &sale);
	s->b->drain(s->b);
	assert_int_equal(sale.calls, 1);
	return sale;
}

static struct sale pin(struct shop *s, struct uuid product, bool on)
{
	struct sale sale = {0};
	s->ops->product_pin(s->impl, s->stream, product, on, hear_sale, &sale);
	s->b->drain(s->b);
	assert_int_equal(sale.calls, 1);
	return sale;
}

static struct sale count(
	struct shop *s, struct uuid product, enum product_event e, const struct order_record *o)
{
	struct sale sale = {0};
	s->ops->product_event(s->impl, s->stream, product, e, o, hear_sale, &sale);
	s->b->drain(s->b);
	assert_int_equal(sale.calls, 1);
	return sale;
}

static bool is_pinned(struct shop *s, struct uuid product)
{
	struct stream_product_record p;
	assert_int_equal(s->ops->stream_product(s->impl, s->stream, product, &p), REPO_OK);
	bool pinned = p.pinned;
	stream_product_record_finish(&p);
	return pinned;
}

static void tags_only_while_live(void **state)
{
	struct shop s = open_shop(state);
	assert_int_equal(tag(&s, s.shoe, 0.5, 0.5, 1).result, REPO_WRONG_STATE);
	go_live(&s);
	struct sale sale = tag(&s, s.shoe, 0.42, 0.63, 120);
	assert_int_equal(sale.result, REPO_OK);
	assert_true(sale.x == 0.42 && sale.y == 0.63);
	assert_int_equal(sale.timestamp_seconds, 120);
	assert_int_equal(tag(&s, s.other, 0.1, 0.1, 1).result, REPO_NO_SUCH_PRODUCT);
	struct uuid stream = s.stream;
	s.stream = s.hat;
	assert_int_equal(tag(&s, s.shoe, 0.1, 0.1, 1).result, REPO_NOT_FOUND);
	s.stream = stream;
	end(&s);
	assert_int_equal(tag(&s, s.shoe, 0.5, 0.5, 1).result, REPO_WRONG_STATE);
}

static void one_pin_at_a_time(void **state)
{
	struct shop s = open_shop(state);
	assert_int_equal(pin(&s, s.shoe, true).result, REPO_WRONG_STATE);
	go_live(&s);
	assert_true(pin(&s, s.shoe, true).pinned);
	assert_true(pin(&s, s.hat, true).pinned);
	assert_false(is_pinned(&s, s.shoe));
	assert_true(is_pinned(&s, s.hat));
	/* Unpinning another one leaves the pin where it is. */
	assert_false(pin(&s, s.shoe, false).pinned);
	assert_true(is_pinned(&s, s.hat));
	assert_false(pin(&s, s.hat, false).pinned);
	assert_false(is_pinned(&s, s.hat));
}

static void events_count_while_live_and_after(void **state)
{
	struct shop s = open_shop(state);
	assert_int_equal(count(&s, s.shoe, PRODUCT_VIEW, NULL).result, REPO_WRONG_STATE);
	go_live(&s);
	count(&s, s.shoe, PRODUCT_VIEW, NULL);
	assert_int_equal(count(&s, s.shoe, PRODUCT_VIEW, NULL).views, 2);
	assert_int_equal(count(&s, s.shoe, PRODUCT_CLICK, NULL).clicks, 1);
	assert_int_equal(count(&s, s.hat, PRODUCT_INQUIRY, NULL).inquiries, 1);
	end(&s);
	assert_int_equal(count(&s, s.shoe, PRODUCT_CLICK, NULL).clicks, 2);
}

static void an_order_counts_once(void **state)
{
	struct shop s = open_shop(state);
	struct order_record order = {
		.order_id = "o-1", .amount = 1999, .currency = "EUR", .user_id = "buyer"};
	struct sale sale[20] = {0};
	go_live(&s);
	for (size_t i = 0; i < 20; i++) {
		s.ops->product_event(s.impl, s.stream, i % 2 ? s.shoe : s.hat, PRODUCT_PURCHASE,
			&order, hear_sale, &sale[i]);
	}
	s.b->drain(s.b);
	assert_int_equal(sale[0].result, REPO_OK);
	assert_int_equal(sale[0].purchases, 1);
	assert_int_equal(sale[0].revenue, 1999);
	for (size_t i = 1; i < 20; i++) {
		assert_int_equal(sale[i].result, REPO_DUPLICATE);
	}
	order.order_id = "o-2";
	sale[0] = count(&s, s.hat, PRODUCT_PURCHASE, &order);
	assert_int_equal(sale[0].purchases, 2);
	assert_int_equal(sale[0].revenue, 3998);
}

static void revenue_is_by_currency(void **state)
{
	struct shop s = open_shop(state);
	static const struct order_record orders[] = {
		{.order_id = "a", .amount = 100, .currency = "EUR"},
		{.order_id = "b", .amount = 50, .currency = "USD"},
		{.order_id = "c", .amount = 25, .currency = "EUR", .user_id = "u"},
	};
	struct repo_revenue *rows;
	size_t n;
	struct sale last = {0};
	assert_int_equal(s.ops->revenue(s.impl, s.stream, &rows, &n), REPO_OK);
	assert_int_equal(n, 0);
	free(rows);
	go_live(&s);
	for (size_t i = 0; i < 3; i++) {
		last = count(&s, s.shoe, PRODUCT_PURCHASE, &orders[i]);
	}
	/* The product is sold in EUR. */
	assert_int_equal(last.purchases, 3);
	assert_int_equal(last.revenue, 125);
	assert_int_equal(s.ops->revenue(s.impl, s.stream, &rows, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].currency, "EUR");
	assert_int_equal(rows[0].total, 125);
	assert_int_equal(rows[0].orders, 2);
	assert_string_equal(rows[1].currency, "USD");
	assert_int_equal(rows[1].total, 50);
	free(rows);
}

static void revenue_follows_the_currency_of_the_product(void **state)
{
	struct shop s = open_shop(state);
	struct order_record order = {.order_id = "a", .amount = 70, .currency = "USD"};
	struct product_record p = {.id = s.shoe, .currency = "USD"};
	struct repo_heard h = {0};
	go_live(&s);
	assert_int_equal(count(&s, s.shoe, PRODUCT_PURCHASE, &order).revenue, 0);
	s.ops->product_update(s.impl, &p, PRODUCT_CURRENCY, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(count(&s, s.shoe, PRODUCT_VIEW, NULL).revenue, 70);
}

static void an_update_writes_its_fields_only(void **state)
{
	struct shop s = open_shop(state);
	struct product_record p = {.id = s.shoe, .price = 5, .name = "Not written"}, got;
	struct repo_heard h = {0};
	s.ops->product_update(s.impl, &p, PRODUCT_PRICE, repo_hear, &h);
	p.name = "Boot";
	p.price = 9;
	s.ops->product_update(s.impl, &p, PRODUCT_NAME, repo_hear, &h);
	p.seller_id = "somebody";
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(s.b->repo.ops->product_get(s.impl, s.shoe, &got), REPO_OK);
	assert_string_equal(got.name, "Boot");
	assert_int_equal(got.price, 5);
	product_record_finish(&got);
	s.ops->product_update(s.impl, &p, PRODUCT_NAME, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_NOT_FOUND);
}

static enum repo_result delete (struct shop *s, struct uuid product) {
	struct repo_heard h = {0}; s->ops->product_delete(s->impl, product, repo_hear, &h);
	s->b->drain(s->b);
	assert_int_equal(h.calls, 1);
	return h.result;
}

static void deleted_products_stay_where_they_were_shown(void **state)
{
	struct shop s = open_shop(state);
	struct repo_heard h = {0};
	struct product_record got;
	struct repo_product_page page;
	struct uuid next = repo_sample_stream(s.b, "s1", "Next");
	s.b->repo.ops->stream_attach(s.impl, next, &s.shoe, 1, repo_hear, &h);
	go_live(&s);
	assert_int_equal(delete (&s, s.shoe), REPO_WRONG_STATE);
	end(&s);
	assert_int_equal(delete (&s, s.shoe), REPO_OK);
	assert_int_equal(delete (&s, s.shoe), REPO_NOT_FOUND);
	assert_int_equal(s.b->repo.ops->product_get(s.impl, s.shoe, &got), REPO_NOT_FOUND);
	assert_int_equal(s.b->repo.ops->product_list(s.impl, "s1", 10, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 2);
	repo_product_page_finish(&page);
	assert_int_equal(s.b->repo.ops->product_list(s.impl, NULL, 10, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 2);
	repo_product_page_finish(&page);
	assert_false(is_pinned(&s, s.shoe));
	/* Gone from the stream that was to show it, and not to be had again. */
	s.b->repo.ops->stream_attach(s.impl, next, &s.shoe, 1, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_NO_SUCH_PRODUCT);
	s.b->repo.ops->stream_attach(s.impl, next, &s.hat, 1, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(h.product_count, 1);
}

static void settings_change_while_scheduled(void **state)
{
	struct shop s = open_shop(state);
	struct repo_heard h = {0};
	struct stream_record got,
		r = {.id = s.stream,
			.title = "New",
			.audience = AUDIENCE_FOLLOWERS,
			.scheduled_at = 1770000999000};
	s.ops->stream_settings(s.impl, &r, SETTING_AUDIENCE | SETTING_SCHEDULED_AT, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_OK);
	assert_true(h.has_stream);
	assert_int_equal(h.product_count, 2);
	assert_int_equal(s.b->repo.ops->stream_get(s.impl, s.stream, &got), REPO_OK);
	assert_string_equal(got.title, "Sale");
	assert_int_equal(got.audience, AUDIENCE_FOLLOWERS);
	assert_int_equal(got.scheduled_at, 1770000999000);
	assert_true(got.enable_chat);
	stream_record_finish(&got);
	go_live(&s);
	s.ops->stream_settings(s.impl, &r, SETTING_TITLE, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	r.id = s.hat;
	s.ops->stream_settings(s.impl, &r, SETTING_TITLE, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_NOT_FOUND);
}

static enum repo_result put_key(struct shop *s, const char *seller, const uint8_t *hash)
{
	struct repo_heard h = {0};
	s->ops->seller_key_put(s->impl, seller, hash, repo_hear, &h);
	s->b->drain(s->b);
	return h.result;
}

static void one_permanent_key_a_seller(void **state)
{
	static const uint8_t first[STREAM_KEY_HASH_SIZE] = {1}, second[STREAM_KEY_HASH_SIZE] = {2};
	struct shop s = open_shop(state);
	char *seller;
	assert_int_equal(put_key(&s, "nobody", first), REPO_NOT_FOUND);
	assert_int_equal(put_key(&s, "s1", first), REPO_OK);
	assert_int_equal(s.ops->seller_by_key(s.impl, first, &seller), REPO_OK);
	assert_string_equal(seller, "s1");
	free(seller);
	assert_int_equal(put_key(&s, "s1", second), REPO_OK);
	assert_int_equal(s.ops->seller_by_key(s.impl, first, &seller), REPO_NOT_FOUND);
	assert_null(seller);
	assert_int_equal(put_key(&s, "s1", NULL), REPO_OK);
	assert_int_equal(s.ops->seller_by_key(s.impl, second, &seller), REPO_NOT_FOUND);
}

static struct uuid schedule(struct shop *s, const char *title, uint64_t at)
{
	struct stream_record r = {.scheduled_at = at};
	r.id = repo_sample_stream(s->b, "s1", title);
	s->ops->stream_settings(s->impl, &r, SETTING_SCHEDULED_AT, NULL, NULL);
	s->b->drain(s->b);
	return r.id;
}

static char *fed(struct shop *s, uint64_t now)
{
	struct stream_record row;
	if (s->ops->seller_stream(s->impl, "s1", now, 60000, &row) != REPO_OK) {
		return mem_strdup("nothing");
	}
	char *title = mem_strdup(row.title);
	stream_record_finish(&row);
	return title;
}

static void expect_fed(struct shop *s, uint64_t now, const char *title)
{
	char *got = fed(s, now);
	assert_string_equal(got, title);
	free(got);
}

static void a_permanent_key_feeds_what_is_live_or_due(void **state)
{
	struct shop s = open_shop(state);
	const uint64_t noon = 1770000000000;
	s.b->repo.ops->stream_cancel(s.impl, s.stream, NULL, NULL);
	s.b->drain(s.b);
	expect_fed(&s, noon, "nothing");
	schedule(&s, "late", noon + 3600000);
	expect_fed(&s, noon, "nothing");
	expect_fed(&s, noon + 3540000, "late");
	schedule(&s, "early", noon + 30000);
	expect_fed(&s, noon, "early");
	expect_fed(&s, noon + 4000000, "early");
	s.stream = schedule(&s, "live", noon + 9000000);
	s.b->repo.ops->stream_go_live(s.impl, s.stream, noon, key, false, NULL, NULL);
	s.b->drain(s.b);
	expect_fed(&s, noon, "live");
	end(&s);
	expect_fed(&s, noon, "early");
}

static void expect_relays(struct shop *s, size_t want, const char *first)
{
	struct relay_record *rows;
	size_t n;
	assert_int_equal(s->ops->relay_list(s->impl, s->stream, &rows, &n), REPO_OK);
	assert_int_equal(n, want);
	for (size_t i = 0; i < n; i++) {
		if (i == 0) {
			assert_string_equal(rows[i].url, first);
		}
		relay_record_finish(&rows[i]);
	}
	free(rows);
}

static void relays_are_replaced_whole(void **state)
{
	struct shop s = open_shop(state);
	const struct relay_record two[] = {{.url = "rtmp://a/x/1"}, {.url = "rtmp://b/x/2"}};
	struct repo_heard h = {0};
	expect_relays(&s, 0, NULL);
	s.ops->relay_replace(s.impl, s.stream, two, 2, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_OK);
	expect_relays(&s, 2, "rtmp://a/x/1");
	s.ops->relay_replace(s.impl, s.stream, two + 1, 1, repo_hear, &h);
	s.b->drain(s.b);
	expect_relays(&s, 1, "rtmp://b/x/2");
	s.ops->relay_replace(s.impl, s.hat, two, 2, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	go_live(&s);
	end(&s);
	s.ops->relay_replace(s.impl, s.stream, NULL, 0, repo_hear, &h);
	s.b->drain(s.b);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	expect_relays(&s, 1, "rtmp://b/x/2");
}

static void expect_entries(struct shop *s, size_t want, const char *const *texts)
{
	struct outbox_list list;
	assert_int_equal(s->b->repo.outbox->outbox_list(s->impl, 50, &list), REPO_OK);
	assert_int_equal(list.n, want);
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
		bool found = false;
		for (size_t j = 0; j < list.n; j++) {
			found |= strstr(list.rows[j].payload, texts[i]) != NULL ||
				strcmp(list.rows[j].event, texts[i]) == 0;
		}
		if (!found) {
			fail_msg("no %s", texts[i]);
		}
	}
	outbox_list_finish(&list);
}

static void webhooks_hear_of_tags_and_orders(void **state)
{
	static const char *const texts[] = {"product.tagged", "\"position\":{\"x\":0.25,\"y\":0.5}",
		"\"timestampSeconds\":7", "\"name\":\"Shoe\"", "order.recorded",
		"\"orderId\":\"o-1\"", "\"amount\":5", "\"currency\":\"EUR\"", "\"userId\":\"u\"",
		"\"userId\":null", NULL};
	static const struct order_record known = {
		.order_id = "o-1", .amount = 5, .currency = "EUR", .user_id = "u"};
	static const struct order_record guest = {
		.order_id = "o-2", .amount = 6, .currency = "EUR"};
	struct shop s = open_shop(state);
	go_live(&s);
	/* Nobody listens yet. */
	tag(&s, s.shoe, 0.1, 0.1, 1);
	expect_entries(&s, 0, NULL);
	s.b->repo.outbox->outbox_enable(s.impl, true, false);
	tag(&s, s.shoe, 0.25, 0.5, 7);
	tag(&s, s.other, 0.1, 0.1, 1);
	count(&s, s.shoe, PRODUCT_PURCHASE, &known);
	count(&s, s.shoe, PRODUCT_PURCHASE, &known);
	count(&s, s.shoe, PRODUCT_PURCHASE, &guest);
	count(&s, s.shoe, PRODUCT_VIEW, NULL);
	expect_entries(&s, 3, texts);
}

static void words_of_events(void **state)
{
	enum product_event e;
	for (e = PRODUCT_VIEW; e <= PRODUCT_PURCHASE; e++) {
		enum product_event back = PRODUCT_VIEW;
		assert_true(product_event_parse(product_event_text(e), &back));
		assert_int_equal(back, e);
	}
	assert_false(product_event_parse("Purchase", &e));
}

#define IN_MEMORY(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup_in_memory, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_MEMORY(tags_only_while_live),
		IN_MEMORY(one_pin_at_a_time),
		IN_MEMORY(events_count_while_live_and_after),
		IN_MEMORY(an_order_counts_once),
		IN_MEMORY(revenue_is_by_currency),
		IN_MEMORY(revenue_follows_the_currency_of_the_product),
		IN_MEMORY(an_update_writes_its_fields_only),
		IN_MEMORY(deleted_products_stay_where_they_were_shown),
		IN_MEMORY(settings_change_while_scheduled),
		IN_MEMORY(one_permanent_key_a_seller),
		IN_MEMORY(a_permanent_key_feeds_what_is_live_or_due),
		IN_MEMORY(relays_are_replaced_whole),
		IN_MEMORY(webhooks_hear_of_tags_and_orders),
		cmocka_unit_test(words_of_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
