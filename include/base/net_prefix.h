#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Networks in the notation of RFC 4632 and RFC 4291: "192.0.2.0/24", "2001:db8::/32", or one
 * address. IPv4-mapped IPv6 addresses are IPv4.
 */
struct net_prefix {
	uint8_t bytes[16]; /* bits past the length are 0 */
	uint8_t size; /* 4 or 16 */
	uint8_t length; /* bits */
};

#define NET_PREFIX_TEXT_SIZE 64

bool net_prefix_parse(const char *text, struct net_prefix *out);
/* Without the length where it is one address. */
void net_prefix_text(const struct net_prefix *p, char out[static NET_PREFIX_TEXT_SIZE]);
bool net_prefix_has(const struct net_prefix *p, const struct net_prefix *address);
