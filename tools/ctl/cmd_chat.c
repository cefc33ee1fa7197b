#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "client.h"
#include "follow.h"
#include "output.h"

#define PAGE 100
#define LOOK_MS 1000

static const struct field chat_fields[] = {
	{"AT", "timestamp", FIELD_TIME},
	{"MESSAGE ID", "id"},
	{"USER", "userId"},
	{"NAME", "username"},
	{"MESSAGE", "message", FIELD_FLEXIBLE},
};

/* Which messages, of those that are kept: the newest `n` of them. */
struct wanted {
	size_t n;
	const char *after; /* those behind this one; ids grow with time (UUIDv7) */
	const char *since; /* ISO 8601 */
};

static bool is_wanted(const struct wanted *w, const json_t *message)
{
	return (w->after == NULL || strcmp(field_string(message, "id"), w->after) > 0) &&
		(w->since == NULL || strcmp(field_string(message, "timestamp"), w->since) >= 0);
}

/* Adds what of a page is wanted. False: no more is. */
static bool take_page(const struct wanted *w, const json_t *page, json_t *out)
{
	size_t i;
	json_t *message;

	json_array_foreach(page, i, message)
	{
		if (json_array_size(out) == w->n || !is_wanted(w, message))
			return false;
		json_array_append(out, message);
	}
	return i == PAGE;
}

/* Newest first as the daemon gives them; turned around, for people read downwards. */
static json_t *turned(const json_t *list)
{
	json_t *out = json_array();

	for (size_t i = json_array_size(list); i > 0; i--)
		json_array_append(out, json_array_get(list, i - 1));
	return out;
}

/* The oldest first; pages go back in time. */
static enum ctl_exit fetch(struct ctl *c, const struct wanted *w, json_t **out)
{
	char *base = client_path("/api/v1/streams/{0}/chat", c->args.operands, 1);
	enum ctl_exit result = base != NULL ? CTL_OK : CTL_FAILED;
	json_t *found = json_array();
	bool more = true;

	while (result == CTL_OK && more) {
		struct buf path = {0};
		json_t *page, *oldest = json_array_get(found, json_array_size(found) - 1);
		buf_put_str(&path, base);
		client_query(&path, "before", oldest != NULL ? field_string(oldest, "id") : NULL);
		result = client_list(c, buf_text(&path), PAGE, &page);
		buf_finish(&path);
		if (result == CTL_OK) {
			more = take_page(w, page, found);
			json_decref(page);
		}
	}
	free(base);
	if (result == CTL_OK)
		*out = turned(found);
	json_decref(found);
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
	struct wanted w = {0};
	json_t *list;
	enum ctl_exit result;

	if (!count_option(c, "limit", PAGE, &w.n))
		return CTL_USAGE;
	result = fetch(c, &w, &list);
	if (result == CTL_OK)
		output_list(c, list, chat_fields, OUTPUT_COUNT(chat_fields));
	return result;
}

/* --- tail --- */

struct tail {
	struct ctl *c;
	char *last; /* the id of the newest message that was shown; NULL: none */
	bool behind; /* there may be messages since that no event told of */
};

/* Control characters of strangers must not reach the terminal. */
static void put_line(struct buf *line)
{
	struct buf shown = {0};

	text_fit(buf_text(line), SIZE_MAX, &shown);
	puts(buf_text(&shown));
	buf_finish(&shown);
}

static const char *clock_of(const char *at)
{
	return strlen(at) == TEXT_TIME_SIZE - 1 ? at + 11 : at;
}

static void print_message(struct tail *t, const json_t *message)
{
	const char *id = field_string(message, "id"), *name = field_string(message, "username");
	struct buf line = {0};

	if (t->last != NULL && strcmp(id, t->last) <= 0)
		return;
	free(t->last);
	t->last = mem_strdup(id);
	if (t->c->json) {
		json_dumpf(message, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		buf_printf(&line, "%.8s  %s  %s: %s", clock_of(field_string(message, "timestamp")),
			id, name[0] != '\0' ? name : field_string(message, "userId"),
			field_string(message, "message"));
		put_line(&line);
	}
	buf_finish(&line);
	follow_flush();
}

static void print_list(struct tail *t, const json_t *list)
{
	size_t i;
	const json_t *message;

	json_array_foreach(list, i, message) print_message(t, message);
}

/* What became of messages and writers. */
static void describe(const json_t *event, struct buf *line)
{
	const char *name = field_string(event, "event");
	const char *until = field_string(event, "data.until");
	char *data;

	if (text_eq(name, "chat:deleted")) {
		buf_printf(line, "%s  was deleted by %s", field_string(event, "data.messageId"),
			field_string(event, "data.deletedBy"));
	} else if (text_eq(name, "chat:muted")) {
		bool lifted = json_is_true(field_member(event, "data.lifted"));
		bool ban = text_eq(field_string(event, "data.kind"), "ban");
		buf_printf(line, "%s %s %s%s%s", field_string(event, "data.userId"),
			lifted ? "is no more" : "is", ban ? "banned" : "muted",
			!lifted && until[0] != '\0' ? " until " : "", lifted ? "" : until);
	} else {
		data = json_dumps(field_member(event, "data"), JSON_COMPACT | JSON_ENCODE_ANY);
		buf_printf(line, "%s %s", name, data != NULL ? data : "");
		free(data);
	}
}

static void print_other(struct tail *t, const json_t *event)
{
	struct buf line = {0};

	if (t->c->json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		buf_printf(&line, "%.8s  * ", clock_of(field_string(event, "at")));
		describe(event, &line);
		put_line(&line);
	}
	buf_finish(&line);
	follow_flush();
}

static void print_events(struct tail *t, const json_t *events)
{
	size_t i;
	const json_t *event;

	json_array_foreach(events, i, event)
	{
		if (text_eq(field_string(event, "event"), "chat:message"))
			print_message(t, field_member(event, "data"));
		else
			print_other(t, event);
	}
}

/* What was said since the last message that was shown. */
static enum ctl_exit catch_up(struct tail *t)
{
	const struct wanted w = {.n = SIZE_MAX, .after = t->last != NULL ? t->last : ""};
	json_t *list;
	enum ctl_exit result;

	t->c->patient = true;
	result = fetch(t->c, &w, &list);
	t->c->patient = false;
	if (result == CTL_OK) {
		print_list(t, list);
		json_decref(list);
		t->behind = false;
	}
	return result == CTL_UNREACHABLE || follow_over() ? CTL_OK : result;
}

/* An operator hears of everything as it happens. */
static enum ctl_exit listen(struct tail *t, struct follow_events *f)
{
	enum ctl_exit result = CTL_OK;

	while (result == CTL_OK && !follow_over()) {
		json_t *answer;
		result = follow_events_read(f, &answer);
		if (answer == NULL)
			continue;
		if (json_is_true(json_object_get(answer, "restarted")) ||
			json_integer_value(json_object_get(answer, "missed")) > 0)
			t->behind = true;
		if (t->behind)
			result = catch_up(t);
		print_events(t, json_object_get(answer, "events"));
		json_decref(answer);
	}
	return result;
}

/* Who may watch, but not look on, asks for what is new. */
static enum ctl_exit look_again(struct tail *t)
{
	enum ctl_exit result = CTL_OK;

	while (result == CTL_OK && !follow_over()) {
		follow_pause(LOOK_MS);
		if (!follow_over())
			result = catch_up(t);
	}
	return result;
}

/* From before the first look at what is kept, so that nothing falls between the two. */
static bool may_listen(struct follow_events *f)
{
	enum ctl_exit result;

	f->c->quiet = true;
	result = follow_events_open(f);
	f->c->quiet = false;
	return result == CTL_OK;
}

static enum ctl_exit begin(struct tail *t, const struct wanted *w)
{
	json_t *list;
	enum ctl_exit result = fetch(t->c, w, &list);

	if (result == CTL_OK) {
		print_list(t, list);
		json_decref(list);
	}
	return result;
}

/* --since as a time; false with a line on stderr. */
static bool since_option(struct ctl *c, char out[static TEXT_TIME_SIZE], struct wanted *w)
{
	const char *text = args_get(&c->args, "since");
	uint64_t us, now = clock_wall_ms(&clock_system);

	if (text == NULL)
		return true;
	if (!text_duration_us(text, &us) || us / 1000 > now) {
		ctl_error("--since must be a duration, such as 10m or 1h");
		return false;
	}
	text_time(out, now - us / 1000);
	w->since = out;
	if (!args_has(&c->args, "lines"))
		w->n = SIZE_MAX;
	return true;
}

enum ctl_exit chat_tail_run(struct ctl *c)
{
	struct tail t = {.c = c};
	struct follow_events f = {.c = c, .of = c->args.operands[0], .names = "chat:*"};
	struct wanted w = {0};
	char since[TEXT_TIME_SIZE];
	bool once = args_has(&c->args, "once"), live;
	enum ctl_exit result;

	if (!count_option(c, "lines", 10, &w.n) || !since_option(c, since, &w))
		return CTL_USAGE;
	follow_begin(c);
	live = !once && may_listen(&f);
	result = begin(&t, &w);
	if (result == CTL_OK && !once)
		result = live ? listen(&t, &f) : look_again(&t);
	follow_events_close(&f);
	free(t.last);
	return result;
}
