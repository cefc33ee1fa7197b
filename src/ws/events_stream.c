#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "payload.h"
#include "stream_private.h"
#include "ws/stream_events.h"

#define TICK_US 100000u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EPOCH_MAX 16
#define ROOM_NAME_MAX 256
#define SEQ_MAX 9007199254740991.0
#define ROOM_PREFIX "stream:"
#define COUNTS_PREFIX "viewers:"

/* --- who may --- */

/* Whether the peer may watch; else the verdict's code and sentence. */
static enum watch_verdict may_watch(
	const struct stream_events *s, const struct peer *p, const struct stream_record *row)
{
	const struct viewer viewer = {p->who.user_id, p->who.roles, p->who.neighborhood};

	return audience_check(
		s->config.repo, row, &viewer, clock_wall_ms(loop_clock(s->config.loop)));
}

static enum repo_result read_stream(
	struct stream_events *s, struct uuid id, struct stream_record *out)
{
	struct live_stream *live = live_registry_find(s->config.registry, id);

	if (!live)
		return s->config.repo.ops->stream_get(s->config.repo.impl, id, out);
	stream_record_copy(out, live_stream_record(live));
	return REPO_OK;
}

static bool read_for(
	struct stream_events *s, struct event_call *call, struct uuid id, struct stream_record *out)
{
	enum repo_result result = read_stream(s, id, out);

	if (result == REPO_OK)
		return true;
	if (result == REPO_NOT_FOUND)
		event_refuse(call, "stream_not_found", "There is no such stream.", 0);
	else
		event_refuse(call, "unavailable", "The server cannot read this now.", 0);
	return false;
}

static bool check_watch(
	struct stream_events *s, struct event_call *call, const struct stream_record *row)
{
	enum watch_verdict v = may_watch(s, call->peer, row);

	if (v == WATCH_OK)
		return true;
	event_refuse(call, watch_verdict_code(v), watch_verdict_text(v), 0);
	return false;
}

/* The row of the call's stream_id (the caller's), with the right of the caller to watch checked if
 * `watch`. False: refused. */
static bool stream_of_call(
	struct stream_events *s, struct event_call *call, bool watch, struct stream_record *out)
{
	struct uuid id = {0};

	event_uuid(call, "stream_id", &id);
	if (!read_for(s, call, id, out))
		return false;
	if (!watch || check_watch(s, call, out))
		return true;
	stream_record_finish(out);
	return false;
}

/* --- joining and leaving --- */

/* NULL: in too many rooms. */
static struct stream_room *enter(struct stream_events *s, struct peer *p, struct uuid id)
{
	struct stream_room *room = stream_room_get(s, id);

	if (!hub_join(peers_hub(s->config.peers), &p->member, room->name)) {
		stream_room_settle(room);
		return NULL;
	}
	if (!stream_join_find(p, room))
		stream_join_create(room, p);
	return room;
}

static void refuse_room(struct event_call *call)
{
	peer_limited(call->peer, PEER_LIMIT_ROOMS);
	event_refuse(call, "too_many_rooms", "This socket is in as many rooms as it may be.", 0);
}

static void join(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct peer *p = call->peer;
	struct stream_record row;
	struct stream_room *room;
	struct uuid after;
	json_t *joined;

	if (!stream_of_call(s, call, true, &row))
		return;
	room = enter(s, p, row.id);
	if (room) {
		joined = stream_joined_json(room, &row, p);
		if (event_uuid(call, "after", &after))
			stream_news_into(joined, room, after);
		peer_send(p, "stream:joined", json_incref(joined));
		event_answer(call, joined);
	} else {
		refuse_room(call);
	}
	stream_record_finish(&row);
}

static struct stream_join *join_of_call(struct stream_events *s, const struct event_call *call)
{
	struct stream_room *room;
	struct uuid id = {0};

	event_uuid(call, "stream_id", &id);
	room = stream_room_find(s, id);
	return room ? stream_join_find(call->peer, room) : NULL;
}

static void leave(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct stream_join *j = join_of_call(s, call);
	json_t *answer = json_pack("{s:s}", "streamId", event_text(call, "stream_id", ""));

	if (j)
		stream_join_end(j, AUDIENCE_LEFT);
	event_answer(call, answer);
}

/* --- the same under other names --- */

static json_t *count_json(const struct event_call *call, uint32_t count)
{
	return json_pack("{s:s, s:I}", "streamId", event_text(call, "stream_id", ""), "viewerCount",
		(json_int_t)count);
}

static void answer_count(struct event_call *call, uint32_t count)
{
	json_t *answer = count_json(call, count);

	peer_send(call->peer, "viewer_count_updated", json_incref(answer));
	event_answer(call, answer);
}

static void viewer_joined(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct stream_record row;
	struct stream_room *room;

	if (!stream_of_call(s, call, true, &row))
		return;
	room = enter(s, call->peer, row.id);
	if (room && hub_join(peers_hub(s->config.peers), &call->peer->member, room->counts))
		answer_count(call, stream_room_count(room));
	else
		refuse_room(call);
	stream_record_finish(&row);
}

static uint32_t count_of(struct stream_events *s, struct uuid id)
{
	struct audience_figures figures;

	return audience_figures(s->config.audience, id, &figures) ? figures.current : 0;
}

static void viewer_left(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct stream_join *j = join_of_call(s, call);
	struct uuid id = {0};

	event_uuid(call, "stream_id", &id);
	if (j)
		stream_join_end(j, AUDIENCE_LEFT);
	answer_count(call, count_of(s, id));
}

static void get_viewer_count(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct stream_record row;

	if (!stream_of_call(s, call, true, &row))
		return;
	answer_count(call, count_of(s, row.id));
	stream_record_finish(&row);
}

/* --- coming back --- */

static bool room_id(const char *name, struct uuid *out)
{
	return text_starts(name, ROOM_PREFIX) && uuid_parse(name + strlen(ROOM_PREFIX), out);
}

static void answer_resumed(struct event_call *call, struct stream_room *room)
{
	struct hub_place place = {0};

	hub_room_place(peers_hub(room->owner->config.peers), room->name, &place);
	event_answer(call,
		json_pack("{s:s, s:s, s:I, s:I, s:s}", "room", room->name, "epoch", place.epoch,
			"seq", (json_int_t)place.seq, "viewerCount",
			(json_int_t)stream_room_count(room), "recovered", "all"));
}

static void refuse_resume(struct event_call *call)
{
	event_refuse(
		call, "resume_failed", "What was said since is not known any more: join again.", 0);
}

static void answer_chat(struct event_call *call, struct stream_room *room,
	const struct stream_record *row, const struct repo_chat_news *news)
{
	json_t *answer;

	stream_news_send(room, call->peer, news);
	answer = stream_joined_json(room, row, call->peer);
	json_object_del(answer, "chat");
	json_object_set_new(answer, "recovered", json_string("chat"));
	event_answer(call, answer);
}

/* The room itself does not remember: it is joined anew, and the chat is made whole. */
static void resume_chat(
	struct stream_events *s, struct event_call *call, const struct stream_record *row)
{
	struct stream_room *room;
	struct repo_chat_news news;
	struct uuid last;

	if (!event_uuid(call, "last_message_id", &last) ||
		!stream_news_read(s, row->id, last, &news)) {
		refuse_resume(call);
		return;
	}
	room = enter(s, call->peer, row->id);
	if (room)
		answer_chat(call, room, row, &news);
	else
		refuse_room(call);
	repo_chat_news_finish(&news);
}

static void resume_room(
	struct stream_events *s, struct event_call *call, const struct stream_record *row)
{
	struct hub *hub = peers_hub(s->config.peers);

	if (hub_resume(hub, &call->peer->member, event_text(call, "room", ""),
		    event_text(call, "epoch", ""), (uint64_t)event_integer(call, "seq", 0)))
		answer_resumed(call, enter(s, call->peer, row->id));
	else if (event_given(call, "last_message_id"))
		resume_chat(s, call, row);
	else
		refuse_resume(call);
}

/* A room that is no stream's. */
static void resume_other(struct stream_events *s, struct event_call *call)
{
	struct hub *hub = peers_hub(s->config.peers);
	const char *room = event_text(call, "room", "");
	struct hub_place place = {0};

	if (peers_room_is_fleeting(s->config.peers, room) || !peer_may_return(call->peer, room)) {
		event_refuse(call, "room_not_found", "There is no such room to resume.", 0);
		return;
	}
	if (!hub_resume(hub, &call->peer->member, room, event_text(call, "epoch", ""),
		    (uint64_t)event_integer(call, "seq", 0))) {
		refuse_resume(call);
		return;
	}
	peer_come_back(call->peer, room);
	hub_room_place(hub, room, &place);
	event_answer(call,
		json_pack("{s:s, s:s, s:I}", "room", room, "epoch", place.epoch, "seq",
			(json_int_t)place.seq));
}

static void resume(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct stream_record row;
	struct uuid id;

	if (!room_id(event_text(call, "room", ""), &id)) {
		resume_other(s, call);
		return;
	}
	if (!read_for(s, call, id, &row))
		return;
	if (check_watch(s, call, &row))
		resume_room(s, call, &row);
	stream_record_finish(&row);
}

/* The room itself, or that of those who hear of its count by another name. */
static bool any_room_id(const char *name, struct uuid *out)
{
	return room_id(name, out) ||
		(text_starts(name, COUNTS_PREFIX) && uuid_parse(name + strlen(COUNTS_PREFIX), out));
}

static bool may_return(void *user, const struct peer *p, const char *room)
{
	struct stream_events *s = user;
	struct stream_record row;
	struct uuid id;
	bool may;

	if (!any_room_id(room, &id) || read_stream(s, id, &row) != REPO_OK)
		return false;
	may = may_watch(s, p, &row) == WATCH_OK;
	stream_record_finish(&row);
	return may;
}

static void come_back(void *user, struct peer *p, const char *room)
{
	struct uuid id;

	if (room_id(room, &id))
		enter(user, p, id);
}

static void come_back_to_counts(void *user, struct peer *p, const char *room)
{
	struct stream_events *s = user;

	hub_join(peers_hub(s->config.peers), &p->member, room);
}

static const struct room_kind kinds[] = {
	{ROOM_PREFIX, may_return, come_back},
	{COUNTS_PREFIX, may_return, come_back_to_counts, .fleeting = true},
};

/* --- before it starts --- */

static void answer_ready(struct stream_events *s, struct event_call *call)
{
	const struct stream_events_host *host = &s->config.host;
	json_t *answer = json_pack("{s:s, s:o, s:I}", "streamId", event_text(call, "stream_id", ""),
		"rtmpUrl", payload_owned(host->rtmp_url(host->user, call->peer->host)),
		"estimatedLatencyMs", (json_int_t)host->latency_ms);

	peer_send(call->peer, "stream:ready", json_incref(answer));
	event_answer(call, answer);
}

static void prepare(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct stream_record row;
	const char *problem;

	if (!stream_of_call(s, call, false, &row))
		return;
	problem = s->config.host.unready(s->config.host.user);
	if (!peer_owns(call->peer, row.seller_id))
		event_refuse(call, "forbidden", "This is not yours to do.", 0);
	else if (row.status != STREAM_SCHEDULED && row.status != STREAM_LIVE)
		event_refuse(call, "stream_over", "The stream is over.", 0);
	else if (problem)
		event_refuse(call, "not_ready", problem, 0);
	else
		answer_ready(s, call);
	stream_record_finish(&row);
}

/* user_id says nothing that the token does not: it is let in for clients that send it. */
static const struct event_field stream_fields[] = {
	{"stream_id", EVENT_UUID, .required = true},
};

static const struct event_field join_fields[] = {
	{"stream_id", EVENT_UUID, .required = true},
	{"after", EVENT_UUID},
};

static const struct event_field resume_fields[] = {
	{"room", EVENT_TEXT, .required = true, .min = 1, .max = ROOM_NAME_MAX},
	{"epoch", EVENT_TEXT, .required = true, .min = EPOCH_MAX, .max = EPOCH_MAX},
	{"seq", EVENT_INTEGER, .required = true, .min = 0, .max = SEQ_MAX},
	{"last_message_id", EVENT_UUID},
};

static const struct event_spec specs[] = {
	{"stream:join", EVENT_IDENTIFIED, join_fields, COUNT(join_fields), .rate = 120,
		.handle = join},
	{"stream:leave", EVENT_IDENTIFIED, stream_fields, COUNT(stream_fields), .handle = leave},
	{"stream:prepare", EVENT_USER, stream_fields, COUNT(stream_fields), .rate = 30,
		.handle = prepare},
	{"resume", EVENT_IDENTIFIED, resume_fields, COUNT(resume_fields), .rate = 120,
		.handle = resume},
	{"viewer_joined", EVENT_IDENTIFIED, stream_fields, COUNT(stream_fields), .rate = 120,
		.handle = viewer_joined},
	{"viewer_left", EVENT_IDENTIFIED, stream_fields, COUNT(stream_fields),
		.handle = viewer_left},
	{"get_viewer_count", EVENT_IDENTIFIED, stream_fields, COUNT(stream_fields), .rate = 300,
		.handle = get_viewer_count},
};

void stream_events_add(struct events *e, struct stream_events *s)
{
	events_add(e, specs, COUNT(specs), s);
}

/* --- life --- */

static void on_tick(void *user)
{
	stream_rooms_tick(user);
}

struct stream_events *stream_events_create(const struct stream_events_config *config)
{
	struct stream_events *s = mem_new(struct stream_events);

	s->config = *config;
	s->rooms = map_create();
	s->tick = loop_timer_create(config->loop, "stream rooms", on_tick, s);
	timer_repeat(s->tick, TICK_US);
	stream_signals_listen(s);
	for (size_t i = 0; i < COUNT(kinds); i++)
		peers_add_room_kind(config->peers, &kinds[i], s);
	stream_events_add(config->events, s);
	stream_chat_events_add(config->events, s);
	return s;
}

static void empty_room(struct stream_room *room)
{
	unsigned n = room->n_joins;

	/* With its last join it is freed. */
	while (n--)
		stream_join_end(
			container_of(room->joins.next, struct stream_join, by_room), AUDIENCE_LEFT);
}

void stream_events_destroy(struct stream_events **pointer)
{
	struct stream_events *s = *pointer;
	size_t pos;
	void *room;

	if (!s)
		return;
	*pointer = NULL;
	stream_signals_stop(s);
	timer_destroy(&s->tick);
	s->ending = true;
	stream_events_overhear(s, false);
	for (pos = 0; map_next(s->rooms, &pos, &room); pos = 0)
		empty_room(room);
	map_destroy(s->rooms);
	free(s);
}
