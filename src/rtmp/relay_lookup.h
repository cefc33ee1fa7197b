#pragma once

#include <stdbool.h>

struct addrinfo;

/*
 * The addresses of a name, from a relay's thread. getaddrinfo(3) cannot be stopped, so another
 * thread calls it, and is left behind if `wake` becomes readable or time is up; it goes when the
 * resolver has answered. At most RELAY_LOOKUPS_MAX such threads are there at a time.
 */
#define RELAY_LOOKUPS_MAX 64

/* NULL with a text (static, or of gai_strerror) in *why. The list is for freeaddrinfo. */
struct addrinfo *relay_lookup(
	const char *host, unsigned port, int wake, int timeout_ms, const char **why);
