#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * TLS for librtmp, whose own names no server (SNI) and believes any certificate. Debian's is built
 * with GnuTLS and takes a session that is made already, which this is. Relay threads only.
 */
struct relay_tls;

struct relay_tls_config {
	const char *host;
	bool verify;
	const char *ca_file; /* PEM; NULL: the system's */
};

/* The handshake over a connected, blocking socket. NULL with what is wrong in error. */
struct relay_tls *relay_tls_open(
	int fd, const struct relay_tls_config *config, char *error, size_t error_size);
void relay_tls_destroy(struct relay_tls **t); /* after the session is gone */
/* A gnutls_session_t for RTMPSockBuf.sb_ssl. Its new owner ends it. */
void *relay_tls_give_session(struct relay_tls *t);
/* From now on reading does not wait (-1: nothing is there). */
void relay_tls_nowait(struct relay_tls *t);
/* What came: over 0, 0 at the end, -1: nothing is there, -2: broken. */
int relay_tls_read(void *session, void *out, size_t size);
bool relay_tls_pending(void *session); /* bytes that poll(2) does not see */
