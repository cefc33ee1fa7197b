#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/repo.h"

/*
 * Who may watch a stream, and with that read its chat, join its room, see its pictures: the rule,
 * in one place, no wire format. Source: spec rest.md ("Streams") and media.md ("Audience").
 *
 *   everyone      all, with or without a token
 *   followers     who follows the seller
 *   neighborhood  whose neighbourhood is near the seller's (model/people.h)
 *
 * The seller and admins always may. Moderators may as well, for they could not moderate what they
 * do not see. Who is banned from the stream may not, whatever its audience. Loop thread only; a few
 * indexed reads at most.
 */
enum watch_verdict {
	WATCH_OK,
	WATCH_GUEST, /* needs to say who he is */
	WATCH_NOT_FOLLOWING,
	WATCH_NOT_NEAR,
	WATCH_BANNED,
	WATCH_UNKNOWN, /* the store could not be read */
};
/* "not_following", … for error answers, and a sentence for people. */
const char *watch_verdict_code(enum watch_verdict v);
const char *watch_verdict_text(enum watch_verdict v);

struct viewer {
	const char *user_id; /* NULL: a guest */
	unsigned roles; /* enum user_role bits */
	const char *neighborhood; /* NULL: the stored user's */
};

enum watch_verdict audience_check(struct repo repo, const struct stream_record *stream,
	const struct viewer *viewer, uint64_t now_ms);
/* Whether this user is banned from the stream; one that cannot be looked up counts as banned. */
bool audience_is_banned(
	struct repo repo, struct uuid stream_id, const char *user_id, uint64_t now_ms);
