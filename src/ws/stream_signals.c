
#include "base/text.h"
#include "payload.h"
#include "stream_private.h"

/* --- one stream's life --- */

static json_t *hls_for_all(const struct stream_room *room, const struct stream_record *row)
{
	const struct stream_events_host *host = &room->owner->config.host;

	return payload_owned(host->hls_url(host->user, row, NULL));
}

static void tell_state(struct stream_room *room, const char *name)
{
	stream_room_emit(room, name, json_pack("{s:s}", "streamId", room->id_text), HUB_MUST, NULL);
}

static void on_live_updated(struct signal_listener *l, void *data)
{
	struct stream_room *room = container_of(l, struct stream_room, live_updated);
	const struct stream_record *row = live_stream_record(room->live);

	if (room->playable || !media_window_playable(live_stream_window(room->live)))
		return;
	room->playable = true;
	stream_room_emit(room, "stream:started",
		json_pack("{s:s, s:o, s:o}", "streamId", room->id_text, "hlsUrl",
			hls_for_all(room, row), "startedAt", payload_time(row->started_at)),
		HUB_MUST, NULL);
}

static void tell_recording(struct stream_room *room)
{
	const struct stream_events_config *c = &room->owner->config;
	struct stream_record row;

	if (room->recorded)
		return;
	room->recorded = true;
	if (c->repo.ops->stream_get(c->repo.impl, room->id, &row) != REPO_OK)
		return;
	if (row.vod_url)
		stream_room_emit(room, "stream:vod-ready",
			json_pack("{s:s, s:o}", "streamId", room->id_text, "vodUrl",
				payload_owned(c->host.vod_url(c->host.user, &row, NULL))),
			HUB_MUST, NULL);
	stream_record_finish(&row);
}

static void on_live_changed(struct signal_listener *l, void *data)
{
	struct stream_room *room = container_of(l, struct stream_room, live_changed);
	enum live_state before = room->state;

	room->state = live_stream_state(room->live);
	if (before == LIVE_PUBLISHING && room->state == LIVE_INTERRUPTED)
		tell_state(room, "stream:interrupted");
	if (before == LIVE_INTERRUPTED && room->state == LIVE_PUBLISHING)
		tell_state(room, "stream:resumed");
	/* The stream stays for its players a while after that. */
	if (live_stream_recorded(room->live))
		tell_recording(room);
}

static void on_live_destroyed(struct signal_listener *l, void *data)
{
	struct stream_room *room = container_of(l, struct stream_room, live_destroyed);

	stream_room_unfollow(room);
	tell_recording(room);
	stream_room_settle(room);
}

void stream_room_follow(struct stream_room *room, struct live_stream *live)
{
	room->live = live;
	room->recorded = live_stream_recorded(live);
	room->state = live_stream_state(live);
	room->playable = media_window_playable(live_stream_window(live));
	signal_listener_init(&room->live_updated, on_live_updated);
	signal_listener_init(&room->live_changed, on_live_changed);
	signal_listener_init(&room->live_destroyed, on_live_destroyed);
	signal_add(live_stream_updated(live), &room->live_updated);
	signal_add(live_stream_changed(live), &room->live_changed);
	signal_add(live_stream_destroyed(live), &room->live_destroyed);
}

void stream_room_unfollow(struct stream_room *room)
{
	if (!room->live)
		return;
	room->live = NULL;
	signal_listener_remove(&room->live_updated);
	signal_listener_remove(&room->live_changed);
	signal_listener_remove(&room->live_destroyed);
}

/* Who waited for it watches from now on. */
static void on_opened(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, opened);
	struct live_stream *live = data;
	struct stream_room *room = stream_room_heard(s, live_stream_id(live));
	struct stream_join *j;

	if (!room || room->live)
		return;
	stream_room_follow(room, live);
	list_for_each (j, &room->joins, by_room)
		stream_join_reseat(j, j->peer->id);
}

static json_t *stats_json(const struct repo_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "peakViewers", (json_int_t)s->peak_viewers,
		"uniqueViewers", (json_int_t)s->unique_viewers, "totalLikes",
		(json_int_t)s->total_likes, "chatMessages", (json_int_t)s->chat_messages_count,
		"averageWatchTime", (json_int_t)s->average_watch_time);
}

static json_t *duration_json(const struct stream_events *s, const struct stream_record *row)
{
	uint64_t now = clock_wall_ms(loop_clock(s->config.loop));

	return row->started_at && row->started_at < now
		? json_real((double)(now - row->started_at) / 1000)
		: json_null();
}

static void on_ended(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, ended);
	struct live_stream *live = data;
	struct stream_room *room = stream_room_heard(s, live_stream_id(live));
	struct repo_stats stats = {0};
	struct stream_join *j;

	if (!room)
		return;
	audience_stats(s->config.audience, room->id, &stats);
	stream_room_emit(room, "stream:ended",
		json_pack("{s:s, s:o, s:o}", "streamId", room->id_text, "duration",
			duration_json(s, live_stream_record(live)), "stats", stats_json(&stats)),
		HUB_MUST, NULL);
	list_for_each (j, &room->joins, by_room)
		audience_leave(&j->seat, AUDIENCE_LEFT);
}

/* --- audience, chat, products --- */

static void on_changed(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, changed);
	const struct audience_change *change = data;
	struct stream_room *room = stream_room_find(s, change->stream_id);

	if (room)
		room->count = change->figures->current;
}

static void on_written(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, written);
	const struct chat_record *m = data;
	struct stream_room *room = stream_room_heard(s, m->stream_id);

	if (!room)
		return;
	stream_chat_add(room, m);
	stream_room_emit(room, "chat:message", stream_message_json(m), HUB_MUST, NULL);
	stream_room_settle(room);
}

static void on_deleted(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, deleted);
	const struct chat_deletion *d = data;
	struct stream_room *room = stream_room_heard(s, d->stream_id);
	char id[UUID_TEXT_SIZE];

	if (!room)
		return;
	uuid_text(id, d->message_id);
	stream_chat_remove(room, id);
	stream_room_emit(room, "chat:deleted",
		json_pack("{s:s, s:s, s:s}", "streamId", room->id_text, "messageId", id,
			"deletedBy", d->deleted_by),
		HUB_MUST, NULL);
	stream_room_settle(room);
}

/* Who is banned from the stream hears of it, and nothing more. */
static void put_out(struct stream_room *room, const char *user_id, json_t *news)
{
	struct stream_join *j, *next;

	room->n_joins++; /* it is not to go while it is walked through */
	list_for_each_safe (j, next, &room->joins, by_room) {
		if (!text_eq(j->peer->who.user_id, user_id))
			continue;
		peer_send(j->peer, "chat:muted", json_incref(news));
		stream_join_end(j, AUDIENCE_LEFT);
	}
	room->n_joins--;
}

static void on_muted(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, muted);
	const struct chat_mute_change *c = data;
	struct stream_room *room = stream_room_heard(s, c->mute->stream_id);
	json_t *news;

	if (!room)
		return;
	news = json_pack("{s:s, s:s, s:s, s:o, s:b}", "streamId", room->id_text, "userId",
		c->mute->user_id, "kind", mute_kind_text(c->mute->kind), "until",
		payload_time(c->mute->until), "lifted", c->lifted);
	stream_room_emit(room, "chat:muted", json_incref(news), HUB_MUST, NULL);
	if (c->mute->kind == MUTE_BAN && !c->lifted)
		put_out(room, c->mute->user_id, news);
	json_decref(news);
	stream_room_settle(room);
}

static void on_mode(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, mode);
	const struct stream_record *row = data;
	struct stream_room *room = stream_room_find(s, row->id);

	if (!room)
		return;
	if (room->slow_mode != row->slow_mode)
		stream_room_emit(room, "stream:slow-mode",
			json_pack("{s:s, s:I}", "streamId", room->id_text, "seconds",
				(json_int_t)row->slow_mode),
			HUB_MUST, NULL);
	if (room->chat_enabled != row->enable_chat)
		stream_room_emit(room, "chat:enabled",
			json_pack("{s:s, s:b}", "streamId", room->id_text, "enabled",
				row->enable_chat),
			HUB_MUST, NULL);
	room->slow_mode = row->slow_mode;
	room->chat_enabled = row->enable_chat;
}

static const char *name_of(enum showcase_action a)
{
	switch (a) {
	case SHOWCASE_TAGGED:
		return "product:tagged";
	case SHOWCASE_PINNED:
		return "product:pinned";
	case SHOWCASE_UNPINNED:
		return "product:unpinned";
	case SHOWCASE_EVENT:
		break;
	}
	return NULL;
}

static void on_shown(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, shown);
	const struct showcase_change *c = data;
	const char *name = name_of(c->action);
	struct stream_room *room = name ? stream_room_heard(s, c->stream_id) : NULL;
	json_t *product;

	if (!room)
		return;
	json_decref(room->products);
	room->products = NULL;
	product = stream_product_json(c->product);
	json_object_set_new(product, "streamId", json_string(room->id_text));
	stream_room_emit(room, name, product, HUB_MUST, NULL);
	stream_room_settle(room);
}

/* --- peers --- */

static void on_peer_seen(struct signal_listener *l, void *data)
{
	const struct peer *p = data;
	struct stream_join *j;

	list_for_each (j, &p->streams, by_peer)
		audience_seen(j->seat);
}

static void on_peer_ended(struct signal_listener *l, void *data)
{
	struct peer *p = data;
	struct stream_join *j, *next;

	list_for_each_safe (j, next, &p->streams, by_peer)
		stream_join_end(j, p->ending_how == PEER_LOST ? AUDIENCE_LOST : AUDIENCE_LEFT);
}

static void on_peer_identified(struct signal_listener *l, void *data)
{
	const struct peer_change *change = data;
	struct stream_join *j;

	list_for_each (j, &change->peer->streams, by_peer)
		stream_join_reseat(j, change->id_before);
}

static void listen(struct signal_listener *l, struct signal *signal,
	void (*notify)(struct signal_listener *l, void *data))
{
	signal_listener_init(l, notify);
	signal_add(signal, l);
}

/* To the seller alone: a viewer could do nothing about it. */
static void on_health(struct signal_listener *l, void *data)
{
	struct stream_events *s = container_of(l, struct stream_events, health);
	struct live_stream *live = data;
	const char *seller = live_stream_record(live)->seller_id;

	if (user_rooms_hears(s->config.users, seller))
		user_rooms_say(
			s->config.users, seller, "stream:health", stream_health_json(live), NULL);
}

void stream_signals_listen(struct stream_events *s)
{
	const struct stream_events_config *c = &s->config;

	listen(&s->opened, live_registry_opened(c->registry), on_opened);
	listen(&s->ended, live_registry_ended(c->registry), on_ended);
	listen(&s->health, live_registry_health(c->registry), on_health);
	listen(&s->changed, audience_changed(c->audience), on_changed);
	listen(&s->written, chat_written(c->chat), on_written);
	listen(&s->deleted, chat_deleted(c->chat), on_deleted);
	listen(&s->muted, chat_mute_changed(c->chat), on_muted);
	listen(&s->mode, chat_mode_changed(c->chat), on_mode);
	listen(&s->shown, showcase_changed(c->showcase), on_shown);
	listen(&s->peer_seen, peers_seen(c->peers), on_peer_seen);
	listen(&s->peer_ended, peers_ended(c->peers), on_peer_ended);
	listen(&s->peer_identified, peers_identified(c->peers), on_peer_identified);
}

void stream_signals_stop(struct stream_events *s)
{
	struct signal_listener *all[] = {&s->opened, &s->ended, &s->health, &s->changed,
		&s->written, &s->deleted, &s->muted, &s->mode, &s->shown, &s->peer_seen,
		&s->peer_ended, &s->peer_identified};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		signal_listener_remove(all[i]);
}
