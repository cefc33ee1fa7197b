#include <string.h>

#include "args.h"
#include "base/mem.h"
#include "base/text.h"

#define HELP_COLUMN 34

static void put_line(struct buf *out, const char *left, const char *right)
{
	if (strlen(left) + 2 > HELP_COLUMN) {
		buf_printf(out, "  %s\n  %*s%s\n", left, HELP_COLUMN, "", right);
	} else {
		buf_printf(out, "  %-*s%s\n", HELP_COLUMN, left, right);
	}
}

static void put_command(struct buf *out, const struct args_command *c)
{
	struct buf left = {0};
	buf_printf(&left, "%s%s%s%s%s", c->group != NULL ? c->group : "",
		c->group != NULL ? " " : "", c->name, c->operands[0] != '\0' ? " " : "",
		c->operands);
	put_line(out, buf_text(&left), c->help);
	buf_finish(&left);
}

static void put_options(struct buf *out, const struct args_option *options)
{
	for (const struct args_option *o = options; o->name != NULL; o++) {
		struct buf left = {0}, right = {0};
		buf_printf(&left, "--%s%s%s", o->name, o->value != NULL ? " " : "",
			o->value != NULL ? o->value : "");
		buf_printf(&right, "%s%s", o->help, o->required ? " (required)" : "");
		put_line(out, buf_text(&left), buf_text(&right));
		buf_finish(&left);
		buf_finish(&right);
	}
}

static void put_command_help(struct buf *out, const struct args_command *c)
{
	buf_printf(out, "soukctl %s%s%s%s%s%s\n\n%s\n", c->group != NULL ? c->group : "",
		c->group != NULL ? " " : "", c->name, c->operands[0] != '\0' ? " " : "",
		c->operands, c->options != NULL ? " [OPTIONS]" : "", c->help);
	if (c->options != NULL) {
		buf_put_str(out, "\nOptions:\n");
		put_options(out, c->options);
	}
	buf_put_str(out, "\nOptions of every command:\n");
	put_options(out, args_globals);
	buf_put_str(out, "\nFor example:\n");
	for (const char *line = c->examples; *line != '\0';) {
		int len = (int)strcspn(line, "\n");
		buf_printf(out, "  %.*s\n", len, line);
		line += len + (line[len] == '\n');
	}
}

void args_help(const struct args *a, struct buf *out)
{
	if (a->command != NULL) {
		put_command_help(out, a->command);
		return;
	}
	buf_printf(out, "soukctl %s%sCOMMAND [OPTIONS]\n\n%s\n\nCommands:\n",
		a->group != NULL ? a->group : "", a->group != NULL ? " " : "",
		a->group != NULL ? args_group_help(a->group)
				 : "The operator's tool of soukd. It speaks to the daemon over its "
				   "Unix socket,\nwhich it finds by the daemon's configuration.");
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (a->group == NULL || text_eq(a->group, c->group)) {
			put_command(out, c);
		}
	}
	buf_put_str(out, "\nOptions of every command:\n");
	put_options(out, args_globals);
	buf_put_str(out,
		"\nsoukctl COMMAND --help tells more. Exit status: 0 done, 1 refused or "
		"failed, 2 wrong usage,\n3 the daemon cannot be reached.\n");
}
