#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

/*
 * RTMP handshake (Adobe RTMP 1.0, section 5.2), and on the server side the digest form that Flash
 * players and several encoders ask for by a non-zero version in C1: an HMAC-SHA256 of the 1536
 * bytes lies at a computed place in their first or second half (the two schemes).
 *
 * The server accepts version 3 only; 6 (RTMPE) and anything that is not RTMP are refused at the
 * first byte. A client whose digest does not verify is served the plain form.
 */
#define RTMP_HANDSHAKE_SIZE 1536

enum rtmp_handshake_role { RTMP_HANDSHAKE_SERVER, RTMP_HANDSHAKE_CLIENT };
enum rtmp_handshake_result {
	RTMP_HANDSHAKE_MORE, /* every byte was taken, more are needed */
	RTMP_HANDSHAKE_DONE, /* *used bytes belonged to the handshake, the rest are chunks */
	RTMP_HANDSHAKE_REFUSED, /* version is not 3; final */
};

enum rtmp_handshake_scheme {
	RTMP_HANDSHAKE_PLAIN,
	RTMP_HANDSHAKE_DIGEST_FIRST, /* the digest lies in bytes 8-771 */
	RTMP_HANDSHAKE_DIGEST_SECOND, /* the digest lies in bytes 772-1535 */
};

struct rtmp_handshake;

/*
 * Randomness for S1/C1 comes from `clock`, borrowed. A client (plain form only) appends C0 and C1
 * to `out` right here; a server leaves `out` alone.
 */
struct rtmp_handshake *rtmp_handshake_create(
	enum rtmp_handshake_role role, const struct clock *clock, struct buf *out);
void rtmp_handshake_destroy(struct rtmp_handshake *h); /* NULL is fine */

/* Takes bytes however they are cut, appends answers to `out`. */
enum rtmp_handshake_result rtmp_handshake_input(
	struct rtmp_handshake *h, const uint8_t *data, size_t len, struct buf *out, size_t *used);
/* What the server answered with; PLAIN until C1 was complete. */
enum rtmp_handshake_scheme rtmp_handshake_scheme(const struct rtmp_handshake *h);

/*
 * Writes a client's digest of the given scheme into 1536 bytes of C1, and checks a server's answer:
 * for test peers. `check` yields whether S1 carries the server's digest in that scheme and S2 is
 * signed over the digest of c1.
 */
void rtmp_handshake_sign_client(
	uint8_t c1[static RTMP_HANDSHAKE_SIZE], enum rtmp_handshake_scheme scheme);
bool rtmp_handshake_check_server(const uint8_t c1[static RTMP_HANDSHAKE_SIZE],
	const uint8_t s1[static RTMP_HANDSHAKE_SIZE], const uint8_t s2[static RTMP_HANDSHAKE_SIZE],
	enum rtmp_handshake_scheme scheme);
