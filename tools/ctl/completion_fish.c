#include <string.h>

#include "base/text.h"
#include "completion.h"

/* In single quotes fish knows \\' and \\\\ only. */
static void put_quoted(struct buf *out, const char *text)
{
	buf_put_str(out, "'");
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\'' || *p == '\\') {
			buf_put_str(out, "\\");
		}
		buf_put(out, p, 1);
	}
	buf_put_str(out, "'");
}

static void put_value_names(struct buf *out, const struct args_option *options)
{
	for (const struct args_option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->value != NULL) {
			buf_printf(out, " --%s", o->name);
		}
	}
}

/* Words of the line before the cursor that are neither options nor their values. */
static void put_functions(struct buf *out)
{
	buf_put_str(out,
		"# fish completion of soukctl: soukctl completion fish | source\n"
		"function __soukctl_words\n"
		"\tset -l line (commandline -opc)\n"
		"\tset -e line[1]\n"
		"\tset -l skip\n"
		"\tfor w in $line\n"
		"\t\tif test -n \"$skip\"\n"
		"\t\t\tset skip\n"
		"\t\t\tcontinue\n"
		"\t\tend\n"
		"\t\tswitch $w\n"
		"\t\tcase");
	put_value_names(out, args_globals);
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		put_value_names(out, c->options);
	}
	buf_put_str(out,
		"\n\t\t\tset skip 1\n"
		"\t\tcase '-*'\n"
		"\t\tcase '*'\n"
		"\t\t\techo $w\n"
		"\t\tend\n"
		"\tend\n"
		"end\n"
		"function __soukctl_at\n"
		"\tset -l words (__soukctl_words)\n"
		"\ttest \"$words\" = \"$argv\"\n"
		"end\n"
		"function __soukctl_in\n"
		"\tset -l words (__soukctl_words)\n"
		"\tset -l last (count $argv)\n"
		"\ttest \"$words[1..$last]\" = \"$argv\"\n"
		"end\n"
		"complete -c soukctl -f\n");
}

static void put_option(struct buf *out, const char *condition, const struct args_option *o)
{
	buf_printf(out, "complete -c soukctl%s -l %s", condition, o->name);
	if (o->words != NULL) {
		buf_printf(out, " -xa '%s'", o->words);
	} else if (o->value != NULL) {
		buf_put_str(out, strstr(o->value, "FILE") != NULL ? " -rF" : " -x");
	}
	buf_put_str(out, " -d ");
	put_quoted(out, o->help);
	buf_put_str(out, "\n");
}

static void put_command(struct buf *out, const struct args_command *c)
{
	struct buf condition = {0};
	buf_printf(&condition, " -n '__soukctl_in %s%s%s'", c->group != NULL ? c->group : "",
		c->group != NULL ? " " : "", c->name);
	for (const struct args_option *o = c->options; o != NULL && o->name != NULL; o++) {
		put_option(out, buf_text(&condition), o);
	}
	if (strstr(c->operands, "FILE") != NULL) {
		buf_printf(out, "complete -c soukctl%s -F\n", buf_text(&condition));
	}
	if (strcmp(c->name, "completion") == 0) {
		buf_printf(out, "complete -c soukctl%s -a 'bash zsh fish'\n", buf_text(&condition));
	}
	buf_finish(&condition);
	buf_printf(out, "complete -c soukctl -n '__soukctl_at %s' -a %s -d ",
		c->group != NULL ? c->group : "", c->name);
	put_quoted(out, c->help);
	buf_put_str(out, "\n");
}

void completion_put_fish(struct buf *out)
{
	put_functions(out);
	for (const struct args_option *o = args_globals; o->name != NULL; o++) {
		put_option(out, "", o);
	}
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (c->group != NULL && !completion_group_is_old(c)) {
			buf_printf(
				out, "complete -c soukctl -n '__soukctl_at ' -a %s -d ", c->group);
			put_quoted(out, args_group_help(c->group));
			buf_put_str(out, "\n");
		}
		put_command(out, c);
	}
}
