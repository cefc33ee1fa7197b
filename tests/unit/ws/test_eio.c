#include <string.h>

#include "fake.h"
#include "proto/ws_frame.h"
#include "ws/eio.h"

#define INTERVAL_US 10000
#define TIMEOUT_US 8000
#define MAX_QUEUE 1000

/* An echo, and what it was told. */
struct world {
	struct fake f;
	struct eio_server *server;
	struct eio_session *session;
	unsigned opened, closed;
	enum eio_end end;
};

static void *on_opened(void *user, struct eio_session *s, const struct ws_request *r)
{
	struct world *w = user;

	w->opened++;
	w->session = s;
	return w;
}

static void say(struct world *w, const char *text)
{
	struct rcbuf *frame = ws_frame_prefixed('4', text, strlen(text));

	eio_session_send(w->session, frame);
	rcbuf_unref(&frame);
}

static void on_message(void *session, const uint8_t *data, size_t len, bool binary)
{
	struct world *w = session;
	struct rcbuf *frame =
		binary ? ws_frame(WS_BINARY, data, len) : ws_frame_prefixed('4', data, len);

	eio_session_send(w->session, frame);
	rcbuf_unref(&frame);
}

static void on_closed(void *session, enum eio_end end)
{
	struct world *w = session;

	w->closed++;
	w->end = end;
	w->session = NULL;
}

static const struct eio_handler handler = {
	.opened = on_opened, .message = on_message, .closed = on_closed};

static void world_start(struct world *w)
{
	*w = (struct world){0};
	fake_start(&w->f);
	w->server = eio_server_create(w->f.loop,
		&(struct eio_config){.ping_interval_us = INTERVAL_US,
			.ping_timeout_us = TIMEOUT_US,
			.upgrade_timeout_us = 5000,
			.max_queue = MAX_QUEUE,
			.max_per_address = 3,
			.handler = &handler,
			.user = w});
}

static void world_stop(struct world *w)
{
	eio_server_destroy(&w->server);
	fake_stop(&w->f);
}

static void ask(struct world *w, struct ws_request r)
{
	eio_server_request(w->server, &r);
	fake_turn(&w->f);
}

static void expect_answer(struct fake_request *r, const char *want)
{
	assert_string_equal(fake_answer(r), want);
	fake_request_finish(r);
}

static void open_polling(struct world *w, char sid[static 64])
{
	struct fake_request r;

	ask(w, fake_polling(&r, NULL, NULL));
	assert_int_equal(r.status, 200);
	fake_sid(fake_answer(&r), sid);
	fake_request_finish(&r);
}

static void post(struct world *w, const char *sid, const char *body, const char *want)
{
	struct fake_request r;

	ask(w, fake_polling(&r, sid, body));
	expect_answer(&r, want);
}

static void open_socket(struct world *w, struct fake_link *l)
{
	struct fake_request r;

	ask(w, fake_upgrade(&r, NULL, l));
	assert_true(l->accepted);
	assert_memory_equal(fake_link_sent(l), "0{\"sid\":", 8);
}

#define UNKNOWN "400 {\"code\":1,\"message\":\"Session ID unknown\"}"
#define BAD "400 {\"code\":3,\"message\":\"Bad request\"}"

static void a_poll_takes_all_of_a_turn(void **state)
{
	struct world w;
	struct fake_request poll;
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	ask(&w, fake_polling(&poll, sid, NULL));
	assert_string_equal(fake_answer(&poll), "held");
	say(&w, "one");
	say(&w, "two");
	assert_string_equal(fake_answer(&poll), "held");
	fake_turn(&w.f);
	expect_answer(&poll,
		"200 4one\x1e"
		"4two");
	world_stop(&w);
	assert_int_equal(w.end, EIO_END_SERVER);
}

static void what_is_sent_between_polls_waits(void **state)
{
	struct world w;
	struct fake_request poll;
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	post(&w, sid,
		"4a\x1e"
		"bAQID",
		"200 ok");
	ask(&w, fake_polling(&poll, sid, NULL));
	expect_answer(&poll,
		"200 4a\x1e"
		"bAQID");
	world_stop(&w);
}

static void pings_go_round(void **state)
{
	struct world w;
	struct fake_link l = {0};
	world_start(&w);
	open_socket(&w, &l);
	for (int i = 0; i < 3; i++) {
		fake_advance(&w.f, INTERVAL_US - 1);
		assert_string_equal(fake_link_sent(&l), "");
		fake_advance(&w.f, 1);
		assert_string_equal(fake_link_sent(&l), "2|");
		fake_advance(&w.f, TIMEOUT_US - 1);
		fake_link_text(&l, "3");
	}
	assert_false(l.closed);
	fake_advance(&w.f, INTERVAL_US);
	fake_advance(&w.f, TIMEOUT_US);
	assert_true(l.closed);
	assert_int_equal(w.end, EIO_END_TIMEOUT);
	fake_link_finish(&l);
	world_stop(&w);
	assert_int_equal(w.closed, 1);
}

/* The client's clock tells it so: the wheel may not have turned yet. */
static void overdue_sessions_are_unknown(void **state)
{
	struct world w;
	struct fake_request r;
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	fake_advance(&w.f, INTERVAL_US);
	clock_manual_advance(&w.f.clock, TIMEOUT_US);
	struct ws_request get = fake_polling(&r, sid, NULL);
	eio_server_request(w.server, &get);
	expect_answer(&r, UNKNOWN);
	world_stop(&w);
}

static void a_second_poll_ends_it(void **state)
{
	struct world w;
	struct fake_request first, second;
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	ask(&w, fake_polling(&first, sid, NULL));
	ask(&w, fake_polling(&second, sid, NULL));
	expect_answer(&first, "200 1");
	expect_answer(&second, BAD);
	assert_int_equal(w.end, EIO_END_MALFORMED);
	world_stop(&w);
}

static void a_poll_that_goes_ends_it(void **state)
{
	struct world w;
	struct fake_request poll;
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	ask(&w, fake_polling(&poll, sid, NULL));
	poll.gone(poll.gone_user);
	assert_int_equal(w.end, EIO_END_LOST);
	fake_request_finish(&poll);
	world_stop(&w);
}

static void a_goodbye_is_remembered_for_its_poll(void **state)
{
	struct world w;
	struct fake_request poll;
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	post(&w, sid, "1", "200 ok");
	assert_int_equal(w.end, EIO_END_CLIENT);
	ask(&w, fake_polling(&poll, sid, NULL));
	expect_answer(&poll, "200 6");
	ask(&w, fake_polling(&poll, sid, NULL));
	expect_answer(&poll, UNKNOWN);
	open_polling(&w, sid);
	post(&w, sid, "1", "200 ok");
	fake_advance(&w.f, 1000000);
	ask(&w, fake_polling(&poll, sid, NULL));
	expect_answer(&poll, UNKNOWN);
	world_stop(&w);
}

static void upgrades(void **state)
{
	struct world w;
	struct fake_request poll, up;
	struct fake_link l = {0};
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	ask(&w, fake_polling(&poll, sid, NULL));
	ask(&w, fake_upgrade(&up, sid, &l));
	assert_string_equal(fake_answer(&poll), "held");
	fake_link_text(&l, "2probe");
	assert_string_equal(fake_link_sent(&l), "3probe|");
	expect_answer(&poll, "200 6");
	say(&w, "between");
	fake_turn(&w.f);
	assert_string_equal(fake_link_sent(&l), "");
	fake_link_text(&l, "5");
	assert_string_equal(fake_link_sent(&l), "4between|");
	assert_true(eio_session_is_websocket(w.session));
	ask(&w, fake_polling(&poll, sid, NULL));
	expect_answer(&poll, BAD);
	post(&w, sid, "4x", BAD);
	fake_link_drop(&l, 1001);
	assert_int_equal(w.end, EIO_END_CLIENT);
	fake_link_finish(&l);
	world_stop(&w);
}

static void a_probe_has_its_time(void **state)
{
	struct world w;
	struct fake_request up;
	struct fake_link l = {0};
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	ask(&w, fake_upgrade(&up, sid, &l));
	fake_link_text(&l, "2probe");
	fake_advance(&w.f, 5000);
	assert_true(l.closed);
	assert_int_equal(w.closed, 0);
	fake_link_finish(&l);
	post(&w, sid, "4still", "200 ok");
	world_stop(&w);
}

/* The official client hangs if its probe goes while it stops polling. */
static void a_probe_outlives_its_session(void **state)
{
	struct world w;
	struct fake_request up;
	struct fake_link l = {0}, other = {0};
	char sid[64];
	world_start(&w);
	open_polling(&w, sid);
	ask(&w, fake_upgrade(&up, sid, &l));
	fake_link_text(&l, "2probe");
	eio_session_close(w.session, 1001, "bye");
	assert_int_equal(w.closed, 0);
	assert_false(l.closed);
	fake_turn(&w.f);
	fake_link_text(&l, "5");
	assert_true(l.closed);
	fake_link_finish(&l);
	/* And one that is never upgraded goes with the server. */
	open_polling(&w, sid);
	ask(&w, fake_upgrade(&up, sid, &other));
	fake_link_text(&other, "2probe");
	eio_session_close(w.session, 1001, "bye");
	world_stop(&w);
	assert_true(other.closed);
	fake_link_finish(&other);
}

static void a_full_queue_ends_it(void **state)
{
	struct world w;
	struct fake_link l = {0};
	char sid[64], text[300];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	world_start(&w);
	open_polling(&w, sid);
	for (int i = 0; i < 3; i++)
		say(&w, text);
	assert_int_equal(w.closed, 0);
	say(&w, text);
	assert_int_equal(w.end, EIO_END_SLOW);
	open_socket(&w, &l);
	l.room = 10;
	say(&w, text);
	assert_int_equal(w.closed, 2);
	assert_int_equal(l.code, 1013);
	fake_link_finish(&l);
	world_stop(&w);
}

static void sessions_of_an_address_are_bounded(void **state)
{
	struct world w;
	struct fake_request r;
	char sid[64];
	world_start(&w);
	for (int i = 0; i < 3; i++)
		open_polling(&w, sid);
	ask(&w, fake_polling(&r, NULL, NULL));
	expect_answer(&r, "403 {\"code\":4,\"message\":\"Forbidden\"}");
	post(&w, sid, "1", "200 ok");
	open_polling(&w, sid);
	world_stop(&w);
	assert_int_equal(w.opened, 4);
	assert_int_equal(w.closed, 4);
}

static void nonsense_ends_it(void **state)
{
	static const char *const cases[] = {"", "abc", "2", "2probe", "5", "0"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct fake_link l = {0};
		world_start(&w);
		open_socket(&w, &l);
		fake_link_text(&l, cases[i]);
		assert_true(l.closed);
		assert_int_equal(l.code, 1008);
		assert_int_equal(w.end, EIO_END_MALFORMED);
		fake_link_finish(&l);
		world_stop(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_poll_takes_all_of_a_turn),
		cmocka_unit_test(what_is_sent_between_polls_waits),
		cmocka_unit_test(pings_go_round),
		cmocka_unit_test(overdue_sessions_are_unknown),
		cmocka_unit_test(a_second_poll_ends_it),
		cmocka_unit_test(a_poll_that_goes_ends_it),
		cmocka_unit_test(a_goodbye_is_remembered_for_its_poll),
		cmocka_unit_test(upgrades),
		cmocka_unit_test(a_probe_has_its_time),
		cmocka_unit_test(a_probe_outlives_its_session),
		cmocka_unit_test(a_full_queue_ends_it),
		cmocka_unit_test(sessions_of_an_address_are_bounded),
		cmocka_unit_test(nonsense_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
