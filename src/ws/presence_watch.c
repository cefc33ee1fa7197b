#define LOG_MODULE "ws"

#include "presence_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/people.h"
#include "pacer.h"
#include "peer_private.h"

#define TELL_STEP 16 /* watchers of a step of the pacer */
#define FILL_FIRST 4

/* One who is watched. */
struct topic {
	struct list link; /* in presence_watch.telling, while there is something to tell */
	char *user_id;
	struct list watches; /* watch.by_topic, and `at` */
	struct list at; /* while telling: behind the last one that was told */
	char *json;
	uint64_t moment; /* of the rooms, when it was said */
};

struct watcher {
	struct list unfilled; /* in presence_watch.unfilled until the store was asked */
	char *id;
	struct list watches; /* watch.by_watcher */
	unsigned n;
};

struct watch {
	struct list by_topic, by_watcher;
	struct topic *topic;
	struct watcher *watcher;
	unsigned reasons;
};

struct presence_watch {
	struct presence_events_config config;
	struct map *topics, *watchers; /* by id */
	struct list telling, unfilled;
	struct pacer *tell, *fill;
	struct metric *watches, *told, *cut;
	unsigned n;
};

/* --- the index --- */

static struct topic *topic_get(struct presence_watch *w, const char *user_id)
{
	struct topic *t = map_get_str(w->topics, user_id);

	if (t)
		return t;
	t = mem_new(struct topic);
	t->user_id = mem_strdup(user_id);
	list_init(&t->link);
	list_init(&t->watches);
	list_init(&t->at);
	map_put_str(w->topics, user_id, t);
	return t;
}

static void stop_telling(struct topic *t)
{
	list_remove(&t->link);
	list_remove(&t->at);
	free(t->json);
	t->json = NULL;
}

static void topic_settle(struct presence_watch *w, struct topic *t)
{
	const struct list *only = t->json ? &t->at : &t->watches;

	/* Nobody is left but, maybe, the mark of how far it is told. */
	if (t->watches.next != only || only->next != &t->watches)
		return;
	stop_telling(t);
	map_remove_str(w->topics, t->user_id);
	free(t->user_id);
	free(t);
}

static struct watch *watch_find(const struct watcher *r, const struct topic *t)
{
	struct watch *watch;

	list_for_each (watch, &r->watches, by_watcher)
		if (watch->topic == t)
			return watch;
	return NULL;
}

static struct watch *watch_create(struct presence_watch *w, struct watcher *r, struct topic *t)
{
	struct watch *watch = mem_new(struct watch);

	watch->topic = t;
	watch->watcher = r;
	list_append(&t->watches, &watch->by_topic);
	list_append(&r->watches, &watch->by_watcher);
	r->n++;
	metric_set(w->watches, ++w->n);
	return watch;
}

static void watch_destroy(struct presence_watch *w, struct watch *watch)
{
	struct topic *t = watch->topic;

	list_remove(&watch->by_topic);
	list_remove(&watch->by_watcher);
	watch->watcher->n--;
	metric_set(w->watches, --w->n);
	free(watch);
	topic_settle(w, t);
}

static void begin_watch(
	struct presence_watch *w, struct watcher *r, const char *watched, enum watch_reason reason)
{
	struct topic *t = topic_get(w, watched);
	struct watch *watch = watch_find(r, t);

	if (!watch && r->n < w->config.follows)
		watch = watch_create(w, r, t);
	if (watch)
		watch->reasons |= reason;
	else
		topic_settle(w, t);
}

static void end_watch(
	struct presence_watch *w, struct watcher *r, const char *watched, enum watch_reason reason)
{
	struct topic *t = map_get_str(w->topics, watched);
	struct watch *watch = t ? watch_find(r, t) : NULL;

	if (!watch)
		return;
	watch->reasons &= ~(unsigned)reason;
	if (!watch->reasons)
		watch_destroy(w, watch);
}

void presence_watch_set(struct presence_watch *w, const char *watcher, const char *watched,
	enum watch_reason reason, bool holds)
{
	struct watcher *r = map_get_str(w->watchers, watcher);

	/* Who is not read yet will be read with it. */
	if (!r || !list_empty(&r->unfilled))
		return;
	if (holds)
		begin_watch(w, r, watched, reason);
	else
		end_watch(w, r, watched, reason);
}

/* --- who comes and goes --- */

static void fill(struct presence_watch *w, struct watcher *r)
{
	const struct repo *repo = &w->config.repo;
	struct repo_id_list ids = {0};

	repo->people->following_ids(repo->impl, r->id, w->config.follows + 1, &ids);
	if (ids.n > w->config.follows) {
		ids.n--;
		free(ids.ids[ids.n]);
		metric_add(w->cut, 1);
		log_info("follows more than presence is told of", kv_str("user", r->id));
	}
	/* All of one read, and the first: none is there twice. */
	for (size_t i = 0; i < ids.n; i++)
		watch_create(w, r, topic_get(w, ids.ids[i]))->reasons = WATCH_FOLLOWS;
	repo_id_list_finish(&ids);
}

static bool fill_step(void *user)
{
	struct presence_watch *w = user;
	struct watcher *r;

	if (list_empty(&w->unfilled))
		return false;
	r = container_of(w->unfilled.next, struct watcher, unfilled);
	list_remove(&r->unfilled);
	fill(w, r);
	return true;
}

void presence_watch_come(struct presence_watch *w, const char *user_id)
{
	struct watcher *r;

	if (!w->config.follows || map_get_str(w->watchers, user_id))
		return;
	r = mem_new(struct watcher);
	r->id = mem_strdup(user_id);
	list_init(&r->watches);
	map_put_str(w->watchers, user_id, r);
	list_append(&w->unfilled, &r->unfilled);
	pacer_wake(w->fill);
}

/* It is no more in the map, or that is about to go. */
static void watcher_destroy(struct presence_watch *w, struct watcher *r)
{
	while (!list_empty(&r->watches))
		watch_destroy(w, container_of(r->watches.next, struct watch, by_watcher));
	list_remove(&r->unfilled);
	free(r->id);
	free(r);
}

void presence_watch_go(struct presence_watch *w, const char *user_id)
{
	struct watcher *r = map_get_str(w->watchers, user_id);

	if (!r)
		return;
	map_remove_str(w->watchers, user_id);
	watcher_destroy(w, r);
}

static void on_follow(void *user, const char *follower, const char *followed, bool follows)
{
	presence_watch_set(user, follower, followed, WATCH_FOLLOWS, follows);
}

/* --- telling --- */

void presence_watch_tell(struct presence_watch *w, const char *user_id, const char *json)
{
	struct topic *t;

	/* Who came just now hears of what came just after. */
	for (unsigned i = 0; i < FILL_FIRST && fill_step(w); i++)
		continue;
	t = map_get_str(w->topics, user_id);
	if (!t)
		return;
	stop_telling(t);
	t->json = mem_strdup(json);
	t->moment = w->config.rooms ? room_events_moment(w->config.rooms) : 0;
	list_prepend(&t->watches, &t->at);
	list_append(&w->telling, &t->link);
	pacer_wake(w->tell);
}

struct words {
	struct hub_word status, update;
};

/* In a room it was told already. */
static bool heard(const struct presence_watch *w, const struct topic *t, const struct peer *p)
{
	return w->config.rooms && room_events_marked(w->config.rooms, p, t->moment);
}

static void tell_watcher(struct presence_watch *w, const struct topic *t, const struct watcher *r,
	struct words *words)
{
	const struct peer_user *u = map_get_str(w->config.peers->users, r->id);
	struct peer *p;

	if (!u)
		return;
	list_for_each (p, &u->peers, by_user) {
		if (p->ending)
			continue;
		hub_word_tell(&words->status, &p->member);
		if (!heard(w, t, p))
			hub_word_tell(&words->update, &p->member);
		metric_add(w->told, 1);
	}
}

/* Tells some; false: it was the last. */
static bool tell_some(struct presence_watch *w, struct topic *t, struct words *words)
{
	for (unsigned i = 0; i < TELL_STEP; i++) {
		struct list *next = t->at.next;
		if (next == &t->watches)
			return false;
		list_remove(&t->at);
		list_prepend(next, &t->at);
		tell_watcher(w, t, container_of(next, struct watch, by_topic)->watcher, words);
	}
	return true;
}

static bool tell_step(void *user)
{
	struct presence_watch *w = user;
	struct hub *hub = peers_hub(w->config.peers);
	struct topic *t;
	struct words words;

	if (list_empty(&w->telling))
		return false;
	t = container_of(w->telling.next, struct topic, link);
	hub_word_init(&words.status, hub, "user_status", t->json, strlen(t->json));
	hub_word_init(&words.update, hub, "presence_update", t->json, strlen(t->json));
	if (w->config.rooms)
		room_events_mark(w->config.rooms, t->user_id, t->moment);
	if (!tell_some(w, t, &words))
		stop_telling(t);
	hub_word_finish(&words.status);
	hub_word_finish(&words.update);
	return true;
}

/* --- life --- */

struct presence_watch *presence_watch_create(const struct presence_events_config *config)
{
	struct presence_watch *w = mem_new(struct presence_watch);
	struct metrics *m = config->metrics;

	w->config = *config;
	w->topics = map_create();
	w->watchers = map_create();
	list_init(&w->telling);
	list_init(&w->unfilled);
	w->tell = pacer_create(config->loop, "presence", tell_step, w);
	w->fill = pacer_create(config->loop, "presence of the followed", fill_step, w);
	w->watches = metrics_gauge(m, "souk_presence_watches", NULL,
		"Pairs of users of whom one is told of the other's presence.");
	w->told = metrics_counter(m, "souk_presence_told_total", NULL,
		"Changes of presence times the sockets that were told.");
	w->cut = metrics_counter(m, "souk_presence_follows_cut_total", NULL,
		"Users who follow more than presence is told of.");
	config->repo.people->follow_watch(config->repo.impl, on_follow, w);
	return w;
}

void presence_watch_destroy(struct presence_watch **pointer)
{
	struct presence_watch *w = *pointer;
	size_t pos = 0;
	void *r;

	if (!w)
		return;
	*pointer = NULL;
	w->config.repo.people->follow_watch(w->config.repo.impl, NULL, NULL);
	pacer_destroy(&w->tell);
	pacer_destroy(&w->fill);
	while (map_next(w->watchers, &pos, &r))
		watcher_destroy(w, r);
	map_destroy(w->watchers);
	map_destroy(w->topics);
	free(w);
}
