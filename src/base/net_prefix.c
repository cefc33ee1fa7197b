#include "base/net_prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void clear_host_bits(struct net_prefix *p)
{
	for (unsigned bit = p->length; bit < p->size * 8u; bit++) {
		p->bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	}
}

static bool parse_address(const char *text, struct net_prefix *p)
{
	if (inet_pton(AF_INET, text, p->bytes) == 1) {
		p->size = 4;
	} else if (inet_pton(AF_INET6, text, p->bytes) == 1) {
		p->size = 16;
	}
	return p->size != 0;
}

static void unmap(struct net_prefix *p)
{
	if (p->size == 16 && p->length >= 96 && memcmp(p->bytes, mapped, sizeof(mapped)) == 0) {
		memmove(p->bytes, p->bytes + 12, 4);
		memset(p->bytes + 4, 0, 12);
		p->size = 4;
		p->length -= 96;
	}
}

bool net_prefix_parse(const char *text, struct net_prefix *out)
{
	char address[NET_PREFIX_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;
	*out = (struct net_prefix){0};
	if (len >= sizeof(address)) {
		return false;
	}
	memcpy(address, text, len);
	address[len] = '\0';
	if (!parse_address(address, out)) {
		return false;
	}
	bits = out->size * 8u;
	if (slash != NULL && !text_u64(slash + 1, 0, out->size * 8u, &bits)) {
		return false;
	}
	out->length = (uint8_t)bits;
	unmap(out);
	clear_host_bits(out);
	return true;
}

void net_prefix_text(const struct net_prefix *p, char out[static NET_PREFIX_TEXT_SIZE])
{
	inet_ntop(p->size == 4 ? AF_INET : AF_INET6, p->bytes, out, NET_PREFIX_TEXT_SIZE);
	if (p->length < p->size * 8u) {
		size_t at = strlen(out);
		snprintf(out + at, NET_PREFIX_TEXT_SIZE - at, "/%u", p->length);
	}
}

bool net_prefix_has(const struct net_prefix *p, const struct net_prefix *address)
{
	struct net_prefix cut = *address;
	if (address->size != p->size || address->length < p->length) {
		return false;
	}
	cut.length = p->length;
	clear_host_bits(&cut);
	return memcmp(cut.bytes, p->bytes, p->size) == 0;
}
