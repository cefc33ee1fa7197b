#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "../store/fixture.h"
#include "base/mem.h"
#include "base/text.h"
#include "fake.h"
#include "model/people.h"
#include "proto/ws_frame.h"
#include "state/audience.h"
#include "state/state_memory.h"
#include "ws/active_events.h"
#include "ws/events_auth.h"
#include "ws/json_server.h"
#include "ws/notification_events.h"
#include "ws/presence_events.h"
#include "ws/user_rooms.h"

/* What users hear of themselves and of each other, over a real store in memory. */

#define CLIENTS 320
/* What a pause of the loop's own work, a millisecond, is surely over after. */
#define QUIET 8
#define QUIET_US 500

struct client {
	struct peer peer; /* first */
	struct rig *rig;
	struct buf said; /* a line a message */
	bool there;
};

struct rig {
	struct fake fake;
	struct fixture *fixture;
	struct repo repo;
	struct state_memory *memory;
	struct presence *presence;
	struct inbox *inbox;
	struct hub *hub;
	struct peers *peers;
	struct events *events;
	struct user_rooms *rooms;
	struct presence_events *presences;
	struct notification_events *notifications;
	struct audience *audience;
	struct active_events *active;
	bool lost; /* the audience's state does not answer */
	struct client *clients;
	uint64_t send_us; /* how long it takes to tell a client something */
	uv_check_t check;
	unsigned sends, sends_of_turn, most_sends;
};

static void put(struct client *c, const void *data, size_t len)
{
	struct rig *r = c->rig;

	buf_put(&c->said, data, len);
	buf_put_u8(&c->said, '\n');
	r->sends++;
	r->sends_of_turn++;
	clock_manual_advance(&r->fake.clock, r->send_us);
}

static bool tell(struct peer *p, const char *name, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT), *line = mem_printf("%s %s", name, text);

	put((struct client *)p, line, strlen(line));
	free(line);
	free(text);
	return true;
}

static bool on_answer(struct peer *p, uint64_t ack, json_t *data)
{
	return tell(p, "ack", data);
}

static void on_close(struct peer *p, unsigned code, const char *reason)
{
}

static void on_destroy(struct peer *p)
{
	((struct client *)p)->there = false;
}

static const struct peer_ops ops = {
	.send = tell, .answer = on_answer, .close = on_close, .destroy = on_destroy};

static bool member_send(struct hub_member *m, struct rcbuf *frames)
{
	const uint8_t *data;
	size_t pos = 0, len;
	bool binary;

	while (ws_frames_next(frames, &pos, &binary, &data, &len))
		put(container_of(m, struct client, peer.member), data, len);
	return true;
}

static size_t member_queued(const struct hub_member *m)
{
	return 0;
}

static const struct hub_member_ops member_ops = {.send = member_send, .queued = member_queued};

static struct rcbuf *encode(void *user, enum hub_framing framing, const struct hub_event *e)
{
	return json_room_frame(e);
}

/* The token is the user's id. */
static bool check_token(
	void *user, const char *token, struct ws_identity *out, const char **code, const char **why)
{
	*out = (struct ws_identity){.user_id = mem_strdup(token)};
	return true;
}

static const struct ws_auth_ops auth = {.check = check_token};

static void defer(void *loop, void (*fn)(void *arg), void *arg)
{
	loop_defer(loop, fn, arg);
}

struct question {
	state_done done;
	void *user;
};

static void answer_lost(void *arg)
{
	const struct state_reply reply = {.result = STATE_LOST};
	struct question *q = arg;

	q->done(q->user, &reply, 1);
	free(q);
}

static void run(void *impl, const struct state_op *ops, size_t n, state_done done, void *user)
{
	struct rig *r = impl;
	struct question *q;

	if (!r->lost) {
		state_run(state_memory_state(r->memory), ops, n, done, user);
	} else if (done) {
		q = mem_new(struct question);
		*q = (struct question){done, user};
		loop_defer(r->fake.loop, answer_lost, q);
	}
}

static void forget(void *impl, void *user)
{
	struct rig *r = impl;

	state_forget(state_memory_state(r->memory), user);
}

static const struct state_ops unreliable = {.run = run, .forget = forget};

static void start_state(struct rig *r)
{
	struct state state;

	r->memory = state_memory_create(&(struct state_memory_config){
		.clock = &r->fake.clock.clock, .defer = defer, .defer_user = r->fake.loop});
	state = state_memory_state(r->memory);
	r->presence = presence_create(&(struct presence_config){
		.clock = &r->fake.clock.clock, .state = state, .repo = r->repo});
	r->inbox = inbox_create(&(struct inbox_config){
		.clock = &r->fake.clock.clock, .state = state, .repo = r->repo});
	r->audience = audience_create(&(struct audience_config){
		.clock = &r->fake.clock.clock, .state = {&unreliable, r}});
}

static void start_events(struct rig *r, unsigned follows)
{
	struct loop *loop = r->fake.loop;

	r->rooms = user_rooms_create(r->peers);
	r->presences = presence_events_create(&(struct presence_events_config){.loop = loop,
		.peers = r->peers,
		.events = r->events,
		.presence = r->presence,
		.repo = r->repo,
		.follows = follows});
	r->notifications = notification_events_create(&(struct notification_events_config){
		.loop = loop, .events = r->events, .rooms = r->rooms, .inbox = r->inbox});
	r->active = active_events_create(&(struct active_events_config){.peers = r->peers,
		.events = r->events,
		.audience = r->audience,
		.state = {&unreliable, r}});
}

static void on_turn(uv_check_t *check)
{
	struct rig *r = check->data;

	if (r->sends_of_turn > r->most_sends)
		r->most_sends = r->sends_of_turn;
	r->sends_of_turn = 0;
}

static int setup(void **state)
{
	struct rig *r = mem_new(struct rig);

	fake_start(&r->fake);
	clock_manual_advance(&r->fake.clock, 1000000000);
	fixture_setup_in_memory((void **)&r->fixture);
	r->repo = r->fixture->backend.repo;
	start_state(r);
	r->clients = mem_zalloc(CLIENTS * sizeof(*r->clients));
	r->hub = hub_create(&(struct hub_config){.loop = r->fake.loop,
		.clock = &r->fake.clock.clock,
		.encode = encode,
		.max_rooms = 2});
	r->peers = peers_create(&(struct peers_config){
		.loop = r->fake.loop, .hub = r->hub, .auth = &auth, .allow_guests = true});
	r->events = events_create(&(struct events_config){.loop = r->fake.loop});
	events_auth_add(r->events);
	start_events(r, 3);
	uv_check_init(loop_uv(r->fake.loop), &r->check);
	r->check.data = r;
	uv_check_start(&r->check, on_turn);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	active_events_destroy(&r->active);
	notification_events_destroy(&r->notifications);
	presence_events_destroy(&r->presences);
	user_rooms_destroy(&r->rooms);
	peers_destroy(&r->peers);
	events_destroy(&r->events);
	hub_destroy(&r->hub);
	audience_destroy(&r->audience);
	inbox_destroy(&r->inbox);
	presence_destroy(&r->presence);
	state_memory_destroy(&r->memory);
	fixture_teardown((void **)&r->fixture);
	uv_close((uv_handle_t *)&r->check, NULL);
	fake_turn(&r->fake);
	fake_stop(&r->fake);
	for (size_t i = 0; i < CLIENTS; i++)
		buf_finish(&r->clients[i].said);
	free(r->clients);
	free(r);
	return 0;
}

/* Until nothing is left to do. */
static void turn(struct rig *r)
{
	for (int quiet = 0; quiet < QUIET; quiet++) {
		r->sends = 0;
		r->fixture->backend.drain(&r->fixture->backend);
		uv_run(loop_uv(r->fake.loop), UV_RUN_NOWAIT);
		if (r->sends)
			quiet = 0;
		usleep(QUIET_US);
	}
}

static void ignore(void *user, const struct repo_outcome *outcome)
{
	assert_int_equal(outcome->result, REPO_OK);
}

static void put_user(struct rig *r, const char *id)
{
	const struct user_record u = {.id = (char *)(uintptr_t)id};

	r->repo.ops->user_put(r->repo.impl, &u, ignore, NULL);
	r->fixture->backend.drain(&r->fixture->backend);
}

static void follow(struct rig *r, const char *follower, const char *followed)
{
	r->repo.people->follow(r->repo.impl, follower, followed, ignore, NULL);
	r->fixture->backend.drain(&r->fixture->backend);
}

static struct client *come(struct rig *r, unsigned i, const char *user)
{
	struct client *c = &r->clients[i];
	const char *code, *why;

	assert_false(c->there);
	c->rig = r;
	c->there = true;
	peer_init(&c->peer, r->peers, &ops, HUB_JSON, "192.0.2.1");
	c->peer.member.ops = &member_ops;
	if (user)
		assert_int_equal(peer_identify(&c->peer, user, &code, &why), PEER_IDENTIFIED);
	return c;
}

static void go(struct rig *r, unsigned i)
{
	peer_end(&r->clients[i].peer, PEER_LEFT);
	fake_turn(&r->fake);
}

static void ask(struct client *c, const char *name, const char *payload)
{
	json_t *data = json_loads(payload, 0, NULL);

	assert_non_null(data);
	events_dispatch(c->rig->events, &c->peer, name, data, true, 1);
	json_decref(data);
	turn(c->rig);
}

/* What it was told since the last call. */
static const char *lines(struct client *c)
{
	static char text[8192];

	assert_true(text_copy(text, sizeof(text), buf_text(&c->said)));
	buf_reset(&c->said);
	return text;
}

/* The same, when all is told. */
static const char *said(struct client *c)
{
	turn(c->rig);
	return lines(c);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void assert_has(const char *text, const char *what)
{
	if (!text || !strstr(text, what))
		fail_msg("\"%s\" is not in:\n%s", what, text ? text : "");
}

static void test_all_sockets_of_a_user_hear(void **state)
{
	struct rig *r = *state;
	struct client *a = come(r, 0, "u1"), *b = come(r, 1, NULL), *other = come(r, 2, "u2");

	assert_true(user_rooms_hears(r->rooms, "u1"));
	assert_false(user_rooms_hears(r->rooms, "nobody"));
	user_rooms_say(r->rooms, "nobody", "e", json_object(), NULL);
	ask(b, "auth", "{\"token\": \"u1\"}");
	assert_has(said(b), "\"room\":\"user:u1\"");
	said(a);
	user_rooms_say(r->rooms, "u1", "e", json_pack("{s:i}", "n", 1), NULL);
	user_rooms_say(r->rooms, "u1", "e", json_pack("{s:i}", "n", 2), &a->peer);
	assert_int_equal(count(said(a), "\"event\":\"e\""), 1);
	assert_int_equal(count(said(b), "\"event\":\"e\""), 2);
	assert_string_equal(said(other), "");
	assert_true(peer_may_return(&a->peer, "user:u1"));
	assert_false(peer_may_return(&a->peer, "user:u2"));
	assert_false(peer_may_return(&a->peer, "user:"));
	go(r, 0);
	go(r, 1);
	assert_true(user_rooms_hears(r->rooms, "u1"));
	clock_manual_advance(&r->fake.clock, 121000000);
	hub_sweep(r->hub);
	assert_false(user_rooms_hears(r->rooms, "u1"));
}

static void say_status(struct rig *r, const char *user, enum presence_status status)
{
	presence_set(r->presence, &(struct presence_saying){.user_id = user, .status = status},
		NULL, NULL);
}

static void test_followers_are_told(void **state)
{
	struct rig *r = *state;
	struct client *fan, *stranger, *star;
	const char *text;

	put_user(r, "fan");
	put_user(r, "star");
	put_user(r, "stranger");
	follow(r, "fan", "star");
	fan = come(r, 0, "fan");
	stranger = come(r, 1, "stranger");
	star = come(r, 2, "star");
	text = said(fan);
	assert_int_equal(count(text, "\"event\":\"user_status\""), 1);
	assert_int_equal(count(text, "\"event\":\"presence_update\""), 1);
	assert_has(text, "\"userId\":\"star\",\"status\":\"online\",\"lastSeen\":\"");
	ask(star, "presence_update", "{\"status\": \"away\", \"device\": \"phone\"}");
	text = said(fan);
	assert_int_equal(count(text, "\"status\":\"away\""), 2);
	assert_int_equal(count(text, "\"device\":\"phone\""), 2);
	text = said(star);
	assert_int_equal(count(text, "ack {\"userId\":\"star\",\"status\":\"away\""), 1);
	assert_int_equal(count(text, "presence_update"), 0);
	/* The same again is no news. */
	ask(star, "presence_update", "{\"status\": \"away\"}");
	assert_string_equal(said(fan), "");
	/* By another way all of the user's sockets hear of it. */
	said(star);
	say_status(r, "star", PRESENCE_ONLINE);
	assert_int_equal(count(said(star), "\"status\":\"online\""), 2);
	assert_int_equal(count(said(fan), "\"status\":\"online\""), 2);
	/* From the commit on. */
	r->repo.people->unfollow(r->repo.impl, "fan", "star", ignore, NULL);
	follow(r, "stranger", "star");
	say_status(r, "star", PRESENCE_AWAY);
	assert_string_equal(said(fan), "");
	assert_int_equal(count(said(stranger), "\"status\":\"away\""), 2);
	go(r, 2);
	clock_manual_advance(&r->fake.clock, 10000000);
	presence_tick(r->presence);
	assert_int_equal(count(said(stranger), "\"status\":\"offline\""), 2);
}

static void test_no_more_than_so_many(void **state)
{
	struct rig *r = *state;
	static const char *const stars[] = {"a", "b", "c", "d"};
	struct client *fan;

	put_user(r, "fan");
	for (int i = 0; i < 4; i++) {
		put_user(r, stars[i]);
		follow(r, "fan", stars[i]);
	}
	fan = come(r, 0, "fan");
	said(fan);
	for (int i = 0; i < 4; i++)
		say_status(r, stars[i], PRESENCE_ONLINE);
	assert_int_equal(count(said(fan), "\"event\":\"presence_update\""), 3);
	r->repo.people->unfollow(r->repo.impl, "fan", "a", ignore, NULL);
	follow(r, "fan", "d");
	for (int i = 0; i < 4; i++)
		say_status(r, stars[i], PRESENCE_AWAY);
	assert_int_equal(count(said(fan), "\"event\":\"presence_update\""), 3);
}

static void come_many(struct rig *r, unsigned n)
{
	char id[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "fan-%u", i);
		put_user(r, id);
		follow(r, id, "star");
		come(r, i, id);
	}
	turn(r);
	for (unsigned i = 0; i < n; i++)
		lines(&r->clients[i]);
}

/* Some in each turn of the loop; a newer word overtakes; who leaves meanwhile is no trouble. */
static void test_many_are_told_in_turns(void **state)
{
	struct rig *r = *state;
	const unsigned n = CLIENTS - 1;

	put_user(r, "star");
	come_many(r, n);
	r->send_us = 100;
	r->most_sends = 0;
	say_status(r, "star", PRESENCE_ONLINE);
	turn(r);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(count(lines(&r->clients[i]), "\"status\":\"online\""), 2);
	assert_in_range(r->most_sends, 1, n / 2);
	say_status(r, "star", PRESENCE_AWAY);
	for (r->sends = 0; !r->sends;)
		uv_run(loop_uv(r->fake.loop), UV_RUN_NOWAIT);
	say_status(r, "star", PRESENCE_OFFLINE);
	for (unsigned i = 0; i < n; i += 2)
		peer_end(&r->clients[i].peer, PEER_LOST);
	turn(r);
	for (unsigned i = 1; i < n; i += 2) {
		const char *text = lines(&r->clients[i]);
		assert_int_equal(count(text, "\"status\":\"offline\""), 2);
		/* The last word. */
		assert_null(strstr(strstr(text, "\"offline\""), "\"away\""));
	}
	/* Nobody is left. */
	say_status(r, "star", PRESENCE_ONLINE);
	for (unsigned i = 1; i < n; i += 2)
		peer_end(&r->clients[i].peer, PEER_LOST);
	turn(r);
}

static void go_live(struct rig *r, const char *seller)
{
	struct stream_record s = {.id = uuid_new(&r->fake.clock.clock),
		.seller_id = (char *)(uintptr_t)seller,
		.title = "Rugs",
		.status = STREAM_SCHEDULED,
		.notify_followers = true};

	memcpy(s.key_hash, s.id.bytes, sizeof(s.id.bytes));
	r->repo.ops->stream_create(r->repo.impl, &s, NULL, 0, ignore, NULL);
	r->repo.ops->stream_go_live(r->repo.impl, s.id, clock_wall_ms(&r->fake.clock.clock),
		s.key_hash, false, ignore, NULL);
}

static void test_notifications_are_pushed_in_turns(void **state)
{
	struct rig *r = *state;
	const unsigned n = CLIENTS - 1;

	put_user(r, "star");
	put_user(r, "away from here");
	follow(r, "away from here", "star");
	come_many(r, n);
	r->send_us = 100;
	r->most_sends = 0;
	go_live(r, "star");
	turn(r);
	for (unsigned i = 0; i < n; i++) {
		const char *text = lines(&r->clients[i]);
		assert_int_equal(count(text, "\"event\":\"notification\""), 1);
		assert_int_equal(count(text, "\"type\":\"stream_live\""), 1);
		assert_has(text, "\"event\":\"notification_count_updated\",\"data\":{\"count\":1}");
	}
	assert_in_range(r->most_sends, 1, n);
}

static void test_ends_while_notifications_wait(void **state)
{
	struct rig *r = *state;

	put_user(r, "star");
	come_many(r, 40);
	r->send_us = 1000;
	go_live(r, "star");
	for (r->sends = 0; !r->sends;) {
		r->fixture->backend.drain(&r->fixture->backend);
		uv_run(loop_uv(r->fake.loop), UV_RUN_NOWAIT);
	}
	notification_events_destroy(&r->notifications);
	turn(r);
}

static void test_read_by_one_is_told_to_the_others(void **state)
{
	struct rig *r = *state;
	struct client *a, *b;
	const char *text;
	char id[UUID_TEXT_SIZE], payload[80];

	put_user(r, "star");
	put_user(r, "fan");
	follow(r, "fan", "star");
	a = come(r, 0, "fan");
	b = come(r, 1, "fan");
	go_live(r, "star");
	text = said(a);
	snprintf(id, sizeof(id), "%s", strstr(text, "\"id\":\"") + 6);
	said(b);
	snprintf(payload, sizeof(payload), "{\"notification_ids\": [\"%s\"]}", id);
	ask(a, "notifications_read", payload);
	text = said(a);
	assert_has(text, "ack {\"count\":0}");
	assert_has(text, "notification_count_updated\",\"data\":{\"count\":0}");
	assert_int_equal(count(text, "notificationIds"), 0);
	text = said(b);
	assert_has(text, "\"event\":\"notifications_read\",\"data\":{\"notificationIds\":[\"");
	assert_has(text, id);
	assert_has(text, "notification_count_updated\",\"data\":{\"count\":0}");
	ask(b, "notifications_read", "{}");
	assert_has(said(a), "{\"notificationIds\":null}");
	ask(a, "get_notification_count", "{}");
	assert_has(said(a), "ack {\"count\":0}");
}

/* The socket goes while its question is under way. */
static void test_questions_of_who_is_gone(void **state)
{
	struct rig *r = *state;
	static const char *const names[] = {
		"get_presence", "presence_update", "notifications_read", "get_notification_count"};
	json_t *data = json_pack("{s:s, s:s}", "user_id", "u1", "status", "away");

	come(r, 1, "u1");
	for (size_t i = 0; i < 4; i++) {
		struct client *c = come(r, 0, "u1");
		events_dispatch(r->events, &c->peer, names[i], data, true, 1);
		go(r, 0);
		turn(r);
		assert_int_equal(count(said(c), "ack"), 0);
	}
	json_decref(data);
}

static void test_active_streams(void **state)
{
	static const char place[] = "{\"neighborhood\": \"soho\"}";
	const struct stream_record one = {.id = {{1}}}, two = {.id = {{2}}};
	struct rig *r = *state;
	struct client *c = come(r, 0, "u1");

	ask(c, "active_streams:subscribe", place);
	assert_has(said(c), "\"count\":0");
	audience_open(r->audience, &one, "soho");
	assert_has(said(c), "\"live\":true,\"count\":1");
	audience_open(r->audience, &two, "elsewhere");
	assert_string_equal(said(c), "");
	/* Nothing is said of a state that does not answer. */
	r->lost = true;
	audience_end(r->audience, one.id);
	assert_string_equal(said(c), "");
	ask(c, "get_active_streams", place);
	assert_has(said(c), "unavailable");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_all_sockets_of_a_user_hear),
		CASE(test_followers_are_told),
		CASE(test_no_more_than_so_many),
		CASE(test_many_are_told_in_turns),
		CASE(test_notifications_are_pushed_in_turns),
		CASE(test_ends_while_notifications_wait),
		CASE(test_read_by_one_is_told_to_the_others),
		CASE(test_questions_of_who_is_gone),
		CASE(test_active_streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
