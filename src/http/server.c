#include <stdlib.h>

#define LOG_MODULE "http"

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "http_private.h"
#include "loop/lws.h"
#include "websocket_private.h"

#define SECOND 1000000ull
#define WHEEL_US (SECOND / 2)
#define BODY_US (30 * SECOND)
#define STALL_US (30 * SECOND)
#define LINGER_US (2 * SECOND)
#define MAX_BODY (256 * 1024)
/* A connection that is reading headers has its own deadline; libwebsockets' is a net below. */
#define LWS_NET_SECONDS 120

static const double seconds_bounds[] = {
	0.0005,
	0.001,
	0.0025,
	0.005,
	0.01,
	0.025,
	0.05,
	0.1,
	0.25,
	0.5,
	1,
	2.5,
	5,
	10,
	30,
};

void http_metrics_init(struct http_server *s)
{
	static const char *const codes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
	static const char *const reasons[] = {
#define X(name, status, code, text) #name,
		HTTP_REFUSALS(X)
#undef X
	};
	struct metrics *m = loop_metrics(s->loop);
	struct http_metrics *h = &s->metrics;
	char labels[64];

	if (!m)
		return;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		snprintf(labels, sizeof(labels), "code=\"%s\"", codes[i]);
		h->requests[i] = metrics_counter(
			m, "souk_http_requests_total", labels, "Requests that were answered.");
	}
	for (size_t i = 0; i < HTTP_REFUSAL_COUNT; i++) {
		size_t len = (size_t)snprintf(labels, sizeof(labels), "reason=\"%s\"", reasons[i]);
		for (size_t j = 8; j + 1 < len; j++)
			if (labels[j] >= 'A' && labels[j] <= 'Z')
				labels[j] = (char)(labels[j] + 32);
		h->refused[i] = metrics_counter(m, "souk_http_refused_total", labels,
			"Requests that were refused before a handler saw them.");
	}
	h->connections =
		metrics_gauge(m, "souk_http_connections", NULL, "HTTP connections that are open.");
	h->sent = metrics_counter(
		m, "souk_http_bytes_sent_total", NULL, "Bytes of heads and bodies that were sent.");
	h->stalled = metrics_counter(m, "souk_http_stalled_total", NULL,
		"Connections that were closed because the peer took nothing of its answer.");
	h->seconds = metrics_histogram(m, "souk_http_request_seconds", NULL,
		"From the complete head to the last byte of the answer.", seconds_bounds,
		sizeof(seconds_bounds) / sizeof(seconds_bounds[0]));
}

static bool vhost_open(struct http_server *s, struct http_edge *e, char *error, unsigned size)
{
	struct lws_context_creation_info info;

	loop_vhost_info(&info);
	info.vhost_name = e->tls ? "https" : e->local ? "http-local" : "http";
	info.protocols = http_protocols;
	info.keepalive_timeout = LWS_NET_SECONDS;
	info.timeout_secs_ah_idle = LWS_NET_SECONDS;
	if (e->tls) {
		info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = s->cert;
		info.ssl_private_key_filepath = s->key;
		info.alpn = "h2,http/1.1";
	}
	e->vhost = loop_vhost_create(s->loop, &info);
	if (!e->vhost)
		snprintf(error, size, "cannot use certificate %s with key %s", s->cert, s->key);
	return e->vhost;
}

static bool edge_open(struct http_server *s, const struct http_config *config, const char *listen,
	bool tls, bool local, char *error, unsigned size)
{
	struct http_edge *e = &s->edges[s->n_edges];
	struct net_listener_config net = {
		.name = tls	? "https"
			: local ? "http-local"
				: "http",
		.listen = listen,
		.max_connections = config->max_connections,
		.max_per_address = local ? 0 : config->max_per_address,
		.activation_name = tls ? "https"
			: local	       ? NULL
				       : "http",
		.admit = local ? NULL : config->admit,
		.admit_user = config->admit_user,
		.accepted = http_conn_accepted,
		.user = e,
	};

	*e = (struct http_edge){.server = s, .tls = tls, .local = local};
	if (!vhost_open(s, e, error, size))
		return false;
	e->listener = net_listener_create(s->loop, &net, error, size);
	if (!e->listener)
		return false;
	s->n_edges++;
	return true;
}

static bool edges_open(
	struct http_server *s, const struct http_config *config, char *error, unsigned size)
{
	if (config->listen && !edge_open(s, config, config->listen, false, false, error, size))
		return false;
	if (config->tls_listen && (!s->cert || !s->key)) {
		snprintf(error, size, "tls_listen needs cert and key");
		return false;
	}
	if (config->tls_listen &&
		!edge_open(s, config, config->tls_listen, true, false, error, size))
		return false;
	if (!config->unix_path)
		return true;
	char *spec = mem_printf("unix:%s", config->unix_path);
	bool ok = edge_open(s, config, spec, false, true, error, size);
	free(spec);
	return ok;
}

static void waits_init(struct http_server *s, const struct http_config *config)
{
	for (int i = 0; i < HTTP_WAIT_KINDS; i++)
		list_init(&s->waits[i]);
	s->wait_us[HTTP_WAIT_HEADER] = config->header_us ? config->header_us : 10 * SECOND;
	s->wait_us[HTTP_WAIT_IDLE] = config->idle_us ? config->idle_us : 60 * SECOND;
	s->wait_us[HTTP_WAIT_BODY] = BODY_US;
	s->wait_us[HTTP_WAIT_WRITE] = config->stall_us ? config->stall_us : STALL_US;
	s->wait_us[HTTP_WAIT_LINGER] = LINGER_US;
	s->wheel = loop_timer_create(s->loop, "http wheel", http_wait_wheel, s);
	timer_repeat(s->wheel, WHEEL_US);
}

struct http_server *http_server_create(
	struct loop *l, const struct http_config *config, char *error, unsigned error_size)
{
	struct http_server *s = mem_new(struct http_server);
	uint8_t random[4];

	s->loop = l;
	s->handle = config->handle;
	s->user = config->user;
	s->by_libwebsockets = config->by_libwebsockets;
	s->max_body = config->max_body ? config->max_body : MAX_BODY;
	s->cert = mem_strdup(config->cert);
	s->key = mem_strdup(config->key);
	s->scratch = mem_alloc(LWS_PRE + HTTP_SCRATCH);
	clock_random(loop_clock(l), random, sizeof(random));
	text_hex(s->id_prefix, random, sizeof(random));
	list_init(&s->conns);
	list_init(&s->orphans);
	http_metrics_init(s);
	waits_init(s, config);
	s->poller = http_poller_create(s);
	if (!edges_open(s, config, error, error_size))
		http_server_destroy(&s);
	return s;
}

static void listeners_destroy(struct http_server *s)
{
	for (unsigned i = 0; i < s->n_edges; i++)
		net_listener_destroy(&s->edges[i].listener);
}

void http_server_destroy(struct http_server **sp)
{
	struct http_server *s = *sp;
	struct http_conn *c, *next;

	if (!s)
		return;
	*sp = NULL;
	timer_destroy(&s->wheel);
	list_for_each_safe (c, next, &s->conns, link)
		http_conn_abandon(c);
	http_request_abandon_orphans(s);
	listeners_destroy(s);
	http_poller_destroy(&s->poller);
	http_websockets_destroy(s);
	free(s->scratch);
	free(s->cert);
	free(s->key);
	free(s);
}

void http_server_drain(struct http_server *s)
{
	struct http_conn *c;

	s->draining = true;
	for (unsigned i = 0; i < s->n_edges; i++)
		net_listener_stop(s->edges[i].listener);
	list_for_each (c, &s->conns, link)
		if (!c->active)
			http_conn_kill(c);
}

unsigned http_server_connections(const struct http_server *s)
{
	return s->connections;
}

static struct http_server_entry entry_of(const struct http_conn *c)
{
	return (struct http_server_entry){
		.id = c->id,
		.address = c->address,
		.since_us = c->since_us,
		.requests = c->active,
		.tls = c->edge->tls,
		.local = c->edge->local,
	};
}

void http_server_each(const struct http_server *s,
	void (*each)(void *arg, const struct http_server_entry *entry), void *arg)
{
	const struct http_conn *c;

	list_for_each (c, &s->conns, link) {
		struct http_server_entry entry = entry_of(c);
		each(arg, &entry);
	}
}

/* On HTTP/2 a connection has many streams: it is cut with all of them. */
static struct http_websocket *websocket_of(const struct http_conn *c)
{
	const struct http_session *session = c->wsi ? lws_wsi_user(c->wsi) : NULL;

	return c->websocket ? c->websocket : session ? session->websocket : NULL;
}

static void turn_out(struct http_conn *c, const char *reason)
{
	struct http_websocket *ws = c->closing || c->killed ? NULL : websocket_of(c);

	if (ws)
		http_websocket_turn_out(ws, reason);
	else
		http_conn_kill(c);
}

unsigned http_server_close(struct http_server *s,
	bool (*which)(void *arg, const struct http_server_entry *entry), void *arg,
	const char *reason)
{
	struct http_conn *c, *next;
	unsigned n = 0;

	list_for_each_safe (c, next, &s->conns, link) {
		struct http_server_entry entry = entry_of(c);
		if (which(arg, &entry)) {
			turn_out(c, reason);
			n++;
		}
	}
	return n;
}

bool http_server_reload_tls(struct http_server *s)
{
	if (!s->cert)
		return true;
	bool ok = lws_tls_cert_updated(loop_lws(s->loop), s->cert, s->key, NULL, 0, NULL, 0) == 0;
	if (ok)
		log_info("certificate reloaded", kv_str("cert", s->cert));
	else
		log_error("certificate cannot be reloaded", kv_str("cert", s->cert));
	return ok;
}

unsigned http_server_port(const struct http_server *s)
{
	return s->n_edges ? net_listener_port(s->edges[0].listener) : 0;
}

void http_server_limits(struct http_server *s, unsigned max_connections, unsigned max_per_address)
{
	for (unsigned i = 0; i < s->n_edges; i++)
		net_listener_limits(s->edges[i].listener, max_connections,
			s->edges[i].local ? 0 : max_per_address);
}

struct loop *http_server_loop(struct http_server *s)
{
	return s->loop;
}
