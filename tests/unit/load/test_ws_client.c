#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/test.h"
#include "ws_client.h"

static void test_masked_as_in_the_rfc(void **state)
{
	/* RFC 6455 section 5.7 */
	static const uint8_t hello[] = {
		0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
	struct buf out = {0};
	ws_client_frame(&out, 1, "Hello", 5, 0x37fa213d);
	assert_int_equal(out.len, sizeof(hello));
	assert_memory_equal(out.data, hello, sizeof(hello));
	buf_finish(&out);
}

static void test_lengths_of_three_sizes(void **state)
{
	static uint8_t bytes[70000];
	struct buf out = {0};
	ws_client_frame(&out, 2, bytes, 126, 0);
	assert_int_equal(out.len, 2 + 2 + 4 + 126);
	buf_reset(&out);
	ws_client_frame(&out, 2, bytes, 70000, 0);
	assert_int_equal(out.len, 2 + 8 + 4 + 70000);
	assert_int_equal(out.data[1], 0x80 | 127);
	buf_finish(&out);
}

static void test_frames_one_after_another(void **state)
{
	static const uint8_t two[] = {0x81, 2, 'h', 'i', 0x89, 0, 0x82, 126, 0, 3, 1, 2, 3};
	struct ws_client_in f;
	assert_int_equal(ws_client_read(two, sizeof(two), &f), 4);
	assert_int_equal(f.opcode, 1);
	assert_memory_equal(f.data, "hi", 2);
	assert_int_equal(ws_client_read(two + 4, sizeof(two) - 4, &f), 2);
	assert_int_equal(f.opcode, 9);
	assert_int_equal(ws_client_read(two + 6, sizeof(two) - 6, &f), 7);
	assert_int_equal(f.len, 3);
}

static void test_every_cut_waits_for_more(void **state)
{
	static const uint8_t frame[] = {0x82, 126, 0, 3, 1, 2, 3};
	struct ws_client_in f;
	for (size_t n = 0; n < sizeof(frame); n++) {
		uint8_t *copy = mem_alloc(n + 1);
		memcpy(copy, frame, n);
		assert_int_equal(ws_client_read(copy, n, &f), 0);
		free(copy);
	}
}

static void test_what_cannot_be(void **state)
{
	static const uint8_t bad[][10] = {
		{0x81, 0x80}, /* masked */
		{0x01, 0}, /* in pieces */
		{0x80, 0}, /* the last piece of nothing */
		{0xc1, 0}, /* compressed */
		{0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0}, /* a terabyte */
	};
	struct ws_client_in f;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(ws_client_read(bad[i], sizeof(bad[i]), &f), -1);
}

static void test_upgrade(void **state)
{
	static const char open[] = "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: "
				   "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81";
	static const char foreign[] = "HTTP/1.1 101 Switching Protocols\r\n"
				      "sec-websocket-accept: x\r\n\r\n";
	static const char refused[] = "HTTP/1.1 429 Too Many Requests\r\n\r\n";
	size_t used;
	int status;
	assert_int_equal(ws_client_answer((const uint8_t *)open, sizeof(open) - 1, &used, &status),
		WS_CLIENT_OPEN);
	assert_int_equal(used, sizeof(open) - 2);
	for (size_t n = 0; n < sizeof(open) - 2; n++)
		assert_int_equal(
			ws_client_answer((const uint8_t *)open, n, &used, &status), WS_CLIENT_MORE);
	assert_int_equal(
		ws_client_answer((const uint8_t *)foreign, strlen(foreign), &used, &status),
		WS_CLIENT_REFUSED);
	assert_int_equal(
		ws_client_answer((const uint8_t *)refused, strlen(refused), &used, &status),
		WS_CLIENT_REFUSED);
	assert_int_equal(status, 429);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masked_as_in_the_rfc),
		cmocka_unit_test(test_lengths_of_three_sizes),
		cmocka_unit_test(test_frames_one_after_another),
		cmocka_unit_test(test_every_cut_waits_for_more),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test(test_upgrade),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
