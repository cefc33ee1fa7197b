#include "proto/sio.h"

#include <string.h>

/* The largest integer that JavaScript tells from its neighbours. */
#define ID_MAX 9007199254740991u

struct cursor {
	const char *at, *end;
};

bool sio_is_binary(enum sio_type type)
{
	return type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK;
}

static bool at_digit(const struct cursor *c)
{
	return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static bool read_number(struct cursor *c, uint64_t max, uint64_t *out)
{
	const char *start = c->at;
	uint64_t value = 0;

	for (; at_digit(c); c->at++) {
		value = value * 10 + (uint64_t)(*c->at - '0');
		if (value > max)
			return false;
	}
	*out = value;
	return c->at > start && (*start != '0' || c->at == start + 1);
}

static bool read_attachments(struct cursor *c, unsigned max, struct sio_packet *out)
{
	uint64_t n;

	if (!sio_is_binary(out->type))
		return true;
	if (!read_number(c, max, &n) || c->at == c->end || *c->at != '-')
		return false;
	c->at++;
	out->attachments = (unsigned)n;
	return true;
}

/* Up to a comma or the end of the packet. */
static bool read_namespace(struct cursor *c, struct sio_packet *out)
{
	const char *start = c->at, *comma;

	out->name = "/";
	out->name_len = 1;
	if (c->at == c->end || *c->at != '/')
		return true;
	comma = memchr(start, ',', (size_t)(c->end - start));
	c->at = comma ? comma : c->end;
	out->name = start;
	out->name_len = (size_t)(c->at - start);
	for (const char *p = start; p < c->at; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	if (comma)
		c->at++;
	return out->name_len <= SIO_NAMESPACE_MAX;
}

static bool read_id(struct cursor *c, struct sio_packet *out)
{
	out->has_id = at_digit(c);
	return !out->has_id || read_number(c, ID_MAX, &out->id);
}

/* Whether what was read fits its type; `first` is the JSON's first byte, 0 without one. */
static bool fits(const struct sio_packet *p, char first)
{
	switch (p->type) {
	case SIO_CONNECT:
		return !p->has_id && (!first || first == '{');
	case SIO_DISCONNECT:
		return !p->has_id && !first;
	case SIO_CONNECT_ERROR:
		return !p->has_id && (first == '{' || first == '"');
	case SIO_EVENT:
	case SIO_BINARY_EVENT:
		return first == '[';
	case SIO_ACK:
	case SIO_BINARY_ACK:
		return p->has_id && first == '[';
	}
	return false;
}

bool sio_decode(const char *text, size_t len, unsigned max_attachments, struct sio_packet *out)
{
	struct cursor c = {text, text + len};

	*out = (struct sio_packet){0};
	if (!len || text[0] < '0' || text[0] > '6')
		return false;
	out->type = (enum sio_type)(text[0] - '0');
	c.at++;
	if (!read_attachments(&c, max_attachments, out) || !read_namespace(&c, out) ||
		!read_id(&c, out))
		return false;
	out->json = c.at;
	out->json_len = (size_t)(c.end - c.at);
	return fits(out, out->json_len ? *c.at : '\0');
}

void sio_encode(struct buf *out, const struct sio_packet *p)
{
	buf_put_u8(out, (uint8_t)('0' + (int)p->type));
	if (sio_is_binary(p->type))
		buf_printf(out, "%u-", p->attachments);
	if (p->name_len > 1) {
		buf_put(out, p->name, p->name_len);
		buf_put_u8(out, ',');
	}
	if (p->has_id)
		buf_printf(out, "%llu", (unsigned long long)p->id);
	if (p->json_len)
		buf_put(out, p->json, p->json_len);
}
