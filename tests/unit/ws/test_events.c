#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "fake.h"
#include "ws/events.h"
#include "ws/events_auth.h"

/* The table of events and the peers, over a framing that writes down what it is told. */

#define PEERS 8

struct client {
	struct peer peer; /* first */
	struct rig *rig;
	char said[1024];
	bool full; /* takes nothing any more */
	bool closed, destroyed;
	unsigned code;
};

struct rig {
	struct fake fake;
	struct hub *hub;
	struct peers *peers;
	struct events *events;
	struct client clients[PEERS];
	struct event_call *held; /* of the event `later` */
	unsigned handled, ended;
	char changes[128];
	struct signal_listener on_ended, on_identified;
};

static void write_down(struct client *c, const char *what, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
	size_t at = strlen(c->said);

	snprintf(c->said + at, sizeof(c->said) - at, "%s%s ", what, text);
	free(text);
}

static bool on_send(struct peer *p, const char *name, json_t *data)
{
	struct client *c = (struct client *)p;

	if (!c->full)
		write_down(c, name, data);
	return !c->full;
}

static bool on_answer(struct peer *p, uint64_t ack, json_t *data)
{
	char name[32];

	snprintf(name, sizeof(name), "%llu:", (unsigned long long)ack);
	return on_send(p, name, data);
}

static void on_close(struct peer *p, unsigned code, const char *reason)
{
	struct client *c = (struct client *)p;

	c->closed = true;
	c->code = code;
}

static void on_destroy(struct peer *p)
{
	((struct client *)p)->destroyed = true;
}

static const struct peer_ops ops = {
	.send = on_send, .answer = on_answer, .close = on_close, .destroy = on_destroy};

/* Tokens are "user" or "user@seconds", these from the clock's start. */
static bool check_token(
	void *user, const char *token, struct ws_identity *out, const char **code, const char **why)
{
	struct rig *r = user;
	const char *at = strchr(token, '@');

	*code = "token_invalid";
	*why = "No.";
	if (strcmp(token, "bad") == 0)
		return false;
	*out = (struct ws_identity){
		.user_id = at ? mem_strndup(token, (size_t)(at - token)) : mem_strdup(token)};
	if (at)
		out->expires_ms =
			clock_wall_ms(&r->fake.clock.clock) + strtoull(at + 1, NULL, 10) * 1000;
	return true;
}

static const struct ws_auth_ops auth = {.check = check_token};

static void handle_echo(void *user, struct event_call *call)
{
	((struct rig *)user)->handled++;
	event_answer(call, json_incref(call->data));
}

static void handle_later(void *user, struct event_call *call)
{
	((struct rig *)user)->held = call;
}

static void handle_refuse(void *user, struct event_call *call)
{
	event_refuse(call, "no", "No.", 3);
}

static const char *const colours[] = {"red", "blue", NULL};
static const struct event_field echo_fields[] = {
	{"text", EVENT_TEXT, .required = true, .min = 1, .max = 3},
	{"colour", EVENT_TEXT, .words = colours},
	{"id", EVENT_UUID},
	{"n", EVENT_INTEGER, .min = 1, .max = 9},
	{"x", EVENT_NUMBER, .max = 1},
	{"yes", EVENT_BOOL},
};
static const struct event_spec specs[] = {
	{"echo", EVENT_ANYBODY, echo_fields, 6, .handle = handle_echo},
	{"any", EVENT_IDENTIFIED, .handle = handle_echo},
	{"user", EVENT_USER, .handle = handle_echo},
	{"other", EVENT_USER, .names_another = true, .handle = handle_echo},
	{"rare", EVENT_ANYBODY, .rate = 2, .handle = handle_echo},
	{"later", EVENT_ANYBODY, .handle = handle_later},
	{"refuse", EVENT_ANYBODY, .handle = handle_refuse},
};

static struct rcbuf *encode(void *user, enum hub_framing framing, const struct hub_event *e)
{
	return NULL;
}

static void note_end(struct signal_listener *l, void *data)
{
	container_of(l, struct rig, on_ended)->ended++;
}

static void note_change(struct signal_listener *l, void *data)
{
	struct rig *r = container_of(l, struct rig, on_identified);
	const struct peer_change *c = data;

	snprintf(r->changes, sizeof(r->changes), "%.6s>%s", c->id_before, c->peer->id);
}

static void start(struct rig *r, struct peers_config config)
{
	*r = (struct rig){0};
	fake_start(&r->fake);
	r->hub = hub_create(&(struct hub_config){
		.loop = r->fake.loop, .clock = &r->fake.clock.clock, .encode = encode});
	config.loop = r->fake.loop;
	config.hub = r->hub;
	config.auth = &auth;
	config.auth_user = r;
	r->peers = peers_create(&config);
	r->events = events_create(&(struct events_config){.loop = r->fake.loop});
	events_auth_add(r->events);
	events_add(r->events, specs, sizeof(specs) / sizeof(specs[0]), r);
	signal_listener_init(&r->on_ended, note_end);
	signal_listener_init(&r->on_identified, note_change);
	signal_add(peers_ended(r->peers), &r->on_ended);
	signal_add(peers_identified(r->peers), &r->on_identified);
}

static void stop(struct rig *r)
{
	peers_destroy(&r->peers);
	events_destroy(&r->events);
	hub_destroy(&r->hub);
	fake_stop(&r->fake);
}

static struct client *come(struct rig *r, unsigned i)
{
	struct client *c = &r->clients[i];

	*c = (struct client){.rig = r};
	peer_init(&c->peer, r->peers, &ops, HUB_JSON, "192.0.2.1");
	return c;
}

static void say(struct client *c, const char *name, const char *data, int ack)
{
	json_t *json = data ? json_loads(data, JSON_DECODE_ANY, NULL) : NULL;

	events_dispatch(c->rig->events, &c->peer, name, json, ack >= 0, (uint64_t)ack);
	json_decref(json);
}

static void expect(struct client *c, const char *said)
{
	assert_string_equal(c->said, said);
	c->said[0] = '\0';
}

static void check_payload(void **state)
{
	static const struct {
		const char *data, *why; /* NULL: fits */
	} cases[] = {
		{"{\"text\": \"a\"}", NULL},
		{"{\"text\": \"\xc3\xa4\xc3\xb6\xc3\xbc\", \"more\": 1}", NULL},
		{"{\"text\": \"a\", \"colour\": null, \"id\": null, \"n\": null}", NULL},
		{"{\"text\": \"a\", \"colour\": \"red\", \"n\": 9, \"x\": 0.5, \"yes\": false}",
			NULL},
		{"{\"text\": \"a\", \"id\": \"01a1fd29-f7a0-7503-8e3d-66dc60dade65\"}", NULL},
		{"{}", "text is missing."},
		{"{\"text\": null}", "text is missing."},
		{"{\"text\": 1}", "text must be 1 to 3 characters."},
		{"{\"text\": \"\"}", "text must be 1 to 3 characters."},
		{"{\"text\": \"abcd\"}", "text must be 1 to 3 characters."},
		{"{\"text\": \"a\", \"colour\": \"green\"}",
			"colour is none of the words that it may be."},
		{"{\"text\": \"a\", \"id\": \"01a1\"}", "id must be a UUID."},
		{"{\"text\": \"a\", \"n\": 0}", "n must be 1 to 9."},
		{"{\"text\": \"a\", \"n\": 1.5}", "n must be 1 to 9."},
		{"{\"text\": \"a\", \"n\": \"1\"}", "n must be 1 to 9."},
		{"{\"text\": \"a\", \"x\": 1.01}", "x must be 0 to 1."},
		{"{\"text\": \"a\", \"yes\": 1}", "yes must be true or false."},
		{"[]", "The payload must be an object."},
		{"\"text\"", "The payload must be an object."},
	};
	char why[160];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *data = json_loads(cases[i].data, JSON_DECODE_ANY, NULL);
		assert_non_null(data);
		bool fits = event_check(&specs[0], data, why, sizeof(why));
		assert_int_equal(fits, cases[i].why == NULL);
		if (!fits)
			assert_string_equal(why, cases[i].why);
		json_decref(data);
	}
}

static void check_answers(void **state)
{
	struct rig r;
	struct client *c;

	start(&r, (struct peers_config){.allow_guests = true});
	c = come(&r, 0);
	say(c, "echo", "{\"text\": \"a\"}", 5);
	expect(c, "5:{\"text\":\"a\"} ");
	say(c, "echo", "{\"text\": \"a\"}", -1);
	expect(c, "");
	say(c, "any", NULL, 0);
	expect(c, "0:{} ");
	say(c, "nothing", NULL, 1);
	expect(c,
		"1:{\"error\":{\"code\":\"unknown_event\",\"message\":\"There is no such "
		"event.\"}} ");
	say(c, "refuse", NULL, -1);
	expect(c,
		"error{\"code\":\"no\",\"event\":\"refuse\",\"message\":\"No.\","
		"\"retryAfter\":3} ");
	say(c, "later", NULL, 9);
	expect(c, "");
	event_answer(r.held, json_pack("{s:b}", "done", 1));
	expect(c, "9:{\"done\":true} ");
	/* One that goes meanwhile is answered to nobody. */
	say(c, "later", NULL, 9);
	peer_end(&c->peer, PEER_LOST);
	fake_turn(&r.fake);
	assert_true(c->destroyed);
	assert_null(r.held->peer);
	event_refuse(r.held, "no", "No.", 0);
	expect(c, "");
	stop(&r);
}

static void check_who(void **state)
{
	struct rig r;
	struct client *c;

	start(&r, (struct peers_config){.sockets_per_user = 2});
	c = come(&r, 0);
	say(c, "any", NULL, 1);
	assert_non_null(strstr(c->said, "unauthorized"));
	c->said[0] = '\0';
	say(c, "auth", "{\"token\": \"bad\"}", 1);
	assert_non_null(strstr(c->said, "token_invalid"));
	c->said[0] = '\0';
	assert_memory_equal(c->peer.id, "guest:", 6);
	say(c, "auth", "{\"token\": \"alice\"}", 1);
	expect(c, "1:{\"expiresAt\":null,\"userId\":\"alice\"} ");
	assert_string_equal(r.changes, "guest:>alice");
	r.changes[0] = '\0';
	/* A newer token of the same user changes nobody. */
	say(c, "auth", "{\"token\": \"alice@60\"}", -1);
	assert_string_equal(r.changes, "");
	assert_true(c->peer.who.expires_ms > 0);
	say(c, "auth", "{\"token\": \"bob\"}", 1);
	assert_non_null(strstr(c->said, "forbidden"));
	c->said[0] = '\0';
	say(c, "user", "{\"user_id\": \"alice\"}", 2);
	expect(c, "2:{\"user_id\":\"alice\"} ");
	say(c, "user", "{\"user_id\": \"bob\"}", 2);
	assert_non_null(strstr(c->said, "forbidden"));
	c->said[0] = '\0';
	say(c, "user", "{\"user_id\": 5}", 2);
	assert_non_null(strstr(c->said, "forbidden"));
	c->said[0] = '\0';
	say(c, "other", "{\"user_id\": \"bob\"}", 2);
	expect(c, "2:{\"user_id\":\"bob\"} ");
	/* Two sockets of a user and no third, until one has gone. */
	const char *code, *why;
	assert_int_equal(peer_identify(&come(&r, 1)->peer, "alice", &code, &why), PEER_IDENTIFIED);
	assert_int_equal(peer_identify(&come(&r, 2)->peer, "alice", &code, &why), PEER_TOO_MANY);
	assert_int_equal(peer_identify(&r.clients[2].peer, "bob", &code, &why), PEER_IDENTIFIED);
	peer_end(&r.clients[1].peer, PEER_LEFT);
	fake_turn(&r.fake);
	assert_int_equal(peer_identify(&come(&r, 3)->peer, "alice", &code, &why), PEER_IDENTIFIED);
	peers_close_user(r.peers, "alice", "banned");
	fake_turn(&r.fake);
	assert_true(r.clients[0].closed && r.clients[3].closed && !r.clients[2].closed);
	assert_int_equal(r.clients[0].code, 1008);
	assert_int_equal(peers_count(r.peers), 1);
	stop(&r);
	assert_true(r.clients[2].closed && r.clients[2].destroyed);
}

static void check_rates(void **state)
{
	struct rig r;
	struct client *c;

	start(&r, (struct peers_config){.allow_guests = true, .rate = 4});
	c = come(&r, 0);
	for (int i = 0; i < 3; i++)
		say(c, "rare", NULL, -1);
	assert_int_equal(r.handled, 2);
	assert_non_null(strstr(c->said, "\"retryAfter\":30"));
	c->said[0] = '\0';
	for (int i = 0; i < 3; i++)
		say(c, "any", NULL, -1);
	assert_int_equal(r.handled, 3);
	clock_manual_advance(&r.fake.clock, 500000);
	for (int i = 0; i < 5; i++)
		say(c, "any", NULL, -1);
	assert_int_equal(r.handled, 5);
	/* Another one has buckets of his own. */
	say(come(&r, 1), "rare", NULL, -1);
	assert_int_equal(r.handled, 6);
	stop(&r);
}

static void check_malformed(void **state)
{
	struct rig r;
	struct client *c;

	start(&r, (struct peers_config){.allow_guests = true});
	c = come(&r, 0);
	for (int i = 0; i < 9; i++)
		peer_malformed(&c->peer, "No.");
	fake_turn(&r.fake);
	assert_false(c->closed);
	peer_malformed(&c->peer, "No.");
	c->said[0] = '\0';
	/* It is not gone yet, but hears and says nothing. */
	say(c, "any", NULL, 1);
	peer_send(&c->peer, "x", json_object());
	expect(c, "");
	fake_turn(&r.fake);
	assert_true(c->closed && c->destroyed);
	assert_int_equal(r.ended, 1);
	stop(&r);
}

static void check_slow(void **state)
{
	struct rig r;
	struct client *c;

	start(&r, (struct peers_config){.allow_guests = true});
	c = come(&r, 0);
	c->full = true;
	peer_send(&c->peer, "x", json_object());
	peer_send(&c->peer, "y", json_object());
	fake_turn(&r.fake);
	assert_true(c->closed);
	assert_int_equal(c->code, 1013);
	assert_int_equal(c->peer.ending_how, PEER_LOST);
	stop(&r);
}

static void run_a_second(struct rig *r, uint64_t us)
{
	uint64_t begun = uv_hrtime();

	clock_manual_advance(&r->fake.clock, us);
	while (uv_hrtime() - begun < 1100000000ull)
		uv_run(loop_uv(r->fake.loop), UV_RUN_ONCE);
}

static void check_expiry(void **state)
{
	const char *code, *why;
	struct rig r;
	struct client *c;

	start(&r, (struct peers_config){0});
	c = come(&r, 0);
	assert_int_equal(peer_identify(&c->peer, "alice@60", &code, &why), PEER_IDENTIFIED);
	run_a_second(&r, 29000000);
	expect(c, "");
	run_a_second(&r, 2000000);
	assert_memory_equal(c->said, "auth:expiring{\"expiresAt\":", 26);
	c->said[0] = '\0';
	run_a_second(&r, 53000000);
	expect(c, "");
	assert_false(c->closed);
	run_a_second(&r, 2000000);
	assert_true(c->closed);
	assert_int_equal(c->code, 1008);
	stop(&r);
}

static void note_drained(void *user)
{
	*(bool *)user = true;
}

static void check_drain(void **state)
{
	struct rig r;
	bool drained = false;

	start(&r, (struct peers_config){.allow_guests = true, .handshakes = 3});
	for (unsigned i = 0; i < 3; i++) {
		assert_true(peers_admit(r.peers, "192.0.2.1"));
		come(&r, i);
	}
	assert_false(peers_admit(r.peers, "192.0.2.1"));
	assert_true(peers_admit(r.peers, "192.0.2.2"));
	peers_drain(r.peers, 60000000, note_drained, &drained);
	assert_false(peers_admit(r.peers, "192.0.2.3"));
	expect(&r.clients[2], "server:draining{} ");
	while (!drained)
		uv_run(loop_uv(r.fake.loop), UV_RUN_ONCE);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(r.clients[i].code, 1001);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_payload),
		cmocka_unit_test(check_answers),
		cmocka_unit_test(check_who),
		cmocka_unit_test(check_rates),
		cmocka_unit_test(check_malformed),
		cmocka_unit_test(check_slow),
		cmocka_unit_test(check_expiry),
		cmocka_unit_test(check_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
