#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "config_value.h"

_Static_assert(CONFIG_SOCKET_SIZE == sizeof(((struct sockaddr_un *)NULL)->sun_path),
	"a socket's path must fit its address");

/* With its end, what inih's 200 bytes hold: it cuts longer lines without a word, or fails. */
#define LINE_MAX_BYTES 198

struct loading {
	struct config *config;
	struct buf *errors;
	FILE *file;
	unsigned line;
	bool failed;
};

static size_t key_index(const struct config_key *key)
{
	return (size_t)(key - config_key_at(0));
}

static void fault_allowed(struct loading *l, const struct config_key *key, const char *text)
{
	buf_printf(l->errors, "[%s] %s = %s is not allowed: ", key->section, key->name,
		key->secret ? "…" : text);
	config_key_range(key, l->errors);
	buf_put_str(l->errors, "\n");
	l->failed = true;
}

/* Takes the value if it is good; `where` begins the error line if not. */
static void assign(struct loading *l, const struct config_key *key, const char *text,
	enum config_source_kind kind, const char *where)
{
	char *copy = config_value_normal(key, text);
	if (!config_value_parse(l->config, key, copy)) {
		buf_printf(l->errors, "%s: ", where);
		fault_allowed(l, key, text);
		free(copy);
		return;
	}
	struct config_value *v = &l->config->values[key_index(key)];
	free(v->text);
	*v = (struct config_value){.text = copy, .kind = kind, .line = l->line};
}

static void fault_unknown(
	struct loading *l, const char *where, const char *section, const char *name)
{
	if (config_section_help(section) == NULL) {
		buf_printf(l->errors, "%s: there is no section [%s]\n", where, section);
	} else {
		buf_printf(
			l->errors, "%s: there is no key %s in [%s]; it has", where, name, section);
		for (size_t i = 0; i < config_key_count(); i++) {
			const struct config_key *k = config_key_at(i);
			if (text_eq(k->section, section)) {
				buf_printf(l->errors, " %s", k->name);
			}
		}
		buf_put_str(l->errors, "\n");
	}
	l->failed = true;
}

/* The file */

/* Leading blanks go, so that an indented key is a key and not a continuation of the one above. */
static char *read_line(char *out, int size, void *user)
{
	struct loading *l = user;
	char line[LINE_MAX_BYTES + 2];
	if (fgets(line, sizeof(line), l->file) == NULL) {
		return NULL;
	}
	l->line++;
	size_t len = strlen(line);
	if (len == sizeof(line) - 1 && line[len - 1] != '\n') {
		buf_printf(l->errors, "%s:%u: the line is longer than %d bytes\n", l->config->path,
			l->line, LINE_MAX_BYTES);
		l->failed = true;
		for (int c = fgetc(l->file); c != '\n' && c != EOF; c = fgetc(l->file)) {
		}
		line[0] = '\0';
	}
	const char *start = line;
	while (*start == ' ' || *start == '\t') {
		start++;
	}
	text_copy(out, (size_t)size, start);
	return out;
}

static int take_line(void *user, const char *section, const char *name, const char *value)
{
	struct loading *l = user;
	char *where = mem_printf("%s:%u", l->config->path, l->line);
	const struct config_key *key = config_key_find(section, name);
	const struct config_value *before = key != NULL ? &l->config->values[key_index(key)] : NULL;
	if (key == NULL) {
		fault_unknown(l, where, section, name);
	} else if (before->kind == CONFIG_FROM_FILE) {
		buf_printf(l->errors, "%s: [%s] %s is set twice, first on line %u\n", where,
			section, name, before->line);
		l->failed = true;
	} else {
		assign(l, key, value, CONFIG_FROM_FILE, where);
	}
	free(where);
	return 1;
}

static void load_file(struct loading *l, const char *path)
{
	l->config->path = mem_strdup(path);
	l->file = fopen(path, "re");
	if (l->file == NULL) {
		buf_printf(l->errors, "%s: %s\n", path, strerror(errno));
		l->failed = true;
		return;
	}
	int result = ini_parse_stream(read_line, l, take_line, l);
	if (result > 0) {
		buf_printf(l->errors, "%s:%d: neither a [section], a key = value nor a ; comment\n",
			path, result);
	} else if (result < 0 || ferror(l->file)) {
		buf_printf(l->errors, "%s: cannot be read\n", path);
	}
	l->failed = l->failed || result != 0 || ferror(l->file);
	fclose(l->file);
	l->line = 0;
}

/* The environment */

static void env_name(const struct config_key *key, char *out, size_t size)
{
	snprintf(out, size, "SOUKD_%s_%s", key->section, key->name);
	for (char *p = out; *p != '\0'; p++) {
		*p = (char)toupper((unsigned char)*p);
	}
}

/*
 * A typo is an error, but only behind the name of a section: orchestrators put variables of their
 * own (SOUKD_SERVICE_HOST) into the environment of a service called soukd.
 */
static bool env_names_section(const char *name)
{
	for (size_t i = 0; i < config_key_count(); i++) {
		const char *section = config_key_at(i)->section;
		size_t len = strlen(section);
		if (strncasecmp(name + strlen("SOUKD_"), section, len) == 0 &&
			name[strlen("SOUKD_") + len] == '_') {
			return true;
		}
	}
	return false;
}

static void load_variable(struct loading *l, const char *variable)
{
	const char *equals = strchr(variable, '=');
	if (!text_starts(variable, "SOUKD_") || equals == NULL) {
		return;
	}
	char *name = mem_strndup(variable, (size_t)(equals - variable));
	bool known = false;
	for (size_t i = 0; i < config_key_count() && !known; i++) {
		char expected[96];
		env_name(config_key_at(i), expected, sizeof(expected));
		known = strcmp(name, expected) == 0;
		if (known) {
			assign(l, config_key_at(i), equals + 1, CONFIG_FROM_ENV, name);
		}
	}
	if (!known && env_names_section(name)) {
		buf_printf(l->errors, "%s: there is no such key\n", name);
		l->failed = true;
	}
	free(name);
}

/* --set section.key=value */
static void load_set(struct loading *l, const char *text)
{
	char *where = mem_printf("--set %s", text), *section = mem_strdup(text);
	char *equals = strchr(section, '='), *dot = strchr(section, '.');
	if (equals == NULL || dot == NULL || dot > equals) {
		buf_printf(l->errors, "%s: it must be section.key=value\n", where);
		l->failed = true;
	} else {
		*equals = *dot = '\0';
		const struct config_key *key = config_key_find(section, dot + 1);
		char *short_where = mem_printf("--set %s.%s", section, dot + 1);
		if (key != NULL) {
			assign(l, key, equals + 1, CONFIG_FROM_SET, short_where);
		} else {
			fault_unknown(l, short_where, section, dot + 1);
		}
		free(short_where);
	}
	free(where);
	free(section);
}

static void fault_storage(struct loading *l, bool bad, const char *what)
{
	if (bad) {
		buf_printf(l->errors, "[storage] %s\n", what);
		l->failed = true;
	}
}

/* Names that need no encoding, so that a URL is what it looks like. */
static bool is_plain_path(const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/";
	size_t len = strlen(text);
	return strspn(text, plain) == len && text[0] != '/' && len > 0 && text[len - 1] != '/' &&
		strstr(text, "//") == NULL;
}

static void check_storage(struct loading *l)
{
	const struct config_storage *c = &l->config->storage;
	if (c->s3_bucket == NULL) {
		return;
	}
	fault_storage(l, c->s3_endpoint == NULL, "s3_bucket needs s3_endpoint");
	fault_storage(l, c->s3_access_key == NULL, "s3_bucket needs s3_access_key");
	fault_storage(l, c->s3_secret == NULL && c->s3_secret_file == NULL,
		"s3_bucket needs s3_secret_file, or s3_secret");
	fault_storage(l, !is_plain_path(c->s3_bucket) || strchr(c->s3_bucket, '/') != NULL,
		"s3_bucket may hold letters, digits, points and hyphens");
	fault_storage(l, c->s3_prefix != NULL && !is_plain_path(c->s3_prefix),
		"s3_prefix may hold letters, digits, points, hyphens, and slashes within");
	fault_storage(l, c->s3_retry_max_us < c->s3_retry_base_us,
		"s3_retry_max must not be below s3_retry_base");
}

/* What the keys mean together. */
static void check_together(struct loading *l)
{
	const struct config *c = l->config;
	if ((c->rtmp.tls_listen != NULL || c->http.tls_listen != NULL) &&
		(c->http.cert == NULL || c->http.key == NULL)) {
		buf_put_str(l->errors, "tls_listen needs [http] cert and key\n");
		l->failed = true;
	}
	if (c->hls.part_target_us * 2 > c->hls.segment_target_us) {
		buf_put_str(
			l->errors, "[hls] part_target must be at most half of segment_target\n");
		l->failed = true;
	}
	if (c->hls.memory_segments > c->hls.window) {
		buf_put_str(l->errors, "[hls] memory_segments must not be above window\n");
		l->failed = true;
	}
	check_storage(l);
	char path[CONFIG_SOCKET_SIZE];
	if (c->server.run_dir != NULL && !config_socket_path(c, path)) {
		buf_printf(l->errors,
			"[server] run_dir: the socket's path would be over %d bytes\n",
			CONFIG_SOCKET_SIZE - 1);
		l->failed = true;
	}
}

static struct config *create_defaults(void)
{
	struct config *c = mem_new(struct config);
	c->values = mem_zalloc(config_key_count() * sizeof(*c->values));
	for (size_t i = 0; i < config_key_count(); i++) {
		c->values[i].text = mem_strdup(config_key_at(i)->fallback);
		must(config_value_parse(c, config_key_at(i), c->values[i].text));
	}
	return c;
}

const char *config_default_path(void)
{
	static const char *const places[] = {"conf/soukd.ini", "/etc/souk/soukd.ini"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], R_OK) == 0) {
			return places[i];
		}
	}
	return NULL;
}

struct config *config_load(const struct config_source *source, struct buf *errors)
{
	struct loading l = {.config = create_defaults(), .errors = errors};
	if (source->path != NULL) {
		load_file(&l, source->path);
	}
	for (const char *const *v = source->env; v != NULL && *v != NULL; v++) {
		load_variable(&l, *v);
	}
	for (size_t i = 0; i < source->n_sets; i++) {
		load_set(&l, source->sets[i]);
	}
	if (!l.failed) {
		check_together(&l);
	}
	if (l.failed) {
		config_destroy(&l.config);
	}
	return l.config;
}

void config_destroy(struct config **c)
{
	if (*c == NULL) {
		return;
	}
	for (size_t i = 0; i < config_key_count(); i++) {
		free((*c)->values[i].text);
	}
	free((*c)->values);
	free((*c)->path);
	free(*c);
	*c = NULL;
}

const char *config_text(const struct config *c, const struct config_key *key)
{
	return c->values[key_index(key)].text;
}

void config_origin(const struct config *c, const struct config_key *key, struct buf *out)
{
	const struct config_value *v = &c->values[key_index(key)];
	char name[96];
	switch (v->kind) {
	case CONFIG_FROM_DEFAULT:
		buf_put_str(out, "default");
		return;
	case CONFIG_FROM_FILE:
		buf_printf(out, "%s:%u", c->path, v->line);
		return;
	case CONFIG_FROM_ENV:
		env_name(key, name, sizeof(name));
		buf_put_str(out, name);
		return;
	case CONFIG_FROM_SET:
		buf_put_str(out, "--set");
		return;
	}
}

bool config_socket_path(const struct config *c, char out[static CONFIG_SOCKET_SIZE])
{
	return snprintf(out, CONFIG_SOCKET_SIZE, "%s/soukd.sock", c->server.run_dir) <
		CONFIG_SOCKET_SIZE;
}

const char *config_store_path(const struct config *c)
{
	return c->store.url + strlen("sqlite:");
}

void config_reserved(const struct config *c, config_key_fn fn, void *user)
{
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *key = config_key_at(i);
		if (key->reserved && !text_eq(config_text(c, key), key->fallback)) {
			fn(user, key);
		}
	}
}

struct config *config_reload(
	const struct config *running, const struct config *fresh, config_key_fn changed, void *user)
{
	struct config *c = create_defaults();
	c->path = mem_strdup(fresh->path);
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *key = config_key_at(i);
		const struct config_value *from =
			key->reload ? &fresh->values[i] : &running->values[i];
		free(c->values[i].text);
		c->values[i] = *from;
		c->values[i].text = mem_strdup(from->text);
		must(config_value_parse(c, key, c->values[i].text));
		if (!text_eq(running->values[i].text, fresh->values[i].text)) {
			changed(user, key);
		}
	}
	return c;
}
