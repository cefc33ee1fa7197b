#include <stdlib.h>

#define LOG_MODULE "ws"

#include "base/log.h"
#include "base/mem.h"
#include "sio_private.h"

#define SECOND 1000000ull
#define CONNECT_TIMEOUT_US (45 * SECOND)
#define MAX_ATTACHMENTS 10
#define MAX_PAYLOAD 65536
/* How late a client without a namespace may be ended. */
#define WHEEL_FRACTION 10

static void *on_opened(void *user, struct eio_session *session, const struct ws_request *r)
{
	struct sio_server *server = user;
	struct sio_client *c = mem_new(struct sio_client);

	c->server = server;
	c->session = session;
	list_init(&c->sockets);
	c->connect_deadline_us = loop_now_us(server->loop) + server->connect_timeout_us;
	list_append(&server->connecting, &c->connect_link);
	return c;
}

/*
 * The session is ending, or has ended: its sockets go one by one, each handler free to look at the
 * others.
 */
static void client_end(struct sio_client *c, enum eio_end end)
{
	c->session = NULL;
	list_remove(&c->connect_link);
	while (!list_empty(&c->sockets))
		sio_socket_leave(container_of(c->sockets.next, struct sio_socket, link), true, end);
	sio_pending_finish(&c->pending);
	free(c);
}

static void on_closed(void *client, enum eio_end end)
{
	client_end(client, end);
}

static void on_message(void *client, const uint8_t *data, size_t len, bool binary)
{
	struct sio_client *c = client;
	struct eio_session *session = c->session;
	bool ok = binary ? sio_client_binary(c, data, len)
			 : sio_client_text(c, (const char *)data, len);

	if (ok)
		return;
	log_debug("socket.io packet malformed", kv_str("sid", eio_session_id(session)),
		kv_str("address", eio_session_address(session)));
	eio_session_refuse(session);
}

static void on_alive(void *client)
{
	struct sio_client *c = client;
	struct sio_socket *s;

	list_for_each (s, &c->sockets, link)
		if (s->state == SIO_CONNECTED && s->space->handler->alive)
			s->space->handler->alive(s->space->user, s);
}

static const struct eio_handler handler = {
	.opened = on_opened, .message = on_message, .alive = on_alive, .closed = on_closed};

void sio_close(struct sio_socket *s, unsigned code, const char *reason)
{
	struct sio_client *c = s->client;
	struct eio_session *session = c ? c->session : NULL;

	if (!session)
		return;
	/* This one knows; its neighbours in other namespaces are told. */
	sio_socket_leave(s, false, EIO_END_SERVER);
	eio_session_close(session, code, reason);
	client_end(c, EIO_END_SERVER);
}

static void on_wheel(void *user)
{
	struct sio_server *server = user;
	uint64_t now = loop_now_us(server->loop);

	while (!list_empty(&server->connecting)) {
		struct sio_client *c =
			container_of(server->connecting.next, struct sio_client, connect_link);
		if (c->connect_deadline_us > now)
			return;
		list_remove(&c->connect_link);
		eio_session_refuse(c->session);
	}
}

struct sio_server *sio_server_create(struct loop *l, const struct sio_config *config)
{
	struct sio_server *server = mem_new(struct sio_server);
	struct eio_config eio = config->eio;

	server->loop = l;
	server->n_namespaces = config->n_namespaces;
	server->namespaces =
		mem_dup(config->namespaces, config->n_namespaces * sizeof(*config->namespaces));
	server->max_attachments =
		config->max_attachments ? config->max_attachments : MAX_ATTACHMENTS;
	server->max_payload = eio.max_payload = eio.max_payload ? eio.max_payload : MAX_PAYLOAD;
	server->connect_timeout_us =
		config->connect_timeout_us ? config->connect_timeout_us : CONNECT_TIMEOUT_US;
	list_init(&server->connecting);
	server->wheel = loop_timer_create(l, "socket.io wheel", on_wheel, server);
	timer_repeat(server->wheel, server->connect_timeout_us / WHEEL_FRACTION);
	eio.handler = &handler;
	eio.user = server;
	server->eio = eio_server_create(l, &eio);
	return server;
}

void sio_server_destroy(struct sio_server **pointer)
{
	struct sio_server *server = *pointer;

	if (!server)
		return;
	*pointer = NULL;
	eio_server_destroy(&server->eio);
	timer_destroy(&server->wheel);
	free(server->namespaces);
	free(server);
}

void sio_server_request(struct sio_server *server, const struct ws_request *r)
{
	eio_server_request(server->eio, r);
}

void sio_server_limits(struct sio_server *server, size_t max_payload, size_t max_queue)
{
	server->max_payload = max_payload;
	eio_server_limits(server->eio, max_payload, max_queue);
}
