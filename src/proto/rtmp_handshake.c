#include "proto/rtmp_handshake.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"

#define DIGEST_SIZE 32
#define RTMP_VERSION 3

enum handshake_state {
	WAIT_VERSION,
	WAIT_FIRST, /* C1 or S1 */
	WAIT_SECOND, /* C2 or S2 */
	FINISHED,
	REFUSED,
};

struct rtmp_handshake {
	enum rtmp_handshake_role role;
	enum handshake_state state;
	enum rtmp_handshake_scheme scheme;
	const struct clock *clock;
	size_t got; /* bytes of the block that is being waited for */
	uint8_t block[RTMP_HANDSHAKE_SIZE];
};

/*
 * The key of each side is a sentence followed by 32 bytes that both share. C1 and S1 are signed
 * with the sentence alone, the last 32 bytes of S2 with the whole.
 */
#define CLIENT_TEXT "Genuine Adobe Flash Player 001"
#define SERVER_TEXT "Genuine Adobe Flash Media Server 001"

static const uint8_t shared_tail[DIGEST_SIZE] = {
	0xf0,
	0xee,
	0xc2,
	0x4a,
	0x80,
	0x68,
	0xbe,
	0xe8,
	0x2e,
	0x00,
	0xd0,
	0xd1,
	0x02,
	0x9e,
	0x7e,
	0x57,
	0x6e,
	0xec,
	0x5d,
	0x2d,
	0x29,
	0x80,
	0x6f,
	0xab,
	0x93,
	0xb8,
	0xe6,
	0x36,
	0xcf,
	0xeb,
	0x31,
	0xae,
};

static void hmac(const void *key, size_t key_len, const uint8_t *data, size_t len,
	uint8_t out[static DIGEST_SIZE])
{
	unsigned out_len = DIGEST_SIZE;
	must(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &out_len) != NULL);
}

/* Where the digest lies: four bytes of the half, summed, modulo what fits behind them. */
static size_t digest_offset(const uint8_t *block, enum rtmp_handshake_scheme scheme)
{
	size_t half = scheme == RTMP_HANDSHAKE_DIGEST_FIRST ? 8 : 772;
	unsigned sum = (unsigned)block[half] + block[half + 1] + block[half + 2] + block[half + 3];
	return half + 4 + sum % 728;
}

static void digest_block(const uint8_t *block, size_t at, const char *key, uint8_t *out)
{
	uint8_t joined[RTMP_HANDSHAKE_SIZE - DIGEST_SIZE];
	memcpy(joined, block, at);
	memcpy(joined + at, block + at + DIGEST_SIZE, sizeof(joined) - at);
	hmac(key, strlen(key), joined, sizeof(joined), out);
}

static bool digest_valid(const uint8_t *block, enum rtmp_handshake_scheme scheme, const char *key)
{
	uint8_t want[DIGEST_SIZE];
	size_t at = digest_offset(block, scheme);
	digest_block(block, at, key, want);
	return text_equal_const(want, block + at, DIGEST_SIZE);
}

static void digest_sign(uint8_t *block, enum rtmp_handshake_scheme scheme, const char *key)
{
	uint8_t digest[DIGEST_SIZE];
	size_t at = digest_offset(block, scheme);
	digest_block(block, at, key, digest);
	memcpy(block + at, digest, DIGEST_SIZE);
}

/* The signature at the end of S2 proves that the server saw the digest of C1. */
static void sign_answer(const uint8_t *peer_digest, const uint8_t *answer, uint8_t *out)
{
	uint8_t key[sizeof(SERVER_TEXT) - 1 + DIGEST_SIZE], derived[DIGEST_SIZE];
	memcpy(key, SERVER_TEXT, sizeof(SERVER_TEXT) - 1);
	memcpy(key + sizeof(SERVER_TEXT) - 1, shared_tail, DIGEST_SIZE);
	hmac(key, sizeof(key), peer_digest, DIGEST_SIZE, derived);
	hmac(derived, sizeof(derived), answer, RTMP_HANDSHAKE_SIZE - DIGEST_SIZE, out);
}

static enum rtmp_handshake_scheme find_scheme(const uint8_t *c1)
{
	bool asks = (c1[4] | c1[5] | c1[6] | c1[7]) != 0;
	if (asks && digest_valid(c1, RTMP_HANDSHAKE_DIGEST_FIRST, CLIENT_TEXT)) {
		return RTMP_HANDSHAKE_DIGEST_FIRST;
	}
	if (asks && digest_valid(c1, RTMP_HANDSHAKE_DIGEST_SECOND, CLIENT_TEXT)) {
		return RTMP_HANDSHAKE_DIGEST_SECOND;
	}
	return RTMP_HANDSHAKE_PLAIN;
}

static uint8_t *append_block(const struct clock *clock, struct buf *out)
{
	uint8_t *block = buf_reserve(out, RTMP_HANDSHAKE_SIZE);
	out->len += RTMP_HANDSHAKE_SIZE;
	clock_random(clock, block, RTMP_HANDSHAKE_SIZE);
	return block;
}

static void server_answer(struct rtmp_handshake *h, struct buf *out)
{
	static const uint8_t flash_version[4] = {0x0d, 0x0e, 0x0a, 0x0d};
	h->scheme = find_scheme(h->block);
	buf_put_u8(out, RTMP_VERSION);
	uint8_t *s1 = append_block(h->clock, out);
	memset(s1, 0, 8);
	if (h->scheme == RTMP_HANDSHAKE_PLAIN) {
		buf_put(out, h->block, RTMP_HANDSHAKE_SIZE);
		return;
	}
	memcpy(s1 + 4, flash_version, sizeof(flash_version));
	digest_sign(s1, h->scheme, SERVER_TEXT);
	uint8_t *s2 = append_block(h->clock, out);
	sign_answer(h->block + digest_offset(h->block, h->scheme), s2,
		s2 + RTMP_HANDSHAKE_SIZE - DIGEST_SIZE);
}

struct rtmp_handshake *rtmp_handshake_create(
	enum rtmp_handshake_role role, const struct clock *clock, struct buf *out)
{
	struct rtmp_handshake *h = mem_new(struct rtmp_handshake);
	h->role = role;
	h->clock = clock;
	if (role == RTMP_HANDSHAKE_CLIENT) {
		buf_put_u8(out, RTMP_VERSION);
		memset(append_block(clock, out), 0, 8);
	}
	return h;
}

void rtmp_handshake_destroy(struct rtmp_handshake *h)
{
	free(h);
}

enum rtmp_handshake_scheme rtmp_handshake_scheme(const struct rtmp_handshake *h)
{
	return h->scheme;
}

static bool fill_block(struct rtmp_handshake *h, struct buf_reader *in)
{
	size_t want = sizeof(h->block) - h->got;
	size_t n = buf_left(in) < want ? buf_left(in) : want;
	if (n > 0) {
		memcpy(h->block + h->got, buf_read_bytes(in, n), n);
	}
	h->got += n;
	return h->got == sizeof(h->block);
}

static void take_version(struct rtmp_handshake *h, struct buf_reader *in)
{
	if (buf_left(in) > 0) {
		h->state = buf_read_u8(in) == RTMP_VERSION ? WAIT_FIRST : REFUSED;
	}
}

static void take_first(struct rtmp_handshake *h, struct buf_reader *in, struct buf *out)
{
	if (!fill_block(h, in)) {
		return;
	}
	if (h->role == RTMP_HANDSHAKE_SERVER) {
		server_answer(h, out);
	} else {
		buf_put(out, h->block, sizeof(h->block));
	}
	h->got = 0;
	h->state = WAIT_SECOND;
}

/* What the peer echoes is not compared: real encoders send all sorts of things in C2. */
static void take_second(struct rtmp_handshake *h, struct buf_reader *in)
{
	if (fill_block(h, in)) {
		h->state = FINISHED;
	}
}

static bool step(struct rtmp_handshake *h, struct buf_reader *in, struct buf *out)
{
	enum handshake_state before = h->state;
	switch (h->state) {
	case WAIT_VERSION:
		take_version(h, in);
		break;
	case WAIT_FIRST:
		take_first(h, in, out);
		break;
	case WAIT_SECOND:
		take_second(h, in);
		break;
	case FINISHED:
	case REFUSED:
		break;
	}
	return h->state != before;
}

enum rtmp_handshake_result rtmp_handshake_input(
	struct rtmp_handshake *h, const uint8_t *data, size_t len, struct buf *out, size_t *used)
{
	struct buf_reader in = buf_reader(data, len);
	while (step(h, &in, out)) {
	}
	*used = len - buf_left(&in);
	if (h->state == REFUSED) {
		return RTMP_HANDSHAKE_REFUSED;
	}
	return h->state == FINISHED ? RTMP_HANDSHAKE_DONE : RTMP_HANDSHAKE_MORE;
}

void rtmp_handshake_sign_client(
	uint8_t c1[static RTMP_HANDSHAKE_SIZE], enum rtmp_handshake_scheme scheme)
{
	digest_sign(c1, scheme, CLIENT_TEXT);
}

bool rtmp_handshake_check_server(const uint8_t c1[static RTMP_HANDSHAKE_SIZE],
	const uint8_t s1[static RTMP_HANDSHAKE_SIZE], const uint8_t s2[static RTMP_HANDSHAKE_SIZE],
	enum rtmp_handshake_scheme scheme)
{
	uint8_t signature[DIGEST_SIZE];
	sign_answer(c1 + digest_offset(c1, scheme), s2, signature);
	return digest_valid(s1, scheme, SERVER_TEXT) &&
		memcmp(signature, s2 + RTMP_HANDSHAKE_SIZE - DIGEST_SIZE, DIGEST_SIZE) == 0;
}
