/* Players of RTMP and HTTP-FLV from one thread; see --help and tests/bench/README.md. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/text.h"
#include "listener.h"

enum { PLAYERS_MAX = 20000, DURATION_MAX_S = 3600, URLS_MAX = 256 };

struct load {
	const char *urls[URLS_MAX];
	unsigned n;
	struct target *targets;
	struct listeners_options opt;
	int anywhere;
};

static volatile int stop_asked;

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static const char help[] =
	"load_play --url rtmp://127.0.0.1:1935/live/STREAM_ID [--url ...]\n"
	"load_play --url http://127.0.0.1:8080/live/STREAM_ID.flv [--url ...]\n"
	"  --players N    players, over the URLs by turns (1)\n"
	"  --duration T   (10s)\n"
	"  --stall N      so many of them stop reading once they have had 64 kB (0)\n"
	"  --stamps       look for the wall clock of load_publish --stamp in what comes\n"
	"  --anywhere     other than loopback addresses\n"
	"Prints JSON. Exit status: 0, 1 players were closed or got nothing, 2 usage.\n";

static bool usage(const char *why, const char *value)
{
	fprintf(stderr, "load_play: %s%s%s\n", why, value ? ": " : "", value ? value : "");
	return false;
}

enum { OPT_URL = 256, OPT_PLAYERS, OPT_DURATION, OPT_STALL };

static bool u32_parse(const char *s, uint64_t min, unsigned *out)
{
	uint64_t v;
	if (!text_u64(s, min, PLAYERS_MAX, &v))
		return false;
	*out = (unsigned)v;
	return true;
}

static bool option_set(struct load *l, int opt, const char *arg)
{
	switch (opt) {
	case OPT_URL:
		if (l->n == URLS_MAX)
			return false;
		l->urls[l->n++] = arg;
		return true;
	case OPT_PLAYERS:
		return u32_parse(arg, 1, &l->opt.players);
	case OPT_DURATION:
		return text_duration_us(arg, &l->opt.duration_us) &&
			l->opt.duration_us <= DURATION_MAX_S * 1000000ULL;
	case OPT_STALL:
		return u32_parse(arg, 0, &l->opt.stalled);
	}
	return false;
}

static bool options_parse(struct load *l, int argc, char **argv)
{
	int stamps = 0;
	const struct option table[] = {
		{"url", required_argument, NULL, OPT_URL},
		{"players", required_argument, NULL, OPT_PLAYERS},
		{"duration", required_argument, NULL, OPT_DURATION},
		{"stall", required_argument, NULL, OPT_STALL},
		{"stamps", no_argument, &stamps, 1},
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
	l->opt.stamps = stamps;
	return optind == argc && l->n > 0 ? true : usage("needs --url and nothing else", NULL);
}

static bool targets_make(struct load *l)
{
	const char *why;
	l->targets = mem_zalloc(l->n * sizeof(*l->targets));
	l->opt.targets = l->targets;
	l->opt.n_targets = l->n;
	for (unsigned i = 0; i < l->n; i++) {
		struct target *t = &l->targets[i];
		if (!target_parse(t, l->urls[i], l->anywhere, &why))
			return usage(why, l->urls[i]);
		bool rtmp = text_eq(t->scheme, "rtmp") && strchr(t->path + 1, '/');
		if (!rtmp && !text_eq(t->scheme, "http"))
			return usage("neither rtmp://HOST/APP/STREAM nor http://", l->urls[i]);
	}
	return true;
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

static int result_print(json_t *out)
{
	json_int_t bad = json_integer_value(json_object_get(out, "closed")) +
		json_integer_value(json_object_get(out, "silent"));
	json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(out);
	return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct load l = {
		.opt = {.players = 1, .duration_us = 10 * 1000 * 1000, .stop = &stop_asked}};
	int status = 2;
	process_prepare();
	if (options_parse(&l, argc, argv) && targets_make(&l))
		status = result_print(listeners_run(&l.opt));
	free(l.targets);
	return status;
}
