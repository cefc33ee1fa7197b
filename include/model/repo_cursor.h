#pragma once

#include "model/uuid.h"

/*
 * The place of a row in a list, as the opaque text that clients hand back: base64url of a rank byte
 * and the id. All backends sort by rank, then by id, both descending (ids are UUIDv7: newest
 * first).
 */
struct repo_cursor {
	uint8_t rank; /* streams: 1 live, 0 not; products: 0 */
	struct uuid id;
};

char *repo_cursor_text(struct repo_cursor c); /* heap */
bool repo_cursor_parse(const char *text, struct repo_cursor *out);
/* Negative, zero, positive as a stands before, at, after b in a list. */
int repo_cursor_order(struct repo_cursor a, struct repo_cursor b);
