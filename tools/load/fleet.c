#include "fleet.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client.h"
#include "mark.h"
#include "samples.h"
#include "tally.h"
#include "usage.h"
#include "ws_client.h"

enum { EVENTS = 256, PENDING_MAX = 200, CONNECT_WAIT_US = 30000000, ACKS_FROM = 2 };

struct fleet {
	const struct fleet_options *opt;
	struct client_config config;
	struct client *clients;
	struct tally tally;
	struct samples *latency;
	uint16_t run;
	char *text;
	unsigned started, pending, ready, failed, died;
	unsigned first_status; /* of a refused upgrade */
	uint32_t planned, sent, warm; /* messages; warm: sent before the figures begin */
	uint64_t acked, refused, warm_received;
	uint64_t send_from_us;
	unsigned turn; /* whose burst is next */
};

/* What the server has cost at the ends of the phases. */
struct phases {
	struct usage bare, connected, settled, warm, end;
	uint64_t cpu_warm_us, cpu_end_us; /* of this process */
	uint64_t connect_us, warm_at_us, end_at_us;
};

static uint64_t now(void)
{
	return clock_mono_us(&clock_system);
}

static uint64_t own_cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
		(uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void on_ready(void *user, struct client *c)
{
	struct fleet *f = user;
	f->pending--;
	f->ready++;
}

static void on_dead(void *user, struct client *c, enum client_state before)
{
	struct fleet *f = user;
	if (before == CLIENT_READY) {
		f->ready--;
		f->died++;
		return;
	}
	f->pending--;
	f->failed++;
	if (!f->first_status)
		f->first_status = (unsigned)c->status;
}

static unsigned sender_of(const struct fleet *f, uint32_t number)
{
	return number / f->opt->burst % f->opt->senders;
}

static void on_text(void *user, struct client *c, const uint8_t *text, size_t len)
{
	struct fleet *f = user;
	struct mark mark;
	uint32_t ack;
	if (mark_find(text, len, &mark)) {
		if (mark.run == f->run &&
			tally_add(&f->tally, c->index, mark.number, sender_of(f, mark.number)) &&
			mark.number >= f->warm) {
			uint64_t at = now();
			samples_add(f->latency, at > mark.sent_us ? at - mark.sent_us : 0);
		}
		return;
	}
	enum wire_kind kind = wire_read(f->opt->framing, text, len, &ack);
	f->acked += kind == WIRE_ACK;
	f->refused += kind == WIRE_REFUSED;
}

static const struct client_ops ops = {.ready = on_ready, .dead = on_dead, .text = on_text};

/* Handles what is there, or comes until then. */
static void wait_until(struct fleet *f, uint64_t until_us)
{
	struct epoll_event events[EVENTS];
	uint64_t at = now(), left = until_us > at ? until_us - at : 0;
	struct timespec timeout = {(time_t)(left / 1000000), (long)(left % 1000000 * 1000)};
	int n = epoll_pwait2(f->config.epoll, events, EVENTS, &timeout, NULL);
	for (int i = 0; i < n; i++)
		client_ready(events[i].data.ptr, events[i].events);
}

static void rest(struct fleet *f, uint64_t for_us)
{
	uint64_t end = now() + for_us;
	while (now() < end && !*f->opt->stop)
		wait_until(f, end);
}

static void connect_due(struct fleet *f, uint64_t since_us)
{
	uint64_t due = since_us * f->opt->ramp / 1000000 + 1;
	while (f->started < f->opt->clients && f->started < due && f->pending < PENDING_MAX) {
		f->pending++;
		client_connect(&f->clients[f->started++]);
	}
}

static void connect_all(struct fleet *f)
{
	uint64_t start = now(), end = 0;
	while (!*f->opt->stop && (f->started < f->opt->clients || f->pending)) {
		uint64_t at = now();
		connect_due(f, at - start);
		if (f->started == f->opt->clients && !end)
			end = at + CONNECT_WAIT_US;
		if (end && at > end)
			return;
		wait_until(f, at + 1000);
	}
}

static void message_put(struct fleet *f, struct buf *frames, uint64_t due_us)
{
	const struct fleet_options *o = f->opt;
	struct buf text = {0};
	mark_write(f->text, &(struct mark){f->run, f->sent, due_us});
	wire_event(&text, o->framing, o->event, o->join, f->text, o->size,
		o->acks ? ACKS_FROM + f->sent : 0);
	ws_client_frame(frames, 1, text.data, text.len, 0xfee1600du + f->sent);
	buf_finish(&text);
	f->sent++;
}

static void burst_send(struct fleet *f, uint64_t due_us)
{
	struct client *c = &f->clients[sender_of(f, f->sent)];
	struct buf frames = {0};
	for (unsigned i = 0; i < f->opt->burst && f->sent < f->planned; i++)
		message_put(f, &frames, due_us);
	client_send(c, frames.data, frames.len);
	buf_finish(&frames);
}

/* Sends by the clock until so many are sent, however late it is. */
static void send_until(struct fleet *f, uint32_t number)
{
	while (f->sent < number && !*f->opt->stop) {
		uint64_t due = f->send_from_us + (uint64_t)(f->sent * 1e6 / f->opt->rate);
		if (now() >= due)
			burst_send(f, due);
		else
			wait_until(f, due);
	}
}

static uint64_t expected(const struct fleet *f)
{
	return (uint64_t)f->sent * (f->opt->clients - f->failed - f->opt->stall);
}

static void drain(struct fleet *f)
{
	uint64_t end = now() + f->opt->drain_us;
	while (f->tally.received < expected(f) && now() < end && !*f->opt->stop)
		wait_until(f, now() + 10000);
}

static void server_look(const struct fleet *f, struct usage *u)
{
	if (f->opt->pid && !usage_read(f->opt->pid, u))
		*u = (struct usage){0};
}

/* The last ones: the first are those who speak. */
static void stall_some(struct fleet *f)
{
	for (unsigned i = 0; i < f->opt->stall; i++) {
		struct client *c = &f->clients[f->opt->clients - 1 - i];
		if (c->fd >= 0)
			client_stall(c);
	}
}

static void phases_run(struct fleet *f, struct phases *p)
{
	uint64_t start = now();
	server_look(f, &p->bare);
	connect_all(f);
	p->connect_us = now() - start;
	server_look(f, &p->connected);
	rest(f, f->opt->settle_us);
	server_look(f, &p->settled);
	stall_some(f);
	f->send_from_us = now();
	send_until(f, f->warm);
	f->warm_received = f->tally.received;
	server_look(f, &p->warm);
	p->cpu_warm_us = own_cpu();
	p->warm_at_us = now();
	send_until(f, f->planned);
	drain(f);
	p->end_at_us = now();
	p->cpu_end_us = own_cpu();
	server_look(f, &p->end);
}

static json_t *latency_json(const struct samples *s)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "p50", (double)samples_quantile(s, 0.5) / 1000,
		"p90", (double)samples_quantile(s, 0.9) / 1000, "p99",
		(double)samples_quantile(s, 0.99) / 1000, "max", (double)s->max / 1000);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static json_t *server_json(const struct fleet *f, const struct phases *p)
{
	uint64_t connected = f->opt->clients - f->failed;
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "cpuMicrosPerAccept",
		share(p->connected.cpu_us - p->bare.cpu_us, connected), "pssPerSocket",
		((double)p->settled.pss - (double)p->bare.pss) / (double)(connected + !connected),
		"cpuMicrosPerDelivery",
		share(p->end.cpu_us - p->warm.cpu_us, f->tally.received - f->warm_received),
		"cpuPercent",
		100 * share(p->end.cpu_us - p->warm.cpu_us, p->end_at_us - p->warm_at_us), "pssMiB",
		(double)p->end.pss / 1048576);
}

static json_t *stalled_json(struct fleet *f)
{
	size_t bytes, all = 0;
	unsigned closed = 0;
	for (unsigned i = 0; i < f->opt->stall; i++) {
		struct client *c = &f->clients[f->opt->clients - 1 - i];
		closed += c->fd < 0 || client_drain(c, &bytes);
		all += c->fd < 0 ? 0 : bytes;
	}
	return json_pack("{s:i, s:i, s:I}", "sockets", (int)f->opt->stall, "closedByServer",
		(int)closed, "bytesTheyHad", (json_int_t)all);
}

static json_t *result_json(struct fleet *f, const struct phases *p)
{
	const struct tally *t = &f->tally;
	uint64_t want = expected(f);
	json_t *out = json_pack(
		"{s:i, s:i, s:i, s:i, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}",
		"connected", (int)(f->opt->clients - f->failed), "failed", (int)f->failed,
		"failedStatus", (int)f->first_status, "died", (int)f->died, "connectSeconds",
		(double)p->connect_us / 1e6, "sent", (json_int_t)f->sent, "acked",
		(json_int_t)f->acked, "refused", (json_int_t)f->refused, "expected",
		(json_int_t)want, "received", (json_int_t)t->received, "lost",
		(json_int_t)(want - t->received), "duplicated", (json_int_t)t->duplicated,
		"outOfOrder", (json_int_t)t->disordered, "latencyMs", latency_json(f->latency),
		"generatorCpuPercent",
		100 * share(p->cpu_end_us - p->cpu_warm_us, p->end_at_us - p->warm_at_us));
	if (f->opt->stall)
		json_object_set_new(out, "stalled", stalled_json(f));
	if (f->opt->pid)
		json_object_set_new(out, "server", server_json(f, p));
	return out;
}

static void fleet_init(struct fleet *f, const struct fleet_options *o)
{
	*f = (struct fleet){.opt = o,
		.planned = (uint32_t)((double)(o->duration_us + o->warmup_us) * o->rate / 1e6),
		.warm = (uint32_t)((double)o->warmup_us * o->rate / 1e6)};
	f->config = (struct client_config){.target = o->target,
		.path = o->path,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.sources = o->sources,
		.framing = o->framing,
		.join = o->join,
		.join_event = o->join_event,
		.ops = &ops,
		.user = f};
	clock_random(&clock_system, &f->run, sizeof(f->run));
	f->latency = mem_new(struct samples);
	f->text = mem_alloc(o->size);
	memset(f->text, 'x', o->size);
	tally_init(&f->tally, o->clients, f->planned, o->senders);
	f->clients = mem_zalloc(o->clients * sizeof(struct client));
	for (unsigned i = 0; i < o->clients; i++)
		client_init(&f->clients[i], &f->config, i,
			o->n_tokens ? o->tokens[i % o->n_tokens] : NULL);
}

json_t *fleet_run(const struct fleet_options *o)
{
	struct fleet f;
	struct phases p = {0};
	fleet_init(&f, o);
	phases_run(&f, &p);
	json_t *out = result_json(&f, &p);
	for (unsigned i = 0; i < o->clients; i++)
		client_finish(&f.clients[i]);
	close(f.config.epoll);
	tally_finish(&f.tally);
	free(f.clients);
	free(f.latency);
	free(f.text);
	return out;
}
