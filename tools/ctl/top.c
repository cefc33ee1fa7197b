#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "output.h"

/* The alternate screen, without a cursor; and back. */
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define REFRESH_SECONDS 1

static const struct field top_fields[] = {
	{"STREAM", "streamId"},
	{"TITLE", "title", FIELD_FLEXIBLE},
	{"STATE", "state"},
	{"ON AIR", "duration", FIELD_SECONDS},
	{"RATE", "ingest.bitrate", FIELD_RATE},
	{"FPS", "ingest.frameRate", FIELD_FRACTION},
	{"PICTURE", "ingest", FIELD_PICTURE},
	{"VIEWERS", "currentViewers", FIELD_COUNT},
	{"DROPS", "ingest.droppedSamples", FIELD_COUNT},
	{"CUTS", "ingest.interruptions", FIELD_COUNT},
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = 1;
}

/* Without SA_RESTART, so that the sleep ends at once. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static enum ctl_exit fetch(struct ctl *c, json_t **list)
{
	return client_call(c, "GET", "/api/v1/admin/streams", NULL, list);
}

/* The whole screen is one write, each line cleared behind its text: nothing flickers. */
static void draw(const char *head, const char *body)
{
	struct buf out = {0};
	buf_printf(&out, "\033[H%s\033[K\n\033[K\n", head);
	unsigned rows = output_height();
	/* A line more would scroll the head away. */
	for (unsigned row = 2; *body != '\0' && (rows == 0 || row + 1 < rows); row++) {
		size_t line = strcspn(body, "\n");
		buf_put(&out, body, line);
		buf_put_str(&out, "\033[K\n");
		body += line + (body[line] == '\n');
	}
	buf_put_str(&out, "\033[J");
	fputs(buf_text(&out), stdout);
	fflush(stdout);
	buf_finish(&out);
}

static void draw_list(const json_t *list)
{
	struct buf head = {0}, body = {0};
	char now[16];
	time_t t = time(NULL);
	strftime(now, sizeof(now), "%H:%M:%S", localtime(&t));
	double total = 0;
	size_t row;
	const json_t *stream;
	json_array_foreach(list, row, stream)
	{
		total += field_number(stream, "ingest.bitrate");
	}
	char rate[FIGURE_SIZE];
	figure_rate(rate, (uint64_t)total);
	buf_printf(&head, "%s   %zu live   %s   Ctrl-C stops", now, json_array_size(list), rate);
	struct table *table = output_make_table(list, top_fields, OUTPUT_COUNT(top_fields));
	table_write(table, output_width(), &body);
	table_destroy(&table);
	draw(buf_text(&head), buf_text(&body));
	buf_finish(&head);
	buf_finish(&body);
}

static void watch(struct ctl *c, json_t *list)
{
	catch_signals();
	c->quiet = true;
	fputs(SCREEN_ENTER, stdout);
	while (!stopped) {
		if (list != NULL) {
			draw_list(list);
			json_decref(list);
		} else {
			draw("soukd does not answer; trying again", "");
		}
		nanosleep(&(struct timespec){.tv_sec = REFRESH_SECONDS}, NULL);
		list = NULL;
		if (!stopped && fetch(c, &list) != CTL_OK) {
			list = NULL;
		}
	}
	json_decref(list);
	fputs(SCREEN_LEAVE, stdout);
	fflush(stdout);
}

enum ctl_exit streams_top_run(struct ctl *c)
{
	json_t *list;
	enum ctl_exit result = fetch(c, &list);
	if (result != CTL_OK) {
		return result;
	}
	if (c->json || args_has(&c->args, "once") || !isatty(STDOUT_FILENO)) {
		output_list(c, list, top_fields, OUTPUT_COUNT(top_fields));
	} else {
		watch(c, list);
	}
	return CTL_OK;
}
