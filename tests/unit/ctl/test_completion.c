#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base/mem.h"
#include "base/text.h"
#include "support/test.h"

/* What bash offers for a line whose last word is being typed ("" after a blank). */
static char *complete(const char *script_path, const char *line)
{
	char *command = mem_printf("bash -c 'source %s; read -ra COMP_WORDS <<< \"%s\"; "
				   "case \"%s\" in *\" \") COMP_WORDS+=(\"\");; esac; "
				   "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _soukctl; "
				   "echo \" ${COMPREPLY[*]} \"'",
		script_path, line, line);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	char *answer = mem_zalloc(8192);
	size_t n = fread(answer, 1, 8191, f);
	assert_true(n > 0);
	assert_int_equal(pclose(f), 0);
	free(command);
	return answer;
}

static int write_script(void **state)
{
	char *path = mem_strdup("/tmp/souk-completion-XXXXXX");
	int fd = mkstemp(path);
	struct buf out = {0};
	bool good = fd >= 0 && args_completion("bash", &out) &&
		write(fd, out.data, out.len) == (ssize_t)out.len;
	buf_finish(&out);
	close(fd);
	*state = path;
	return good ? 0 : -1;
}

static int drop_script(void **state)
{
	unlink(*state);
	free(*state);
	return 0;
}

static void expect(void **state, const char *line, const char *with, const char *without)
{
	char *answer = complete(*state, line);
	if (with != NULL && strstr(answer, with) == NULL) {
		fail_msg("\"%s\" does not offer \"%s\" but \"%s\"", line, with, answer);
	}
	if (without != NULL && strstr(answer, without) != NULL) {
		fail_msg("\"%s\" offers \"%s\" in \"%s\"", line, without, answer);
	}
	free(answer);
}

static void bash_offers_what_fits(void **state)
{
	expect(state, "soukctl ", " streams ", " list ");
	expect(state, "soukctl st", " status streams ", " vod ");
	expect(state, "soukctl streams ", " rotate-key ", " export ");
	expect(state, "soukctl streams go", " go-live ", " list ");
	expect(state, "soukctl streams create --", " --seller ", " --status ");
	expect(state, "soukctl streams create --au", " --audience ", " --json ");
	expect(state, "soukctl streams create --audience ", " followers ", " --seller ");
	expect(state, "soukctl token --role s", " seller ", " buyer ");
	expect(state, "soukctl --js", " --json ", " --set ");
	expect(state, "soukctl completion ", " bash ", NULL);
	/* The values of options are not commands. */
	expect(state, "soukctl --config streams ", " doctor ", " rotate-key ");
}

static void every_command_is_there(void **state)
{
	static const char *const shells[] = {"bash", "zsh"};
	for (size_t i = 0; i < 2; i++) {
		struct buf out = {0};
		assert_true(args_completion(shells[i], &out));
		for (const struct args_command *c = args_commands; c->name != NULL; c++) {
			char *pattern =
				mem_printf("\t%s/%s)", c->group != NULL ? c->group : c->name,
					c->group != NULL ? c->name : "*");
			assert_non_null(strstr(buf_text(&out), pattern));
			free(pattern);
		}
		buf_finish(&out);
	}
	struct buf out = {0};
	assert_true(args_completion("fish", &out));
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		char *line = mem_printf("complete -c soukctl -n '__soukctl_at %s' -a %s -d '",
			c->group != NULL ? c->group : "", c->name);
		assert_non_null(strstr(buf_text(&out), line));
		free(line);
	}
	buf_finish(&out);
}

static void other_shells_are_refused(void **state)
{
	struct buf out = {0};
	assert_false(args_completion("csh", &out));
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bash_offers_what_fits),
		cmocka_unit_test(every_command_is_there),
		cmocka_unit_test(other_shells_are_refused),
	};
	return cmocka_run_group_tests(tests, write_script, drop_script);
}
