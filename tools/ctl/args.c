#include "args.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const struct args_option *option_in(
	const struct args_option *table, const char *name, size_t len)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (strlen(table->name) == len && memcmp(table->name, name, len) == 0) {
			return table;
		}
	}
	return NULL;
}

static const struct args_option *option_find(
	const struct args_command *command, const char *name, size_t len)
{
	const struct args_option *o = option_in(args_globals, name, len);
	return o != NULL || command == NULL ? o : option_in(command->options, name, len);
}

static bool is_group(const char *word)
{
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (c->group != NULL && strcmp(c->group, word) == 0) {
			return true;
		}
	}
	return false;
}

static const struct args_command *command_find(const char *group, const char *name)
{
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (text_eq(c->group, group) && strcmp(c->name, name) == 0) {
			return c;
		}
	}
	return NULL;
}

/* How many operands a command must and may have. */
static void operand_counts(const struct args_command *c, size_t *least, size_t *most)
{
	*least = *most = 0;
	for (const char *p = c->operands; *p != '\0';) {
		bool optional = *p == '[';
		size_t len = strcspn(p, " ");
		bool repeated = memmem(p, len, "...", 3) != NULL;
		*most += repeated ? ARGS_OPERANDS_MAX - *most : 1;
		*least += !optional;
		p += len;
		p += strspn(p, " ");
	}
}

static void say_no_command(const struct args *a, const char *word, struct buf *error)
{
	struct suggestion s = {.typed = word, .len = strlen(word)};
	for (const struct args_command *c = args_commands; c->name != NULL; c++) {
		if (a->group == NULL && c->group != NULL) {
			suggestion_offer(&s, c->group);
		} else if (text_eq(a->group, c->group)) {
			suggestion_offer(&s, c->name);
		}
	}
	const char *group = a->group != NULL ? a->group : "", *blank = a->group != NULL ? " " : "";
	buf_printf(error, "there is no command %s%s%s", group, blank, word);
	if (s.best != NULL) {
		buf_printf(error, " (did you mean %s%s%s?)", group, blank, s.best);
	}
}

static void say_no_option(const struct args *a, const char *name, size_t len, struct buf *error)
{
	struct suggestion s = {.typed = name, .len = len};
	const struct args_option *o = a->command != NULL ? a->command->options : NULL;
	for (; o != NULL && o->name != NULL; o++) {
		suggestion_offer(&s, o->name);
	}
	for (o = args_globals; o->name != NULL; o++) {
		suggestion_offer(&s, o->name);
	}
	buf_printf(error, "there is no option --%.*s%s", (int)len, name,
		a->command == NULL ? " here" : " of this command");
	if (s.best != NULL) {
		buf_printf(error, " (did you mean --%s?)", s.best);
	}
}

static bool take_word(struct args *a, const char *word, struct buf *error)
{
	if (a->command != NULL) {
		if (a->n_operands == ARGS_OPERANDS_MAX) {
			buf_printf(error, "too many words: %s", word);
			return false;
		}
		a->operands[a->n_operands++] = word;
		return true;
	}
	if (a->group == NULL && is_group(word)) {
		a->group = word;
		return true;
	}
	a->command = command_find(a->group, word);
	if (a->command == NULL) {
		say_no_command(a, word, error);
	}
	return a->command != NULL;
}

static bool put_value(
	struct args *a, const struct args_option *o, const char *value, struct buf *error)
{
	if (a->n_values == ARGS_OPTIONS_MAX) {
		buf_put_str(error, "too many options");
		return false;
	}
	if (!o->repeated && args_has(a, o->name)) {
		buf_printf(error, "--%s is given twice", o->name);
		return false;
	}
	a->values[a->n_values++] = (struct args_value){.name = o->name, .text = value};
	return true;
}

/* Takes an option at argv[*i]; moves *i to its last word. */
static bool take_option(struct args *a, int argc, char *const *argv, int *i, struct buf *error)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct args_option *o = option_find(a->command, name, len);
	if (o == NULL) {
		say_no_option(a, name, len, error);
		return false;
	}
	if (o->value == NULL) {
		if (equals != NULL) {
			buf_printf(error, "--%s takes no value", o->name);
			return false;
		}
		return put_value(a, o, "", error);
	}
	if (equals == NULL && *i + 1 >= argc) {
		buf_printf(error, "--%s needs %s", o->name, o->value);
		return false;
	}
	return put_value(a, o, equals != NULL ? equals + 1 : argv[++*i], error);
}

/* What must be there once the whole line was read. */
static bool check_whole(struct args *a, struct buf *error)
{
	a->help = a->help || args_has(a, "help");
	a->version = args_has(a, "version");
	if (a->help || a->version) {
		return true;
	}
	if (a->command == NULL) {
		buf_put_str(error,
			a->group != NULL ? "what to do with it is missing"
					 : "a command is missing");
		return false;
	}
	size_t least, most;
	operand_counts(a->command, &least, &most);
	if (a->n_operands < least || a->n_operands > most) {
		buf_printf(error, a->n_operands < least ? "%s is missing" : "too many words%.0s",
			a->command->operands);
		return false;
	}
	for (const struct args_option *o = a->command->options; o != NULL && o->name != NULL; o++) {
		if (o->required && !args_has(a, o->name)) {
			buf_printf(error, "--%s %s is missing", o->name, o->value);
			return false;
		}
	}
	return true;
}

bool args_parse(struct args *a, int argc, char *const *argv, struct buf *error)
{
	*a = (struct args){0};
	bool options = true;
	for (int i = 1; i < argc; i++) {
		bool good = true;
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && strcmp(argv[i], "-h") == 0) {
			a->help = true;
		} else if (options && text_starts(argv[i], "--")) {
			good = take_option(a, argc, argv, &i, error);
		} else if (i == 1 && strcmp(argv[i], "help") == 0) {
			a->help = true;
		} else {
			good = take_word(a, argv[i], error);
		}
		if (!good) {
			return false;
		}
	}
	return check_whole(a, error);
}

const char *args_next(const struct args *a, const char *name, size_t *pos)
{
	while (*pos < a->n_values) {
		const struct args_value *v = &a->values[(*pos)++];
		if (strcmp(v->name, name) == 0) {
			return v->text;
		}
	}
	return NULL;
}

const char *args_get(const struct args *a, const char *name)
{
	size_t pos = 0;
	return args_next(a, name, &pos);
}

bool args_has(const struct args *a, const char *name)
{
	return args_get(a, name) != NULL;
}
