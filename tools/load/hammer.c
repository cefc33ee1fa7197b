#include "hammer.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http_conn.h"
#include "samples.h"

struct hammer {
	const struct hammer_options *opt;
	struct hammer_conn *conns;
	struct samples *latency;
	uint64_t end_us;
	uint64_t asked, answered, bytes, broken, bad_status;
	unsigned statuses[600];
};

struct hammer_conn {
	struct http_conn http;
	struct hammer *hammer;
	unsigned next; /* target to ask next */
	uint64_t retry_us; /* after a broken connection; else 0 */
};

static void conn_ask(struct hammer_conn *c, uint64_t now_us)
{
	struct hammer *h = c->hammer;
	if (now_us >= h->end_us || (h->opt->max_requests && h->asked >= h->opt->max_requests))
		return;
	const struct target *t = &h->opt->targets[c->next++ % h->opt->n_targets];
	h->asked++;
	bool ok = http_conn_get(&c->http, t->path, false, now_us);
	c->retry_us = ok ? 0 : now_us + 100000;
}

static void conn_done(struct http_conn *http, uint64_t now_us)
{
	struct hammer_conn *c = http->user;
	struct hammer *h = c->hammer;
	int status = http->answer.status;
	if (status == 0) {
		h->broken++;
		c->retry_us = now_us + 100000;
		return;
	}
	h->answered++;
	h->bytes += http->answer.body_bytes;
	h->bad_status += status >= 400;
	h->statuses[status]++;
	samples_add(h->latency, now_us - http->asked_us);
	conn_ask(c, now_us);
}

static void conns_retry(struct hammer *h, uint64_t now_us)
{
	for (unsigned i = 0; i < h->opt->connections; i++) {
		struct hammer_conn *c = &h->conns[i];
		if (c->retry_us && now_us >= c->retry_us) {
			c->retry_us = 0;
			conn_ask(c, now_us);
		}
	}
}

static bool hammer_over(const struct hammer *h, uint64_t now_us)
{
	bool enough = h->opt->max_requests && h->answered + h->broken >= h->opt->max_requests;
	return now_us >= h->end_us || enough || *h->opt->stop;
}

static void hammer_loop(struct hammer *h, int epoll)
{
	struct epoll_event events[256];
	uint64_t now = clock_mono_us(&clock_system);
	while (!hammer_over(h, now)) {
		int n = epoll_wait(epoll, events, 256, 50);
		now = clock_mono_us(&clock_system);
		for (int i = 0; i < n; i++)
			http_conn_ready(events[i].data.ptr, events[i].events, now);
		conns_retry(h, now);
	}
}

static json_t *hammer_json(const struct hammer *h, uint64_t took_us)
{
	json_t *statuses = json_object();
	for (unsigned i = 0; i < 600; i++) {
		char name[4] = {
			(char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10)};
		if (h->statuses[i])
			json_object_set_new(statuses, name, json_integer(h->statuses[i]));
	}
	return json_pack("{s:i, s:f, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o}", "connections",
		(int)h->opt->connections, "seconds", (double)took_us / 1e6, "requests",
		(json_int_t)h->answered, "bytes", (json_int_t)h->bytes, "broken",
		(json_int_t)h->broken, "badStatus", (json_int_t)h->bad_status, "requestsPerSecond",
		(double)h->answered * 1e6 / (double)took_us, "gbitPerSecond",
		(double)h->bytes * 8e-3 / (double)took_us, "statuses", statuses, "latencyMs",
		samples_json(h->latency));
}

json_t *hammer_run(const struct hammer_options *opt)
{
	uint64_t start = clock_mono_us(&clock_system);
	struct hammer h = {.opt = opt, .end_us = start + opt->duration_us};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	h.latency = mem_new(struct samples);
	h.conns = mem_zalloc(opt->connections * sizeof(*h.conns));
	for (unsigned i = 0; i < opt->connections; i++) {
		struct hammer_conn *c = &h.conns[i];
		http_conn_init(&c->http, &opt->targets[0], epoll);
		c->http.headers = opt->headers;
		c->http.done = conn_done;
		c->http.user = c;
		c->hammer = &h;
		c->next = i;
		conn_ask(c, start);
	}
	hammer_loop(&h, epoll);
	json_t *out = hammer_json(&h, clock_mono_us(&clock_system) - start);
	for (unsigned i = 0; i < opt->connections; i++)
		http_conn_finish(&h.conns[i].http);
	close(epoll);
	free(h.conns);
	free(h.latency);
	return out;
}
