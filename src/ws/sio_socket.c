#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sio_private.h"

/* Compact, as JSON.stringify writes it. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

/* --- what is sent --- */

/* Packet and JSON (borrowed, NULL: none) as a frame. */
static struct rcbuf *packet_frame(struct sio_packet p, const char *name, const json_t *json)
{
	struct buf text = {0};
	char *dumped = json ? json_dumps(json, DUMP_FLAGS) : NULL;

	p.name = name;
	p.name_len = strlen(name);
	p.json = dumped;
	p.json_len = dumped ? strlen(dumped) : 0;
	sio_encode(&text, &p);
	struct rcbuf *frame = ws_frame_prefixed('4', text.data, text.len);
	buf_finish(&text);
	free(dumped);
	return frame;
}

static bool client_send(struct sio_client *c, struct rcbuf *frame)
{
	return c && c->session && eio_session_send(c->session, frame);
}

static bool send_packet(
	struct sio_socket *s, struct sio_packet p, const json_t *json, struct rcbuf *const *blobs)
{
	struct rcbuf *frame = packet_frame(p, s->space->name, json);
	bool sent = client_send(s->client, frame);

	rcbuf_unref(&frame);
	for (unsigned i = 0; i < p.attachments && sent; i++) {
		frame = ws_frame(WS_BINARY, rcbuf_data(blobs[i]), rcbuf_len(blobs[i]));
		sent = client_send(s->client, frame);
		rcbuf_unref(&frame);
	}
	return sent;
}

/* ["name", args…] */
static json_t *event_json(const char *name, const json_t *args)
{
	json_t *json = json_array();

	json_array_append_new(json, json_string(name));
	if (args)
		json_array_extend(json, (json_t *)(uintptr_t)args);
	return json;
}

static bool send_event(struct sio_socket *s, struct sio_packet p, const char *name,
	const json_t *args, struct rcbuf *const *blobs)
{
	json_t *json;
	bool sent;

	if (s->state != SIO_CONNECTED)
		return false;
	json = event_json(name, args);
	p.type = p.attachments ? SIO_BINARY_EVENT : SIO_EVENT;
	sent = send_packet(s, p, json, blobs);
	json_decref(json);
	return sent;
}

bool sio_emit(struct sio_socket *s, const char *name, json_t *args, struct rcbuf *const *blobs,
	unsigned n_blobs)
{
	return send_event(s, (struct sio_packet){.attachments = n_blobs}, name, args, blobs);
}

bool sio_call(struct sio_socket *s, const char *name, json_t *args,
	void (*answered)(void *user, json_t *args), void *user)
{
	struct sio_call *call;

	if (s->state != SIO_CONNECTED) {
		answered(user, NULL);
		return false;
	}
	call = mem_new(struct sio_call);
	call->id = s->next_call++;
	call->answered = answered;
	call->user = user;
	list_append(&s->calls, &call->link);
	return send_event(s, (struct sio_packet){.has_id = true, .id = call->id}, name, args, NULL);
}

bool sio_ack(struct sio_socket *s, uint64_t ack_id, json_t *args, struct rcbuf *const *blobs,
	unsigned n_blobs)
{
	json_t *json;
	bool sent;

	if (s->state != SIO_CONNECTED)
		return false;
	json = args ? json_incref(args) : json_array();
	sent = send_packet(s,
		(struct sio_packet){.type = n_blobs ? SIO_BINARY_ACK : SIO_ACK,
			.attachments = n_blobs,
			.has_id = true,
			.id = ack_id},
		json, blobs);
	json_decref(json);
	return sent;
}

struct rcbuf *sio_frame(const char *namespace_name, const char *name, json_t *args)
{
	json_t *json = event_json(name, args);
	struct rcbuf *frame =
		packet_frame((struct sio_packet){.type = SIO_EVENT}, namespace_name, json);

	json_decref(json);
	return frame;
}

bool sio_send_frame(struct sio_socket *s, struct rcbuf *frame)
{
	return s->state == SIO_CONNECTED && client_send(s->client, frame);
}

void sio_socket_link(const struct sio_socket *s, struct ws_link *out)
{
	if (s->state == SIO_CONNECTED && s->client && s->client->session)
		eio_session_link(s->client->session, out);
}

/* --- life --- */

struct sio_socket *sio_socket_ref(struct sio_socket *s)
{
	s->refs++;
	return s;
}

void sio_socket_unref(struct sio_socket **pointer)
{
	struct sio_socket *s = *pointer;

	*pointer = NULL;
	if (s && !--s->refs)
		free(s);
}

struct sio_socket *sio_client_find(struct sio_client *c, const char *name, size_t len)
{
	struct sio_socket *s;

	list_for_each (s, &c->sockets, link)
		if (strlen(s->space->name) == len && memcmp(s->space->name, name, len) == 0)
			return s;
	return NULL;
}

void sio_socket_create(struct sio_client *c, const struct sio_namespace *space, json_t *auth)
{
	struct sio_socket *s = mem_new(struct sio_socket);
	uint8_t random[SIO_ID_BYTES];

	s->client = c;
	s->space = space;
	s->refs = 1;
	list_init(&s->calls);
	list_append(&c->sockets, &s->link);
	clock_random(loop_clock(c->server->loop), random, sizeof(random));
	text_base64url(s->id, random, sizeof(random));
	space->handler->connect(space->user, s, auth);
}

void sio_accept(struct sio_socket *s, const char *pid)
{
	json_t *json;

	if (s->state != SIO_ASKING)
		return;
	s->state = SIO_CONNECTED;
	list_remove(&s->client->connect_link);
	json = json_pack("{s:s, s:s*}", "sid", s->id, "pid", pid);
	send_packet(s, (struct sio_packet){.type = SIO_CONNECT}, json, NULL);
	json_decref(json);
}

void sio_client_refuse(
	struct sio_client *c, const char *name, size_t name_len, const char *message, json_t *data)
{
	json_t *json = json_pack("{s:s, s:O*}", "message", message, "data", data);
	char *copy = mem_strndup(name, name_len);
	struct rcbuf *frame =
		packet_frame((struct sio_packet){.type = SIO_CONNECT_ERROR}, copy, json);

	client_send(c, frame);
	rcbuf_unref(&frame);
	free(copy);
	json_decref(json);
}

void sio_refuse(struct sio_socket *s, const char *message, json_t *data)
{
	if (s->state != SIO_ASKING)
		return;
	/* Sending may end the session, and with it the socket. */
	sio_socket_ref(s);
	sio_client_refuse(s->client, s->space->name, strlen(s->space->name), message, data);
	sio_socket_leave(s, false, EIO_END_SERVER);
	sio_socket_unref(&s);
}

static void calls_end(struct sio_socket *s)
{
	while (!list_empty(&s->calls)) {
		struct sio_call *call = container_of(s->calls.next, struct sio_call, link);
		list_remove(&call->link);
		call->answered(call->user, NULL);
		free(call);
	}
}

void sio_socket_leave(struct sio_socket *s, bool tell, enum eio_end end)
{
	bool connected = s->state == SIO_CONNECTED;

	if (s->state == SIO_GONE)
		return;
	s->state = SIO_GONE;
	if (s->client->pending.socket == s)
		sio_pending_finish(&s->client->pending);
	list_remove(&s->link);
	s->client = NULL;
	calls_end(s);
	if (tell && connected)
		s->space->handler->disconnected(s->space->user, s, end);
	sio_socket_unref(&s);
}

void sio_disconnect(struct sio_socket *s)
{
	if (s->state != SIO_CONNECTED)
		return;
	sio_socket_ref(s);
	send_packet(s, (struct sio_packet){.type = SIO_DISCONNECT}, NULL, NULL);
	sio_socket_leave(s, false, EIO_END_SERVER);
	sio_socket_unref(&s);
}

void sio_socket_answered(struct sio_socket *s, uint64_t id, json_t *args)
{
	struct sio_call *call;

	list_for_each (call, &s->calls, link) {
		if (call->id != id)
			continue;
		list_remove(&call->link);
		call->answered(call->user, args);
		free(call);
		return;
	}
}

const char *sio_socket_id(const struct sio_socket *s)
{
	return s->id;
}

void sio_socket_set_id(struct sio_socket *s, const char *id)
{
	text_copy(s->id, sizeof(s->id), id);
}

const char *sio_socket_namespace(const struct sio_socket *s)
{
	return s->space->name;
}

const char *sio_socket_address(const struct sio_socket *s)
{
	return s->client && s->client->session ? eio_session_address(s->client->session) : "";
}

const char *sio_socket_host(const struct sio_socket *s)
{
	return s->client && s->client->session ? eio_session_host(s->client->session) : NULL;
}

bool sio_socket_connected(const struct sio_socket *s)
{
	return s->state == SIO_CONNECTED;
}

size_t sio_socket_queued(const struct sio_socket *s)
{
	return s->client && s->client->session ? eio_session_queued(s->client->session) : 0;
}

void sio_socket_set_data(struct sio_socket *s, void *data)
{
	s->data = data;
}

void *sio_socket_data(const struct sio_socket *s)
{
	return s->data;
}
