#include <string.h>

#include "http_answer.h"
#include "support/test.h"

static void feed(struct http_answer *a, const char *text, size_t piece)
{
	size_t len = strlen(text), at = 0;
	while (at < len && a->state < HTTP_ANSWER_DONE) {
		size_t n = len - at < piece ? len - at : piece;
		at += http_answer_input(a, (const uint8_t *)text + at, n);
	}
}

static void expect(const char *text, int status, const char *body)
{
	struct http_answer a = {0};
	for (size_t piece = 1; piece < 400; piece += 57) {
		http_answer_begin(&a, true);
		feed(&a, text, piece);
		assert_int_equal(a.state, HTTP_ANSWER_DONE);
		assert_int_equal(a.status, status);
		assert_int_equal(a.body_bytes, strlen(body));
		assert_int_equal(a.body.len, strlen(body));
		assert_true(a.body.len == 0 || memcmp(a.body.data, body, a.body.len) == 0);
	}
	http_answer_finish(&a);
}

static void test_length(void **state)
{
	expect("HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:  5\r\n\r\nhello", 200, "hello");
	expect("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "");
	expect("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 304, "");
	expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200,
		"x");
}

static void test_chunked(void **state)
{
	expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
		200, "abc0123456789");
}

static void test_close_and_skip(void **state)
{
	struct http_answer a = {0};
	http_answer_begin(&a, false);
	feed(&a, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc", 9);
	assert_true(a.close);
	assert_int_equal(a.state, HTTP_ANSWER_LENGTH);
	assert_int_equal(a.left, 7);
	http_answer_skip(&a, 7);
	assert_int_equal(a.state, HTTP_ANSWER_DONE);
	assert_int_equal(a.body_bytes, 10);
	assert_int_equal(a.body.len, 0);
	http_answer_finish(&a);
}

static void test_stops_at_the_end(void **state)
{
	static const char two[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200";
	struct http_answer a = {0};
	http_answer_begin(&a, true);
	assert_int_equal(http_answer_input(&a, (const uint8_t *)two, sizeof(two) - 1),
		sizeof(two) - 1 - strlen("HTTP/1.1 200"));
	http_answer_finish(&a);
}

static void test_broken(void **state)
{
	static const char *const bad[] = {"SIP/2.0 200 OK\r\n", "HTTP/1.1 2x0 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
	struct http_answer a = {0};
	for (size_t i = 0; i < 4; i++) {
		http_answer_begin(&a, true);
		feed(&a, bad[i], 1);
		assert_int_equal(a.state, HTTP_ANSWER_BROKEN);
	}
	http_answer_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_close_and_skip),
		cmocka_unit_test(test_stops_at_the_end),
		cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
