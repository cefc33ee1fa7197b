#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A WebSocket client's side (RFC 6455), as far as a load needs it. Sans-io. */

/* The request; further fields as whole lines, or "". */
void ws_client_request(
	struct buf *out, const char *path, const char *host, unsigned port, const char *fields);

enum ws_client_answer { WS_CLIENT_MORE, WS_CLIENT_OPEN, WS_CLIENT_REFUSED };
/* The answer's head. OPEN: *used bytes of it; REFUSED: *status, 0 if it is no HTTP. */
enum ws_client_answer ws_client_answer(const uint8_t *data, size_t len, size_t *used, int *status);

/* Appends a whole masked frame. */
void ws_client_frame(struct buf *out, unsigned opcode, const void *data, size_t len, uint32_t mask);

struct ws_client_in {
	unsigned opcode;
	const uint8_t *data; /* into what was given */
	size_t len;
};
/*
 * One frame of a server's. Returns its bytes, 0 if there are not enough of them yet, -1 for what
 * cannot be: masked, reserved bits, in pieces (no server under measure cuts), over 16 MiB.
 */
long ws_client_read(const uint8_t *data, size_t len, struct ws_client_in *out);
