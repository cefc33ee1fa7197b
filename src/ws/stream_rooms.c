#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "payload.h"
#include "stream_private.h"

#define COUNT_APART_US 1000000u
#define COUNT_EVERY_US 10000000u
#define SETTLE_TICKS 50 /* how often rooms are looked for that nobody can come back to */

struct stream_room *stream_room_find(const struct stream_events *s, struct uuid id)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(text, id);
	return map_get_str(s->rooms, text);
}

static void read_mode(struct stream_room *room)
{
	const struct repo *repo = &room->owner->config.repo;
	struct stream_record row;

	room->chat_enabled = true;
	if (repo->ops->stream_get(repo->impl, room->id, &row) != REPO_OK)
		return;
	room->chat_enabled = row.enable_chat;
	room->slow_mode = row.slow_mode;
	stream_record_finish(&row);
}

struct stream_room *stream_room_get(struct stream_events *s, struct uuid id)
{
	struct stream_room *room = stream_room_find(s, id);
	struct live_stream *live;

	if (room)
		return room;
	room = mem_new(struct stream_room);
	room->owner = s;
	room->id = id;
	uuid_text(room->id_text, id);
	snprintf(room->name, sizeof(room->name), "stream:%s", room->id_text);
	snprintf(room->counts, sizeof(room->counts), "viewers:%s", room->id_text);
	list_init(&room->joins);
	room->told_us = loop_now_us(s->config.loop);
	read_mode(room);
	map_put_str(s->rooms, room->id_text, room);
	live = live_registry_find(s->config.registry, id);
	if (live)
		stream_room_follow(room, live);
	return room;
}

struct stream_room *stream_room_heard(struct stream_events *s, struct uuid id)
{
	return s->overheard ? stream_room_get(s, id) : stream_room_find(s, id);
}

static void forget_reactions(struct stream_room *room)
{
	for (int i = 0; i < AUDIENCE_EMOJIS; i++)
		free(room->reactions[i].user_id);
	memset(room->reactions, 0, sizeof(room->reactions));
	room->reacted = false;
}

/* Somebody may come back to it: he is to hear of what was said while nobody was there. */
static bool is_remembered(const struct stream_room *room)
{
	struct hub_place place;

	return !room->owner->ending &&
		hub_room_place(peers_hub(room->owner->config.peers), room->name, &place);
}

void stream_room_settle(struct stream_room *room)
{
	if (room->n_joins || (room->owner->overheard && room->live) || is_remembered(room))
		return;
	stream_room_unfollow(room);
	map_remove_str(room->owner->rooms, room->id_text);
	forget_reactions(room);
	json_decref(room->chat);
	json_decref(room->products);
	free(room);
}

void stream_room_emit(struct stream_room *room, const char *name, json_t *data,
	enum hub_class class, const struct peer *except)
{
	payload_emit(peers_hub(room->owner->config.peers), room->name, name, data, class, except);
}

uint32_t stream_room_count(struct stream_room *room)
{
	struct audience_figures figures;

	return audience_figures(room->owner->config.audience, room->id, &figures) ? figures.current
										  : 0;
}

/* --- who is there --- */

struct stream_join *stream_join_find(const struct peer *p, const struct stream_room *room)
{
	struct stream_join *j;

	list_for_each (j, &p->streams, by_peer)
		if (j->room == room)
			return j;
	return NULL;
}

static void tell_coming(struct stream_join *j)
{
	struct stream_room *room = j->room;
	uint32_t count = stream_room_count(room);

	if (!j->seat || !audience_alone(j->seat) || count > STREAM_ROOM_BIG)
		return;
	stream_room_emit(room, "viewer:joined",
		json_pack("{s:s, s:s, s:o, s:I}", "streamId", room->id_text, "userId", j->peer->id,
			"username", payload_text(j->peer->who.name), "viewerCount",
			(json_int_t)count),
		HUB_MUST, j->peer);
}

static void tell_going(struct stream_room *room, const struct peer *p, const char *id)
{
	uint32_t count = stream_room_count(room);

	if (count >= STREAM_ROOM_BIG)
		return;
	stream_room_emit(room, "viewer:left",
		json_pack("{s:s, s:s, s:I}", "streamId", room->id_text, "userId", id, "viewerCount",
			(json_int_t)count),
		HUB_MUST, p);
}

static struct audience_seat *sit(struct stream_room *room, const struct peer *p)
{
	const struct audience_who who = {
		.id = p->id, .name = p->who.name, .neighborhood = p->who.neighborhood};

	return audience_join(room->owner->config.audience, room->id, &who);
}

struct stream_join *stream_join_create(struct stream_room *room, struct peer *p)
{
	struct stream_join *j = mem_new(struct stream_join);

	j->peer = p;
	j->room = room;
	j->seat = sit(room, p);
	list_append(&room->joins, &j->by_room);
	list_append(&p->streams, &j->by_peer);
	room->n_joins++;
	tell_coming(j);
	return j;
}

static void rise(struct stream_join *j, const char *id, enum audience_leaving how)
{
	bool alone = j->seat && audience_alone(j->seat);

	audience_leave(&j->seat, how);
	if (alone)
		tell_going(j->room, j->peer, id);
}

void stream_join_reseat(struct stream_join *j, const char *id_before)
{
	rise(j, id_before, AUDIENCE_LEFT);
	j->seat = sit(j->room, j->peer);
	tell_coming(j);
}

void stream_join_end(struct stream_join *j, enum audience_leaving how)
{
	struct stream_room *room = j->room;
	struct hub *hub = peers_hub(room->owner->config.peers);

	hub_leave(hub, &j->peer->member, room->name);
	hub_leave(hub, &j->peer->member, room->counts);
	rise(j, j->peer->id, how);
	list_remove(&j->by_peer);
	list_remove(&j->by_room);
	room->n_joins--;
	free(j);
	stream_room_settle(room);
}

/* --- counts and reactions, a few times a second --- */

static void tell_count(struct stream_room *room, uint64_t now)
{
	struct hub *hub = peers_hub(room->owner->config.peers);
	char text[160];
	int len;

	room->told_count = room->count;
	room->told_us = now;
	len = snprintf(text, sizeof(text), "{\"streamId\":\"%s\",\"count\":%u}", room->id_text,
		room->count);
	hub_emit(hub, room->name, "stream:viewer-count", text, (size_t)len, HUB_DROPPABLE, NULL);
	if (!hub_room_members(hub, room->counts))
		return;
	len = snprintf(text, sizeof(text), "{\"streamId\":\"%s\",\"viewerCount\":%u}",
		room->id_text, room->count);
	hub_emit(hub, room->counts, "viewer_count_updated", text, (size_t)len, HUB_DROPPABLE, NULL);
}

static void tell_reactions(struct stream_room *room)
{
	for (int i = 0; i < AUDIENCE_EMOJIS; i++) {
		struct stream_reaction *r = &room->reactions[i];
		if (!r->count)
			continue;
		stream_room_emit(room, "reaction:new",
			json_pack("{s:s, s:s, s:o, s:I}", "streamId", room->id_text, "emoji",
				audience_emojis[i], "userId",
				payload_text(r->several ? NULL : r->user_id), "count",
				(json_int_t)r->count),
			HUB_DROPPABLE, NULL);
	}
	forget_reactions(room);
}

static void room_tick(struct stream_room *room, uint64_t now)
{
	uint64_t ago = now - room->told_us;

	if (room->reacted)
		tell_reactions(room);
	if (!room->live || !room->n_joins)
		return;
	if ((room->count != room->told_count && ago >= COUNT_APART_US) || ago >= COUNT_EVERY_US)
		tell_count(room, now);
}

static void settle_all(struct stream_events *s)
{
	struct stream_room **all = mem_alloc(map_count(s->rooms) * sizeof(*all) + 1);
	size_t pos = 0, n = 0;
	void *room;

	while (map_next(s->rooms, &pos, &room))
		all[n++] = room;
	for (size_t i = 0; i < n; i++)
		stream_room_settle(all[i]);
	free(all);
}

void stream_rooms_tick(struct stream_events *s)
{
	uint64_t now = loop_now_us(s->config.loop);
	size_t pos = 0;
	void *room;

	while (map_next(s->rooms, &pos, &room))
		room_tick(room, now);
	if (++s->ticks % SETTLE_TICKS == 0)
		settle_all(s);
}

void stream_events_overhear(struct stream_events *s, bool on)
{
	struct live_stream *live = NULL;

	s->overheard = on;
	while (on && (live = live_registry_next(s->config.registry, live)))
		stream_room_get(s, live_stream_id(live));
	if (!on)
		settle_all(s);
}
