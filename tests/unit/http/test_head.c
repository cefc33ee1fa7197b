#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/head.h"
#include "support/test.h"

static enum head_result parse(const char *text, size_t len, struct http_head *head, char **memory)
{
	size_t head_len = 0;
	enum head_result result = http_head_look(text, len, &head_len);

	*memory = NULL;
	if (result != HEAD_TAKEN)
		return result;
	assert_int_equal(head_len, len);
	*memory = mem_dup(text, len);
	return http_head_parse(*memory, len, head);
}

#define HOST "\r\nHost: x\r\n\r\n"

static void heads_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum head_result result;
	} cases[] = {
		{"GET / HTTP/1.1" HOST, HEAD_TAKEN},
		{"HEAD /a?b HTTP/1.1" HOST, HEAD_TAKEN},
		{"GET /\xc3\xa9 HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /%c3%a9 HTTP/1.1" HOST, HEAD_TAKEN},
		{"GET /%c3 HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /%00 HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /%zz HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /% HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /%4 HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a/../b HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a/%2e%2E/b HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a/%2e%2e%2fb HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a/.. HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /./a HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /.well-known/a HTTP/1.1" HOST, HEAD_TAKEN},
		{"GET /a... HTTP/1.1" HOST, HEAD_TAKEN},
		{"GET /a#b HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a b HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a\tHTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a" HOST, HEAD_MALFORMED},
		{"GET /a HTTP/1.1 " HOST, HEAD_MALFORMED},
		{"GET /a HTTP/1.2" HOST, HEAD_MALFORMED},
		{"GET /a HTTP/0.9" HOST, HEAD_MALFORMED},
		{"GET /a HTTP/1.1\nHost: x\n\n" HOST, HEAD_MALFORMED},
		{"GET  /a HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET\t/a HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET \r\n", HEAD_MALFORMED},
		{"GeT /a HTTP/1.1" HOST, HEAD_MALFORMED},
		{"GET /a HTTP/1.0" HOST, HEAD_TAKEN},
		{"GET /a HTTP/1.0\r\n\r\n", HEAD_TAKEN},
		{"GET /a HTTP/2.0" HOST, HEAD_MALFORMED},
		{"GET /a http/1.1" HOST, HEAD_MALFORMED},
		{"GET http://x/ HTTP/1.1" HOST, HEAD_OTHER},
		{"GET * HTTP/1.1" HOST, HEAD_OTHER},
		{"GETT / HTTP/1.1" HOST, HEAD_TAKEN},
		{"get / HTTP/1.1" HOST, HEAD_MALFORMED},
		{"POST / HTTP/1.1" HOST, HEAD_TAKEN},
		{"OPTIONS * HTTP/1.1" HOST, HEAD_OTHER},
		{"ABCDEFGHIJKLMNOPQ / HTTP/1.1" HOST, HEAD_OTHER},
		{"PRI * HTTP/2.0\r\n\r\n", HEAD_OTHER},
		{"\r\nGET / HTTP/1.1" HOST, HEAD_OTHER},
		{"\x16\x03\x01", HEAD_OTHER},
		{"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", HEAD_TAKEN},
		{"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n",
			HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", HEAD_TAKEN},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\n\r\n", HEAD_TAKEN},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", HEAD_OTHER},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket, h2c\r\n\r\n", HEAD_OTHER},
		{"GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\n Content-Length: 5\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: b\nContent-Length: 5\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\n\r\n", HEAD_MALFORMED},
		{"GET / HTTP/1.1\r\nA: b\r\n\r\n", HEAD_MALFORMED},
		{"", HEAD_PARTIAL},
		{"G", HEAD_PARTIAL},
		{"GET", HEAD_PARTIAL},
		{"GET /a HTTP/1.1\r\nHost: x\r\n", HEAD_PARTIAL},
		{"HE", HEAD_PARTIAL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_head head;
		char *memory;
		enum head_result result =
			parse(cases[i].text, strlen(cases[i].text), &head, &memory);
		if (result != cases[i].result)
			fail_msg("%s: %d", cases[i].text, result);
		free(memory);
	}
}

static void bytes_of_nul_are_malformed(void **state)
{
	static const char first[] = "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char line[] = "GET /a HTTP/1.1\r\nHost: x\0\r\n\r\n";
	struct http_head head;
	char *memory;

	assert_int_equal(parse(first, sizeof(first) - 1, &head, &memory), HEAD_MALFORMED);
	free(memory);
	assert_int_equal(parse(line, sizeof(line) - 1, &head, &memory), HEAD_MALFORMED);
	free(memory);
}

static void texts_are_there(void **state)
{
	static const char text[] = "GET /a%20b/%C3%A9?c=d%20e&f+g HTTP/1.1\r\nHOST: x.y\r\n"
				   "Empty:\r\nRange:   bytes=1-2 \t\r\nrange: other\r\n"
				   "Connection: keep-alive, Close\r\n\r\n";
	struct http_head head;
	char *memory;

	assert_int_equal(parse(text, sizeof(text) - 1, &head, &memory), HEAD_TAKEN);
	assert_int_equal(head.method, HTTP_GET);
	assert_string_equal(head.path, "/a b/\xc3\xa9");
	assert_string_equal(head.query, "c=d%20e&f+g");
	assert_string_equal(http_head_get(head.lines, "host"), "x.y");
	assert_string_equal(http_head_get(head.lines, "empty"), "");
	assert_string_equal(http_head_get(head.lines, "range"), "bytes=1-2");
	assert_null(http_head_get(head.lines, "accept"));
	assert_true(head.close);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_told_apart),
		cmocka_unit_test(bytes_of_nul_are_malformed),
		cmocka_unit_test(texts_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
