#include "ws/sio_binding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/ws_frame.h"
#include "sio_binding_private.h"

#define NAMESPACES_MAX 32
#define NAME_MAX_BYTES 64
#define OFFSET_SIZE 40
#define SEPARATORS ", \t"

static struct sio_conn *conn_of(struct peer *p)
{
	return container_of(p, struct sio_conn, peer);
}

/* --- what is sent --- */

struct rcbuf *sio_room_frame(const struct hub *hub, const struct hub_event *e)
{
	struct buf text = {0};
	struct rcbuf *frame;

	buf_printf(&text, "2[\"%s\",", e->name);
	buf_put(&text, e->data, e->len);
	buf_printf(&text, ",\"%s-%llu\"]", hub_epoch(hub), (unsigned long long)e->offset);
	frame = ws_frame_prefixed('4', text.data, text.len);
	buf_finish(&text);
	return frame;
}

/* What is said to one alone is not kept, but tells where the rooms are by now. */
static bool on_send(struct peer *p, const char *name, json_t *data)
{
	struct sio_conn *c = conn_of(p);
	struct hub *hub = peers_hub(c->owner->config.peers);
	char offset[OFFSET_SIZE];
	json_t *args;
	bool sent;

	if (!c->socket)
		return true;
	snprintf(offset, sizeof(offset), "%s-%llu", hub_epoch(hub),
		(unsigned long long)hub_offset_sent(hub, &p->member));
	args = json_pack("[O, s]", data, offset);
	sent = sio_emit(c->socket, name, args, NULL, 0);
	json_decref(args);
	return sent;
}

static bool on_answer(struct peer *p, uint64_t ack, json_t *data)
{
	struct sio_conn *c = conn_of(p);
	json_t *args;
	bool sent;

	if (!c->socket)
		return true;
	args = json_pack("[O]", data);
	sent = sio_ack(c->socket, ack, args, NULL, 0);
	json_decref(args);
	return sent;
}

static void on_close(struct peer *p, unsigned code, const char *reason)
{
	struct sio_conn *c = conn_of(p);

	if (!c->socket)
		return;
	/* Whose token is over gets on with a new one where it was; not so who was too slow, and
	 * whose place another connection has taken. */
	if (code != WS_CLOSE_TRY_LATER && map_get_str(c->owner->there, c->pid) == c)
		sio_recovery_keep(c);
	sio_socket_set_data(c->socket, NULL);
	sio_close(c->socket, code, reason);
	sio_socket_unref(&c->socket);
}

static void on_destroy(struct peer *p)
{
	struct sio_conn *c = conn_of(p);

	if (map_get_str(c->owner->there, c->pid) == c)
		map_remove_str(c->owner->there, c->pid);
	free(c);
}

static const struct peer_ops ops = {
	.send = on_send, .answer = on_answer, .close = on_close, .destroy = on_destroy};

/* The shared frames are of the namespace "/": for another, each gets its name. */
static struct rcbuf *frame_for(const struct sio_conn *c, const uint8_t *data, size_t len)
{
	struct buf text = {0};
	struct rcbuf *frame;

	buf_put(&text, data, 2);
	buf_put_str(&text, sio_socket_namespace(c->socket));
	buf_put_u8(&text, ',');
	buf_put(&text, data + 2, len - 2);
	frame = ws_frame(WS_TEXT, text.data, text.len);
	buf_finish(&text);
	return frame;
}

static bool send_foreign(struct sio_conn *c, struct rcbuf *frames)
{
	const uint8_t *data;
	size_t pos = 0, len;
	bool binary, sent = true;

	while (sent && c->socket && ws_frames_next(frames, &pos, &binary, &data, &len)) {
		struct rcbuf *frame = frame_for(c, data, len);
		sent = sio_send_frame(c->socket, frame);
		rcbuf_unref(&frame);
	}
	return sent;
}

static bool member_send(struct hub_member *m, struct rcbuf *frames)
{
	struct sio_conn *c = container_of(m, struct sio_conn, peer.member);

	if (c->peer.ending || !c->socket)
		return false;
	/* Upgraded by now, maybe; it never comes back from there. */
	if (!c->foreign)
		sio_socket_link(c->socket, &m->line);
	if (c->foreign ? send_foreign(c, frames) : sio_send_frame(c->socket, frames))
		return true;
	peer_too_slow(&c->peer);
	return false;
}

static size_t member_queued(const struct hub_member *m)
{
	const struct sio_conn *c =
		container_of((struct hub_member *)(uintptr_t)m, struct sio_conn, peer.member);

	return c->socket ? sio_socket_queued(c->socket) : 0;
}

static const struct hub_member_ops member_ops = {.send = member_send, .queued = member_queued};

/* --- coming --- */

static void refuse(struct sio_conn *c, const char *message, const char *code, const char *why)
{
	json_t *data = json_pack("{s:s, s:s}", "code", code, "message", why);

	sio_refuse(c->socket, message, data);
	json_decref(data);
	sio_socket_unref(&c->socket);
	peer_end(&c->peer, PEER_LEFT);
}

/* False, with the refusal sent. */
static bool identify(struct sio_conn *c, const char *token)
{
	const char *code = "unauthorized", *why = "This needs a token.";

	if (!token || !token[0]) {
		if (c->peer.identified)
			return true;
		refuse(c, "Authentication error", code, why);
		return false;
	}
	switch (peer_identify(&c->peer, token, &code, &why)) {
	case PEER_IDENTIFIED:
		return true;
	case PEER_REFUSED:
		refuse(c, "Authentication error", code, why);
		return false;
	case PEER_ANOTHER:
	case PEER_TOO_MANY:
		break;
	}
	refuse(c, "Too many sockets", "too_many_sockets", "This user has too many sockets.");
	return false;
}

static void new_pid(struct sio_conn *c)
{
	uint8_t random[SIO_PID_BYTES];

	clock_random(loop_clock(c->owner->config.loop), random, sizeof(random));
	text_base64url(c->pid, random, sizeof(random));
}

static void let_in(struct sio_conn *c, const json_t *auth)
{
	uint64_t at = 0;
	struct sio_lost *lost =
		sio_recovery_find(c, json_string_value(json_object_get(auth, "pid")),
			json_string_value(json_object_get(auth, "offset")), &at);

	if (lost) {
		text_copy(c->pid, sizeof(c->pid), lost->pid);
		sio_socket_set_id(c->socket, lost->socket_id);
	} else {
		new_pid(c);
	}
	map_put_str(c->owner->there, c->pid, c);
	sio_accept(c->socket, c->pid);
	if (lost)
		sio_recovery_take(c, lost, at);
}

static void on_connect(void *user, struct sio_socket *s, json_t *auth)
{
	struct sio_binding *b = user;
	struct sio_conn *c = mem_new(struct sio_conn);

	peer_init(&c->peer, b->config.peers, &ops, HUB_SOCKET_IO, sio_socket_address(s));
	peer_set_host(&c->peer, sio_socket_host(s));
	c->peer.member.ops = &member_ops;
	c->owner = b;
	c->foreign = strcmp(sio_socket_namespace(s), "/") != 0;
	c->socket = sio_socket_ref(s);
	sio_socket_set_data(s, c);
	if (identify(c, json_string_value(json_object_get(auth, "token"))))
		let_in(c, auth);
}

/* NULL: none. */
static const char *fault_of(const struct sio_event *e)
{
	if (e->n_blobs || strlen(e->name) > NAME_MAX_BYTES)
		return "There are no events with attachments, or of that name.";
	return e->unfit ? "A text has NUL or half of a character." : NULL;
}

static void refuse_malformed(struct peer *p, const struct sio_event *e, const char *why)
{
	if (e->wants_ack)
		peer_answer(p, e->ack_id,
			json_pack("{s:{s:s, s:s}}", "error", "code", "malformed", "message", why));
	peer_malformed(p, why);
}

static void on_event(void *user, struct sio_socket *s, const struct sio_event *e)
{
	struct sio_binding *b = user;
	const char *why;
	struct sio_conn *c = sio_socket_data(s);

	if (!c || c->peer.ending)
		return;
	peer_seen(&c->peer);
	why = fault_of(e);
	if (why)
		refuse_malformed(&c->peer, e, why);
	else
		events_dispatch(b->config.events, &c->peer, e->name, json_array_get(e->args, 0),
			e->wants_ack, e->ack_id);
}

static void on_alive(void *user, struct sio_socket *s)
{
	struct sio_conn *c = sio_socket_data(s);

	if (c)
		peer_seen(&c->peer);
}

static void on_disconnected(void *user, struct sio_socket *s, enum eio_end end)
{
	struct sio_conn *c = sio_socket_data(s);

	if (!c)
		return;
	sio_socket_set_data(s, NULL);
	if (end == EIO_END_SLOW)
		peer_too_slow(&c->peer);
	else if (end == EIO_END_TOO_LARGE)
		peer_limited(&c->peer, PEER_LIMIT_MESSAGE);
	else if (end != EIO_END_MALFORMED)
		sio_recovery_keep(c);
	sio_socket_unref(&c->socket);
	/* A connection that breaks is heard of at once: it was there until then. */
	peer_end(&c->peer, end == EIO_END_TIMEOUT || end == EIO_END_SLOW ? PEER_LOST : PEER_LEFT);
}

static const struct sio_handler handler = {.connect = on_connect,
	.event = on_event,
	.alive = on_alive,
	.disconnected = on_disconnected};

/* --- the server --- */

static void refuse_request(const struct ws_request *r, int status, const char *why)
{
	char body[128];
	int len = snprintf(body, sizeof(body), "{\"code\":%d,\"message\":\"%s\"}", status, why);

	r->ops->respond(r->impl,
		&(struct ws_answer){.status = status,
			.content_type = "application/json",
			.body = body,
			.len = (size_t)len});
}

void sio_binding_request(struct sio_binding *b, const struct ws_request *r)
{
	char sid[64];
	/* One that is too long names a session as well: it will be told that there is none. */
	bool opens = r->method == WS_GET && !r->ops->arg(r->impl, "sid", sid, sizeof(sid));

	if (opens && peers_draining(b->config.peers))
		refuse_request(r, 503, "This server is being stopped");
	else if (opens && !peers_admit(b->config.peers, r->address))
		refuse_request(r, 429, "Too many connections from your address");
	else
		sio_server_request(b->server, r);
}

/* Cuts the names of the configuration; returns how many there are, "/" the first. */
static unsigned read_namespaces(
	struct sio_binding *b, struct sio_namespace out[static NAMESPACES_MAX])
{
	char *rest = b->namespaces, *name;
	unsigned n = 0;

	out[n++] = (struct sio_namespace){.name = "/", .handler = &handler, .user = b};
	while (n < NAMESPACES_MAX && (name = strsep(&rest, SEPARATORS)))
		if (name[0] == '/' && name[1])
			out[n++] = (struct sio_namespace){
				.name = name, .handler = &handler, .user = b};
	return n;
}

struct sio_binding *sio_binding_create(const struct sio_binding_config *config)
{
	struct sio_binding *b = mem_new(struct sio_binding);
	struct sio_namespace namespaces[NAMESPACES_MAX];
	struct sio_config sio = {.namespaces = namespaces};

	b->config = *config;
	b->namespaces = mem_strdup(config->namespaces ? config->namespaces : "");
	sio.n_namespaces = read_namespaces(b, namespaces);
	sio.eio.max_payload = config->max_message;
	sio.eio.max_queue = config->max_queue;
	sio.eio.ping_interval_us = config->ping_interval_us;
	sio.eio.ping_timeout_us = config->ping_timeout_us;
	sio_recovery_create(b);
	b->server = sio_server_create(config->loop, &sio);
	return b;
}

void sio_binding_destroy(struct sio_binding **pointer)
{
	struct sio_binding *b = *pointer;

	if (!b)
		return;
	*pointer = NULL;
	sio_server_destroy(&b->server);
	sio_recovery_destroy(b);
	free(b->namespaces);
	free(b);
}

void sio_binding_limits(struct sio_binding *b, size_t max_message, size_t max_queue)
{
	sio_server_limits(b->server, max_message, max_queue);
}
