#include "relay_rules.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

static const char *const not_public[] = {
	"0.0.0.0/8",
	"10.0.0.0/8",
	"100.64.0.0/10",
	"127.0.0.0/8",
	"169.254.0.0/16",
	"172.16.0.0/12",
	"192.0.0.0/24",
	"192.0.2.0/24",
	"192.88.99.0/24",
	"192.168.0.0/16",
	"198.18.0.0/15",
	"198.51.100.0/24",
	"203.0.113.0/24",
	"224.0.0.0/4",
	"240.0.0.0/4",
	"::/96",
	"64:ff9b::/96",
	"64:ff9b:1::/48",
	"100::/64",
	"2001::/23",
	"2001:db8::/32",
	"2002::/16",
	"fc00::/7",
	"fe80::/10",
	"fec0::/10",
	"ff00::/8",
};

static bool add(struct relay_rules *r, const char *text)
{
	r->allow = mem_realloc(r->allow, (r->n_allow + 1) * sizeof(*r->allow));
	return net_prefix_parse(text, &r->allow[r->n_allow++]);
}

bool relay_rules_init(struct relay_rules *r, const char *allow)
{
	char *copy = mem_strdup(allow ? allow : ""), *rest = copy;
	bool good = true;

	*r = (struct relay_rules){0};
	for (char *one = strsep(&rest, ", "); one && good; one = strsep(&rest, ", "))
		good = !*one || add(r, one);
	free(copy);
	if (!good)
		relay_rules_finish(r);
	return good;
}

void relay_rules_finish(struct relay_rules *r)
{
	free(r->allow);
	*r = (struct relay_rules){0};
}

bool relay_rules_admit(const struct relay_rules *r, const struct net_prefix *address)
{
	struct net_prefix net;

	for (size_t i = 0; i < r->n_allow; i++)
		if (net_prefix_has(&r->allow[i], address))
			return true;
	for (size_t i = 0; i < sizeof(not_public) / sizeof(*not_public); i++) {
		must(net_prefix_parse(not_public[i], &net));
		if (net_prefix_has(&net, address))
			return false;
	}
	return true;
}

bool relay_rules_address(const struct sockaddr *from, struct net_prefix *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	*out = (struct net_prefix){0};
	if (from->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)from;
		out->size = 4;
		memcpy(out->bytes, &in->sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)from;
		bool is_mapped = memcmp(&in6->sin6_addr, mapped, sizeof(mapped)) == 0;
		out->size = is_mapped ? 4 : 16;
		memcpy(out->bytes, in6->sin6_addr.s6_addr + (is_mapped ? 12 : 0), out->size);
	}
	out->length = (uint8_t)(out->size * 8);
	return out->size > 0;
}

uint64_t relay_backoff_next(
	struct relay_backoff *b, uint64_t min_us, uint64_t max_us, uint32_t chance)
{
	uint64_t us = min_us;

	for (unsigned i = 0; i < b->failures && us < max_us; i++)
		us *= 2;
	b->failures++;
	if (us > max_us)
		us = max_us;
	us = us - us / 4 + us / 2 * (chance & 0xffff) / 0x10000;
	return us < min_us ? min_us : us > max_us ? max_us : us;
}

void relay_backoff_lived(struct relay_backoff *b, uint64_t us)
{
	if (us >= RELAY_STEADY_US)
		b->failures = 0;
}
