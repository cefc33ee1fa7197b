/* HLS players and plain HTTP load from one thread; see --help and tests/bench/README.md. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "hammer.h"
#include "player.h"

enum { CONNECTIONS_MAX = 20000, DURATION_MAX_S = 3600, URLS_MAX = 256 };

struct load {
	const char *urls[URLS_MAX];
	unsigned n;
	struct target *targets;
	uint64_t connections, duration_us, poll_us, late_us, requests;
	struct buf headers;
	int plain, hints, anywhere;
};

static volatile int stop_asked;

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static const char help[] =
	"load_hls play   --url http://127.0.0.1:8080/hls/ID/index.m3u8 [--url ...]\n"
	"  --connections N    players (1)\n"
	"  --duration T       (10s)\n"
	"  --plain            no low latency even where it is offered\n"
	"  --hints            ask for a part as soon as it is hinted at\n"
	"  --poll T           between plain reloads (half a target duration)\n"
	"  --late T           count frames of load_publish --stamp that took longer\n"
	"load_hls hammer --url URL [--url ...]\n"
	"  --connections N    keep-alive connections, each with a request under way (200)\n"
	"  --duration T       (10s)\n"
	"  --requests N       end after so many\n"
	"  --header 'A: b'    further request field\n"
	"Both: --anywhere     other than loopback addresses\n"
	"All URLs are of one server. Prints JSON. Exit status: 0, 1 errors, 2 usage.\n";

static bool usage(const char *why, const char *value)
{
	fprintf(stderr, "load_hls: %s%s%s\n", why, value ? ": " : "", value ? value : "");
	return false;
}

enum { OPT_URL = 256, OPT_CONNECTIONS, OPT_DURATION, OPT_POLL, OPT_LATE, OPT_REQUESTS, OPT_HEADER };

static bool option_set(struct load *l, int opt, const char *arg)
{
	switch (opt) {
	case OPT_URL:
		if (l->n == URLS_MAX)
			return false;
		l->urls[l->n++] = arg;
		return true;
	case OPT_CONNECTIONS:
		return text_u64(arg, 1, CONNECTIONS_MAX, &l->connections);
	case OPT_DURATION:
		return text_duration_us(arg, &l->duration_us) &&
			l->duration_us <= DURATION_MAX_S * 1000000ULL;
	case OPT_POLL:
		return text_duration_us(arg, &l->poll_us);
	case OPT_LATE:
		return text_duration_us(arg, &l->late_us);
	case OPT_REQUESTS:
		return text_u64(arg, 1, INT64_MAX, &l->requests);
	case OPT_HEADER:
		buf_printf(&l->headers, "%s\r\n", arg);
		return true;
	}
	return false;
}

static bool options_parse(struct load *l, int argc, char **argv)
{
	const struct option table[] = {
		{"url", required_argument, NULL, OPT_URL},
		{"connections", required_argument, NULL, OPT_CONNECTIONS},
		{"duration", required_argument, NULL, OPT_DURATION},
		{"poll", required_argument, NULL, OPT_POLL},
		{"late", required_argument, NULL, OPT_LATE},
		{"requests", required_argument, NULL, OPT_REQUESTS},
		{"header", required_argument, NULL, OPT_HEADER},
		{"plain", no_argument, &l->plain, 1},
		{"hints", no_argument, &l->hints, 1},
		{"anywhere", no_argument, &l->anywhere, 1},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int opt, at = 0;
	while ((opt = getopt_long(argc, argv, "h", table, &at)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			exit(0);
		}
		if (opt == '?')
			return false;
		if (opt != 0 && !option_set(l, opt, optarg))
			return usage(table[at].name, optarg);
	}
	return optind == argc - 1 && l->n > 0 ? true : usage("needs a mode and --url", NULL);
}

static bool targets_make(struct load *l)
{
	const char *why;
	l->targets = mem_zalloc(l->n * sizeof(*l->targets));
	for (unsigned i = 0; i < l->n; i++) {
		struct target *t = &l->targets[i];
		if (!target_parse(t, l->urls[i], l->anywhere, &why))
			return usage(why, l->urls[i]);
		if (!text_eq(t->scheme, "http"))
			return usage("not an http URL", l->urls[i]);
		if (!text_eq(t->host, l->targets[0].host) || t->port != l->targets[0].port)
			return usage("not of the same server", l->urls[i]);
	}
	return true;
}

static json_t *play(struct load *l)
{
	return players_run(&(struct player_options){.targets = l->targets,
		.n_targets = l->n,
		.players = l->connections ? (unsigned)l->connections : 1,
		.duration_us = l->duration_us,
		.poll_us = l->poll_us,
		.late_us = l->late_us,
		.plain = l->plain,
		.hints = l->hints,
		.stop = &stop_asked});
}

static json_t *hammer(struct load *l)
{
	return hammer_run(&(struct hammer_options){.targets = l->targets,
		.n_targets = l->n,
		.connections = l->connections ? (unsigned)l->connections : 200,
		.duration_us = l->duration_us,
		.max_requests = l->requests,
		.headers = l->headers.len ? buf_text(&l->headers) : NULL,
		.stop = &stop_asked});
}

static int result_print(json_t *out)
{
	static const char *const errors[] = {"listErrors", "mediaErrors", "broken", "badStatus"};
	json_int_t n = 0;
	for (int i = 0; i < 4; i++)
		n += json_integer_value(json_object_get(out, errors[i]));
	json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(out);
	return n ? 1 : 0;
}

static void process_prepare(void)
{
	struct sigaction stop = {.sa_handler = on_stop};
	struct rlimit files;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int main(int argc, char **argv)
{
	struct load l = {.duration_us = 10 * 1000 * 1000};
	int status = 2;
	process_prepare();
	if (options_parse(&l, argc, argv) && targets_make(&l)) {
		bool plays = text_eq(argv[optind], "play");
		if (plays || text_eq(argv[optind], "hammer"))
			status = result_print(plays ? play(&l) : hammer(&l));
		else
			usage("no such mode", argv[optind]);
	}
	free(l.targets);
	buf_finish(&l.headers);
	return status;
}
