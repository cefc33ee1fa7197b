#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "model/repo.h"

/*
 * What was said in a stream, with the place in its recording at which it was: the content of
 * /vod/STREAM_ID/chat.json. Read in pages, so that no turn of the loop is long. Loop thread.
 */
#define REPLAY_PAGE 500

struct replay;
struct chat_record;

/* A message as it stands there; the caller's. */
json_t *replay_message_json(const struct chat_record *m, uint64_t offset_ms);

/* From the message after `after` on (zero: the first). NOT_FOUND: no recording, or no chat. */
enum repo_result replay_open(
	const struct repo *repo, struct uuid stream_id, struct uuid after, struct replay **out);
/*
 * Up to REPLAY_PAGE messages, the caller's: [{id, offset, userId, username, avatar, message}],
 * offset in ms from the recording's start. *more: there are others. NOT_FOUND: no message `after`.
 */
enum repo_result replay_next(struct replay *r, json_t **messages, bool *more);
/* The last message that was given out. */
struct uuid replay_place(const struct replay *r);
void replay_close(struct replay **r); /* nulls; *r may be NULL */
