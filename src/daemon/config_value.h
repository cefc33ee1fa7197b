#pragma once

#include <stdbool.h>

#include "daemon/config.h"

enum config_source_kind { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENV, CONFIG_FROM_SET };

/* One key's value: its text, which text fields of struct config borrow, and its origin. */
struct config_value {
	char *text;
	enum config_source_kind kind;
	unsigned line; /* of the file */
};

/*
 * Parses a text into the key's field of `c`. Text kinds keep a pointer to `text`, which must live
 * as long as `c`. False, with nothing changed, if it is not a value of this key.
 */
bool config_value_parse(struct config *c, const struct config_key *key, const char *text);
/* The text as it is kept: without blanks in port lists. Caller frees. */
char *config_value_normal(const struct config_key *key, const char *text);
