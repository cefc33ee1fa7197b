#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "client.h"
#include "output.h"

/* The history holds a hundred messages a page; between two looks there are rarely more. */
#define PAGE 100
#define LOOK_MS 1000

static const struct field chat_fields[] = {
	{"AT", "timestamp", FIELD_TIME},
	{"MESSAGE ID", "id"},
	{"USER", "userId"},
	{"NAME", "username"},
	{"MESSAGE", "message", FIELD_FLEXIBLE},
};

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	stopped = 1;
}

/* Newest first as the daemon gives them; turned around, for people read downwards. */
static json_t *turned(const json_t *list)
{
	json_t *out = json_array();
	for (size_t i = json_array_size(list); i > 0; i--) {
		json_array_append(out, json_array_get(list, i - 1));
	}
	return out;
}

/* The newest `n` messages, the oldest first. */
static enum ctl_exit fetch(struct ctl *c, size_t n, json_t **out)
{
	json_t *list;
	char *path = client_path("/api/v1/streams/{0}/chat", c->args.operands, 1);
	enum ctl_exit result = path != NULL ? client_list(c, path, n, &list) : CTL_FAILED;
	free(path);
	if (result == CTL_OK) {
		*out = turned(list);
		json_decref(list);
	}
	return result;
}

static bool count_option(struct ctl *c, const char *name, uint64_t fallback, size_t *out)
{
	const char *text = args_get(&c->args, name);
	uint64_t v = fallback;
	if (text != NULL && !text_u64(text, 1, 1000000, &v)) {
		ctl_error("--%s must be a number from 1 to 1000000", name);
		return false;
	}
	*out = (size_t)v;
	return true;
}

enum ctl_exit chat_list_run(struct ctl *c)
{
	size_t n;
	json_t *list;
	if (!count_option(c, "limit", PAGE, &n)) {
		return CTL_USAGE;
	}
	enum ctl_exit result = fetch(c, n, &list);
	if (result == CTL_OK) {
		output_list(c, list, chat_fields, OUTPUT_COUNT(chat_fields));
	}
	return result;
}

static void print_line(const json_t *message)
{
	struct buf line = {0}, shown = {0};
	const char *at = field_string(message, "timestamp"), *id = field_string(message, "id");
	const char *user = field_string(message, "userId");
	const char *name = field_string(message, "username");
	buf_printf(&line, "%.8s  %s  %s: %s", strlen(at) == 24 ? at + 11 : at, id,
		name[0] != '\0' ? name : user, field_string(message, "message"));
	text_fit(buf_text(&line), SIZE_MAX, &shown);
	puts(buf_text(&shown));
	buf_finish(&line);
	buf_finish(&shown);
}

static void print_message(struct ctl *c, const json_t *message)
{
	if (c->json) {
		json_dumpf(message, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_line(message);
	}
}

/* Ids grow with time (UUIDv7): what is greater than the last one shown is new. */
static void print_new(struct ctl *c, const json_t *list, char **last)
{
	size_t i;
	const json_t *message;
	json_array_foreach(list, i, message)
	{
		const char *id = field_string(message, "id");
		if (*last == NULL || strcmp(id, *last) > 0) {
			print_message(c, message);
			free(*last);
			*last = mem_strdup(id);
		}
	}
	fflush(stdout);
}

/* Without SA_RESTART, so that the sleep ends at once. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_stop};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

enum ctl_exit chat_tail_run(struct ctl *c)
{
	size_t lines;
	json_t *list;
	char *last = NULL;
	if (!count_option(c, "lines", 10, &lines)) {
		return CTL_USAGE;
	}
	enum ctl_exit result = fetch(c, lines, &list);
	bool once = args_has(&c->args, "once");
	catch_signals();
	while (result == CTL_OK) {
		print_new(c, list, &last);
		json_decref(list);
		if (once || ferror(stdout)) {
			break;
		}
		poll(NULL, 0, LOOK_MS);
		if (stopped) {
			break;
		}
		result = fetch(c, PAGE, &list);
	}
	free(last);
	return result;
}
