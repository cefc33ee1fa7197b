#include "live/deliverer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "outbox"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "deliver_private.h"

#define WEBHOOKS_AT_ONCE 8
#define PUSHES_AT_ONCE 32
/* Entries that are read ahead, so that a long outbox is not looked through for each of them. */
#define READ_AHEAD 128
/* Enough to see other streams behind one whose receiver is slow. */
#define READY_MAX 512
/* The store could not write what became of an entry: it will not be better at once. */
#define STORE_PAUSE_US UINT64_C(5000000)

static uint64_t now_ms(const struct deliverer *d)
{
	return clock_wall_ms(loop_clock(d->loop));
}

static bool is_enabled(const struct lane *lane)
{
	switch (lane->kind) {
	case OUTBOX_WEBHOOK:
		return lane->deliverer->webhook_url != NULL;
	case OUTBOX_PUSH:
		return lane->deliverer->account != NULL;
	}
	return false;
}

static void entry_free(struct entry *e)
{
	list_remove(&e->link);
	http_client_cancel(&e->call);
	outbox_record_finish(&e->record);
	free(e);
}

static bool is_known(const struct lane *lane, struct uuid id)
{
	const struct entry *e;

	list_for_each (e, &lane->flying, link)
		if (uuid_eq(e->record.id, id))
			return true;
	list_for_each (e, &lane->ready, link)
		if (uuid_eq(e->record.id, id))
			return true;
	return false;
}

/* Another one of the same stream is under way. */
static bool has_to_wait(const struct lane *lane, const struct entry *entry)
{
	const struct entry *e;

	if (lane->kind != OUTBOX_WEBHOOK || !entry->record.target)
		return false;
	list_for_each (e, &lane->flying, link)
		if (text_eq(e->record.target, entry->record.target))
			return true;
	return false;
}

static void add_ready(struct lane *lane, struct outbox_record *r)
{
	struct entry *e = mem_new(struct entry);

	e->lane = lane;
	e->record = *r;
	*r = (struct outbox_record){0};
	list_append(&lane->ready, &e->link);
	lane->n_ready++;
}

static void take_off(struct entry *e)
{
	struct lane *lane = e->lane;

	list_remove(&e->link);
	list_append(&lane->flying, &e->link);
	lane->n_ready--;
	lane->n_flying++;
}

/* What is known stands before what is not, so this many rows show what is new. */
static bool refill(struct lane *lane)
{
	const struct repo *repo = &lane->deliverer->repo;
	unsigned limit = lane->n_flying + lane->n_ready + READ_AHEAD;
	uint64_t now = now_ms(lane->deliverer), next_at;
	struct outbox_list due;

	if (repo->outbox->outbox_due(repo->impl, lane->kind, now, limit, &due, &next_at) !=
		REPO_OK) {
		timer_start(lane->timer, STORE_PAUSE_US);
		return false;
	}
	lane->has_more = due.n == limit;
	for (size_t i = 0; i < due.n; i++)
		if (!is_known(lane, due.rows[i].id))
			add_ready(lane, &due.rows[i]);
	outbox_list_finish(&due);
	if (next_at)
		timer_start(lane->timer, (next_at - now) * 1000);
	return true;
}

static void begin_ready(struct lane *lane)
{
	struct entry *e, *next;

	list_for_each_safe (e, next, &lane->ready, link) {
		if (lane->n_flying >= lane->at_once)
			return;
		if (has_to_wait(lane, e))
			continue;
		take_off(e);
		if (lane->kind == OUTBOX_WEBHOOK)
			webhook_send(e);
		else
			push_send(e);
	}
}

static bool can_begin(const struct lane *lane)
{
	return lane->n_ready > 0 && (lane->kind == OUTBOX_WEBHOOK || push_ready(lane->deliverer));
}

void lane_pump(struct lane *lane)
{
	if (!is_enabled(lane) || lane->paused)
		return;
	for (;;) {
		if (can_begin(lane))
			begin_ready(lane);
		/* Those that wait for others of their stream must not hide other streams. */
		if (!lane->has_more || lane->n_flying >= lane->at_once ||
			lane->n_ready >= READY_MAX || !refill(lane))
			return;
		if (!can_begin(lane))
			return;
	}
}

static void on_lane_timer(void *user)
{
	struct lane *lane = user;

	lane->paused = false;
	lane->has_more = true;
	lane_pump(lane);
}

/* What became of it is stored. */
static void on_stored(void *user, const struct repo_outcome *outcome)
{
	struct entry *e = user;
	struct lane *lane = e->lane;

	if (!lane) {
		entry_free(e);
		return;
	}
	/* What failed may be due before what the lane waits for. */
	lane->has_more = lane->has_more || e->failed;
	lane->n_flying--;
	entry_free(e);
	if (outcome->result == REPO_FAILED) {
		lane->paused = true;
		timer_start(lane->timer, STORE_PAUSE_US);
	}
	lane_pump(lane);
}

static void store_delivered(struct entry *e)
{
	const struct repo *repo = &e->lane->deliverer->repo;

	metric_add(e->lane->delivered, 1);
	e->storing = true;
	repo->outbox->outbox_delivered(repo->impl, e->record.id, on_stored, e);
}

static void store_failed(struct entry *e, const char *error, uint64_t next_at)
{
	const struct repo *repo = &e->lane->deliverer->repo;
	char id[UUID_TEXT_SIZE];

	uuid_text(id, e->record.id);
	metric_add(e->lane->failures, 1);
	if (next_at)
		log_info("delivery failed", kv_str("kind", outbox_kind_text(e->record.kind)),
			kv_str("event", e->record.event), kv_str("id", id),
			kv_u64("attempt", e->record.attempts + 1), kv_str("error", error));
	else
		log_error("delivery given up", kv_str("kind", outbox_kind_text(e->record.kind)),
			kv_str("event", e->record.event), kv_str("id", id), kv_str("error", error));
	e->storing = e->failed = true;
	repo->outbox->outbox_failed(repo->impl, e->record.id, error, next_at, on_stored, e);
}

static void remove_device(const struct entry *e)
{
	const struct repo *repo = &e->lane->deliverer->repo;

	log_info("device is gone", kv_str("event", e->record.event));
	repo->people->device_delete(repo->impl, NULL, e->record.target, NULL, NULL);
}

void entry_settle(
	struct entry *e, enum deliver_verdict verdict, const char *error, uint64_t retry_after_us)
{
	struct deliverer *d = e->lane->deliverer;
	uint64_t random;

	switch (verdict) {
	case DELIVER_OK:
		store_delivered(e);
		return;
	case DELIVER_GONE:
		remove_device(e);
		metric_add(e->lane->failures, 1);
		e->storing = true;
		d->repo.outbox->outbox_delivered(d->repo.impl, e->record.id, on_stored, e);
		return;
	case DELIVER_GIVE_UP:
		store_failed(e, error, 0);
		return;
	case DELIVER_RETRY:
	case DELIVER_BAD_TOKEN:
		clock_random(loop_clock(d->loop), &random, sizeof(random));
		store_failed(e, error,
			deliver_next_at(
				&d->patience, &e->record, now_ms(d), retry_after_us, random));
		return;
	}
}

void lane_expire(struct lane *lane, const char *error)
{
	struct deliverer *d = lane->deliverer;
	uint64_t now = now_ms(d);
	struct entry *e, *next;

	list_for_each_safe (e, next, &lane->ready, link) {
		if (e->record.since + d->patience.give_up_us / 1000 > now)
			continue;
		take_off(e);
		store_failed(e, error, 0);
	}
}

static void lane_clear(struct lane *lane)
{
	struct entry *e, *next;

	list_for_each_safe (e, next, &lane->ready, link)
		entry_free(e);
	lane->n_ready = 0;
}

static void lane_init(
	struct lane *lane, struct deliverer *d, enum outbox_kind kind, unsigned at_once)
{
	struct metrics *m = loop_metrics(d->loop);
	struct buf labels = {0};

	lane->deliverer = d;
	lane->kind = kind;
	lane->at_once = at_once;
	list_init(&lane->ready);
	list_init(&lane->flying);
	lane->timer = loop_timer_create(d->loop, "outbox", on_lane_timer, lane);
	metrics_label(&labels, "kind", outbox_kind_text(kind));
	lane->delivered = metrics_counter(m, "souk_outbox_delivered_total", buf_text(&labels),
		"Entries of the outbox that their receivers acknowledged.");
	lane->failures = metrics_counter(m, "souk_outbox_failures_total", buf_text(&labels),
		"Attempts to deliver that failed.");
	buf_finish(&labels);
}

static void lane_finish(struct lane *lane)
{
	struct entry *e, *next;

	timer_destroy(&lane->timer);
	lane_clear(lane);
	list_for_each_safe (e, next, &lane->flying, link) {
		if (e->storing) {
			/* The store frees it. */
			list_remove(&e->link);
			e->lane = NULL;
		} else {
			entry_free(e);
		}
	}
}

static void on_news(void *user)
{
	struct deliverer *d = user;

	d->webhooks.has_more = d->pushes.has_more = true;
	lane_pump(&d->webhooks);
	lane_pump(&d->pushes);
}

static void on_scrape(void *user)
{
	struct deliverer *d = user;
	uint32_t waiting, given_up;

	if (d->repo.outbox->outbox_counts(d->repo.impl, &waiting, &given_up) == REPO_OK) {
		metric_set(d->waiting, waiting);
		metric_set(d->given_up, given_up);
	}
}

static void add_metrics(struct deliverer *d)
{
	struct metrics *m = loop_metrics(d->loop);

	d->waiting = metrics_gauge(
		m, "souk_outbox_waiting", NULL, "Entries of the outbox that are to be delivered.");
	d->given_up = metrics_gauge(m, "souk_outbox_given_up", NULL,
		"Entries of the outbox that were given up and wait for the operator.");
	if (m)
		metrics_on_scrape(m, on_scrape, d);
}

static void replace(char **text, const char *with)
{
	free(*text);
	*text = mem_strdup(with);
}

void deliverer_reconfigure(struct deliverer *d, const struct deliverer_config *config)
{
	replace(&d->webhook_url, config->webhook_url);
	replace(&d->webhook_secret, config->webhook_secret);
	replace(&d->public_url, config->public_url);
	d->webhook_timeout_us = config->webhook_timeout_us;
	d->push_timeout_us = config->push_timeout_us;
	d->patience = (struct deliver_patience){config->retry_base_us, config->give_up_us};
	d->repo.outbox->outbox_enable(d->repo.impl, d->webhook_url != NULL, d->account != NULL);
	if (!d->webhook_url)
		lane_clear(&d->webhooks);
	/* From the loop: whoever reconfigures is not called back. */
	timer_start(d->webhooks.timer, 0);
	timer_start(d->pushes.timer, 0);
}

struct deliverer *deliverer_create(struct loop *l, struct repo repo,
	const struct deliverer_config *config, char *error, size_t error_size)
{
	struct http_client_config client = {.user_agent = config->user_agent};
	struct deliverer *d = mem_new(struct deliverer);

	d->loop = l;
	d->repo = repo;
	lane_init(&d->webhooks, d, OUTBOX_WEBHOOK, WEBHOOKS_AT_ONCE);
	lane_init(&d->pushes, d, OUTBOX_PUSH, PUSHES_AT_ONCE);
	d->client = http_client_create(l, &client);
	if (!d->client)
		snprintf(error, error_size, "libcurl cannot be used");
	if (!d->client || !push_init(d, config, error, error_size)) {
		deliverer_destroy(&d);
		return NULL;
	}
	add_metrics(d);
	deliverer_reconfigure(d, config);
	repo.outbox->outbox_watch(repo.impl, on_news, d);
	return d;
}

void deliverer_destroy(struct deliverer **deliverer)
{
	struct deliverer *d = *deliverer;

	if (!d)
		return;
	*deliverer = NULL;
	d->repo.outbox->outbox_watch(d->repo.impl, NULL, NULL);
	lane_finish(&d->webhooks);
	lane_finish(&d->pushes);
	push_finish(d);
	http_client_destroy(&d->client);
	free(d->webhook_url);
	if (d->webhook_secret)
		explicit_bzero(d->webhook_secret, strlen(d->webhook_secret));
	free(d->webhook_secret);
	free(d->public_url);
	free(d);
}
