#include <string.h>

#include "base/clock.h"
#include "cut.h"
#include "proto/rtmp_handshake.h"
#include "support/test.h"

#define SIZE RTMP_HANDSHAKE_SIZE

struct bench {
	struct clock_manual clock;
	struct buf out;
	struct rtmp_handshake *server;
	uint8_t c1[SIZE];
	uint8_t sent[1 + 2 * SIZE + 5]; /* C0 C1 C2 and the start of the chunks */
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	clock_manual_init(&b->clock, 0);
	b->server = rtmp_handshake_create(RTMP_HANDSHAKE_SERVER, &b->clock.clock, &b->out);
	clock_random(&b->clock.clock, b->c1, SIZE);
	memset(b->c1, 0, 8);
}

static void bench_finish(struct bench *b)
{
	rtmp_handshake_destroy(b->server);
	buf_finish(&b->out);
}

static enum rtmp_handshake_result bench_send(struct bench *b, unsigned cut, size_t *used)
{
	b->sent[0] = 3;
	memcpy(b->sent + 1, b->c1, SIZE);
	memcpy(b->sent + 1 + 2 * SIZE, "\x02\x01\x02\x03\x04", 5);
	enum rtmp_handshake_result result = RTMP_HANDSHAKE_MORE;
	uint32_t seed = 1;
	for (*used = 0; result == RTMP_HANDSHAKE_MORE && *used < sizeof(b->sent);) {
		size_t piece = cut_piece(cut, &seed, sizeof(b->sent) - *used), taken;
		result = rtmp_handshake_input(b->server, b->sent + *used, piece, &b->out, &taken);
		*used += taken;
	}
	return result;
}

static void test_plain(void **state)
{
	cut_for_each(cut)
	{
		struct bench b;
		size_t used;
		bench_init(&b);
		assert_int_equal(bench_send(&b, cut, &used), RTMP_HANDSHAKE_DONE);
		assert_int_equal(used, 1 + 2 * SIZE);
		assert_int_equal(b.out.len, 1 + 2 * SIZE);
		assert_int_equal(b.out.data[0], 3);
		assert_memory_equal(b.out.data + 1 + SIZE, b.c1, SIZE);
		assert_int_equal(rtmp_handshake_scheme(b.server), RTMP_HANDSHAKE_PLAIN);
		bench_finish(&b);
	}
}

static void check_digest(unsigned cut, enum rtmp_handshake_scheme scheme)
{
	struct bench b;
	size_t used;
	bench_init(&b);
	memcpy(b.c1 + 4, "\x80\x00\x07\x02", 4);
	rtmp_handshake_sign_client(b.c1, scheme);
	assert_int_equal(bench_send(&b, cut, &used), RTMP_HANDSHAKE_DONE);
	assert_int_equal(used, 1 + 2 * SIZE);
	assert_int_equal(rtmp_handshake_scheme(b.server), scheme);
	assert_int_equal(b.out.len, 1 + 2 * SIZE);
	assert_true(
		rtmp_handshake_check_server(b.c1, b.out.data + 1, b.out.data + 1 + SIZE, scheme));
	b.out.data[1 + 700]++;
	b.out.data[1 + 1500]++;
	assert_false(
		rtmp_handshake_check_server(b.c1, b.out.data + 1, b.out.data + 1 + SIZE, scheme));
	bench_finish(&b);
}

static void test_digest_of_both_schemes(void **state)
{
	cut_for_each(cut)
	{
		check_digest(cut, RTMP_HANDSHAKE_DIGEST_FIRST);
		check_digest(cut, RTMP_HANDSHAKE_DIGEST_SECOND);
	}
}

/* The digest may lie anywhere in its half: every offset must stay inside and verify. */
static void test_digest_at_every_offset(void **state)
{
	for (unsigned offset = 0; offset < 728; offset++) {
		for (unsigned half = 0; half < 2; half++) {
			enum rtmp_handshake_scheme scheme = half == 0
				? RTMP_HANDSHAKE_DIGEST_FIRST
				: RTMP_HANDSHAKE_DIGEST_SECOND;
			struct bench b;
			size_t used;
			bench_init(&b);
			b.c1[4] = 9;
			for (unsigned i = 0; i < 4; i++) {
				unsigned left = offset > i * 255 ? offset - i * 255 : 0;
				b.c1[(half == 0 ? 8 : 772) + i] =
					(uint8_t)(left < 255 ? left : 255);
			}
			rtmp_handshake_sign_client(b.c1, scheme);
			bench_send(&b, CUT_WHOLE, &used);
			assert_int_equal(rtmp_handshake_scheme(b.server), scheme);
			bench_finish(&b);
		}
	}
}

static void test_wrong_digest_is_served_plain(void **state)
{
	struct bench b;
	size_t used;
	bench_init(&b);
	memcpy(b.c1 + 4, "\x80\x00\x07\x02", 4);
	rtmp_handshake_sign_client(b.c1, RTMP_HANDSHAKE_DIGEST_FIRST);
	b.c1[1000]++;
	assert_int_equal(bench_send(&b, CUT_WHOLE, &used), RTMP_HANDSHAKE_DONE);
	assert_int_equal(rtmp_handshake_scheme(b.server), RTMP_HANDSHAKE_PLAIN);
	assert_memory_equal(b.out.data + 1 + SIZE, b.c1, SIZE);
	bench_finish(&b);
}

static void test_other_versions_are_refused(void **state)
{
	static const uint8_t versions[] = {0, 2, 4, 6, 8, 'G', 0x16, 0xff};
	for (size_t i = 0; i < sizeof(versions); i++) {
		struct bench b;
		size_t used;
		bench_init(&b);
		assert_int_equal(rtmp_handshake_input(b.server, &versions[i], 1, &b.out, &used),
			RTMP_HANDSHAKE_REFUSED);
		assert_int_equal(b.out.len, 0);
		assert_int_equal(
			rtmp_handshake_input(b.server, (const uint8_t *)"\x03", 1, &b.out, &used),
			RTMP_HANDSHAKE_REFUSED);
		bench_finish(&b);
	}
}

static void test_client_against_server(void **state)
{
	struct bench b;
	struct buf to_server = {0};
	size_t used;
	bench_init(&b);
	struct rtmp_handshake *client =
		rtmp_handshake_create(RTMP_HANDSHAKE_CLIENT, &b.clock.clock, &to_server);
	assert_int_equal(to_server.len, 1 + SIZE);
	assert_int_equal(
		rtmp_handshake_input(b.server, to_server.data, to_server.len, &b.out, &used),
		RTMP_HANDSHAKE_MORE);
	buf_consume(&to_server, used);
	assert_int_equal(rtmp_handshake_input(client, b.out.data, b.out.len, &to_server, &used),
		RTMP_HANDSHAKE_DONE);
	assert_int_equal(used, b.out.len);
	assert_memory_equal(to_server.data, b.out.data + 1, SIZE);
	assert_int_equal(
		rtmp_handshake_input(b.server, to_server.data, to_server.len, &b.out, &used),
		RTMP_HANDSHAKE_DONE);
	rtmp_handshake_destroy(client);
	buf_finish(&to_server);
	bench_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_digest_of_both_schemes),
		cmocka_unit_test(test_digest_at_every_offset),
		cmocka_unit_test(test_wrong_digest_is_served_plain),
		cmocka_unit_test(test_other_versions_are_refused),
		cmocka_unit_test(test_client_against_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
