#define LOG_MODULE "rtmp"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/lws.h"
#include "rtmp_private.h"

/*~ Bytes of a publisher come in here, from libwebsockets' raw-skt role (or its TLS), and go to
 * proto/rtmp_session.c, the next stop. */

/*
 * After the last words the connection is read, and what comes is dropped, for this long: closing
 * with unread bytes would reset it, and the peer might never see why.
 */
#define LINGER_US 1000000
/* Of what a player is sent: libwebsockets hands it to the kernel in one go. */
#define PIECE 65536
#define PIECES_PER_TURN 16

static void set_timer(struct rtmp_conn *c, uint64_t at, uint64_t now)
{
	/* Deadlines mostly move away: a timer that fires early is cheaper than one moved often. */
	if (at == RTMP_SESSION_NEVER || (c->timer_at != 0 && c->timer_at <= at)) {
		return;
	}
	c->timer_at = at;
	timer_start(c->timer, at > now ? at - now : 0);
}

static void uncount(struct rtmp_conn *c)
{
	struct rtmp_server *s = c->server;
	if (c->counted) {
		c->counted = false;
		rtmp_limits_release(&s->limits, c->address);
		net_listener_closed(c->port->listener, c->address);
		metric_set(s->metrics.connections, s->limits.connections);
	}
}

static void free_conn(struct rtmp_conn *c)
{
	uncount(c);
	list_remove(&c->link);
	rtmp_session_destroy(c->session);
	timer_destroy(&c->timer);
	free(c);
}

static void kill_wsi(struct rtmp_conn *c)
{
	if (c->wsi != NULL && !c->wsi_gone) {
		loop_lws_kill(c->server->loop, c->wsi);
	}
}

static void pause_reading(struct rtmp_conn *c, bool pause)
{
	if (c->paused != pause) {
		c->paused = pause;
		lws_rx_flow_control(c->wsi, pause ? 0 : 1);
	}
}

static void begin_linger(struct rtmp_conn *c)
{
	if (c->lingering) {
		return;
	}
	c->lingering = true;
	pause_reading(c, false);
	if (!c->port->tls) {
		shutdown(lws_get_socket_fd(c->wsi), SHUT_WR);
	}
	timer_start(c->timer, LINGER_US);
}

/* The session has ended: say the last words if there are any, then go. */
static void end_conn(struct rtmp_conn *c)
{
	enum rtmp_close reason = rtmp_session_reason(c->session);
	bool deaf = reason == RTMP_CLOSE_OUTPUT || reason == RTMP_CLOSE_STALLED;
	if (rtmp_session_output(c->session)->len == 0 || deaf) {
		kill_wsi(c);
		return;
	}
	/* A peer that does not read them is not waited for. */
	timer_start(c->timer, LINGER_US);
	lws_callback_on_writable(c->wsi);
}

void rtmp_conn_update(struct rtmp_conn *c)
{
	if (c->wsi == NULL || c->wsi_gone || c->inside) {
		return;
	}
	uint64_t now = loop_now_us(c->server->loop);
	c->inside = true;
	uint64_t next = rtmp_session_tick(c->session, now);
	c->inside = false;
	if (rtmp_session_reason(c->session) != RTMP_CLOSE_NONE) {
		if (!c->lingering) {
			end_conn(c);
		}
		return;
	}
	set_timer(c, next, now);
	pause_reading(c, c->publisher.held || !rtmp_session_reading(c->session));
	if (rtmp_session_output(c->session)->len > 0) {
		lws_callback_on_writable(c->wsi);
	}
}

static void on_timer(void *user)
{
	struct rtmp_conn *c = user;
	c->timer_at = 0;
	if (rtmp_session_reason(c->session) != RTMP_CLOSE_NONE) {
		kill_wsi(c);
	} else {
		rtmp_conn_update(c);
	}
}

static void set_low_mark(struct rtmp_conn *c, unsigned mark)
{
	/* Bit rates waver: a mark that is nearly right is left alone. */
	bool near = mark > 1 && c->low_mark > 1 && mark * 4 > c->low_mark * 3 &&
		mark * 3 < c->low_mark * 4;
	int value = (int)mark;
	if (mark == c->low_mark || near) {
		return;
	}
	c->low_mark = mark;
	setsockopt(lws_get_socket_fd(c->wsi), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value));
}

void rtmp_conn_hear_out(struct rtmp_conn *c)
{
	bool quiet = rtmp_pace_quiet(&c->pace) || !rtmp_session_publishing(c->session);
	if (quiet && c->low_mark > 1 && c->wsi != NULL && !c->wsi_gone) {
		set_low_mark(c, 1);
	}
}

static void on_received(struct rtmp_conn *c, const uint8_t *data, size_t len)
{
	if (!c->established) {
		/* The time that libwebsockets allows for TLS would go on running. */
		c->established = true;
		lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
	}
	metric_add(c->server->metrics.bytes, len);
	c->bytes += len;
	if (rtmp_session_reason(c->session) != RTMP_CLOSE_NONE) {
		return;
	}
	uint64_t now = loop_now_us(c->server->loop);
	c->inside = true;
	rtmp_session_input(c->session, data, len, now);
	c->inside = false;
	if (rtmp_session_publishing(c->session)) {
		set_low_mark(c, rtmp_pace_received(&c->pace, len, now));
	}
	rtmp_conn_update(c);
}

/* A player's bytes go in pieces, each after what was before it: so it is seen to take them. */
static int write_pieces(struct rtmp_conn *c)
{
	struct buf *out = rtmp_session_output(c->session);

	for (unsigned i = 0; i < PIECES_PER_TURN; i++) {
		size_t len = out->len < PIECE ? out->len : PIECE;
		if (len == 0)
			break;
		if (lws_write(c->wsi, out->data, len, LWS_WRITE_RAW) < 0)
			return -1;
		buf_consume(out, len);
		if (lws_partial_buffered(c->wsi))
			break;
		player_fill(c);
	}
	player_moved(c, out->len > 0 || lws_partial_buffered(c->wsi));
	if (out->len > 0 || lws_partial_buffered(c->wsi))
		lws_callback_on_writable(c->wsi);
	else if (rtmp_session_reason(c->session) != RTMP_CLOSE_NONE)
		begin_linger(c);
	return 0;
}

/* Non-zero closes. libwebsockets keeps what the kernel does not take, which output_max bounds, and
 * calls again only when all of it is gone. */
static int on_writable(struct rtmp_conn *c)
{
	struct buf *out = rtmp_session_output(c->session);
	if (rtmp_session_playing(c->session)) {
		return write_pieces(c);
	}
	if (out->len > 0) {
		size_t len = out->len;
		if (lws_write(c->wsi, out->data, len, LWS_WRITE_RAW) < 0) {
			return -1;
		}
		buf_consume(out, len);
	}
	if (rtmp_session_reason(c->session) == RTMP_CLOSE_NONE) {
		return 0;
	}
	if (lws_partial_buffered(c->wsi)) {
		lws_callback_on_writable(c->wsi);
	} else {
		begin_linger(c);
	}
	return 0;
}

static void on_gone(struct rtmp_conn *c)
{
	c->wsi_gone = true;
	bool no_tls = c->port->tls && !c->established;
	rtmp_session_close(c->session, no_tls ? RTMP_CLOSE_TLS : RTMP_CLOSE_PEER, NULL);
	if (!c->adopting) {
		free_conn(c);
	}
}

static int handle(struct rtmp_conn *c, enum lws_callback_reasons reason, void *in, size_t len)
{
	switch ((int)reason) {
	case LWS_CALLBACK_RAW_RX:
		on_received(c, in, len);
		return 0;
	case LWS_CALLBACK_RAW_WRITEABLE:
		return on_writable(c);
	/* The last of all, and the only one that comes as well when the TLS handshake failed. */
	case LWS_CALLBACK_WSI_DESTROY:
		on_gone(c);
		return 0;
	default:
		return 0;
	}
}

static int callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct rtmp_conn *c = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
	if (c == NULL) {
		return 0;
	}
	struct loop *l = c->server->loop;
	loop_enter(l, "rtmp");
	c->wsi = wsi;
	int result = handle(c, reason, in, len);
	loop_leave(l);
	return result;
}

static const struct lws_protocols protocols[] = {
	{.name = "rtmp", .callback = callback, .rx_buffer_size = 0, .tx_packet_size = PIECE},
	{.name = NULL},
};

struct lws_vhost *rtmp_conn_vhost(struct loop *l, bool tls, const char *cert, const char *key)
{
	struct lws_context_creation_info info;
	loop_vhost_info(&info);
	info.vhost_name = tls ? "rtmps" : "rtmp";
	info.protocols = protocols;
	if (tls) {
		info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = cert;
		info.ssl_private_key_filepath = key;
	}
	return loop_vhost_create(l, &info);
}

bool rtmp_conn_reload_tls(struct loop *l, const char *cert, const char *key)
{
	return lws_tls_cert_updated(loop_lws(l), cert, key, NULL, 0, NULL, 0) == 0;
}

void rtmp_conn_open(struct rtmp_port *port, int fd, const char *address)
{
	struct rtmp_server *s = port->server;
	struct rtmp_conn *c = mem_new(struct rtmp_conn);
	uint64_t now = loop_now_us(s->loop);
	c->server = s;
	c->port = port;
	c->id = ++s->next_id;
	c->since_us = now;
	c->low_mark = 1;
	text_copy(c->address, sizeof(c->address), address);
	ingest_init(c);
	c->session = rtmp_session_create(
		&s->config.session, &ingest_events, c, loop_clock(s->loop), now);
	c->timer = loop_timer_create(s->loop, "rtmp", on_timer, c);
	c->counted = true;
	list_append(&s->conns, &c->link);
	metric_add(s->metrics.accepted, 1);
	metric_set(s->metrics.connections, s->limits.connections);
	log_debug("connection accepted", kv_u64("conn", c->id), kv_str("address", address),
		kv_bool("tls", port->tls));

	c->adopting = true;
	struct lws *wsi = loop_vhost_adopt(port->vhost, fd, true, c);
	c->adopting = false;
	if (wsi != NULL && !c->wsi_gone) {
		c->wsi = wsi;
		rtmp_conn_update(c);
		return;
	}
	rtmp_session_close(c->session, port->tls ? RTMP_CLOSE_TLS : RTMP_CLOSE_INTERNAL, NULL);
	if (c->wsi_gone) {
		free_conn(c);
	} else {
		/* Refused, but its end may still be announced: the memory waits for that. */
		c->wsi = NULL;
		uncount(c);
	}
}

void rtmp_conn_destroy(struct rtmp_conn *c)
{
	rtmp_session_close(c->session, RTMP_CLOSE_DRAIN, NULL);
	if (c->wsi != NULL && !c->wsi_gone) {
		lws_set_opaque_user_data(c->wsi, NULL);
		kill_wsi(c);
	}
	free_conn(c);
}
