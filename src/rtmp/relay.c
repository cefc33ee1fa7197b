#define LOG_MODULE "relay"

#include "rtmp/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "relay_private.h"
#include "relay_session.h"

/*~ Which streams have which targets. Tags come from live/feed.c as to any player, in
 * relay_target.c, and leave by the thread of relay_link.c. */

const char *relay_state_text(enum relay_state s)
{
	static const char *const texts[] = {
#define X(name, text) [RELAY_##name] = text,
		RELAY_STATE_TABLE(X)
#undef X
	};
	return texts[s];
}

static void metrics_init(struct relay_metrics *m, struct metrics *all)
{
	static const char *const reasons[] = {
#define X(name, text) text,
		RELAY_END_TABLE(X)
#undef X
	};
	char labels[64];

	for (unsigned i = 0; i < RELAY_STATES; i++) {
		snprintf(labels, sizeof(labels), "state=\"%s\"", relay_state_text(i));
		m->targets[i] = metrics_gauge(
			all, "souk_relay_targets", labels, "Relay targets of live streams.");
	}
	for (unsigned i = 0; i < RELAY_ENDS; i++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"", reasons[i]);
		m->ended[i] = metrics_counter(all, "souk_relay_ended_total", labels,
			"Attempts at relay targets that are over, by reason.");
	}
	m->bytes = metrics_counter(
		all, "souk_relay_bytes_total", NULL, "Bytes of tags sent to relay targets.");
	m->dropped = metrics_counter(all, "souk_relay_dropped_packets_total", NULL,
		"Packets that relay targets were too slow for.");
	m->attempts = metrics_counter(all, "souk_relay_attempts_total", NULL,
		"Connections to relay targets that were tried.");
	m->connects = metrics_counter(all, "souk_relay_accepted_total", NULL,
		"Connections to relay targets that were accepted.");
	m->queued = metrics_gauge(
		all, "souk_relay_queue_bytes", NULL, "Bytes that wait for relay targets.");
}

/* Streams */

static void stream_free(struct relay_stream *s)
{
	struct relay_target *t, *next;

	list_for_each_safe (t, next, &s->targets, link) {
		list_remove(&t->link);
		relay_target_destroy(t);
	}
	signal_listener_remove(&s->changed);
	signal_listener_remove(&s->destroyed);
	list_remove(&s->link);
	free(s);
}

static void update(struct relay_stream *s)
{
	struct relay_target *t;

	list_for_each (t, &s->targets, link)
		relay_target_update(t);
}

static void on_changed(struct signal_listener *listener, void *data)
{
	update(container_of(listener, struct relay_stream, changed));
}

static void on_destroyed(struct signal_listener *listener, void *data)
{
	stream_free(container_of(listener, struct relay_stream, destroyed));
}

/* One of the same URL that is running, taken out of the list. */
static struct relay_target *keep(struct list *old, const struct relay_record *row)
{
	struct relay_target *t;

	list_for_each (t, old, link) {
		if (!text_eq(t->url, row->url))
			continue;
		list_remove(&t->link);
		t->id = row->id;
		return t;
	}
	return NULL;
}

static void replace(struct relay_stream *s, const struct relay_record *rows, size_t n)
{
	struct relay_target *t, *next;
	struct list old;

	list_init(&old);
	list_for_each_safe (t, next, &s->targets, link) {
		list_remove(&t->link);
		list_append(&old, &t->link);
	}
	for (size_t i = 0; i < n; i++) {
		t = keep(&old, &rows[i]);
		if (!t)
			t = relay_target_create(s, &rows[i]);
		list_append(&s->targets, &t->link);
	}
	list_for_each_safe (t, next, &old, link) {
		list_remove(&t->link);
		relay_target_destroy(t);
	}
}

static void load(struct relay_stream *s)
{
	struct repo repo = s->relays->repo;
	struct relay_record *rows = NULL;
	size_t n = 0;

	if (repo.sales->relay_list(repo.impl, live_stream_id(s->live), &rows, &n) != REPO_OK) {
		log_error("relay targets not read", kv_str("stream", live_stream_id_text(s->live)));
		return;
	}
	replace(s, rows, n);
	for (size_t i = 0; i < n; i++)
		relay_record_finish(&rows[i]);
	free(rows);
	update(s);
}

static void take_up(struct relays *r, struct live_stream *live)
{
	struct relay_stream *s = mem_new(struct relay_stream);

	s->relays = r;
	s->live = live;
	list_init(&s->targets);
	signal_listener_init(&s->changed, on_changed);
	signal_listener_init(&s->destroyed, on_destroyed);
	signal_add(live_stream_changed(live), &s->changed);
	signal_add(live_stream_destroyed(live), &s->destroyed);
	list_append(&r->streams, &s->link);
	load(s);
}

static void on_opened(struct signal_listener *listener, void *data)
{
	take_up(container_of(listener, struct relays, opened), data);
}

static struct relay_stream *find(const struct relays *r, const struct live_stream *live)
{
	struct relay_stream *s;

	list_for_each (s, &r->streams, link)
		if (s->live == live)
			return s;
	return NULL;
}

static void on_targets(struct signal_listener *listener, void *data)
{
	struct relay_stream *s = find(container_of(listener, struct relays, changed), data);

	if (s)
		load(s);
}

/* Links */

bool relays_have_room(const struct relays *r)
{
	unsigned n = 0;

	for (const struct list *l = r->links.next; l != &r->links; l = l->next)
		n++;
	return !r->config.targets_max || n < r->config.targets_max;
}

static void look(void *user)
{
	struct relays *r = user;
	uint64_t now = loop_now_us(r->loop), queued = 0;

	for (struct list *l = r->links.next; l != &r->links; l = l->next) {
		relay_link_look(relay_link_of(l), now);
		queued += relay_link_queued(relay_link_of(l));
	}
	metric_set(r->metrics.queued, (int64_t)queued);
	if (list_empty(&r->links))
		timer_stop(r->look);
}

/* All */

static void set_config(struct relays *r, const struct relay_config *config)
{
	char *allow = (char *)r->config.allow, *ca_file = (char *)r->config.ca_file;

	r->config = *config;
	r->config.allow = mem_strdup(config->allow);
	r->config.ca_file = mem_strdup(config->ca_file);
	free(allow);
	free(ca_file);
}

struct relays *relays_create(struct loop *l, struct live_registry *registry, struct repo repo,
	const struct relay_config *config)
{
	struct relays *r = mem_new(struct relays);

	r->loop = l;
	r->registry = registry;
	r->repo = repo;
	set_config(r, config);
	relay_session_setup();
	metrics_init(&r->metrics, loop_metrics(l));
	r->mailbox = mailbox_create(l);
	r->look = loop_timer_create(l, "relay look", look, r);
	list_init(&r->links);
	list_init(&r->streams);
	signal_listener_init(&r->opened, on_opened);
	signal_listener_init(&r->changed, on_targets);
	signal_add(live_registry_opened(registry), &r->opened);
	signal_add(live_registry_relays(registry), &r->changed);
	for (struct live_stream *s = live_registry_next(registry, NULL); s;
		s = live_registry_next(registry, s))
		take_up(r, s);
	return r;
}

void relays_destroy(struct relays **relays)
{
	struct relays *r = *relays;
	struct relay_stream *s, *next;

	*relays = NULL;
	if (!r)
		return;
	signal_listener_remove(&r->opened);
	signal_listener_remove(&r->changed);
	list_for_each_safe (s, next, &r->streams, link)
		stream_free(s);
	relay_links_join(&r->links);
	/* Their last letters: with them the links go. */
	mailbox_destroy(&r->mailbox);
	timer_destroy(&r->look);
	free((char *)r->config.allow);
	free((char *)r->config.ca_file);
	free(r);
}

void relays_drain(struct relays *r)
{
	struct relay_stream *s;

	r->draining = true;
	list_for_each (s, &r->streams, link)
		update(s);
}

void relays_reconfigure(struct relays *r, const struct relay_config *config)
{
	set_config(r, config);
}

void relays_status(const struct relays *r, struct uuid stream_id, struct uuid relay_id,
	struct relay_status *out)
{
	const struct live_stream *live = live_registry_find(r->registry, stream_id);
	const struct relay_stream *s = live ? find(r, live) : NULL;
	const struct relay_target *t;

	*out = (struct relay_status){.state = RELAY_STORED};
	if (!s)
		return;
	list_for_each (t, &s->targets, link)
		if (memcmp(&t->id, &relay_id, sizeof(relay_id)) == 0)
			relay_target_status(t, out);
}
