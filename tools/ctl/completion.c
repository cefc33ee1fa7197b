#include "completion.h"

#include <string.h>

#include "base/text.h"

/*
 * Those of bash and zsh are a `case` over the words before the cursor, made from the table of
 * commands, so that no command is run while the user presses Tab.
 */

bool completion_group_is_old(const struct args_command *c)
{
	for (const struct args_command *d = args_commands; d != c; d++) {
		if (text_eq(d->group, c->group)) {
			return true;
		}
	}
	return false;
}

static void put_first_words(struct buf *out)
{
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (c->group == NULL) {
			buf_printf(out, "%s ", c->name);
		} else if (!completion_group_is_old(c)) {
			buf_printf(out, "%s ", c->group);
		}
	}
}

static void put_group_words(struct buf *out, const char *group)
{
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (text_eq(c->group, group)) {
			buf_printf(out, "%s ", c->name);
		}
	}
}

static void put_option_words(struct buf *out, const struct args_option *options)
{
	for (const struct args_option *o = options; o != NULL && o->name != NULL; o++) {
		buf_printf(out, "--%s ", o->name);
	}
}

static void put_option_values(struct buf *out, const struct args_option *options)
{
	for (const struct args_option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->words != NULL) {
			buf_printf(out, "\t--%s) choices=\"%s\" ;;\n", o->name, o->words);
		} else if (o->value != NULL && strstr(o->value, "FILE") != NULL) {
			buf_printf(out, "\t--%s) files=1 ;;\n", o->name);
		} else if (o->value != NULL) {
			buf_printf(out, "\t--%s) return 0 ;;\n", o->name);
		}
	}
}

static bool value_seen_before(const struct args_command *until, const char *name)
{
	for (const struct args_command *c = args_commands; c != until; c++) {
		for (const struct args_option *o = c->options; o != NULL && o->name != NULL; o++) {
			if (strcmp(o->name, name) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* The value that follows an option; the first option of a name speaks for all. */
static void put_values(struct buf *out)
{
	buf_put_str(out, "\tcase \"$prev\" in\n");
	put_option_values(out, args_globals);
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		for (const struct args_option *o = c->options; o != NULL && o->name != NULL; o++) {
			if (!value_seen_before(c, o->name)) {
				const struct args_option one[] = {*o, {0}};
				put_option_values(out, one);
			}
		}
	}
	buf_put_str(out, "\tesac\n");
}

/* Words by the first two words of the line, $first and $second. */
static void put_cases(struct buf *out)
{
	buf_put_str(out, "\tcase \"$first/$second\" in\n\t/) choices=\"");
	put_first_words(out);
	put_option_words(out, args_globals);
	buf_put_str(out, "\" ;;\n");
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (c->group != NULL && !completion_group_is_old(c)) {
			buf_printf(out, "\t%s/) choices=\"", c->group);
			put_group_words(out, c->group);
			put_option_words(out, args_globals);
			buf_put_str(out, "\" ;;\n");
		}
	}
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		buf_printf(out, "\t%s/%s) choices=\"", c->group != NULL ? c->group : c->name,
			c->group != NULL ? c->name : "*");
		put_option_words(out, c->options);
		put_option_words(out, args_globals);
		if (strcmp(c->name, "completion") == 0) {
			buf_put_str(out, "bash zsh fish ");
		}
		buf_printf(out, "\"%s ;;\n", strstr(c->operands, "FILE") != NULL ? " files=1" : "");
	}
	buf_put_str(out, "\tesac\n");
}

static void put_value_names(struct buf *out, const struct args_option *options)
{
	for (const struct args_option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->value != NULL) {
			buf_printf(out, "|--%s", o->name);
		}
	}
}

/* The loop's body: $first and $second are the words that are neither options nor their values. */
static void put_walk(struct buf *out)
{
	buf_put_str(out,
		"\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n"
		"\t\tcase $w in\n"
		"\t\t--set");
	put_value_names(out, args_globals);
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		put_value_names(out, c->options);
	}
	buf_put_str(out,
		") skip=1 ;;\n"
		"\t\t-*) ;;\n"
		"\t\t*) if [ -z \"$first\" ]; then first=$w\n"
		"\t\t   elif [ -z \"$second\" ]; then second=$w; fi ;;\n"
		"\t\tesac\n"
		"\tdone\n");
}

static void put_bash(struct buf *out)
{
	buf_put_str(out,
		"# bash completion of soukctl: source <(soukctl completion bash)\n"
		"_soukctl()\n{\n"
		"\tlocal cur prev first= second= choices= files= skip= i w\n"
		"\tcur=${COMP_WORDS[COMP_CWORD]}\n"
		"\tprev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tCOMPREPLY=()\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tw=${COMP_WORDS[i]}\n");
	put_walk(out);
	put_cases(out);
	put_values(out);
	buf_put_str(out,
		"\tif [ -n \"$choices\" ]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$cur\")\n"
		"\tfi\n"
		"\tif [ -n \"$files\" ]; then\n"
		"\t\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY "
		"< <(compgen -f -- \"$cur\")\n"
		"\tfi\n"
		"}\n"
		"complete -o filenames -F _soukctl soukctl\n");
}

static void put_zsh(struct buf *out)
{
	buf_put_str(out,
		"#compdef soukctl\n"
		"# zsh completion of soukctl: source <(soukctl completion zsh)\n"
		"_soukctl()\n{\n"
		"\tlocal cur prev first= second= choices= files= skip= i w\n"
		"\tprev=${words[CURRENT-1]}\n"
		"\tlocal -a line; line=(${(@)words[2,CURRENT-1]})\n"
		"\tfor w in $line; do\n");
	put_walk(out);
	put_cases(out);
	put_values(out);
	buf_put_str(out,
		"\tif [ -n \"$choices\" ]; then compadd -- ${=choices}; fi\n"
		"\tif [ -n \"$files\" ]; then _files; fi\n"
		"}\n"
		/* As a file of $fpath the whole of it is the function, run at the first Tab. */
		"if [ \"$funcstack[1]\" = _soukctl ]; then _soukctl \"$@\"\n"
		"else compdef _soukctl soukctl; fi\n");
}

bool args_completion(const char *shell, struct buf *out)
{
	if (strcmp(shell, "bash") == 0) {
		put_bash(out);
	} else if (strcmp(shell, "zsh") == 0) {
		put_zsh(out);
	} else if (strcmp(shell, "fish") == 0) {
		completion_put_fish(out);
	} else {
		return false;
	}
	return true;
}
