#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "base/text.h"
#include "fake.h"
#include "proto/ws_frame.h"
#include "ws/json_server.h"
#include "ws/room_events.h"

/* Open rooms, over a framing that writes down what it is told. */

#define PEERS 4

struct client {
	struct peer peer; /* first */
	char said[4096];
	bool destroyed;
};

struct rig {
	struct fake fake;
	struct hub *hub;
	struct peers *peers;
	struct events *events;
	struct room_events *rooms;
	struct client clients[PEERS];
};

static void put(struct client *c, const char *text, size_t len)
{
	size_t at = strlen(c->said);

	assert_true(at + len + 2 < sizeof(c->said));
	memcpy(c->said + at, text, len);
	memcpy(c->said + at + len, "\n", 2);
}

static bool on_send(struct peer *p, const char *name, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT), *line = mem_printf("%s %s", name, text);

	put((struct client *)p, line, strlen(line));
	free(line);
	free(text);
	return true;
}

static bool on_answer(struct peer *p, uint64_t ack, json_t *data)
{
	return on_send(p, "ack", data);
}

static void on_close(struct peer *p, unsigned code, const char *reason)
{
}

static void on_destroy(struct peer *p)
{
	((struct client *)p)->destroyed = true;
}

static const struct peer_ops ops = {
	.send = on_send, .answer = on_answer, .close = on_close, .destroy = on_destroy};

static bool member_send(struct hub_member *m, struct rcbuf *frames)
{
	struct client *c = container_of(m, struct client, peer.member);
	const uint8_t *data;
	size_t pos = 0, len;
	bool binary;

	while (ws_frames_next(frames, &pos, &binary, &data, &len))
		put(c, (const char *)data, len);
	return true;
}

static size_t member_queued(const struct hub_member *m)
{
	return 0;
}

static const struct hub_member_ops member_ops = {.send = member_send, .queued = member_queued};

static bool check_token(
	void *user, const char *token, struct ws_identity *out, const char **code, const char **why)
{
	*out = (struct ws_identity){.user_id = mem_strdup(token)};
	return true;
}

static const struct ws_auth_ops auth = {.check = check_token};

static struct rcbuf *encode(void *user, enum hub_framing framing, const struct hub_event *e)
{
	return json_room_frame(e);
}

/* The first two are alice's, the third bob's, the fourth a guest's. */
static void seat_clients(struct rig *r)
{
	static const char *const users[PEERS] = {"alice", "alice", "bob", NULL};
	const char *code, *why;

	for (int i = 0; i < PEERS; i++) {
		struct peer *p = &r->clients[i].peer;
		peer_init(p, r->peers, &ops, HUB_JSON, "192.0.2.1");
		p->member.ops = &member_ops;
		if (users[i])
			assert_int_equal(peer_identify(p, users[i], &code, &why), PEER_IDENTIFIED);
	}
}

static int start(void **state)
{
	struct rig *r = mem_new(struct rig);

	fake_start(&r->fake);
	r->hub = hub_create(&(struct hub_config){
		.loop = r->fake.loop, .clock = &r->fake.clock.clock, .encode = encode});
	r->peers = peers_create(&(struct peers_config){
		.loop = r->fake.loop, .hub = r->hub, .auth = &auth, .allow_guests = true});
	r->events = events_create(&(struct events_config){.loop = r->fake.loop});
	r->rooms = room_events_create(&(struct room_events_config){.peers = r->peers,
		.events = r->events,
		.clock = &r->fake.clock.clock,
		.max_rooms = 2,
		.max_members = 2,
		.max_name = 8,
		.max_broadcast = 16});
	seat_clients(r);
	*state = r;
	return 0;
}

static int stop(void **state)
{
	struct rig *r = *state;

	room_events_destroy(&r->rooms);
	peers_destroy(&r->peers);
	events_destroy(&r->events);
	hub_destroy(&r->hub);
	fake_stop(&r->fake);
	free(r);
	return 0;
}

/* What the client is told of its own event, and has been since the last time. */
static const char *ask(struct rig *r, int who, const char *event, const char *data)
{
	static char out[4096];
	struct client *c = &r->clients[who];
	json_t *json = json_loads(data, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	events_dispatch(r->events, &c->peer, event, json, true, 1);
	json_decref(json);
	fake_turn(&r->fake);
	text_copy(out, sizeof(out), c->said);
	c->said[0] = '\0';
	return out;
}

static const char *heard(struct rig *r, int who)
{
	static char out[4096];

	text_copy(out, sizeof(out), r->clients[who].said);
	r->clients[who].said[0] = '\0';
	return out;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void several_sockets_are_one_member(void **state)
{
	struct rig *r = *state;

	assert_has(ask(r, 0, "join_room", "{\"room_id\":\"a\"}"), "\"memberCount\":1");
	assert_has(ask(r, 1, "join_room", "\"a\""), "\"memberCount\":1");
	assert_string_equal(heard(r, 0), "");
	assert_has(ask(r, 1, "leave_room", "\"a\""), "ack {\"roomId\":\"a\"}");
	assert_has(ask(r, 2, "join_room", "\"a\""), "\"memberCount\":2");
	assert_has(heard(r, 0), "\"event\":\"user_joined\",\"data\":{\"userId\":\"bob\"");
	/* To join twice is to join. */
	assert_has(ask(r, 2, "join_room", "\"a\""), "\"memberCount\":2");
	assert_string_equal(heard(r, 0), "");
	peer_end(&r->clients[2].peer, PEER_LOST);
	fake_turn(&r->fake);
	assert_true(r->clients[2].destroyed);
	assert_has(heard(r, 0), "\"event\":\"user_left\",\"data\":{\"roomId\":\"a\"");
}

static void limits(void **state)
{
	struct rig *r = *state;

	assert_has(ask(r, 3, "join_room", "\"a\""), "unauthorized");
	assert_has(ask(r, 0, "join_room", "\"a\""), "\"room\":\"room:a\"");
	assert_has(ask(r, 0, "join_room", "\"b\""), "\"room\":\"room:b\"");
	assert_has(ask(r, 0, "join_room", "\"c\""), "too_many_rooms");
	assert_has(ask(r, 1, "join_room", "\"a\""), "\"room\":\"room:a\"");
	assert_has(ask(r, 2, "join_room", "\"a\""), "room_full");
	assert_false(hub_is_in(r->hub, &r->clients[2].peer.member, "room:a"));
	assert_has(ask(r, 0, "leave_room", "\"b\""), "roomId");
	assert_has(ask(r, 0, "join_room", "\"c\""), "\"room\":\"room:c\"");
	assert_has(ask(r, 2, "join_room", "\"123456789\""), "invalid_payload");
	assert_has(ask(r, 2, "join_room", "\"a\\tb\""), "invalid_payload");
	assert_has(ask(r, 2, "join_room", "\"stream:x\""), "room_not_found");
}

static void what_is_said(void **state)
{
	struct rig *r = *state;

	assert_has(ask(r, 0, "join_room", "\"a\""), "room:a");
	assert_has(ask(r, 2, "broadcast", "{\"room_id\":\"a\",\"message\":1}"), "not_joined");
	assert_has(ask(r, 2, "join_room", "\"a\""), "room:a");
	heard(r, 0);
	assert_has(ask(r, 2, "broadcast", "{\"room_id\":\"a\",\"message\":[1,null]}"),
		"ack {\"roomId\":\"a\",\"timestamp\":");
	assert_has(heard(r, 0), "\"userId\":\"bob\",\"message\":[1,null]");
	assert_string_equal(heard(r, 2), "");
	assert_has(ask(r, 2, "broadcast", "{\"room_id\":\"a\",\"message\":\"12345678901234\"}"),
		"ack {\"roomId\"");
	assert_has(ask(r, 2, "broadcast", "{\"room_id\":\"a\",\"message\":\"123456789012345\"}"),
		"message_too_long");
	assert_has(
		ask(r, 2, "broadcast", "{\"room_id\":\"a\",\"message\":null}"), "invalid_payload");
}

static void coming_back(void **state)
{
	struct rig *r = *state;
	const struct peer *alice = &r->clients[0].peer, *guest = &r->clients[3].peer;

	assert_true(peer_may_return(alice, "room:a"));
	assert_false(peer_may_return(guest, "room:a"));
	assert_false(peer_may_return(alice, "nothing:a"));
	peer_come_back(&r->clients[0].peer, "room:a");
	assert_has(ask(r, 2, "join_room", "\"a\""), "\"memberCount\":2");
	/* As many rooms as there may be. */
	assert_has(ask(r, 0, "join_room", "\"b\""), "room:b");
	assert_true(peer_may_return(alice, "room:b"));
	assert_false(peer_may_return(alice, "room:c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(several_sockets_are_one_member, start, stop),
		cmocka_unit_test_setup_teardown(limits, start, stop),
		cmocka_unit_test_setup_teardown(what_is_said, start, stop),
		cmocka_unit_test_setup_teardown(coming_back, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
