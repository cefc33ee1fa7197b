#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cut.h"
#include "proto/ws_frame.h"
#include "support/test.h"

#define MAX_MESSAGE 1000

/* A client's frame, masked. */
static void put_frame(struct buf *b, unsigned first, const char *data, size_t len)
{
	static const uint8_t mask[] = {0x37, 0xfa, 0x21, 0x3d};

	buf_put_u8(b, (uint8_t)first);
	if (len < 126) {
		buf_put_u8(b, (uint8_t)(0x80 | len));
	} else {
		buf_put_u8(b, 0x80 | 126);
		buf_put_u16(b, (uint16_t)len);
	}
	buf_put(b, mask, sizeof(mask));
	for (size_t i = 0; i < len; i++)
		buf_put_u8(b, (uint8_t)data[i] ^ mask[i % 4]);
}

static void put_text(struct buf *b, unsigned first, const char *text)
{
	put_frame(b, first, text, strlen(text));
}

static void tell_event(struct buf *out, const struct ws_event *e)
{
	static const char *const names[] = {[WS_EVENT_PING] = "ping", [WS_EVENT_PONG] = "pong"};

	switch (e->kind) {
	case WS_EVENT_NONE:
		return;
	case WS_EVENT_MESSAGE:
		buf_printf(out, "%s(%.*s) ", e->binary ? "binary" : "text", (int)e->len,
			e->len ? (const char *)e->data : "");
		return;
	case WS_EVENT_PING:
	case WS_EVENT_PONG:
		buf_printf(out, "%s(%.*s) ", names[e->kind], (int)e->len,
			e->len ? (const char *)e->data : "");
		return;
	case WS_EVENT_CLOSE:
		buf_printf(out, "close(%u) ", e->code);
		return;
	case WS_EVENT_ERROR:
		buf_printf(out, "error(%u) ", e->code);
		return;
	}
}

/* Reads the bytes cut in a way; the events in words. Each piece is memory of its own length. */
static void read_cut(const struct buf *bytes, unsigned cut, struct buf *out)
{
	struct ws_reader reader;
	uint32_t seed = 1;
	bool failed = false;

	ws_reader_init(&reader, MAX_MESSAGE);
	for (size_t at = 0; at < bytes->len && !failed;) {
		size_t n = cut_piece(cut, &seed, bytes->len - at);
		uint8_t *piece = mem_dup(bytes->data + at, n);
		struct ws_event e = {.kind = WS_EVENT_PING};
		size_t used, done = 0;
		while (e.kind != WS_EVENT_NONE && e.kind != WS_EVENT_ERROR) {
			ws_reader_read(&reader, piece + done, n - done, &used, &e);
			tell_event(out, &e);
			done += used;
		}
		failed = e.kind == WS_EVENT_ERROR;
		if (!failed)
			assert_int_equal(done, n);
		at += n;
		free(piece);
	}
	ws_reader_finish(&reader);
}

static void expect(struct buf *bytes, const char *want)
{
	cut_for_each(cut)
	{
		struct buf got = {0};
		read_cut(bytes, cut, &got);
		assert_string_equal(buf_text(&got), want);
		buf_finish(&got);
	}
	buf_finish(bytes);
}

/* RFC 6455 section 5.7 */
static void test_document(void **state)
{
	static const uint8_t hello[] = {
		0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
	static const uint8_t ping[] = {
		0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
	struct buf b = {0};

	buf_put(&b, hello, sizeof(hello));
	buf_put(&b, ping, sizeof(ping));
	expect(&b, "text(Hello) ping(Hello) ");
}

static void test_fragments(void **state)
{
	struct buf b = {0};

	put_text(&b, 0x01, "a\xe2\x82");
	put_text(&b, 0x89, "between");
	put_text(&b, 0x00, "\xac");
	put_text(&b, 0x00, "");
	put_text(&b, 0x80, "z");
	put_text(&b, 0x82, "");
	put_text(&b, 0x02, "");
	put_text(&b, 0x80, "");
	put_text(&b, 0x8a, "x");
	expect(&b, "ping(between) text(a\xe2\x82\xacz) binary() binary() pong(x) ");
}

static void test_long_message(void **state)
{
	char text[MAX_MESSAGE + 1];
	struct buf b = {0}, want = {0};

	memset(text, 'q', sizeof(text));
	put_frame(&b, 0x81, text, MAX_MESSAGE);
	put_frame(&b, 0x01, text, 126);
	put_frame(&b, 0x80, text, MAX_MESSAGE - 126);
	for (int i = 0; i < 2; i++)
		buf_printf(&want, "text(%.*s) ", MAX_MESSAGE, text);
	expect(&b, buf_text(&want));
	buf_finish(&want);
	put_frame(&b, 0x81, text, MAX_MESSAGE + 1);
	expect(&b, "error(1009) ");
	put_frame(&b, 0x01, text, MAX_MESSAGE);
	put_frame(&b, 0x80, text, 1);
	expect(&b, "error(1009) ");
}

static void test_close(void **state)
{
	struct buf b = {0};

	put_frame(&b, 0x88,
		"\x03\xe8"
		"bye",
		5);
	expect(&b, "close(1000) ");
	put_frame(&b, 0x88, "", 0);
	expect(&b, "close(1005) ");
	put_frame(&b, 0x88, "\x0f\xa0", 2);
	expect(&b, "close(4000) ");
	put_frame(&b, 0x88, "\x03", 1);
	expect(&b, "error(1002) ");
	put_frame(&b, 0x88, "\x03\xed", 2);
	expect(&b, "error(1002) ");
	put_frame(&b, 0x88, "\x03\xe7", 2);
	expect(&b, "error(1002) ");
	put_frame(&b, 0x88, "\x03\xe8\xff", 3);
	expect(&b, "error(1007) ");
}

static void test_forbidden(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t len;
		const char *want;
	} cases[] = {
		{{0x81, 0x01, 'a'}, 3, "error(1002) "},
		{{0xc1, 0x80, 1, 2, 3, 4}, 6, "error(1002) "},
		{{0x91, 0x80, 1, 2, 3, 4}, 6, "error(1002) "},
		{{0x83, 0x80, 1, 2, 3, 4}, 6, "error(1002) "},
		{{0x8b, 0x80, 1, 2, 3, 4}, 6, "error(1002) "},
		{{0x09, 0x80, 1, 2, 3, 4}, 6, "error(1002) "},
		{{0x89, 0xfe, 0, 126, 1, 2, 3, 4}, 8, "error(1002) "},
		{{0x80, 0x80, 1, 2, 3, 4}, 6, "error(1002) "},
		{{0x01, 0x80, 1, 2, 3, 4, 0x81, 0x80, 1, 2, 3, 4}, 12, "error(1002) "},
		{{0x82, 0xfe, 0, 125, 1, 2, 3, 4}, 8, "error(1002) "},
		{{0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 4}, 14, "error(1002) "},
		{{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, 14,
			"error(1009) "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = {0};
		buf_put(&b, cases[i].bytes, cases[i].len);
		expect(&b, cases[i].want);
	}
	struct buf b = {0};
	put_text(&b, 0x81, "a\xff");
	expect(&b, "error(1007) ");
	put_text(&b, 0x82, "a\xff");
	expect(&b, "binary(a\xff) ");
	put_text(&b, 0x81, "\xe2\x82");
	expect(&b, "error(1007) ");
}

static void test_writer(void **state)
{
	static const struct {
		size_t len, head;
	} cases[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {70000, 10}};
	char *text = mem_zalloc(70000);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcbuf *f = ws_frame(WS_BINARY, text, cases[i].len);
		const uint8_t *data;
		size_t len;
		bool binary;
		assert_int_equal(rcbuf_len(f), cases[i].head + cases[i].len);
		assert_true(ws_frame_payload(f, &binary, &data, &len));
		assert_true(binary);
		assert_int_equal(len, cases[i].len);
		assert_ptr_equal(data, rcbuf_data(f) + cases[i].head);
		rcbuf_unref(&f);
	}
	free(text);
}

static void test_writer_bytes(void **state)
{
	struct rcbuf *f = ws_frame(WS_TEXT, "Hello", 5);
	const uint8_t *data;
	size_t len;
	bool binary;

	assert_memory_equal(rcbuf_data(f), "\x81\x05Hello", 7);
	rcbuf_unref(&f);
	f = ws_frame_prefixed('4', "hi", 2);
	assert_int_equal(rcbuf_len(f), 5);
	assert_memory_equal(rcbuf_data(f),
		"\x81\x03"
		"4hi",
		5);
	rcbuf_unref(&f);
	f = ws_frame_close(1001, "gone");
	assert_memory_equal(rcbuf_data(f), "\x88\x06\x03\xe9gone", 8);
	assert_false(ws_frame_payload(f, &binary, &data, &len));
	rcbuf_unref(&f);
	f = ws_frame_close(0, NULL);
	assert_int_equal(rcbuf_len(f), 2);
	assert_memory_equal(rcbuf_data(f), "\x88\x00", 2);
	rcbuf_unref(&f);
}

static void test_close_reason_is_cut_between_characters(void **state)
{
	char reason[200];

	memset(reason, 'a', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	memcpy(reason + 122, "\xe2\x82\xac", 3);
	struct rcbuf *f = ws_frame_close(1000, reason);
	assert_int_equal(rcbuf_len(f), 2 + 2 + 122);
	rcbuf_unref(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_bytes),
		cmocka_unit_test(test_close_reason_is_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
