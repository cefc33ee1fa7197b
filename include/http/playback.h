#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/uuid.h"

/*
 * Playback tokens: what stands behind `?token=` in the URLs of media that is not for everyone (spec
 * media.md, "Audience"). A token says "this viewer may watch this stream until then" and is signed
 * with a key that only this server has. Sans-io: keys and the time go in.
 *
 * Form, in characters that need no escaping in a URL:
 *
 *   base64url(1, expiry in seconds as 5 bytes, viewer's id) "." base64url(tag)
 *
 * The tag is HMAC-SHA256 over a label, the stream's id and the bytes before the dot, cut to 128
 * bits (RFC 2104 section 5 allows half). The stream's id is not in the token: it is in the path.
 */
#define PLAYBACK_KEY_SIZE 32
#define PLAYBACK_VIEWER_SIZE 513 /* 128 characters of UTF-8 and NUL */
#define PLAYBACK_TOKEN_SIZE 720 /* of the longest viewer's id, with NUL */

/* Where the key comes from: auth_derive_key with this label. */
#define PLAYBACK_LABEL "souk playback key 1"

/* False, with out "", if the viewer's id is empty or too long. */
bool playback_token(const uint8_t key[static PLAYBACK_KEY_SIZE], struct uuid stream,
	const char *viewer, uint64_t expires_s, char out[static PLAYBACK_TOKEN_SIZE]);

enum playback_result {
	PLAYBACK_OK,
	PLAYBACK_BAD, /* not ours, or of another stream */
	PLAYBACK_EXPIRED,
};
/* The signature is looked at first and in constant time; viewer is set on OK only. */
enum playback_result playback_check(const uint8_t key[static PLAYBACK_KEY_SIZE], struct uuid stream,
	const char *token, uint64_t now_s, char viewer[static PLAYBACK_VIEWER_SIZE]);
