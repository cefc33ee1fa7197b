#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client.h"
#include "follow.h"
#include "output.h"

static void print_json_line(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT);
	putchar('\n');
}

/* "12:00:00.123  stream:…  chat:message  {…}" */
static void print_event(const json_t *event)
{
	struct buf line = {0}, shown = {0};
	const char *at = field_string(event, "at");
	char *data = json_dumps(field_member(event, "data"), JSON_COMPACT | JSON_ENCODE_ANY);

	buf_printf(&line, "%.12s  %s  %s  %s", strlen(at) == TEXT_TIME_SIZE - 1 ? at + 11 : at,
		field_string(event, "room"), field_string(event, "event"), data ? data : "");
	text_fit(buf_text(&line), SIZE_MAX, &shown);
	puts(buf_text(&shown));
	free(data);
	buf_finish(&line);
	buf_finish(&shown);
}

/* What the reader has to know is missing. */
static void print_gaps(struct ctl *c, const json_t *answer)
{
	json_int_t missed = json_integer_value(json_object_get(answer, "missed"));
	bool restarted = json_is_true(json_object_get(answer, "restarted"));
	json_t *gap;

	if (!missed && !restarted)
		return;
	if (!c->json && restarted)
		ctl_error("soukd was started anew; what was said before is not known");
	if (!c->json && missed)
		ctl_error("%lld events of all rooms were missed", (long long)missed);
	if (!c->json)
		return;
	gap = json_pack("{s:I, s:b}", "missed", missed, "restarted", restarted);
	print_json_line(gap);
	json_decref(gap);
}

/* Each line is out before the next one is made: who ends it after so many has seen them all. */
static void print_answer(struct ctl *c, const json_t *answer, uint64_t *left)
{
	size_t i;
	const json_t *event;

	print_gaps(c, answer);
	json_array_foreach(json_object_get(answer, "events"), i, event)
	{
		if (*left == 0 || follow_over())
			break;
		if (c->json)
			print_json_line(event);
		else
			print_event(event);
		follow_flush();
		--*left;
	}
	follow_flush();
}

static enum ctl_exit tail(struct follow_events *f, uint64_t left)
{
	enum ctl_exit result = follow_events_open(f);

	while (result == CTL_OK && left > 0 && !follow_over()) {
		json_t *answer;
		result = follow_events_read(f, &answer);
		if (answer != NULL)
			print_answer(f->c, answer, &left);
		json_decref(answer);
	}
	return result;
}

/* --event is given once for each pattern; false: none of them can be sent. */
static bool join_patterns(struct ctl *c, struct buf *out)
{
	const char *pattern;
	size_t pos = 0;

	while ((pattern = args_next(&c->args, "event", &pos)) != NULL)
		buf_printf(out, "%s%s", out->len > 0 ? "," : "", pattern);
	return out->len > 0;
}

enum ctl_exit events_tail_run(struct ctl *c)
{
	const char *stream = args_get(&c->args, "stream"), *user = args_get(&c->args, "user");
	const char *count = args_get(&c->args, "count");
	uint64_t left = UINT64_MAX;
	struct buf patterns = {0};
	struct follow_events f = {.c = c, .of = stream != NULL ? stream : user};
	enum ctl_exit result;

	if (stream != NULL && user != NULL) {
		ctl_error("give --stream or --user");
		return CTL_USAGE;
	}
	if (count != NULL && !text_u64(count, 1, UINT64_MAX - 1, &left)) {
		ctl_error("--count must be a number from 1");
		return CTL_USAGE;
	}
	if (join_patterns(c, &patterns))
		f.names = buf_text(&patterns);
	follow_begin(c);
	result = tail(&f, left);
	follow_events_close(&f);
	buf_finish(&patterns);
	return result;
}
