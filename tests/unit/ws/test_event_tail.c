#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "loop/loop.h"
#include "support/test.h"
#include "ws/event_tail.h"

struct world {
	struct loop *loop;
	struct hub *hub;
	struct event_tail *tail;
	unsigned on, off;
};

static struct rcbuf *encode(void *user, enum hub_framing framing, const struct hub_event *e)
{
	return NULL;
}

static void on_listening(void *user, bool on)
{
	struct world *w = user;

	w->on += on;
	w->off += !on;
}

static void start(struct world *w, unsigned max_events, size_t max_bytes)
{
	*w = (struct world){0};
	w->loop = loop_create(&(struct loop_config){.clock = &clock_system});
	w->hub = hub_create(&(struct hub_config){.clock = &clock_system, .encode = encode});
	w->tail = event_tail_create(&(struct event_tail_config){
		.loop = w->loop,
		.hub = w->hub,
		.listening = on_listening,
		.user = w,
		.max_events = max_events,
		.max_bytes = max_bytes,
	});
}

static void stop(struct world *w)
{
	event_tail_destroy(&w->tail);
	assert_false(hub_is_tapped(w->hub));
	hub_destroy(&w->hub);
	loop_destroy(w->loop);
}

static void say(struct world *w, const char *room, const char *name, const char *data)
{
	hub_emit(w->hub, room, name, data, strlen(data), HUB_MUST, NULL);
	hub_flush(w->hub);
}

static json_t *read_on(struct world *w, char **cursor, struct event_tail_query q)
{
	json_t *answer;

	q.after = *cursor;
	answer = event_tail_read(w->tail, &q);
	assert_non_null(answer);
	free(*cursor);
	*cursor = mem_strdup(json_string_value(json_object_get(answer, "cursor")));
	return answer;
}

static json_int_t missed(const json_t *answer)
{
	return json_integer_value(json_object_get(answer, "missed"));
}

/* The names of the events, with blanks between. */
static void expect(json_t *answer, json_int_t n_missed, const char *names)
{
	char all[256] = "";
	size_t i;
	const json_t *event;

	json_array_foreach(json_object_get(answer, "events"), i, event)
	{
		strncat(all, i ? " " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, json_string_value(json_object_get(event, "event")),
			sizeof(all) - strlen(all) - 1);
	}
	assert_string_equal(all, names);
	assert_int_equal(missed(answer), n_missed);
	json_decref(answer);
}

static void nothing_is_heard_before_somebody_listens(void **state)
{
	struct world w;
	char *cursor = NULL;

	start(&w, 0, 0);
	say(&w, "stream:a", "one", "{}");
	assert_false(hub_is_tapped(w.hub));
	expect(read_on(&w, &cursor, (struct event_tail_query){0}), 0, "");
	assert_true(hub_is_tapped(w.hub));
	assert_int_equal(w.on, 1);
	say(&w, "stream:a", "two", "{}");
	say(&w, "user:b", "three", "{}");
	expect(read_on(&w, &cursor, (struct event_tail_query){0}), 0, "two three");
	expect(read_on(&w, &cursor, (struct event_tail_query){0}), 0, "");
	free(cursor);
	stop(&w);
}

static void readers_choose(void **state)
{
	struct world w;
	char *a = NULL, *b = NULL, *c = NULL;

	start(&w, 0, 0);
	json_decref(read_on(&w, &a, (struct event_tail_query){0}));
	json_decref(read_on(&w, &b, (struct event_tail_query){0}));
	json_decref(read_on(&w, &c, (struct event_tail_query){0}));
	say(&w, "stream:a", "chat:message", "{}");
	say(&w, "stream:b", "chat:message", "{}");
	say(&w, "viewers:a", "count", "{}");
	expect(read_on(&w, &a, (struct event_tail_query){.of = "a"}), 0, "chat:message count");
	expect(read_on(&w, &b, (struct event_tail_query){.names = "chat:*"}), 0,
		"chat:message chat:message");
	expect(read_on(&w, &c, (struct event_tail_query){.max = 2}), 0,
		"chat:message chat:message");
	expect(read_on(&w, &c, (struct event_tail_query){.max = 2}), 0, "count");
	free(a);
	free(b);
	free(c);
	stop(&w);
}

static void who_is_slow_is_told_what_he_missed(void **state)
{
	struct world w;
	char *cursor = NULL;

	start(&w, 3, 0);
	json_decref(read_on(&w, &cursor, (struct event_tail_query){0}));
	for (int i = 0; i < 10; i++)
		say(&w, "stream:a", i < 8 ? "early" : "late", "{}");
	expect(read_on(&w, &cursor, (struct event_tail_query){0}), 7, "early late late");
	expect(read_on(&w, &cursor, (struct event_tail_query){0}), 0, "");
	stop(&w);
	/* By their bytes, too: the newest stays. */
	free(cursor);
	cursor = NULL;
	start(&w, 100, 300);
	json_decref(read_on(&w, &cursor, (struct event_tail_query){0}));
	for (int i = 0; i < 5; i++)
		say(&w, "stream:a", "said",
			"{\"text\":\"a hundred bytes, more or less, which is what somebody says "
			"when nothing else comes to his mind at all\"}");
	expect(read_on(&w, &cursor, (struct event_tail_query){0}), 4, "said");
	free(cursor);
	stop(&w);
}

static void cursors_are_checked(void **state)
{
	static const char *const bad[] = {"", "x", "-", "x-", "x-y", "1"};
	struct world w;
	json_t *answer;

	start(&w, 0, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(event_tail_read(w.tail, &(struct event_tail_query){.after = bad[i]}));
	/* Of a process before, and of the future. */
	answer = event_tail_read(w.tail, &(struct event_tail_query){.after = "0123-7"});
	assert_true(json_is_true(json_object_get(answer, "restarted")));
	assert_int_equal(missed(answer), 0);
	json_decref(answer);
	stop(&w);
}

static void patterns_fit(void **state)
{
	assert_true(event_name_fits("chat:*", "chat:message"));
	assert_true(event_name_fits("a,chat:message", "chat:message"));
	assert_true(event_name_fits("*:m*ge", "chat:message"));
	assert_true(event_name_fits("chat:messag?", "chat:message"));
	assert_true(event_name_fits("*", "x"));
	assert_true(event_name_fits("**a*b**", "xxaxxb"));
	assert_false(event_name_fits("chat", "chat:message"));
	assert_false(event_name_fits("chat:message:*", "chat:message"));
	assert_false(event_name_fits("", "x"));
	assert_false(event_name_fits(",,", "x"));
	assert_false(
		event_name_fits("a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void expect_scrubbed(const char *before, const char *after)
{
	json_t *value = event_scrub(json_loads(before, 0, NULL)),
	       *wanted = json_loads(after, 0, NULL);

	if (!json_equal(value, wanted)) {
		char *text = json_dumps(value, JSON_COMPACT);
		fail_msg("%s became %s", before, text);
	}
	json_decref(value);
	json_decref(wanted);
}

static void secrets_are_struck_out(void **state)
{
	expect_scrubbed("{\"a\":{\"playbackToken\":\"x\",\"stream_key\":\"y\",\"streamKey\":7}}",
		"{\"a\":{\"playbackToken\":\"***\",\"stream_key\":\"***\",\"streamKey\":\"***\"}}");
	expect_scrubbed("[\"/hls/1?x=1&TOKEN=abc&y=2\",\"?token=abc\"]",
		"[\"/hls/1?x=1&TOKEN=***&y=2\",\"?token=***\"]");
	expect_scrubbed("{\"m\":\"see eyJhbGciOi.eyJzdWIi.c2ln_-! and eyJ no\"}",
		"{\"m\":\"see ***! and eyJ no\"}");
	expect_scrubbed("{\"m\":\"rtmps://h:1936/live/KEY?x rtmp://h/live rtmp: //\"}",
		"{\"m\":\"rtmps://h:1936/live/*** rtmp://h/live rtmp: //\"}");
	expect_scrubbed("{\"message\":\"hello\",\"n\":[1,null,true,{}]}",
		"{\"message\":\"hello\",\"n\":[1,null,true,{}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_heard_before_somebody_listens),
		cmocka_unit_test(readers_choose),
		cmocka_unit_test(who_is_slow_is_told_what_he_missed),
		cmocka_unit_test(cursors_are_checked),
		cmocka_unit_test(patterns_fit),
		cmocka_unit_test(secrets_are_struck_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
