#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "http_private.h"
#include "loop/lws.h"
#include "websocket_private.h"

static struct http_request *session_request(struct lws *wsi)
{
	struct http_session *session = lws_wsi_user(wsi);
	return session ? session->request : NULL;
}

static void session_set(struct lws *wsi, struct http_request *r)
{
	struct http_session *session = lws_wsi_user(wsi);
	if (session)
		session->request = r;
}

static struct http_conn *conn_of(struct lws *wsi)
{
	return lws_get_opaque_user_data(lws_get_network_wsi(wsi));
}

static void conn_uncount(struct http_conn *c)
{
	struct http_server *s = c->edge->server;

	if (c->fd < 0)
		return;
	c->fd = -1;
	s->connections--;
	metric_change(s->metrics.connections, -1);
	if (c->edge->listener)
		net_listener_closed(c->edge->listener, c->address);
}

static void conn_free(struct http_conn *c)
{
	c->closing = true;
	conn_uncount(c);
	http_wait_stop(&c->wait);
	list_remove(&c->link);
	c->wsi = NULL;
	c->dead = true;
	/* A deferred call looks at the connection once more and frees it then. */
	if (!c->retry)
		free(c);
}

static void conn_retry(void *arg)
{
	struct http_conn *c = arg;

	c->retry = false;
	if (c->dead)
		free(c);
	else if (c->direct && c->killed)
		http_conn_abandon(c);
	else if (c->closing || c->killed)
		return;
	else if (c->current && c->current->phase == HTTP_ANSWERING)
		http_write(c->current, false);
	else if (c->direct)
		http_direct_serve(c);
}

void http_conn_retry(struct http_conn *c)
{
	if (c->retry)
		return;
	c->retry = true;
	loop_defer(c->edge->server->loop, conn_retry, c);
}

static int peer_uid(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -1;
	return (int)cred.uid;
}

void http_conn_accepted(void *edge, int fd, const char *address)
{
	struct http_edge *e = edge;
	struct http_server *s = e->server;
	struct http_conn *c = mem_new(struct http_conn);

	c->edge = e;
	c->id = ++s->conn_next;
	c->since_us = loop_now_us(s->loop);
	c->fd = fd;
	c->uid = e->local ? peer_uid(fd) : -1;
	text_copy(c->address, sizeof(c->address), address);
	http_wait_init(&c->wait, c);
	list_init(&c->requests);
	list_append(&s->conns, &c->link);
	s->connections++;
	metric_change(s->metrics.connections, 1);
	http_wait_start(s, &c->wait, HTTP_WAIT_HEADER);
	c->direct = !e->tls && !s->by_libwebsockets;
	if (!c->direct)
		http_conn_adopt(c);
	else if (!http_poller_add(s->poller, c))
		http_conn_kill(c);
}

void http_conn_adopt(struct http_conn *c)
{
	struct http_server *s = c->edge->server;
	struct lws *wsi = loop_vhost_adopt(c->edge->vhost, c->fd, false, c);

	if (!wsi) {
		/* Its end may still be announced: the memory stays on the server's list till then.
		 */
		c->closing = true;
		http_wait_stop(&c->wait);
		conn_uncount(c);
		return;
	}
	c->wsi = wsi;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	http_wait_start(s, &c->wait, HTTP_WAIT_HEADER);
}

void http_conn_kill(struct http_conn *c)
{
	if (c->closing || c->killed || (!c->wsi && !c->direct))
		return;
	c->killed = true;
	if (c->websocket)
		c->websocket->killed = true;
	/* Later in this turn, so that nobody up the stack loses what it works on. */
	if (c->direct)
		http_conn_retry(c);
	else
		loop_lws_kill(c->edge->server->loop, c->wsi);
}

void http_conn_abandon(struct http_conn *c)
{
	struct lws *wsi = c->wsi;
	struct http_request *r, *next;

	if (wsi && !c->closing)
		loop_lws_kill_now(wsi);
	list_for_each_safe (r, next, &c->requests, link) {
		if (r->wsi)
			session_set(r->wsi, NULL);
		http_request_lost(r);
	}
	http_websocket_lost(c);
	if (c->direct && c->fd >= 0)
		http_direct_finish(c);
	if (wsi)
		lws_set_opaque_user_data(wsi, NULL);
	conn_free(c);
}

/*
 * Between a request and its answer libwebsockets would neither read nor ignore what comes in: the
 * loop would spin on it. The poller tells if the peer goes.
 */
void http_conn_pause(struct http_conn *c)
{
	if (c->paused || c->closing || c->direct)
		return;
	c->paused = true;
	lws_rx_flow_control(c->wsi, 0);
	if (!http_poller_add(c->edge->server->poller, c))
		http_conn_kill(c);
}

static void conn_idle(struct http_conn *c)
{
	if (c->active || c->closing)
		return;
	http_wait_start(c->edge->server, &c->wait, HTTP_WAIT_IDLE);
}

/* HTTP/1: true if the connection waits for its next request. */
static bool next_transaction(struct http_conn *c)
{
	if (c->paused) {
		c->paused = false;
		lws_rx_flow_control(c->wsi, 1);
	}
	if (lws_http_transaction_completed(c->wsi))
		return false;
	lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
	conn_idle(c);
	return true;
}

void http_conn_next(struct http_conn *c, struct lws *wsi, bool h2, bool close)
{
	bool inside = c->inside == wsi;

	c->active--;
	if (!h2)
		c->current = NULL;
	if (c->closing)
		return;
	if (c->direct) {
		if (close)
			http_conn_kill(c);
		else
			http_direct_next(c);
		return;
	}
	session_set(wsi, NULL);
	if (h2)
		conn_idle(c);
	else if (!close && next_transaction(c))
		return;
	/* On HTTP/2 answers are only written from the stream's own callback. */
	if (inside)
		c->verdict = -1;
	else if (!h2)
		http_conn_kill(c);
}

static int on_http(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_request *r;

	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	http_wait_stop(&c->wait);
	c->served = true;
	c->active++;
	r = http_request_begin(c, wsi, in, len);
	session_set(wsi, r);
	if (!r->h2)
		c->current = r;
	if (http_request_accept(r) && !r->length)
		http_request_handle(r);
	return c->verdict;
}

static int on_body(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_request *r = session_request(wsi);

	if (r && r->phase == HTTP_RECEIVING)
		http_request_body_add(r, in, len);
	return 0;
}

static int on_body_completion(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_request *r = session_request(wsi);

	if (!r)
		return 0;
	if (r->phase == HTTP_REFUSED)
		return -1;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	if (r->phase == HTTP_RECEIVING)
		http_request_handle(r);
	return c->verdict;
}

static int on_writeable(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_request *r = session_request(wsi);

	if (r && r->out.is_aborted)
		return -1;
	if (r && r->phase == HTTP_ANSWERING)
		http_write(r, true);
	return c->verdict;
}

/*
 * There is nothing to upgrade to but WebSocket: with h2c libwebsockets never finishes a held
 * request on the stream that an upgrade makes, and no browser asks for it.
 */
static int on_upgrade(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	static const char answer[] = "HTTP/1.1 426 Upgrade Required\r\n"
				     "connection: close\r\ncontent-length: 0\r\n\r\n";

	if (http_websocket_is_upgrade(c, in))
		return 0;
	metric_add(c->edge->server->metrics.refused[HTTP_REFUSE_UPGRADE], 1);
	if (!c->edge->tls)
		(void)!send(c->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return -1;
}

static int on_closed(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_request *r = session_request(wsi);

	if (wsi == c->wsi) {
		c->closing = true;
		http_poller_remove(c->edge->server->poller, c);
	}
	if (r) {
		session_set(wsi, NULL);
		http_request_lost(r);
		conn_idle(c);
	}
	return 0;
}

/* Also said between two requests; only one that is under way is cut short by it. */
static int on_drop_protocol(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	return session_request(wsi) ? on_closed(c, wsi, in, len) : 0;
}

static int on_destroy(struct lws *wsi)
{
	struct http_conn *c = lws_get_opaque_user_data(wsi);
	struct http_request *r = session_request(wsi);

	if (r) {
		session_set(wsi, NULL);
		http_request_lost(r);
	}
	http_websocket_gone(wsi);
	if (c && (c->wsi == wsi || !c->wsi))
		conn_free(c);
	return 0;
}

static const struct {
	enum lws_callback_reasons reason;
	bool ending;
	int (*run)(struct http_conn *c, struct lws *wsi, void *in, size_t len);
} handlers[] = {
	{LWS_CALLBACK_HTTP, false, on_http},
	{LWS_CALLBACK_HTTP_BODY, false, on_body},
	{LWS_CALLBACK_HTTP_BODY_COMPLETION, false, on_body_completion},
	{LWS_CALLBACK_HTTP_WRITEABLE, false, on_writeable},
	{LWS_CALLBACK_HTTP_CONFIRM_UPGRADE, false, on_upgrade},
	{LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION, false, http_websocket_on_filter},
	{LWS_CALLBACK_ESTABLISHED, false, http_websocket_on_established},
	{LWS_CALLBACK_RECEIVE, false, http_websocket_on_receive},
	{LWS_CALLBACK_RECEIVE_PONG, false, http_websocket_on_pong},
	{LWS_CALLBACK_SERVER_WRITEABLE, false, http_websocket_on_writeable},
	{LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, false, http_websocket_on_peer_close},
	{LWS_CALLBACK_CLOSED, true, http_websocket_on_closed},
	{LWS_CALLBACK_CLOSED_HTTP, true, on_closed},
	{LWS_CALLBACK_HTTP_DROP_PROTOCOL, true, on_drop_protocol},
};

static int run_inside(struct http_conn *c, struct lws *wsi,
	int (*run)(struct http_conn *c, struct lws *wsi, void *in, size_t len), void *in,
	size_t len)
{
	struct loop *l = c->edge->server->loop;
	struct lws *outer = c->inside;
	int outer_verdict = c->verdict;

	c->inside = wsi;
	c->verdict = 0;
	loop_enter(l, "http");
	int verdict = run(c, wsi, in, len);
	loop_leave(l);
	c->inside = outer;
	c->verdict = outer_verdict;
	return verdict;
}

static int http_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	if (reason == LWS_CALLBACK_WSI_DESTROY)
		return on_destroy(wsi);
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].reason != reason)
			continue;
		struct http_conn *c = conn_of(wsi);
		if (!c)
			return handlers[i].ending ? 0 : -1;
		if (c->killed && !handlers[i].ending)
			return -1;
		return run_inside(c, wsi, handlers[i].run, in, len);
	}
	return 0;
}

/*
 * protocols[0] of every HTTP vhost. WebSockets without a subprotocol come here as well.
 */
const struct lws_protocols http_protocols[] = {
	{.name = "http",
		.callback = http_callback,
		.per_session_data_size = sizeof(struct http_session),
		.rx_buffer_size = 512,
		.tx_packet_size = 1024 * 1024},
	{.name = NULL},
};
