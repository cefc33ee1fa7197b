#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * The command line of soukctl. One table of commands drives parsing, dispatch, help and shell
 * completion; nothing here does I/O.
 */
struct ctl;
struct call;

/* What soukctl returns. */
enum ctl_exit {
	CTL_OK,
	CTL_FAILED, /* refused, or it went wrong */
	CTL_USAGE,
	CTL_UNREACHABLE, /* the daemon does not answer */
};

struct args_option {
	const char *name; /* without dashes; NULL ends a table */
	const char *value; /* what its value is called, NULL: a switch */
	const char *help;
	const char *words; /* possible values with blanks between, for completion; or NULL */
	bool required;
	bool repeated;
};

struct args_command {
	const char *group, *name; /* "streams" "list"; group NULL: a word of its own */
	const char *operands; /* "ID FILE [MORE]", "ID...", "[ID...]"; "" for none */
	const char *help;
	const struct args_option *options; /* NULL: none of its own */
	const char *examples; /* whole lines, each ending with a newline */
	enum ctl_exit (*run)(struct ctl *c); /* NULL: `call` is all that it does */
	const struct call *call; /* call.h */
};

#define ARGS_OPTIONS_MAX 64
#define ARGS_OPERANDS_MAX 64

struct args_value {
	const char *name;
	const char *text; /* "" for a switch */
};

struct args {
	const struct args_command *command; /* NULL with help */
	const char *group; /* of help for a group, or NULL */
	bool help, version;
	struct args_value values[ARGS_OPTIONS_MAX];
	size_t n_values;
	const char *operands[ARGS_OPERANDS_MAX];
	size_t n_operands;
};

extern const struct args_command args_commands[]; /* ends with name NULL */
extern const struct args_option args_globals[];
const char *args_group_help(const char *group);

/*
 * Borrows argv. False with a sentence in `error` if the line is not a command; then exit status 2.
 * `--help` and `--version` anywhere win over what is missing.
 */
bool args_parse(struct args *a, int argc, char *const *argv, struct buf *error);
/* The value of an option, "" for a switch that is set, NULL if it is not there. */
const char *args_get(const struct args *a, const char *name);
/* The values of a repeated option, in order: start with *pos = 0; NULL at the end. */
const char *args_next(const struct args *a, const char *name, size_t *pos);
bool args_has(const struct args *a, const char *name);

/*
 * Of words offered one after the other the one that is most like what was typed, if any is like it
 * at all (Damerau-Levenshtein distance).
 */
struct suggestion {
	const char *typed;
	size_t len;
	const char *best; /* NULL: nothing like it */
	size_t distance;
};
void suggestion_offer(struct suggestion *s, const char *word);

/* Texts */
void args_help(const struct args *a, struct buf *out);
/* Scripts for `source <(soukctl completion SHELL)`: bash, zsh, fish; false for another shell. */
bool args_completion(const char *shell, struct buf *out);
