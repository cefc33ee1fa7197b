#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "ws/sio.h"

#define MAX_PAYLOAD 200
#define CONNECT_US 20000

struct world {
	struct fake f;
	struct sio_server *server;
	struct fake_link link;
	struct sio_socket *asking; /* held by us */
	bool later, refuse;
	char log[2000]; /* what the handler was told */
};

static void note(struct world *w, const char *what, const json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	size_t at = strlen(w->log);

	snprintf(w->log + at, sizeof(w->log) - at, "%s%s ", what, text ? text : "");
	free(text);
}

static void on_connect(void *user, struct sio_socket *s, json_t *auth)
{
	struct world *w = user;

	note(w, "connect", auth);
	if (w->later)
		w->asking = sio_socket_ref(s);
	else if (w->refuse)
		sio_refuse(s, "no", auth);
	else
		sio_accept(s, NULL);
}

static void on_answer(void *user, json_t *args)
{
	note(user, args ? "answered" : "unanswered", args);
}

static void on_event(void *user, struct sio_socket *s, const struct sio_event *e)
{
	struct world *w = user;

	if (e->unfit)
		note(w, "unfit", NULL);
	note(w, e->name, e->args);
	if (e->wants_ack)
		sio_ack(s, e->ack_id, e->args, e->blobs, e->n_blobs);
	if (strcmp(e->name, "call") == 0)
		sio_call(s, "question", e->args, on_answer, w);
	else if (strcmp(e->name, "leave") == 0)
		sio_disconnect(s);
	else if (strcmp(e->name, "close") == 0)
		sio_close(s, 1001, "bye");
	else if (strcmp(e->name, "flood") == 0)
		while (sio_emit(s, "drop", e->args, NULL, 0))
			;
}

static void on_disconnected(void *user, struct sio_socket *s, enum eio_end end)
{
	note(user, "disconnected:", NULL);
	note(user, eio_end_text(end), NULL);
	assert_false(sio_emit(s, "too late", NULL, NULL, 0));
}

static const struct sio_handler handler = {
	.connect = on_connect, .event = on_event, .disconnected = on_disconnected};

static void world_start(struct world *w)
{
	*w = (struct world){0};
	const struct sio_namespace namespaces[] = {{"/", &handler, w}, {"/a", &handler, w}};
	struct fake_request r;

	fake_start(&w->f);
	w->server = sio_server_create(w->f.loop,
		&(struct sio_config){.eio = {.max_payload = MAX_PAYLOAD},
			.connect_timeout_us = CONNECT_US,
			.max_attachments = 3,
			.namespaces = namespaces,
			.n_namespaces = 2});
	struct ws_request up = fake_upgrade(&r, NULL, &w->link);
	sio_server_request(w->server, &up);
	fake_link_sent(&w->link);
}

static void world_stop(struct world *w)
{
	sio_server_destroy(&w->server);
	fake_stop(&w->f);
	fake_link_finish(&w->link);
}

static void send(struct world *w, const char *text)
{
	fake_link_text(&w->link, text);
	fake_turn(&w->f);
}

/* In "/": its CONNECT has been read. */
static void enter(struct world *w)
{
	send(w, "40");
	assert_memory_equal(fake_link_sent(&w->link), "40{\"sid\":", 9);
	w->log[0] = '\0';
}

static void expect_sent(struct world *w, const char *want)
{
	assert_string_equal(fake_link_sent(&w->link), want);
}

static void connects(void **state)
{
	struct world w;
	char id[64];
	world_start(&w);
	send(&w, "40{\"token\":\"x\"}");
	fake_sid(fake_link_sent(&w.link), id);
	assert_int_equal(strlen(id), 24);
	send(&w, "40/a,");
	assert_memory_equal(fake_link_sent(&w.link), "40/a,{\"sid\":", 12);
	send(&w, "40/b,");
	expect_sent(&w, "44/b,{\"message\":\"Invalid namespace\"}|");
	assert_string_equal(w.log, "connect{\"token\":\"x\"} connect{} ");
	world_stop(&w);
}

static void refuses(void **state)
{
	struct world w;
	world_start(&w);
	w.refuse = true;
	send(&w, "40{\"a\":1}");
	expect_sent(&w, "44{\"message\":\"no\",\"data\":{\"a\":1}}|");
	w.refuse = false;
	enter(&w);
	world_stop(&w);
	assert_string_equal(w.log, "disconnected: server ");
}

static void accepts_later(void **state)
{
	struct world w;
	world_start(&w);
	w.later = true;
	send(&w, "40");
	expect_sent(&w, "");
	sio_accept(w.asking, "pid-1");
	assert_non_null(strstr(fake_link_sent(&w.link), ",\"pid\":\"pid-1\"}"));
	assert_true(sio_socket_connected(w.asking));
	fake_link_drop(&w.link, 1006);
	assert_false(sio_socket_connected(w.asking));
	assert_string_equal(sio_socket_address(w.asking), "");
	sio_accept(w.asking, NULL);
	sio_disconnect(w.asking);
	sio_close(w.asking, 1000, NULL);
	sio_socket_unref(&w.asking);
	world_stop(&w);
	assert_string_equal(w.log, "connect{} disconnected: lost ");
}

static void nothing_before_it_is_let_in(void **state)
{
	struct world w;
	world_start(&w);
	w.later = true;
	send(&w, "40");
	fake_link_text(&w.link, "42[\"early\"]");
	assert_true(w.link.closed);
	sio_accept(w.asking, NULL);
	sio_socket_unref(&w.asking);
	world_stop(&w);
	assert_string_equal(w.log, "connect{} ");
}

static void events_and_acks(void **state)
{
	struct world w;
	world_start(&w);
	enter(&w);
	send(&w, "42[\"e\",1,\"2\",{\"3\":[true,null,0.5]}]");
	expect_sent(&w, "");
	send(&w, "427[\"e\",1]");
	expect_sent(&w, "437[1]|");
	send(&w, "42[\"call\",\"x\"]");
	expect_sent(&w, "420[\"question\",\"x\"]|");
	send(&w, "431[\"to nothing\"]");
	send(&w, "430[\"y\"]");
	send(&w, "430[\"twice\"]");
	assert_string_equal(
		w.log, "e[1,\"2\",{\"3\":[true,null,0.5]}] e[1] call[\"x\"] answered[\"y\"] ");
	w.log[0] = '\0';
	send(&w, "42[\"call\"]");
	fake_link_drop(&w.link, 1001);
	assert_string_equal(w.log, "call[] unanswered disconnected: client ");
	world_stop(&w);
}

static void attachments(void **state)
{
	struct world w;
	world_start(&w);
	enter(&w);
	send(&w,
		"452-5[\"e\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]");
	fake_link_binary(&w.link, "\1\2", 2);
	assert_string_equal(w.log, "");
	fake_link_binary(&w.link, "", 0);
	expect_sent(&w,
		"462-5[{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]|b:0102|"
		"b:|");
	send(&w, "450-6[\"e\"]");
	expect_sent(&w, "436[]|");
	world_stop(&w);
}

static void attachments_are_bounded(void **state)
{
	static const uint8_t bytes[MAX_PAYLOAD];
	struct world w;
	world_start(&w);
	enter(&w);
	send(&w, "452-[\"e\"]");
	fake_link_binary(&w.link, bytes, 150);
	assert_false(w.link.closed);
	fake_link_binary(&w.link, bytes, 50);
	assert_true(w.link.closed);
	world_stop(&w);
	assert_string_equal(w.log, "disconnected: malformed ");
}

static void a_socket_that_leaves_drops_its_packet(void **state)
{
	struct world w;
	world_start(&w);
	w.later = true;
	send(&w, "40");
	sio_accept(w.asking, NULL);
	send(&w, "451-[\"e\"]");
	sio_disconnect(w.asking);
	sio_socket_unref(&w.asking);
	fake_link_binary(&w.link, "x", 1);
	assert_true(w.link.closed);
	world_stop(&w);
}

static void leaving(void **state)
{
	struct world w;
	world_start(&w);
	enter(&w);
	send(&w, "40/a,");
	fake_link_sent(&w.link);
	send(&w, "42[\"leave\"]");
	expect_sent(&w, "41|");
	send(&w, "42/a,1[\"e\"]");
	expect_sent(&w, "43/a,1[]|");
	send(&w, "41/a,");
	assert_string_equal(w.log, "connect{} leave[] e[] disconnected: client ");
	enter(&w);
	send(&w, "40/a,");
	w.log[0] = '\0';
	fake_link_text(&w.link, "42[\"close\"]");
	assert_int_equal(w.link.code, 1001);
	/* The neighbour in the other namespace hears of it. */
	assert_string_equal(w.log, "close[] disconnected: server ");
	world_stop(&w);
}

static void a_flood_ends_it(void **state)
{
	struct world w;
	world_start(&w);
	enter(&w);
	w.link.room = 1000;
	fake_link_text(&w.link, "4212[\"flood\",\"12345678901234567890\"]");
	assert_int_equal(w.link.code, 1013);
	world_stop(&w);
	assert_non_null(strstr(w.log, "disconnected: slow_consumer "));
}

static void frames_are_shared(void **state)
{
	struct world w;
	json_t *args = json_pack("[{s:i}]", "n", 1);
	struct rcbuf *frame = sio_frame("/", "all", args);
	world_start(&w);
	w.later = true;
	send(&w, "40");
	assert_false(sio_send_frame(w.asking, frame));
	sio_accept(w.asking, NULL);
	fake_link_sent(&w.link);
	assert_true(sio_send_frame(w.asking, frame));
	expect_sent(&w, "42[\"all\",{\"n\":1}]|");
	rcbuf_unref(&frame);
	json_decref(args);
	sio_socket_unref(&w.asking);
	world_stop(&w);
}

static void clients_without_a_namespace_go(void **state)
{
	struct world w;
	world_start(&w);
	fake_advance(&w.f, CONNECT_US - 1);
	assert_false(w.link.closed);
	fake_advance(&w.f, 1);
	assert_true(w.link.closed);
	world_stop(&w);
	world_start(&w);
	enter(&w);
	fake_advance(&w.f, CONNECT_US);
	assert_false(w.link.closed);
	world_stop(&w);
}

static void malformed_packets_end_it(void **state)
{
	static const char *const cases[] = {"4", "4abc", "42", "42{}", "42[]", "42[1]", "42[\"a\"",
		"42[\"a\"]x", "42[\"connect\"]", "42[\"newListener\"]", "42/a,[\"not in\"]",
		"41/a,", "40", "43[]", "44{}", "454-[\"a\"]", "42[\"\\ud800\"", "43[\"\\ud800\"]",
		"42[\"\\ud80g\"]", "42[\"\\ud8\"]", "451-[\"a\",{\"_placeholder\":true,\"num\":1}]",
		"451-[\"a\",[{\"b\":{\"_placeholder\":true,\"num\":-1}}]]",
		"451-[\"a\",{\"_placeholder\":true}]"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		world_start(&w);
		enter(&w);
		fake_link_text(&w.link, cases[i]);
		if (!w.link.closed)
			fail_msg("%s", cases[i]);
		assert_string_equal(w.log, "disconnected: malformed ");
		world_stop(&w);
	}
}

static void large_numbers_are_no_crime(void **state)
{
	struct world w;
	world_start(&w);
	enter(&w);
	send(&w, "421[\"e\",9223372036854775808,-5]");
	assert_false(w.link.closed);
	assert_memory_equal(fake_link_sent(&w.link), "431[9.2233720368547758e18,-5", 28);
	world_stop(&w);
}

static void text_that_is_none_is_told(void **state)
{
	static const struct {
		const char *packet, *log;
	} cases[] = {
		{"42[\"e\",\"a\\ud83d\"]", "unfit e[\"a\xef\xbf\xbd\"] "},
		{"42[\"e\",\"\\ude00\\ud83d\\u00e4\"]",
			"unfit e[\"\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4\"] "},
		{"42[\"e\",{\"\\u0000\":1}]", "unfit e[{\"\xef\xbf\xbd\":1}] "},
		{"42[\"e\",\"\\ud83d\\ude00\\\\ud83d\"]", "e[\"\xf0\x9f\x98\x80\\\\ud83d\"] "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		world_start(&w);
		enter(&w);
		fake_link_text(&w.link, cases[i].packet);
		assert_false(w.link.closed);
		assert_string_equal(w.log, cases[i].log);
		world_stop(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects),
		cmocka_unit_test(refuses),
		cmocka_unit_test(accepts_later),
		cmocka_unit_test(nothing_before_it_is_let_in),
		cmocka_unit_test(events_and_acks),
		cmocka_unit_test(attachments),
		cmocka_unit_test(attachments_are_bounded),
		cmocka_unit_test(a_socket_that_leaves_drops_its_packet),
		cmocka_unit_test(leaving),
		cmocka_unit_test(a_flood_ends_it),
		cmocka_unit_test(frames_are_shared),
		cmocka_unit_test(clients_without_a_namespace_go),
		cmocka_unit_test(malformed_packets_end_it),
		cmocka_unit_test(large_numbers_are_no_crime),
		cmocka_unit_test(text_that_is_none_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
