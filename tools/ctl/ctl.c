#include "ctl.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "base/log.h"
#include "call.h"

void ctl_error(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("soukctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

void ctl_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

static const char *find_config(const struct args *a)
{
	const char *given = args_get(a, "config");
	if (given == NULL) {
		given = getenv("SOUKD_CONFIG");
	}
	return given != NULL ? given : config_default_path();
}

static void load_config(struct ctl *c)
{
	const char *sets[ARGS_OPTIONS_MAX], *set;
	size_t n = 0, pos = 0;
	while ((set = args_next(&c->args, "set", &pos)) != NULL) {
		sets[n++] = set;
	}
	c->config_path = find_config(&c->args);
	const struct config_source source = {.path = c->config_path,
		.env = (const char *const *)environ,
		.sets = sets,
		.n_sets = n};
	c->config = config_load(&source, &c->config_errors);
}

const struct config *ctl_config(struct ctl *c)
{
	if (c->config == NULL) {
		fputs(buf_text(&c->config_errors), stderr);
	}
	return c->config;
}

enum ctl_exit completion_run(struct ctl *c)
{
	struct buf out = {0};
	bool known = args_completion(c->args.operands[0], &out);
	if (known) {
		fputs(buf_text(&out), stdout);
	} else {
		ctl_error("there is completion for bash, zsh and fish");
	}
	buf_finish(&out);
	return known ? CTL_OK : CTL_USAGE;
}

/* Help and version; true if that was all. */
static bool explain(const struct args *a)
{
	if (a->version) {
		printf("soukctl %s\n", SOUK_VERSION);
	} else if (a->help) {
		struct buf out = {0};
		args_help(a, &out);
		fputs(buf_text(&out), stdout);
		buf_finish(&out);
	}
	return a->version || a->help;
}

static void say_usage(const struct args *a, const char *error)
{
	const char *group = a->group != NULL ? a->group : "";
	const char *name = a->command != NULL ? a->command->name : "";
	ctl_error("%s; soukctl %s%s%s%s--help tells what there is", error, group,
		group[0] != '\0' ? " " : "", name, name[0] != '\0' ? " " : "");
}

static enum ctl_exit run(struct ctl *c)
{
	const struct args_command *command = c->args.command;
	enum ctl_exit result = act_by_option(c);
	if (result != CTL_OK) {
		return result;
	}
	return command->run != NULL ? command->run(c) : call_run(c, command->call);
}

enum ctl_exit ctl_main(int argc, char *const *argv)
{
	struct ctl c = {0};
	struct buf error = {0};
	enum ctl_exit result = CTL_OK;
	if (!args_parse(&c.args, argc, argv, &error)) {
		say_usage(&c.args, buf_text(&error));
		result = CTL_USAGE;
	} else if (!explain(&c.args)) {
		log_set_levels("warn");
		curl_global_init(CURL_GLOBAL_DEFAULT);
		c.json = args_has(&c.args, "json");
		load_config(&c);
		result = run(&c);
		free(c.acting);
		config_destroy(&c.config);
		curl_global_cleanup();
	}
	buf_finish(&c.config_errors);
	buf_finish(&error);
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(stdout) != 0 && result == CTL_OK) {
		result = CTL_FAILED;
	}
	return result;
}
