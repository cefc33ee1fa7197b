#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "live/relay_url.h"
#include "relay_queue.h"

/*
 * One connection to a target, as a publisher, over a connected socket: librtmp shakes hands and
 * writes; what the target says is read by proto/rtmp_chunk.h, which is bounded and fuzzed, because
 * a target is a stranger. All calls block as the socket does. Relay threads only; one thread each.
 */
struct relay_session;

/* Once, on the main thread, before the first session: librtmp's globals. */
void relay_session_setup(void);

/* librtmp gets a duplicate of `fd`, so that nothing it closes can be confused with `fd`. `tls`
 * (gnutls_session_t, NULL: none) is the session's now. `place` is borrowed. */
struct relay_session *relay_session_create(int fd, void *tls, const struct relay_place *place);
void relay_session_destroy(struct relay_session **s);

/* Handshake and connect; then relay_session_input until it is accepted. */
bool relay_session_begin(struct relay_session *s);
/* Takes what the target has said and answers it; waits for it if `wait`. False: it is over. */
bool relay_session_input(struct relay_session *s, bool wait);
bool relay_session_is_accepted(const struct relay_session *s);
bool relay_session_pending(const struct relay_session *s); /* input that poll(2) does not see */
bool relay_session_send(struct relay_session *s, const struct relay_packet *p);
/* Says goodbye, as an encoder that stops. */
void relay_session_end(struct relay_session *s);
/* Why it is over, in the target's words without the key; "": it said nothing. */
const char *relay_session_error(const struct relay_session *s);
