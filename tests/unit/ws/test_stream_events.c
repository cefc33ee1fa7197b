#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../live/market_rig.h"
#include "base/mem.h"
#include "base/text.h"
#include "live/chat.h"
#include "live/studio.h"
#include "proto/ws_frame.h"
#include "state/audience.h"
#include "state/state_memory.h"
#include "ws/json_server.h"
#include "ws/stream_events.h"

/*
 * Streams over the real domain and a store in memory. The framing writes down what a client gets,
 * one line a message.
 */
#define CLIENTS 6

struct client {
	struct peer peer; /* first */
	struct world *world;
	char said[16384];
};

struct world {
	struct market market; /* first */
	struct live_case stream;
	struct state_memory *memory;
	struct audience *audience;
	struct chat *chat;
	struct hub *hub;
	struct peers *peers;
	struct events *events;
	struct stream_events *streams;
	struct client clients[CLIENTS];
	const char *problem; /* of the host */
	struct signal_listener opened, ended;
};

static void put(struct client *c, const char *text, size_t len)
{
	size_t at = strlen(c->said);

	assert_true(at + len + 2 < sizeof(c->said));
	memcpy(c->said + at, text, len);
	memcpy(c->said + at + len, "\n", 2);
}

static void write_down(struct client *c, const char *what, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT), *line = mem_printf("%s %s", what, text);

	put(c, line, strlen(line));
	free(line);
	free(text);
}

static bool on_send(struct peer *p, const char *name, json_t *data)
{
	write_down((struct client *)p, name, data);
	return true;
}

static bool on_answer(struct peer *p, uint64_t ack, json_t *data)
{
	write_down((struct client *)p, "ack", data);
	return true;
}

static void on_close(struct peer *p, unsigned code, const char *reason)
{
}

static void on_destroy(struct peer *p)
{
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

static char *hls_url(void *user, const struct stream_record *row, const char *viewer)
{
	return mem_printf("hls for %s", viewer ? viewer : "all");
}

static char *vod_url(void *user, const struct stream_record *row, const char *viewer)
{
	return mem_strdup("vod");
}

static char *rtmp_url(void *user, const char *host)
{
	return mem_printf("rtmp://%s/live", host ? host : "x");
}

static const char *unready(void *user)
{
	return ((struct world *)user)->problem;
}

static void defer(void *loop, void (*fn)(void *arg), void *arg)
{
	loop_defer(loop, fn, arg);
}

static void on_opened(struct signal_listener *l, void *data)
{
	struct world *w = container_of(l, struct world, opened);

	audience_open(w->audience, live_stream_record(data), NULL);
}

static void on_ended(struct signal_listener *l, void *data)
{
	audience_end(container_of(l, struct world, ended)->audience, live_stream_id(data));
}

static void permit(
	void *audience, struct uuid stream_id, const char *user_id, chat_permitted done, void *call)
{
	audience_chat_permit(audience, stream_id, user_id, done, call);
}

static void start_domain(struct world *w)
{
	struct loop *loop = w->market.rig.loop;

	w->memory = state_memory_create(&(struct state_memory_config){
		.clock = &clock_system, .defer = defer, .defer_user = loop});
	w->audience = audience_create(&(struct audience_config){.clock = &clock_system,
		.loop = loop,
		.state = state_memory_state(w->memory),
		.repo = w->market.rig.repo,
		.chat_rate = 3});
	w->chat =
		chat_create(loop, w->market.rig.repo, &(struct chat_config){.slow_mode_max = 3600});
	chat_ask_permits(w->chat, permit, w->audience);
	signal_listener_init(&w->opened, on_opened);
	signal_listener_init(&w->ended, on_ended);
	signal_add(live_registry_opened(w->market.rig.registry), &w->opened);
	signal_add(live_registry_ended(w->market.rig.registry), &w->ended);
}

static void start_events(struct world *w)
{
	struct loop *loop = w->market.rig.loop;

	w->hub = hub_create(&(struct hub_config){
		.loop = loop, .clock = &clock_system, .encode = encode, .max_rooms = 2});
	w->peers = peers_create(&(struct peers_config){
		.loop = loop, .hub = w->hub, .auth = &auth, .allow_guests = true});
	w->events = events_create(&(struct events_config){.loop = loop});
	w->streams = stream_events_create(&(struct stream_events_config){
		.loop = loop,
		.peers = w->peers,
		.events = w->events,
		.repo = w->market.rig.repo,
		.registry = w->market.rig.registry,
		.audience = w->audience,
		.chat = w->chat,
		.showcase = w->market.showcase,
		.host = {hls_url, vod_url, rtmp_url, unready, 1600, w},
	});
}

static void put_user(struct world *w, const char *id)
{
	const struct user_record u = {.id = (char *)(uintptr_t)id};
	struct repo repo = w->market.rig.repo;
	struct answer a = {0};

	repo.ops->user_put(repo.impl, &u, rig_answer, &a);
	run_until(&w->market.rig, a.came);
}

static struct client *come(struct world *w, unsigned i, const char *user)
{
	struct client *c = &w->clients[i];
	const char *code, *why;

	c->world = w;
	c->said[0] = '\0';
	peer_init(&c->peer, w->peers, &ops, HUB_JSON, "192.0.2.1");
	c->peer.member.ops = &member_ops;
	if (user)
		assert_int_equal(peer_identify(&c->peer, user, &code, &why), PEER_IDENTIFIED);
	return c;
}

static void on_studio(void *user, const struct studio_answer *answer)
{
	((struct answer *)user)->came = true;
	assert_int_equal(answer->result, STUDIO_OK);
}

static void go_live_with_chat(struct world *w)
{
	const struct studio_caller seller = {.user_id = "seller", .roles = ROLE_SELLER};
	struct repo repo = w->market.rig.repo;
	struct stream_record row = {.enable_chat = true};
	struct answer set = {0}, live = {0};

	rig_stream(&w->market.rig, &w->stream, false, false);
	row.id = w->stream.id;
	repo.sales->stream_settings(repo.impl, &row, SETTING_ENABLE_CHAT, rig_answer, &set);
	run_until(&w->market.rig, set.came);
	studio_go_live(w->market.studio, &seller, w->stream.id,
		&(struct studio_go_live){.vouched = true}, on_studio, &live);
	run_until(&w->market.rig, live.came);
}

static int setup(void **state)
{
	struct world *w = mem_new(struct world);

	market_init(&w->market);
	start_domain(w);
	put_user(w, "alice");
	put_user(w, "bob");
	go_live_with_chat(w);
	start_events(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	stream_events_destroy(&w->streams);
	peers_destroy(&w->peers);
	events_destroy(&w->events);
	hub_destroy(&w->hub);
	signal_listener_remove(&w->opened);
	signal_listener_remove(&w->ended);
	audience_destroy(&w->audience);
	state_memory_destroy(&w->memory);
	chat_destroy(&w->chat);
	market_finish(&w->market);
	free(w);
	return 0;
}

static bool heard(const struct client *c, const char *text)
{
	return strstr(c->said, text) != NULL;
}

#define hears(c, text) run_until(&(c)->world->market.rig, heard(c, text))

/* An event about the world's stream, `more` behind its id. */
static void say(struct client *c, const char *event, const char *more)
{
	char text[1024];
	json_t *data;

	snprintf(text, sizeof(text), "{\"stream_id\":\"%s\"%s}", c->world->stream.id_text, more);
	data = json_loads(text, 0, NULL);
	assert_non_null(data);
	events_dispatch(c->world->events, &c->peer, event, data, true, 1);
	json_decref(data);
}

static void forget(struct client *c)
{
	c->said[0] = '\0';
}

static unsigned count(const struct client *c, const char *text)
{
	unsigned n = 0;

	for (const char *at = c->said; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static void check_company(void **state)
{
	struct world *w = *state;
	struct client *alice = come(w, 0, "alice"), *guest = come(w, 1, NULL);

	say(alice, "stream:join", "");
	assert_true(heard(alice, "ack {"));
	assert_true(heard(alice, "stream:joined {"));
	assert_true(heard(alice, "\"viewerCount\":1"));
	assert_true(heard(alice, "hls for alice"));
	say(guest, "stream:join", "");
	hears(alice, "\"event\":\"viewer:joined\"");
	hears(alice, "\"count\":2");
	assert_false(heard(guest, "viewer:joined"));
	forget(alice);
	peer_end(&guest->peer, PEER_LOST);
	hears(alice, "\"event\":\"viewer:left\"");
	hears(alice, "\"count\":1}");
	say(alice, "stream:leave", "");
	assert_int_equal(alice->peer.member.n_rooms, 0);
	/* Twice is once. */
	forget(alice);
	say(alice, "stream:leave", "");
	assert_true(heard(alice, "ack {\"streamId\""));
}

static void check_chat(void **state)
{
	struct world *w = *state;
	struct client *alice = come(w, 0, "alice"), *bob = come(w, 1, "bob");

	say(alice, "stream:join", "");
	say(bob, "stream:join", "");
	say(alice, "stream:chat", ",\"message\":\" one \",\"client_id\":\"c\"");
	hears(bob, "\"message\":\"one\"");
	hears(alice, "ack {\"id\"");
	say(alice, "stream:chat", ",\"message\":\"two\",\"client_id\":\"c\"");
	run_until(&w->market.rig, count(alice, "ack {\"id\"") == 2);
	assert_int_equal(count(bob, "chat:message"), 1);
	say(alice, "stream:chat", ",\"message\":\"three\"");
	say(alice, "stream:chat", ",\"message\":\"four\"");
	say(alice, "stream:chat", ",\"message\":\"five\"");
	hears(alice, "rate_limited");
	hears(bob, "four");
	assert_false(heard(bob, "five"));
	/* Who goes before the answer has written all the same, or not at all. */
	say(bob, "stream:chat", ",\"message\":\"parting\"");
	peer_end(&bob->peer, PEER_LEFT);
	hears(alice, "viewer:left");
	forget(alice);
	say(alice, "stream:join", "");
	assert_int_equal(count(alice, "\"message\":\"three\""), 2);
}

static void check_reactions(void **state)
{
	struct world *w = *state;
	struct client *alice = come(w, 0, "alice"), *bob = come(w, 1, "bob");
	const char *fire = ",\"emoji\":\"\xf0\x9f\x94\xa5\"";

	say(alice, "stream:reaction", fire);
	assert_true(heard(alice, "not_joined"));
	say(alice, "stream:join", "");
	say(bob, "stream:join", "");
	for (int i = 0; i < 3; i++)
		say(alice, "stream:reaction", fire);
	hears(bob, "\"userId\":\"alice\",\"count\":3");
	forget(bob);
	for (int i = 0; i < 3; i++) {
		say(alice, "stream:reaction", fire);
		say(bob, "stream:reaction", fire);
	}
	hears(bob, "\"userId\":null,\"count\":6");
	assert_int_equal(count(bob, "reaction:new"), 1);
	say(alice, "stream:reaction", ",\"emoji\":\"x\"");
	assert_true(heard(alice, "invalid_emoji"));
}

static void resume(struct client *c, const char *epoch, uint64_t seq)
{
	json_t *data;
	char room[64];

	snprintf(room, sizeof(room), "stream:%s", c->world->stream.id_text);
	data = json_pack("{s:s, s:s, s:I}", "room", room, "epoch", epoch, "seq", (json_int_t)seq);
	events_dispatch(c->world->events, &c->peer, "resume", data, true, 1);
	json_decref(data);
}

static void check_resume(void **state)
{
	struct world *w = *state;
	struct client *alice = come(w, 0, "alice"), *bob = come(w, 1, "bob"), *again;
	struct hub_place place;
	char room[64];

	snprintf(room, sizeof(room), "stream:%s", w->stream.id_text);
	say(alice, "stream:join", "");
	say(bob, "stream:join", "");
	hears(alice, "viewer:joined");
	assert_true(hub_room_place(w->hub, room, &place));
	peer_end(&bob->peer, PEER_LOST);
	hears(alice, "viewer:left");
	say(alice, "stream:chat", ",\"message\":\"missed\"");
	hears(alice, "missed");
	again = come(w, 2, "bob");
	resume(again, place.epoch, place.seq);
	assert_true(heard(again, "missed"));
	assert_true(heard(again, "ack {\"room\""));
	hears(alice, "\"viewerCount\":2}");
	forget(again);
	resume(again, "0000000000000000", 1);
	assert_true(heard(again, "resume_failed"));
}

static void end_stream(struct world *w)
{
	struct live_stream *live = live_registry_find(w->market.rig.registry, w->stream.id);
	struct answer a = {0};

	live_registry_end(w->market.rig.registry, live, LIVE_END_REQUESTED, rig_answer, &a);
	run_until(&w->market.rig, a.came);
}

static void check_end(void **state)
{
	struct world *w = *state;
	struct client *alice = come(w, 0, "alice");

	say(alice, "stream:join", "");
	end_stream(w);
	hears(alice, "\"event\":\"stream:ended\"");
	assert_true(heard(alice, "\"peakViewers\":1"));
	forget(alice);
	say(alice, "stream:reaction", ",\"emoji\":\"\xf0\x9f\x94\xa5\"");
	assert_true(heard(alice, "stream_not_live"));
	say(alice, "stream:chat", ",\"message\":\"late\"");
	hears(alice, "\"error\":{\"code\":\"stream_not_live\"");
	forget(alice);
	say(alice, "stream:join", "");
	assert_true(heard(alice, "\"viewerCount\":0"));
}

static void check_waiting(void **state)
{
	struct world *w = *state;
	struct client *alice = come(w, 0, "alice");
	struct live_case other;

	rig_stream(&w->market.rig, &other, false, false);
	w->stream = other;
	say(alice, "stream:join", "");
	assert_true(heard(alice, "\"status\":\"scheduled\",\"viewerCount\":0"));
	assert_true(heard(alice, "\"hlsUrl\":null"));
	say(alice, "stream:prepare", "");
	assert_true(heard(alice, "forbidden"));
	struct client *seller = come(w, 1, "seller");
	w->problem = "The disk is full.";
	say(seller, "stream:prepare", "");
	assert_true(heard(seller, "not_ready"));
	w->problem = NULL;
	say(seller, "stream:prepare", "");
	assert_true(heard(seller, "stream:ready {"));
	assert_true(heard(seller, "\"estimatedLatencyMs\":1600"));
}

static void check_rooms(void **state)
{
	struct world *w = *state;
	struct client *alice = come(w, 0, "alice");

	for (int i = 0; i < 3; i++) {
		forget(alice);
		rig_stream(&w->market.rig, &w->stream, false, false);
		say(alice, "stream:join", "");
		assert_int_equal(heard(alice, "too_many_rooms"), i == 2);
	}
	text_copy(w->stream.id_text, UUID_TEXT_SIZE, "01a1fd29-f7a0-7503-8e3d-66dc60dade65");
	say(alice, "stream:join", "");
	assert_true(heard(alice, "stream_not_found"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(check_company, setup, teardown),
		cmocka_unit_test_setup_teardown(check_chat, setup, teardown),
		cmocka_unit_test_setup_teardown(check_reactions, setup, teardown),
		cmocka_unit_test_setup_teardown(check_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(check_end, setup, teardown),
		cmocka_unit_test_setup_teardown(check_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(check_rooms, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
