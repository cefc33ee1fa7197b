#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_prefix.h"

struct sockaddr;

/*
 * Which addresses a relay may connect to. A target is a stranger's word: without a rule it would be
 * a way to what only this machine can reach. Refused are all networks that are not of the public
 * internet (IANA's special-purpose registries: private, loopback, link-local, shared, multicast,
 * and IPv6 that carries IPv4), unless `allow` names them. To be asked of the address that will be
 * connected to, never of a name.
 */
struct relay_rules {
	struct net_prefix *allow;
	size_t n_allow;
};

/* "192.0.2.0/24,2001:db8::/32"; NULL or "": none. False (and nothing to finish) if it is not that.
 */
bool relay_rules_init(struct relay_rules *r, const char *allow);
void relay_rules_finish(struct relay_rules *r);
bool relay_rules_admit(const struct relay_rules *r, const struct net_prefix *address);
/* Of a socket's address; false: neither IPv4 nor IPv6. */
bool relay_rules_address(const struct sockaddr *from, struct net_prefix *out);

/*
 * When a failed target is tried again: the time doubles from min to max, and lies by chance up to a
 * quarter beside it, so that many targets of one server do not come back in step. A connection that
 * held for long enough begins anew.
 */
#define RELAY_STEADY_US 30000000u

struct relay_backoff {
	unsigned failures; /* in a row */
};
uint64_t relay_backoff_next(
	struct relay_backoff *b, uint64_t min_us, uint64_t max_us, uint32_t chance);
void relay_backoff_lived(struct relay_backoff *b, uint64_t us);
