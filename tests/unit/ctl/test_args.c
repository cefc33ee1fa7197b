#include <stdio.h>
#include <string.h>

#include "args.h"
#include "base/text.h"
#include "support/test.h"

#define WORDS_MAX 48

/* Parses a line with single blanks; `line` is cut up and borrowed by *a. */
static bool parse(struct args *a, char *line, struct buf *error)
{
	char *argv[WORDS_MAX], *rest = line;
	int argc = 0;
	for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = word;
	}
	return args_parse(a, argc, argv, error);
}

#define GOOD(a, text) \
	char line_[] = text; \
	struct buf error_ = {0}; \
	assert_true(parse(a, line_, &error_)); \
	assert_int_equal(error_.len, 0)

static void expect_error(const char *text, const char *expected)
{
	char line[1024];
	assert_true(text_copy(line, sizeof(line), text));
	struct args a;
	struct buf error = {0};
	assert_false(parse(&a, line, &error));
	if (strstr(buf_text(&error), expected) == NULL) {
		fail_msg("%s: no \"%s\" in \"%s\"", text, expected, buf_text(&error));
	}
	buf_finish(&error);
}

static void word_of_its_own(void **state)
{
	struct args a;
	GOOD(&a, "soukctl status");
	assert_string_equal(a.command->name, "status");
	assert_null(a.command->group);
	assert_int_equal(a.n_operands, 0);
	assert_false(args_has(&a, "json"));
}

static void options_anywhere(void **state)
{
	struct args a;
	GOOD(&a,
		"soukctl --json streams --config x.ini create --title=a=b --seller s --live --set "
		"a.b=c --set=d.e=f");
	assert_string_equal(a.command->group, "streams");
	assert_string_equal(a.command->name, "create");
	assert_string_equal(args_get(&a, "title"), "a=b");
	assert_string_equal(args_get(&a, "seller"), "s");
	assert_string_equal(args_get(&a, "config"), "x.ini");
	assert_string_equal(args_get(&a, "live"), "");
	assert_true(args_has(&a, "json"));
	assert_null(args_get(&a, "category"));
	size_t pos = 0;
	assert_string_equal(args_next(&a, "set", &pos), "a.b=c");
	assert_string_equal(args_next(&a, "set", &pos), "d.e=f");
	assert_null(args_next(&a, "set", &pos));
}

static void operands_are_counted(void **state)
{
	struct args a;
	GOOD(&a, "soukctl vod export 12 --json out.mp4");
	assert_int_equal(a.n_operands, 2);
	assert_string_equal(a.operands[0], "12");
	assert_string_equal(a.operands[1], "out.mp4");
	expect_error("soukctl vod export 12", "ID FILE|FOLDER is missing");
	expect_error("soukctl vod export 1 2 3", "too many words");
	expect_error("soukctl vod export 1 2 3 4 5", "too many words");
	expect_error("soukctl status now", "too many words");
}

static void operands_may_be_many(void **state)
{
	struct args a;
	GOOD(&a, "soukctl products attach s a b c d e f g");
	assert_int_equal(a.n_operands, 8);
	expect_error("soukctl products attach s", "STREAM PRODUCT... is missing");
	{
		GOOD(&a, "soukctl relay set s");
		assert_int_equal(a.n_operands, 1);
	}
}

static void words_after_dashes_are_operands(void **state)
{
	struct args a;
	GOOD(&a, "soukctl db backup -- --odd");
	assert_string_equal(a.operands[0], "--odd");
}

static void mistakes_are_named(void **state)
{
	expect_error("soukctl", "a command is missing");
	expect_error("soukctl --json", "a command is missing");
	expect_error("soukctl streams", "what to do with it is missing");
	expect_error("soukctl stream list", "there is no command stream");
	expect_error("soukctl streams lst", "there is no command streams lst");
	expect_error("soukctl status --live", "there is no option --live of this command");
	expect_error("soukctl --live streams create", "there is no option --live here");
	expect_error("soukctl streams create --titel=x", "there is no option --titel");
	expect_error("soukctl streams create --title x", "--seller ID is missing");
	expect_error("soukctl streams create --seller x --title", "--title needs TITLE");
	expect_error("soukctl status --json --json", "--json is given twice");
	expect_error("soukctl status --json=yes", "--json takes no value");
}

static void what_is_like_it_is_named(void **state)
{
	expect_error("soukctl stream list", "(did you mean streams?)");
	expect_error("soukctl statsu", "(did you mean status?)");
	expect_error("soukctl streams lst", "(did you mean streams list?)");
	expect_error("soukctl streams rotate", "(did you mean streams rotate-key?)");
	expect_error("soukctl streams create --titel=x", "(did you mean --title?)");
	expect_error("soukctl status --jsn", "(did you mean --json?)");
	struct suggestion s = {.typed = "xyzzy", .len = 5};
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		suggestion_offer(&s, c->name);
	}
	assert_null(s.best);
}

/* Cuts a line into words as a shell does it, single quotes included; in place. */
static int shell_words(char *line, char **words)
{
	int n = 0;
	for (char *p = line; *p != '\0';) {
		assert_true(n < WORDS_MAX);
		char end = *p == '\'' ? '\'' : ' ';
		p += end == '\'';
		words[n++] = p;
		p += strcspn(p, (char[]){end, '\0'});
		while (*p == end || *p == ' ') {
			*p++ = '\0';
		}
	}
	return n;
}

/* Every command has one, and each can be typed as it stands. */
static void examples_can_be_typed(void **state)
{
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		char text[1024], *rest = text;
		assert_true(text_copy(text, sizeof(text), c->examples));
		assert_true(text[0] != '\0' && text[strlen(text) - 1] == '\n');
		for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n")) {
			char *words[WORDS_MAX];
			line[strcspn(line, ">|)")] = '\0';
			line = text_starts(line, "source <(") ? line + strlen("source <(") : line;
			struct args a;
			struct buf error = {0};
			if (!args_parse(&a, shell_words(line, words), words, &error)) {
				fail_msg("%s %s: %s", c->group != NULL ? c->group : "", c->name,
					buf_text(&error));
			}
			assert_ptr_equal(a.command, c);
			buf_finish(&error);
		}
	}
}

static void options_are_bounded(void **state)
{
	char *argv[2 + ARGS_OPTIONS_MAX + 1];
	argv[0] = "soukctl";
	argv[1] = "status";
	for (int i = 0; i < ARGS_OPTIONS_MAX + 1; i++) {
		argv[2 + i] = "--set=a.b=c";
	}
	struct args a;
	struct buf error = {0};
	assert_true(args_parse(&a, 2 + ARGS_OPTIONS_MAX, argv, &error));
	assert_int_equal(a.n_values, ARGS_OPTIONS_MAX);
	assert_false(args_parse(&a, 2 + ARGS_OPTIONS_MAX + 1, argv, &error));
	assert_string_equal(buf_text(&error), "too many options");
	buf_finish(&error);
}

static void help_wins(void **state)
{
	struct args a;
	{
		GOOD(&a, "soukctl streams create --help");
		assert_true(a.help);
		assert_string_equal(a.command->name, "create");
	}
	{
		GOOD(&a, "soukctl streams -h");
		assert_true(a.help);
		assert_null(a.command);
		assert_string_equal(a.group, "streams");
	}
	{
		GOOD(&a, "soukctl help vod");
		assert_true(a.help);
		assert_string_equal(a.group, "vod");
	}
	{
		GOOD(&a, "soukctl --version");
		assert_true(a.version);
	}
}

static void help_tells_all(void **state)
{
	struct args a = {0};
	struct buf out = {0};
	args_help(&a, &out);
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		assert_non_null(strstr(buf_text(&out), c->help));
		struct buf own = {0};
		args_help(&(struct args){.command = c}, &own);
		assert_non_null(strstr(buf_text(&own), c->help));
		assert_non_null(strstr(buf_text(&own), "\nFor example:\n  "));
		for (const struct args_option *o = c->options; o != NULL && o->name != NULL; o++) {
			assert_non_null(strstr(buf_text(&own), o->help));
		}
		for (const struct args_option *o = args_globals; o->name != NULL; o++) {
			assert_non_null(strstr(buf_text(&own), o->help));
		}
		buf_finish(&own);
	}
	buf_reset(&out);
	args_help(&(struct args){.group = "vod"}, &out);
	assert_non_null(strstr(buf_text(&out), "vod export ID FILE"));
	assert_null(strstr(buf_text(&out), "streams"));
	buf_finish(&out);
}

/* The manual names every command and option; its words are those of the table. */
static void manual_tells_all(void **state)
{
	FILE *f = fopen(MAN_FILE, "r");
	assert_non_null(f);
	static char text[1 << 16];
	size_t len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_in_range(len, 1, sizeof(text) - 2);
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		char words[128];
		snprintf(words, sizeof(words), ".It Cm %s%s%s", c->group != NULL ? c->group : "",
			c->group != NULL ? " " : "", c->name);
		const char *at = strstr(text, words);
		if (at == NULL) {
			fail_msg("the manual has no \"%s\"", words);
		}
		char line[512] = "";
		memcpy(line, at, strcspn(at, "\n") < 511 ? strcspn(at, "\n") : 511);
		for (const struct args_option *o = c->options; o != NULL && o->name != NULL; o++) {
			snprintf(words, sizeof(words), "Fl -%s", o->name);
			assert_non_null(strstr(line, words));
		}
	}
	for (const struct args_option *o = args_globals; o->name != NULL; o++) {
		char words[128];
		snprintf(words, sizeof(words), ".It Fl -%s", o->name);
		assert_non_null(strstr(text, words));
	}
}

static void commands_are_sound(void **state)
{
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		assert_true((c->run != NULL) != (c->call != NULL));
		assert_true(c->group == NULL || args_group_help(c->group)[0] != '\0');
		size_t n = 0;
		for (const struct args_option *o = c->options; o != NULL && o->name != NULL; o++) {
			n++;
			for (const struct args_option *g = args_globals; g->name != NULL; g++) {
				assert_string_not_equal(o->name, g->name);
			}
		}
		/* All of them together, and --help, fit the parser's room. */
		assert_true(n + 8 <= ARGS_OPTIONS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(word_of_its_own),
		cmocka_unit_test(options_anywhere),
		cmocka_unit_test(operands_are_counted),
		cmocka_unit_test(operands_may_be_many),
		cmocka_unit_test(words_after_dashes_are_operands),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(what_is_like_it_is_named),
		cmocka_unit_test(examples_can_be_typed),
		cmocka_unit_test(options_are_bounded),
		cmocka_unit_test(help_wins),
		cmocka_unit_test(help_tells_all),
		cmocka_unit_test(manual_tells_all),
		cmocka_unit_test(commands_are_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
