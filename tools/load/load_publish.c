/* Many RTMP encoders from one thread; see --help and tests/bench/README.md. */
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "publisher.h"

enum { STREAMS_MAX = 4096, DURATION_MAX_S = 48 * 3600 };

struct load {
	struct publisher_options opt;
	struct target target;
	struct flv_file file;
	char *app;
	const char *url, *file_path, *keys_file, *key_format, *log_path;
	unsigned n;
	uint64_t stagger_us;
	bool anywhere;
	char **keys;
	struct publisher *publishers;
	int epoll;
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static const char help[] =
	"load_publish --url rtmp://127.0.0.1:1935/live --file F.flv (--key-format K | --keys-file "
	"F)\n"
	"  --streams N          publishers (1)\n"
	"  --key-format TEXT    stream keys; {n} becomes the number, from 0\n"
	"  --keys-file FILE     stream keys, one a line\n"
	"  --duration T         of media, e.g. 30s, 10m (10s)\n"
	"  --speed X            media time runs X times as fast (1)\n"
	"  --start-timestamp N  first timestamp in ms, modulo 2^32 (0)\n"
	"  --stagger T          between the starts of two publishers (20ms)\n"
	"  --drop-at T,T...     drop the connection at these media times\n"
	"  --drop-kind KIND     fin (all that was due arrives), rst (cut), silent (stays open)\n"
	"  --reconnect T        real time from a drop to coming back (1s)\n"
	"  --retry T            after a refusal or a lost connection come back (never)\n"
	"  --restart-timestamps after a drop begin at --start-timestamp again\n"
	"  --keep-frames        frames due while down are sent on coming back\n"
	"  --explicit-stop      end with FCUnpublish and deleteStream\n"
	"  --chunk-size N       (4096)\n"
	"  --deltas             type 1 headers with deltas after the first, as OBS sends\n"
	"  --bare-type3         no extended timestamps in type 3 headers\n"
	"  --one-byte           one byte a write\n"
	"  --stamp              wall clock in every video frame (for load_hls)\n"
	"  --publish-log FILE   one line a packet: stream, connection, kind, configuration?,\n"
	"                       keyframe?, timestamp, composition, size, crc32, wall clock in us\n"
	"  --anywhere           other than loopback addresses\n"
	"Prints a JSON summary. Exit status: 0 all published, 1 errors, 2 usage.\n";

static bool usage(const char *why, const char *value)
{
	fprintf(stderr, "load_publish: %s%s%s\n", why, value ? ": " : "", value ? value : "");
	return false;
}

static bool drops_parse(struct publisher_options *o, const char *list)
{
	char *copy = mem_strdup(list), *rest = copy, *item;
	bool ok = true;
	while (ok && (item = strsep(&rest, ","))) {
		ok = o->n_drops < PUBLISHER_MAX_DROPS &&
			text_duration_us(item, &o->drop_at_us[o->n_drops]);
		o->n_drops += ok;
	}
	free(copy);
	return ok;
}

static bool drop_kind_parse(const char *s, enum drop_kind *out)
{
	static const char *const names[] = {"fin", "rst", "silent"};
	for (int i = 0; i < 3; i++) {
		if (text_eq(s, names[i])) {
			*out = (enum drop_kind)i;
			return true;
		}
	}
	return false;
}

static bool speed_parse(const char *s, double *out)
{
	char *end;
	*out = strtod(s, &end);
	return *end == '\0' && *out >= 0.01 && *out <= 100000;
}

static bool u32_parse(const char *s, uint64_t min, uint64_t max, uint32_t *out)
{
	uint64_t v;
	if (!text_u64(s, min, max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

enum {
	OPT_URL = 256,
	OPT_FILE,
	OPT_STREAMS,
	OPT_KEY_FORMAT,
	OPT_KEYS_FILE,
	OPT_DURATION,
	OPT_SPEED,
	OPT_START,
	OPT_STAGGER,
	OPT_DROP_AT,
	OPT_DROP_KIND,
	OPT_RECONNECT,
	OPT_RETRY,
	OPT_CHUNK_SIZE,
	OPT_LOG,
	OPT_FLAG,
};

static bool option_set(struct load *l, int opt, const char *arg)
{
	struct publisher_options *o = &l->opt;
	switch (opt) {
	case OPT_URL:
		l->url = arg;
		return true;
	case OPT_FILE:
		l->file_path = arg;
		return true;
	case OPT_STREAMS:
		return u32_parse(arg, 1, STREAMS_MAX, &l->n);
	case OPT_KEY_FORMAT:
		l->key_format = arg;
		return true;
	case OPT_KEYS_FILE:
		l->keys_file = arg;
		return true;
	case OPT_DURATION:
		return text_duration_us(arg, &o->duration_us) &&
			o->duration_us <= DURATION_MAX_S * 1000000ULL;
	case OPT_SPEED:
		return speed_parse(arg, &o->speed);
	case OPT_START:
		return u32_parse(arg, 0, UINT32_MAX, &o->start_timestamp);
	case OPT_STAGGER:
		return text_duration_us(arg, &l->stagger_us);
	case OPT_DROP_AT:
		return drops_parse(o, arg);
	case OPT_DROP_KIND:
		return drop_kind_parse(arg, &o->drop_kind);
	case OPT_RECONNECT:
		return text_duration_us(arg, &o->reconnect_us);
	case OPT_RETRY:
		return text_duration_us(arg, &o->retry_us);
	case OPT_CHUNK_SIZE:
		return u32_parse(arg, 128, 1 << 20, &o->chunk_size);
	case OPT_LOG:
		l->log_path = arg;
		return true;
	}
	return false;
}

static bool options_parse(struct load *l, int argc, char **argv)
{
	int restart = 0, keep = 0, goodbye = 0, deltas = 0, bare = 0, one = 0, stamp = 0, any = 0;
	const struct option table[] = {
		{"url", required_argument, NULL, OPT_URL},
		{"file", required_argument, NULL, OPT_FILE},
		{"streams", required_argument, NULL, OPT_STREAMS},
		{"key-format", required_argument, NULL, OPT_KEY_FORMAT},
		{"keys-file", required_argument, NULL, OPT_KEYS_FILE},
		{"duration", required_argument, NULL, OPT_DURATION},
		{"speed", required_argument, NULL, OPT_SPEED},
		{"start-timestamp", required_argument, NULL, OPT_START},
		{"stagger", required_argument, NULL, OPT_STAGGER},
		{"drop-at", required_argument, NULL, OPT_DROP_AT},
		{"drop-kind", required_argument, NULL, OPT_DROP_KIND},
		{"reconnect", required_argument, NULL, OPT_RECONNECT},
		{"retry", required_argument, NULL, OPT_RETRY},
		{"chunk-size", required_argument, NULL, OPT_CHUNK_SIZE},
		{"publish-log", required_argument, NULL, OPT_LOG},
		{"restart-timestamps", no_argument, &restart, 1},
		{"keep-frames", no_argument, &keep, 1},
		{"explicit-stop", no_argument, &goodbye, 1},
		{"deltas", no_argument, &deltas, 1},
		{"bare-type3", no_argument, &bare, 1},
		{"one-byte", no_argument, &one, 1},
		{"stamp", no_argument, &stamp, 1},
		{"anywhere", no_argument, &any, 1},
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
	l->opt.restart_timestamps = restart;
	l->opt.keep_frames = keep;
	l->opt.goodbye = goodbye;
	l->opt.deltas = deltas;
	l->opt.bare_type3 = bare;
	l->opt.one_byte = one;
	l->opt.stamp = stamp;
	l->anywhere = any;
	bool keys = (l->key_format != NULL) != (l->keys_file != NULL);
	if (optind != argc || !l->url || !l->file_path || !keys)
		return usage("needs --url, --file and one of --key-format and --keys-file", NULL);
	return true;
}

static char *key_make(const char *format, unsigned n)
{
	const char *at = strstr(format, "{n}");
	if (!at)
		return mem_strdup(format);
	return mem_printf("%.*s%u%s", (int)(at - format), format, n, at + 3);
}

static bool keys_make(struct load *l)
{
	l->keys = mem_zalloc(l->n * sizeof(*l->keys));
	for (unsigned i = 0; l->key_format && i < l->n; i++)
		l->keys[i] = key_make(l->key_format, i);
	if (l->key_format)
		return true;
	FILE *in = fopen(l->keys_file, "r");
	if (!in)
		return usage("cannot read", l->keys_file);
	char *line = NULL;
	size_t size = 0;
	unsigned n = 0;
	while (n < l->n && getline(&line, &size, in) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0])
			l->keys[n++] = mem_strdup(line);
	}
	free(line);
	fclose(in);
	return n == l->n ? true : usage("fewer keys than --streams in", l->keys_file);
}

static bool load_prepare(struct load *l)
{
	const char *why;
	if (!target_parse(&l->target, l->url, l->anywhere, &why))
		return usage(why, l->url);
	if (!text_eq(l->target.scheme, "rtmp") || !l->target.path[1])
		return usage("not an rtmp URL with an application", l->url);
	if (!flv_file_load(&l->file, l->file_path, &why))
		return usage(why, l->file_path);
	if (!keys_make(l))
		return false;
	if (l->log_path && !(l->opt.log = fopen(l->log_path, "w")))
		return usage("cannot write", l->log_path);
	if (l->opt.log)
		setvbuf(l->opt.log, NULL, _IOFBF, 1 << 16);
	l->app = mem_strdup(l->target.path + 1);
	l->opt.app = l->app;
	l->opt.tc_url = l->url;
	l->opt.file = &l->file;
	l->opt.target = &l->target;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return true;
}

static uint64_t next_wake(const struct load *l, unsigned *left)
{
	uint64_t wake = UINT64_MAX;
	*left = 0;
	for (unsigned i = 0; i < l->n; i++) {
		const struct publisher *p = &l->publishers[i];
		wake = p->wake_us < wake ? p->wake_us : wake;
		*left += p->state != PUBLISHER_DONE;
	}
	return wake;
}

static int wait_ms(uint64_t now_us, uint64_t wake_us)
{
	if (wake_us <= now_us)
		return 0;
	uint64_t ms = (wake_us - now_us + 999) / 1000;
	return ms > 100 ? 100 : (int)ms;
}

static void load_run(struct load *l)
{
	struct epoll_event events[256];
	unsigned left;
	bool told = false;
	for (;;) {
		uint64_t now = clock_mono_us(&clock_system), wake = next_wake(l, &left);
		if (left == 0)
			return;
		int n = epoll_wait(l->epoll, events, 256, wait_ms(now, wake));
		now = clock_mono_us(&clock_system);
		for (int i = 0; i < n; i++)
			publisher_ready(events[i].data.ptr, events[i].events, now);
		for (unsigned i = 0; i < l->n; i++) {
			if (stop_asked && !told)
				publisher_end(&l->publishers[i], now);
			publisher_tick(&l->publishers[i], now);
		}
		told = stop_asked;
	}
}

static json_t *publisher_json(const struct publisher *p)
{
	return json_pack("{s:i, s:b, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:s}",
		"stream", (int)p->index, "published", (int)p->published, "connectMs",
		(double)p->connect_us / 1000, "startMs", (double)p->start_us / 1000, "connections",
		(json_int_t)p->connections, "bytes", (json_int_t)p->bytes, "packets",
		(json_int_t)p->packets, "audio", (json_int_t)p->audio, "video",
		(json_int_t)p->video, "lost", (json_int_t)p->lost, "late", (json_int_t)p->late,
		"lateMaxMs", (double)p->late_max_us / 1000, "errors", (json_int_t)p->errors,
		"error", p->error);
}

static bool summary_print(const struct load *l)
{
	json_t *list = json_array();
	uint64_t bytes = 0, packets = 0, late = 0, errors = 0;
	unsigned published = 0;
	for (unsigned i = 0; i < l->n; i++) {
		const struct publisher *p = &l->publishers[i];
		json_array_append_new(list, publisher_json(p));
		bytes += p->bytes;
		packets += p->packets;
		late += p->late;
		errors += p->errors;
		published += p->published;
	}
	json_t *all =
		json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:o}", "streams", (int)l->n, "published",
			(int)published, "bytes", (json_int_t)bytes, "packets", (json_int_t)packets,
			"late", (json_int_t)late, "errors", (json_int_t)errors, "perStream", list);
	json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(all);
	return published == l->n && errors == 0;
}

static void load_start(struct load *l)
{
	struct sigaction stop = {.sa_handler = on_stop};
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->publishers = mem_zalloc(l->n * sizeof(*l->publishers));
	uint64_t now = clock_mono_us(&clock_system);
	for (unsigned i = 0; i < l->n; i++)
		publisher_init(&l->publishers[i], &l->opt, i, l->keys[i], l->epoll,
			now + i * l->stagger_us);
}

static void load_finish(struct load *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->publishers)
			publisher_finish(&l->publishers[i]);
		if (l->keys)
			free(l->keys[i]);
	}
	free(l->publishers);
	free(l->keys);
	free(l->app);
	flv_file_finish(&l->file);
	if (l->opt.log)
		fclose(l->opt.log);
	if (l->epoll >= 0)
		close(l->epoll);
}

int main(int argc, char **argv)
{
	struct load l = {.n = 1, .stagger_us = 20 * 1000, .epoll = -1};
	l.opt.duration_us = 10 * 1000 * 1000;
	l.opt.speed = 1;
	l.opt.chunk_size = 4096;
	l.opt.reconnect_us = 1000 * 1000;
	if (!options_parse(&l, argc, argv))
		return 2;
	int status = 2;
	if (load_prepare(&l)) {
		load_start(&l);
		load_run(&l);
		status = summary_print(&l) ? 0 : 1;
	}
	load_finish(&l);
	return status;
}
