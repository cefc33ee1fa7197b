/* Many WebSocket clients from one thread; see --help and tests/bench/README.md. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/text.h"
#include "fleet.h"
#include "mark.h"

enum { CLIENTS_MAX = 20000, TOKENS_MAX = 20000, SIZE_MAX_BYTES = 65536, PORTS_A_SOURCE = 5000 };

struct load {
	struct fleet_options fleet;
	const char *url, *tokens_file;
	uint64_t clients, senders, stall, ramp, burst, size, pid, addresses;
	int acks, anywhere;
};

static volatile int stop_asked;

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static const char help[] =
	"load_sockets --url ws://127.0.0.1:8080[/path]\n"
	"  --framing NAME     json (/ws), socket.io, or plain: each text goes to all (json)\n"
	"  --clients N        sockets (100)\n"
	"  --senders N        of them who speak, in turn (1)\n"
	"  --rate R           messages a second in all (10)\n"
	"  --burst N          so many at a time, by one sender (1)\n"
	"  --size BYTES       of a message's text (100)\n"
	"  --duration T       of the figures (10s)\n"
	"  --warmup T         before that (1s)\n"
	"  --settle T         between connecting and speaking (1s)\n"
	"  --drain T          wait for the last deliveries (10s)\n"
	"  --ramp N           connections a second (2000)\n"
	"  --addresses N      to connect from, 127.0.0.1 and up (one for 5,000 clients)\n"
	"  --join STREAM      joined by all; its ID goes with each message\n"
	"  --join-event NAME  (stream:join)\n"
	"  --event NAME       of a message (stream:chat)\n"
	"  --token T          of all, or\n"
	"  --tokens FILE      one a line, in turn\n"
	"  --acks             asked for with each message\n"
	"  --stall N          so many read nothing once all are there\n"
	"  --pid PID          the server, to measure its CPU time and memory\n"
	"  --anywhere         other than loopback addresses\n"
	"Prints JSON. Exit status: 0, 1 something was lost or wrong, 2 usage.\n";

static bool usage(const char *why, const char *value)
{
	fprintf(stderr, "load_sockets: %s%s%s\n", why, value ? ": " : "", value ? value : "");
	return false;
}

enum {
	OPT_URL = 256,
	OPT_FRAMING,
	OPT_CLIENTS,
	OPT_SENDERS,
	OPT_RATE,
	OPT_BURST,
	OPT_SIZE,
	OPT_DURATION,
	OPT_WARMUP,
	OPT_SETTLE,
	OPT_DRAIN,
	OPT_RAMP,
	OPT_ADDRESSES,
	OPT_JOIN,
	OPT_JOIN_EVENT,
	OPT_EVENT,
	OPT_TOKEN,
	OPT_TOKENS,
	OPT_STALL,
	OPT_PID,
	OPT_HELP,
};

static bool rate_parse(const char *arg, double *out)
{
	char *end;
	*out = strtod(arg, &end);
	return *end == '\0' && *out > 0 && *out <= 100000;
}

static bool token_add(struct fleet_options *f, const char *token)
{
	if (!f->tokens)
		f->tokens = mem_zalloc(TOKENS_MAX * sizeof(char *));
	if (f->n_tokens == TOKENS_MAX)
		return false;
	f->tokens[f->n_tokens++] = mem_strdup(token);
	return true;
}

static bool tokens_read(struct fleet_options *f, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool ok = file != NULL;
	while (ok && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		ok = !*line || token_add(f, line);
	}
	free(line);
	if (file)
		fclose(file);
	return ok && f->n_tokens;
}

static bool count_set(struct load *l, int opt, const char *arg)
{
	switch (opt) {
	case OPT_CLIENTS:
		return text_u64(arg, 1, CLIENTS_MAX, &l->clients);
	case OPT_SENDERS:
		return text_u64(arg, 1, CLIENTS_MAX, &l->senders);
	case OPT_BURST:
		return text_u64(arg, 1, 1000, &l->burst);
	case OPT_SIZE:
		return text_u64(arg, MARK_LEN, SIZE_MAX_BYTES, &l->size);
	case OPT_RAMP:
		return text_u64(arg, 1, 1000000, &l->ramp);
	case OPT_ADDRESSES:
		return text_u64(arg, 1, CLIENTS_MAX, &l->addresses);
	case OPT_STALL:
		return text_u64(arg, 0, CLIENTS_MAX, &l->stall);
	default:
		return text_u64(arg, 1, INT32_MAX, &l->pid);
	}
}

static bool word_set(struct load *l, int opt, const char *arg)
{
	struct fleet_options *f = &l->fleet;
	const char **words[] = {&l->url, &f->join, &f->join_event, &f->event};
	unsigned at = opt == OPT_URL ? 0 : opt == OPT_JOIN ? 1 : opt == OPT_JOIN_EVENT ? 2 : 3;
	*words[at] = arg;
	return true;
}

static bool option_set(struct load *l, int opt, const char *arg)
{
	struct fleet_options *f = &l->fleet;
	switch (opt) {
	case OPT_URL:
	case OPT_JOIN:
	case OPT_JOIN_EVENT:
	case OPT_EVENT:
		return word_set(l, opt, arg);
	case OPT_FRAMING:
		return wire_framing_parse(arg, &f->framing);
	case OPT_RATE:
		return rate_parse(arg, &f->rate);
	case OPT_DURATION:
		return text_duration_us(arg, &f->duration_us);
	case OPT_WARMUP:
		return text_duration_us(arg, &f->warmup_us);
	case OPT_SETTLE:
		return text_duration_us(arg, &f->settle_us);
	case OPT_DRAIN:
		return text_duration_us(arg, &f->drain_us);
	case OPT_TOKEN:
		return token_add(f, arg);
	case OPT_TOKENS:
		return tokens_read(f, arg);
	default:
		return count_set(l, opt, arg);
	}
}

static bool options_parse(struct load *l, int argc, char **argv)
{
	const struct option options[] = {
		{"url", required_argument, NULL, OPT_URL},
		{"framing", required_argument, NULL, OPT_FRAMING},
		{"clients", required_argument, NULL, OPT_CLIENTS},
		{"senders", required_argument, NULL, OPT_SENDERS},
		{"rate", required_argument, NULL, OPT_RATE},
		{"burst", required_argument, NULL, OPT_BURST},
		{"size", required_argument, NULL, OPT_SIZE},
		{"duration", required_argument, NULL, OPT_DURATION},
		{"warmup", required_argument, NULL, OPT_WARMUP},
		{"settle", required_argument, NULL, OPT_SETTLE},
		{"drain", required_argument, NULL, OPT_DRAIN},
		{"ramp", required_argument, NULL, OPT_RAMP},
		{"addresses", required_argument, NULL, OPT_ADDRESSES},
		{"join", required_argument, NULL, OPT_JOIN},
		{"join-event", required_argument, NULL, OPT_JOIN_EVENT},
		{"event", required_argument, NULL, OPT_EVENT},
		{"token", required_argument, NULL, OPT_TOKEN},
		{"tokens", required_argument, NULL, OPT_TOKENS},
		{"stall", required_argument, NULL, OPT_STALL},
		{"pid", required_argument, NULL, OPT_PID},
		{"acks", no_argument, &l->acks, 1},
		{"anywhere", no_argument, &l->anywhere, 1},
		{"help", no_argument, NULL, OPT_HELP},
		{0},
	};
	for (int opt, at; (opt = getopt_long(argc, argv, "", options, &at)) != -1;) {
		if (opt == OPT_HELP) {
			fputs(help, stdout);
			exit(0);
		}
		if (opt == '?')
			return usage("see --help", NULL);
		if (opt && !option_set(l, opt, optarg))
			return usage("not a valid value", optarg);
	}
	return optind == argc || usage("not an option", argv[optind]);
}

static bool options_check(struct load *l, struct target *target)
{
	struct fleet_options *f = &l->fleet;
	const char *why;
	if (!l->url)
		return usage("--url is needed", NULL);
	if (!target_parse(target, l->url, l->anywhere, &why) || !text_eq(target->scheme, "ws"))
		return usage(why, l->url);
	if (l->senders + l->stall > l->clients)
		return usage("more senders and stalled ones than clients", NULL);
	if (f->duration_us > (uint64_t)3600 * 1000000 || f->warmup_us > (uint64_t)600 * 1000000)
		return usage("that is too long", NULL);
	f->target = target;
	f->path = text_eq(target->path, "/") ? wire_default_path(f->framing) : target->path;
	f->clients = (unsigned)l->clients;
	f->senders = (unsigned)l->senders;
	f->stall = (unsigned)l->stall;
	f->ramp = (unsigned)l->ramp;
	f->burst = (unsigned)l->burst;
	f->size = (unsigned)l->size;
	f->pid = (pid_t)l->pid;
	f->acks = l->acks;
	f->sources = l->addresses ? (unsigned)l->addresses : f->clients / PORTS_A_SOURCE + 1;
	if (l->anywhere)
		f->sources = 0;
	f->stop = &stop_asked;
	return true;
}

static bool files_allow(unsigned clients)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < clients + 64) {
		limit.rlim_cur = clients + 64;
		if (limit.rlim_max < limit.rlim_cur)
			limit.rlim_max = limit.rlim_cur;
		return setrlimit(RLIMIT_NOFILE, &limit) == 0;
	}
	return true;
}

static bool all_well(const json_t *out)
{
	static const char *const wrong[] = {
		"failed", "died", "refused", "lost", "duplicated", "outOfOrder"};
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (json_integer_value(json_object_get(out, wrong[i])))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct load l = {.clients = 100, .senders = 1, .ramp = 2000, .burst = 1, .size = 100};
	struct target target;
	l.fleet = (struct fleet_options){.framing = WIRE_JSON,
		.rate = 10,
		.duration_us = 10000000,
		.warmup_us = 1000000,
		.settle_us = 1000000,
		.drain_us = 10000000,
		.join_event = "stream:join",
		.event = "stream:chat"};
	bool ok = options_parse(&l, argc, argv) && options_check(&l, &target);
	if (ok && !files_allow(l.fleet.clients))
		ok = usage("too few file descriptors are allowed (ulimit -n)", NULL);
	int status = 2;
	if (ok) {
		signal(SIGINT, on_stop);
		signal(SIGTERM, on_stop);
		json_t *out = fleet_run(&l.fleet);
		json_dumpf(out, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		putchar('\n');
		status = all_well(out) ? 0 : 1;
		json_decref(out);
	}
	for (unsigned i = 0; i < l.fleet.n_tokens; i++)
		free(l.fleet.tokens[i]);
	free(l.fleet.tokens);
	return status;
}
