#define LOG_MODULE "showcase"

#include "live/showcase.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "internal.h"

#define PRODUCT_CLASS "live.souk.product"

struct showcase {
	struct loop *loop;
	struct repo repo;
	struct live_registry *registry;
	struct list acts; /* act.link */
	struct signal changed;
};

/* One action under way. The store's answer may come after the showcase is gone (NULL then). */
struct act {
	struct list link;
	struct showcase *showcase;
	enum showcase_action action;
	struct uuid stream_id;
	int64_t timestamp_seconds;
	enum product_event event;
	struct order_record order; /* texts owned; order_id NULL: none */
	char *user_id;
	showcase_done done;
	void *user;
	enum showcase_result refusal; /* of one that never reached the store */
};

const char *showcase_action_text(enum showcase_action a)
{
	switch (a) {
	case SHOWCASE_TAGGED:
		return "tagged";
	case SHOWCASE_PINNED:
		return "pinned";
	case SHOWCASE_UNPINNED:
		return "unpinned";
	case SHOWCASE_EVENT:
		return "event";
	}
	return "";
}

struct showcase *showcase_create(struct loop *l, struct repo repo, struct live_registry *registry)
{
	struct showcase *s = mem_new(struct showcase);
	must(repo.sales != NULL);
	s->loop = l;
	s->repo = repo;
	s->registry = registry;
	list_init(&s->acts);
	signal_init(&s->changed);
	return s;
}

static void act_answer(struct act *a, const struct showcase_answer *answer)
{
	list_remove(&a->link);
	a->showcase = NULL;
	if (a->done)
		a->done(a->user, answer);
}

static void act_free(struct act *a)
{
	free(a->order.order_id);
	free(a->order.currency);
	free(a->order.user_id);
	free(a->user_id);
	free(a);
}

void showcase_destroy(struct showcase **s)
{
	const struct showcase_answer failed = {.result = SHOWCASE_FAILED};
	struct act *a, *next;
	if (!*s)
		return;
	list_for_each_safe (a, next, &(*s)->acts, link)
		act_answer(a, &failed);
	free(*s);
	*s = NULL;
}

struct signal *showcase_changed(struct showcase *s)
{
	return &s->changed;
}

static struct act *act_create(struct showcase *s, enum showcase_action action,
	struct uuid stream_id, const char *user_id, showcase_done done, void *user)
{
	struct act *a = mem_new(struct act);
	a->showcase = s;
	a->action = action;
	a->stream_id = stream_id;
	a->user_id = mem_strdup(user_id);
	a->done = done;
	a->user = user;
	list_append(&s->acts, &a->link);
	return a;
}

static void on_refusal(void *arg)
{
	struct act *a = arg;
	const struct showcase_answer answer = {.result = a->refusal};
	if (a->showcase)
		act_answer(a, &answer);
	act_free(a);
}

static void refuse(struct act *a, enum showcase_result refusal)
{
	a->refusal = refusal;
	loop_defer(a->showcase->loop, on_refusal, a);
}

static enum showcase_result translate(enum repo_result r)
{
	switch (r) {
	case REPO_OK:
		return SHOWCASE_OK;
	case REPO_NOT_FOUND:
		return SHOWCASE_NOT_FOUND;
	case REPO_NO_SUCH_PRODUCT:
		return SHOWCASE_NOT_IN_STREAM;
	case REPO_WRONG_STATE:
		return SHOWCASE_NOT_LIVE;
	case REPO_DUPLICATE:
		return SHOWCASE_DUPLICATE_ORDER;
	case REPO_NOT_OWNER:
		return SHOWCASE_FORBIDDEN;
	case REPO_NO_PRODUCTS:
	case REPO_FAILED:
		return SHOWCASE_FAILED;
	}
	return SHOWCASE_FAILED;
}

static void put_attributes(
	struct buf *out, const struct act *a, const struct stream_product_record *p)
{
	char id[UUID_TEXT_SIZE];
	uuid_text(id, p->product.id);
	buf_printf(out, "X-PRODUCT-ID=\"%s\"", id);
	if (p->has_position)
		buf_printf(out, ",X-X=%.4f,X-Y=%.4f", p->x_position, p->y_position);
	buf_printf(out, ",X-ACTION=\"%s\"", showcase_action_text(a->action));
}

/* A tag may be of an earlier moment, a pin is of now (0). */
static uint64_t moment(const struct act *a, const struct live_stream *live)
{
	if (a->action != SHOWCASE_TAGGED || !live->first_published_at_ms)
		return 0;
	return live->first_published_at_ms + (uint64_t)a->timestamp_seconds * 1000;
}

/*~ Into the playlists, live and of the VOD, as DATERANGEs. Next stop: live/stream.c. */
static void put_into_playlists(const struct act *a, const struct stream_product_record *p)
{
	struct live_stream *live = live_registry_find(a->showcase->registry, a->stream_id);
	struct media_daterange range = {.class_name = PRODUCT_CLASS};
	struct buf attributes = {0};
	char text[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE + 16];
	if (!live || live->state == LIVE_FINISHING)
		return;
	uuid_text(text, uuid_new(loop_clock(a->showcase->loop)));
	snprintf(id, sizeof(id), "product-%s", text);
	put_attributes(&attributes, a, p);
	range.id = id;
	range.wall_ms = moment(a, live);
	range.attributes = buf_text(&attributes);
	live_stream_daterange(live, &range);
	buf_finish(&attributes);
}

static void announce(const struct act *a, const struct stream_product_record *product)
{
	struct showcase_change change = {
		.action = a->action,
		.stream_id = a->stream_id,
		.product = product,
		.event = a->event,
		.order = a->order.order_id ? &a->order : NULL,
		.user_id = a->user_id,
	};
	if (a->action != SHOWCASE_EVENT)
		put_into_playlists(a, product);
	signal_emit(&a->showcase->changed, &change);
}

static void on_outcome(void *user, const struct repo_sale_outcome *outcome)
{
	struct act *a = user;
	const struct showcase_answer answer = {
		.result = translate(outcome->result), .product = outcome->product};
	if (a->showcase && answer.result == SHOWCASE_OK)
		announce(a, outcome->product);
	if (a->showcase)
		act_answer(a, &answer);
	act_free(a);
}

static enum showcase_result check_owner(
	struct showcase *s, const struct studio_caller *caller, struct uuid stream_id)
{
	struct stream_record row;
	enum repo_result r = s->repo.ops->stream_get(s->repo.impl, stream_id, &row);
	if (r != REPO_OK)
		return translate(r);
	bool own = text_eq(row.seller_id, caller->user_id);
	stream_record_finish(&row);
	return own ? SHOWCASE_OK : SHOWCASE_FORBIDDEN;
}

static int64_t seconds_on_air(struct showcase *s, struct uuid stream_id)
{
	const struct live_stream *live = live_registry_find(s->registry, stream_id);
	uint64_t now = clock_wall_ms(loop_clock(s->loop));
	uint64_t from = live ? live->first_published_at_ms : 0;
	return from && now > from ? (int64_t)((now - from) / 1000) : 0;
}

void showcase_tag(struct showcase *s, const struct studio_caller *caller, struct uuid stream_id,
	struct uuid product_id, const struct showcase_place *place, showcase_done done, void *user)
{
	struct act *a = act_create(s, SHOWCASE_TAGGED, stream_id, caller->user_id, done, user);
	enum showcase_result r = check_owner(s, caller, stream_id);
	if (r != SHOWCASE_OK) {
		refuse(a, r);
		return;
	}
	a->timestamp_seconds = place->timestamp_seconds >= 0 ? place->timestamp_seconds
							     : seconds_on_air(s, stream_id);
	s->repo.sales->product_tag(s->repo.impl, stream_id, product_id, place->x, place->y,
		a->timestamp_seconds, on_outcome, a);
}

void showcase_pin(struct showcase *s, const struct studio_caller *caller, struct uuid stream_id,
	struct uuid product_id, bool pinned, showcase_done done, void *user)
{
	struct act *a = act_create(s, pinned ? SHOWCASE_PINNED : SHOWCASE_UNPINNED, stream_id,
		caller->user_id, done, user);
	enum showcase_result r = check_owner(s, caller, stream_id);
	if (r != SHOWCASE_OK)
		refuse(a, r);
	else
		s->repo.sales->product_pin(
			s->repo.impl, stream_id, product_id, pinned, on_outcome, a);
}

void showcase_event(struct showcase *s, const char *user_id, struct uuid stream_id,
	struct uuid product_id, enum product_event event, const struct order_record *order,
	showcase_done done, void *user)
{
	struct act *a = act_create(s, SHOWCASE_EVENT, stream_id, user_id, done, user);
	a->event = event;
	if (order)
		a->order = (struct order_record){
			.order_id = mem_strdup(order->order_id),
			.amount = order->amount,
			.currency = mem_strdup(order->currency),
			.user_id = mem_strdup(order->user_id),
		};
	s->repo.sales->product_event(
		s->repo.impl, stream_id, product_id, event, order, on_outcome, a);
}
