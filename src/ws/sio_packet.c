#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sio_private.h"

/* Names with a meaning of their own in the clients' libraries. */
static const char *const reserved[] = {
	"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};

void sio_pending_finish(struct sio_pending *p)
{
	for (unsigned i = 0; i < p->n_blobs; i++)
		rcbuf_unref(&p->blobs[i]);
	free(p->blobs);
	json_decref(p->json);
	*p = (struct sio_pending){0};
}

/* Integers that only a double holds are what JavaScript's numbers beyond 2^63 look like. */
static json_t *parse(const struct sio_packet *p)
{
	json_error_t error;
	json_t *json = json_loadb(p->json, p->json_len, JSON_DECODE_ANY, &error);

	if (!json && json_error_code(&error) == json_error_numeric_overflow)
		json = json_loadb(
			p->json, p->json_len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
	return json;
}

/* The number of four hexadecimal digits; -1: they are none. */
static int hex4(const char *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return -1;
		value = value * 16 +
			(isdigit((unsigned char)s[i]) ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
	}
	return value;
}

/* Bytes of the escape at s, which is \u and at least four digits; false: it is no character. */
static bool escape_fits(const char *s, size_t len, size_t *size)
{
	int first = hex4(s + 2), second = -1;

	*size = 6;
	if ((first & 0xfc00) == 0xd800 && len >= 12 && s[6] == '\\' && s[7] == 'u')
		second = hex4(s + 8);
	if (first < 0 || (first && (first & 0xf800) != 0xd800))
		return true;
	if ((first & 0xfc00) == 0xd800 && second >= 0 && (second & 0xfc00) == 0xdc00) {
		*size = 12;
		return true;
	}
	return false;
}

/* Escapes of no character become U+FFFD. */
static void replace_unfit(char *json, size_t len)
{
	size_t size;

	for (size_t i = 0; i < len; i += size) {
		size = json[i] == '\\' ? 2 : 1;
		if (size == 2 && len - i >= 6 && json[i + 1] == 'u' &&
			!escape_fits(json + i, len - i, &size))
			memcpy(json + i + 2, "fffd", 4);
	}
}

/*
 * What JSON.stringify makes of a text that was cut through an emoji is JSON, but jansson does not
 * take it, nor NUL. NULL: it is no JSON for another reason.
 */
static json_t *parse_unfit(const struct sio_packet *p)
{
	char *copy = mem_alloc(p->json_len + 1);
	struct sio_packet again = *p;
	json_t *json;

	memcpy(copy, p->json, p->json_len);
	copy[p->json_len] = '\0';
	replace_unfit(copy, p->json_len);
	again.json = copy;
	json = parse(&again);
	free(copy);
	return json;
}

static const struct sio_namespace *find_space(
	const struct sio_server *server, const char *name, size_t len)
{
	for (unsigned i = 0; i < server->n_namespaces; i++) {
		const struct sio_namespace *space = &server->namespaces[i];
		if (strlen(space->name) == len && memcmp(space->name, name, len) == 0)
			return space;
	}
	return NULL;
}

static bool on_connect(struct sio_client *c, const struct sio_packet *p)
{
	const struct sio_namespace *space = find_space(c->server, p->name, p->name_len);
	json_t *auth = p->json_len ? parse(p) : json_object();
	bool ok = json_is_object(auth);

	if (ok && !space)
		sio_client_refuse(c, p->name, p->name_len, "Invalid namespace", NULL);
	else if (ok && sio_client_find(c, p->name, p->name_len))
		ok = false;
	else if (ok)
		sio_socket_create(c, space, auth);
	json_decref(auth);
	return ok;
}

static bool is_reserved(const char *name)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(reserved[i], name) == 0)
			return true;
	return false;
}

static bool event_valid(const json_t *json)
{
	const char *name = json_string_value(json_array_get(json, 0));

	return name && !is_reserved(name);
}

static bool placeholders_valid(const json_t *json, unsigned n_blobs)
{
	const json_t *value, *num;
	const char *key;
	size_t index;

	if (json_is_array(json)) {
		json_array_foreach(
			json, index, value) if (!placeholders_valid(value, n_blobs)) return false;
	} else if (json_is_object(json)) {
		num = json_object_get(json, "num");
		if (json_is_true(json_object_get(json, "_placeholder")))
			return json_is_integer(num) && json_integer_value(num) >= 0 &&
				json_integer_value(num) < n_blobs;
		json_object_foreach((json_t *)(uintptr_t)json, key,
			value) if (!placeholders_valid(value, n_blobs)) return false;
	}
	return true;
}

/* The packet is whole. Takes nothing of it. */
static void dispatch(const struct sio_pending *p)
{
	struct sio_socket *s = sio_socket_ref(p->socket);

	if (p->type == SIO_ACK || p->type == SIO_BINARY_ACK) {
		sio_socket_answered(s, p->id, p->json);
	} else {
		json_t *name = json_incref(json_array_get(p->json, 0));
		json_array_remove(p->json, 0);
		s->space->handler->event(s->space->user, s,
			&(struct sio_event){.name = json_string_value(name),
				.args = p->json,
				.unfit = p->unfit,
				.blobs = p->blobs,
				.n_blobs = p->n_blobs,
				.wants_ack = p->has_id,
				.ack_id = p->id});
		json_decref(name);
	}
	sio_socket_unref(&s);
}

/* The pending packet has all that it waits for? It is handed on then. */
static void complete(struct sio_client *c)
{
	struct sio_pending whole = c->pending;

	if (whole.n_blobs < whole.n_wanted)
		return;
	c->pending = (struct sio_pending){0};
	dispatch(&whole);
	sio_pending_finish(&whole);
}

static bool on_data(struct sio_client *c, const struct sio_packet *p)
{
	struct sio_socket *s = sio_client_find(c, p->name, p->name_len);
	bool is_ack = p->type == SIO_ACK || p->type == SIO_BINARY_ACK;
	bool unfit = false;
	json_t *json;

	/* Also one whose connecting has not been answered: nothing may be sent before. */
	if (!s || s->state != SIO_CONNECTED)
		return false;
	json = parse(p);
	if (!json && !is_ack) {
		json = parse_unfit(p);
		unfit = json != NULL;
	}
	if (!json_is_array(json) || (!is_ack && !event_valid(json)) ||
		(sio_is_binary(p->type) && !placeholders_valid(json, p->attachments))) {
		json_decref(json);
		return false;
	}
	c->pending = (struct sio_pending){.socket = s,
		.type = p->type,
		.has_id = p->has_id,
		.id = p->id,
		.json = json,
		.unfit = unfit,
		.n_wanted = p->attachments,
		.bytes = p->json_len};
	if (p->attachments)
		c->pending.blobs = mem_zalloc(p->attachments * sizeof(struct rcbuf *));
	complete(c);
	return true;
}

static bool on_disconnect(struct sio_client *c, const struct sio_packet *p)
{
	struct sio_socket *s = sio_client_find(c, p->name, p->name_len);

	if (!s)
		return false;
	sio_socket_leave(s, true, EIO_END_CLIENT);
	return true;
}

bool sio_client_text(struct sio_client *c, const char *text, size_t len)
{
	struct sio_packet p;

	if (c->pending.socket || !sio_decode(text, len, c->server->max_attachments, &p))
		return false;
	switch (p.type) {
	case SIO_CONNECT:
		return on_connect(c, &p);
	case SIO_DISCONNECT:
		return on_disconnect(c, &p);
	case SIO_EVENT:
	case SIO_ACK:
	case SIO_BINARY_EVENT:
	case SIO_BINARY_ACK:
		return on_data(c, &p);
	case SIO_CONNECT_ERROR:
		return false;
	}
	return false;
}

bool sio_client_binary(struct sio_client *c, const uint8_t *data, size_t len)
{
	struct sio_pending *p = &c->pending;

	if (!p->socket || p->bytes + len > c->server->max_payload)
		return false;
	p->bytes += len;
	p->blobs[p->n_blobs++] = rcbuf_from(data, len);
	complete(c);
	return true;
}
