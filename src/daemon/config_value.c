#include "config_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/net_prefix.h"
#include "base/text.h"

static bool port_valid(const char *text)
{
	uint64_t port;
	return text_u64(text, 0, 65535, &port);
}

/* "PORT", "ADDRESS:PORT" or "[V6]:PORT"; cut up in place. */
static bool endpoint_valid(char *text)
{
	char *colon = strrchr(text, ':');
	if (colon == NULL) {
		return port_valid(text);
	}
	*colon = '\0';
	size_t len = strlen(text);
	struct in6_addr scratch;
	if (text[0] == '[' && len > 2 && text[len - 1] == ']') {
		text[len - 1] = '\0';
		return inet_pton(AF_INET6, text + 1, &scratch) == 1 && port_valid(colon + 1);
	}
	return inet_pton(AF_INET, text, &scratch) == 1 && port_valid(colon + 1);
}

static bool ports_valid(const char *text)
{
	char *copy = mem_strdup(text), *rest = copy;
	bool good = true;
	for (char *one = strsep(&rest, ","); one != NULL && good; one = strsep(&rest, ",")) {
		good = endpoint_valid(one);
	}
	free(copy);
	return good;
}

static bool networks_valid(const char *text)
{
	char *copy = mem_strdup(text), *rest = copy;
	struct net_prefix scratch;
	bool good = true;
	for (char *one = strsep(&rest, ","); one != NULL && good; one = strsep(&rest, ",")) {
		good = net_prefix_parse(one, &scratch);
	}
	free(copy);
	return good;
}

static bool levels_valid(const char *text)
{
	static const char *const words[] = {"debug", "info", "warn", "error", "off"};
	char *copy = mem_strdup(text), *rest = copy;
	bool good = true, first = true;
	for (char *one = strsep(&rest, ","); one != NULL && good; one = strsep(&rest, ",")) {
		char *equals = strchr(one, '=');
		good = first ? equals == NULL : equals != NULL && equals != one;
		const char *level = equals != NULL ? equals + 1 : one;
		bool known = false;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			known = known || strcmp(level, words[i]) == 0;
		}
		good = good && known;
		first = false;
	}
	free(copy);
	return good;
}

static bool url_valid(const struct config_key *key, const char *text)
{
	for (const char *const *w = key->words; *w != NULL; w++) {
		if (text_starts(text, *w) && text[strlen(*w)] != '\0') {
			return true;
		}
	}
	return false;
}

static bool text_kind_valid(const struct config_key *key, const char *text)
{
	if (text[0] == '\0') {
		return !key->required;
	}
	if (key->type == CONFIG_PORTS) {
		return ports_valid(text);
	}
	if (key->type == CONFIG_NETWORKS) {
		return networks_valid(text);
	}
	if (key->type == CONFIG_LEVELS) {
		return levels_valid(text);
	}
	return key->type != CONFIG_URL || url_valid(key, text);
}

static bool number_parse(const struct config_key *key, const char *text, uint64_t *out)
{
	bool good = key->type == CONFIG_DURATION ? text_duration_us(text, out)
		: key->type == CONFIG_INT	 ? text_u64(text, 0, UINT64_MAX, out)
						 : text_size(text, key->type == CONFIG_RATE, out);
	return good && *out >= key->min && *out <= key->max;
}

static bool bool_parse(const char *text, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"yes", true}, {"no", false}, {"true", true}, {"false", false}, {"on", true},
		{"off", false}, {"1", true}, {"0", false}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].word) == 0) {
			*out = words[i].value;
			return true;
		}
	}
	return false;
}

static bool enum_parse(const struct config_key *key, const char *text, unsigned *out)
{
	for (unsigned i = 0; key->words[i] != NULL; i++) {
		if (strcmp(text, key->words[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

bool config_value_parse(struct config *c, const struct config_key *key, const char *text)
{
	void *field = (char *)c + key->offset;
	uint64_t number;
	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
	case CONFIG_PORTS:
	case CONFIG_NETWORKS:
	case CONFIG_URL:
	case CONFIG_LEVELS:
		if (!text_kind_valid(key, text)) {
			return false;
		}
		*(const char **)field = text[0] != '\0' ? text : NULL;
		return true;
	case CONFIG_DURATION:
		if (key->word != NULL && strcmp(text, key->word) == 0) {
			*(uint64_t *)field = CONFIG_FOREVER;
			return true;
		}
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0) {
			*(uint64_t *)field = 0;
			return true;
		}
		/* fall through */
	case CONFIG_SIZE:
	case CONFIG_RATE:
		if (!number_parse(key, text, &number)) {
			return false;
		}
		*(uint64_t *)field = number;
		return true;
	case CONFIG_INT:
		if (!number_parse(key, text, &number)) {
			return false;
		}
		*(unsigned *)field = (unsigned)number;
		return true;
	case CONFIG_BOOL:
		return bool_parse(text, field);
	case CONFIG_ENUM:
		return enum_parse(key, text, field);
	}
	return false;
}

char *config_value_normal(const struct config_key *key, const char *text)
{
	char *copy = mem_strdup(text);
	if (key->type == CONFIG_PORTS || key->type == CONFIG_NETWORKS) {
		char *to = copy;
		for (const char *from = copy; *from != '\0'; from++) {
			if (!isspace((unsigned char)*from)) {
				*to++ = *from;
			}
		}
		*to = '\0';
	}
	return copy;
}

/* The largest unit that the number is a whole multiple of. */
static void put_number(struct buf *out, const struct config_key *key, uint64_t v)
{
	struct unit {
		const char *text;
		uint64_t scale;
	};
	static const struct unit durations[] = {{"d", 86400000000}, {"h", 3600000000},
		{"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {NULL, 0}};
	static const struct unit sizes[] = {
		{"T", 1ull << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {NULL, 0}};
	static const struct unit rates[] = {
		{"G", 1000000000}, {"M", 1000000}, {"k", 1000}, {NULL, 0}};
	static const struct unit plain[] = {{NULL, 0}};
	const struct unit *u = key->type == CONFIG_DURATION ? durations
		: key->type == CONFIG_SIZE		    ? sizes
		: key->type == CONFIG_RATE		    ? rates
							    : plain;
	for (; v > 0 && u->text != NULL; u++) {
		if (v % u->scale == 0) {
			buf_printf(out, "%llu%s", (unsigned long long)(v / u->scale), u->text);
			return;
		}
	}
	buf_printf(out, "%llu", (unsigned long long)v);
}

static void put_words(struct buf *out, const char *const *words)
{
	for (const char *const *w = words; *w != NULL; w++) {
		const char *between = w == words ? "" : w[1] == NULL ? " or " : ", ";
		buf_printf(out, "%s%s", between, *w);
	}
}

void config_key_range(const struct config_key *key, struct buf *out)
{
	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
		buf_put_str(out, key->required ? "not empty" : "any text");
		return;
	case CONFIG_PORTS:
		buf_put_str(out,
			"PORT, ADDRESS:PORT or [V6]:PORT, several with commas; port 0 to 65535");
		return;
	case CONFIG_NETWORKS:
		buf_put_str(out, "ADDRESS or ADDRESS/BITS, several with commas");
		return;
	case CONFIG_LEVELS:
		buf_put_str(out, "debug, info, warn, error or off, then module=LEVEL, with commas");
		return;
	case CONFIG_URL:
		put_words(out, key->words);
		buf_put_str(out, "…");
		return;
	case CONFIG_ENUM:
		put_words(out, key->words);
		return;
	case CONFIG_BOOL:
		buf_put_str(out, "yes or no");
		return;
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_RATE:
	case CONFIG_INT:
		if (key->zero_word != NULL) {
			buf_printf(out, "%s, ", key->zero_word);
		}
		put_number(out, key, key->min);
		buf_put_str(out, " to ");
		put_number(out, key, key->max);
		if (key->word != NULL) {
			buf_printf(out, ", or %s", key->word);
		}
		return;
	}
}
