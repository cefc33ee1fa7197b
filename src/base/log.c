#include "base/log.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#define MODULES_MAX 32
#define VALUE_MAX 1024 /* bytes of one value that are printed */
#define MASK_SHOWN 4 /* characters of a masked value that are printed */

struct module_level {
	char module[24];
	enum log_level level;
};

struct levels {
	enum log_level base;
	struct module_level modules[MODULES_MAX];
	size_t n;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct levels levels = {.base = LOG_INFO};
/* The lowest level that any module prints: spares the lock for what nobody wants. */
static atomic_int lowest = LOG_INFO;
static enum log_format format = LOG_FORMAT_TEXT;
static void (*sink)(const char *line, void *user);
static void *sink_user;

static const char *const upper_names[] = {"DEBUG", "INFO", "WARN", "ERROR", "OFF"};
static const char *const lower_names[] = {"debug", "info", "warn", "error", "off"};

static bool parse_level(const char *text, size_t len, enum log_level *out)
{
	for (size_t i = 0; i <= LOG_OFF; i++) {
		if (strlen(lower_names[i]) == len && strncasecmp(lower_names[i], text, len) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static bool parse_module(struct levels *into, const char *item, size_t len)
{
	const char *eq = memchr(item, '=', len);
	if (eq == NULL || into->n == MODULES_MAX) {
		return false;
	}
	struct module_level *m = &into->modules[into->n];
	size_t name_len = (size_t)(eq - item);
	if (name_len == 0 || name_len >= sizeof(m->module) ||
		!parse_level(eq + 1, len - name_len - 1, &m->level)) {
		return false;
	}
	memcpy(m->module, item, name_len);
	m->module[name_len] = '\0';
	into->n++;
	return true;
}

static bool parse_levels(const char *spec, struct levels *out)
{
	size_t len = strcspn(spec, ",");
	*out = (struct levels){0};
	if (!parse_level(spec, len, &out->base)) {
		return false;
	}
	for (spec += len; *spec == ','; spec += len) {
		spec++;
		len = strcspn(spec, ",");
		if (!parse_module(out, spec, len)) {
			return false;
		}
	}
	return true;
}

bool log_set_levels(const char *spec)
{
	struct levels parsed;
	if (!parse_levels(spec, &parsed)) {
		return false;
	}
	enum log_level low = parsed.base;
	for (size_t i = 0; i < parsed.n; i++) {
		low = parsed.modules[i].level < low ? parsed.modules[i].level : low;
	}
	pthread_mutex_lock(&lock);
	levels = parsed;
	atomic_store_explicit(&lowest, (int)low, memory_order_relaxed);
	pthread_mutex_unlock(&lock);
	return true;
}

void log_set_format(enum log_format f)
{
	pthread_mutex_lock(&lock);
	format = f;
	pthread_mutex_unlock(&lock);
}

void log_set_sink(void (*fn)(const char *line, void *user), void *user)
{
	pthread_mutex_lock(&lock);
	sink = fn;
	sink_user = user;
	pthread_mutex_unlock(&lock);
}

bool log_enabled(enum log_level level, const char *module)
{
	if (level >= LOG_OFF || (int)level < atomic_load_explicit(&lowest, memory_order_relaxed)) {
		return false;
	}
	pthread_mutex_lock(&lock);
	enum log_level wanted = levels.base;
	for (size_t i = 0; i < levels.n; i++) {
		if (strcmp(levels.modules[i].module, module) == 0) {
			wanted = levels.modules[i].level;
		}
	}
	pthread_mutex_unlock(&lock);
	return level >= wanted;
}

/* Bytes of the UTF-8 character at s, or 0 if there is no valid one. */
static size_t character_len(const char *s, size_t left)
{
	for (size_t n = 1; n <= 4 && n <= left; n++) {
		if (text_utf8_valid(s, n)) {
			return n;
		}
	}
	return 0;
}

static void put_escape(struct buf *out, unsigned char c, bool json)
{
	static const char plain[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
	const char *at = c != '\0' ? strchr(plain, c) : NULL;
	if (at != NULL) {
		buf_printf(out, "\\%c", letters[at - plain]);
	} else {
		buf_printf(out, json ? "\\u%04x" : "\\x%02x", c);
	}
}

static void put_escaped(struct buf *out, const char *s, size_t len, bool json)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t n = character_len(s + i, len - i);
		if (n == 0 && json) {
			buf_put_str(out, "\\ufffd");
			n = 1;
		} else if (n == 0 || c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
			put_escape(out, c, json);
			n = 1;
		} else {
			buf_put(out, s + i, n);
		}
		i += n;
	}
}

static bool needs_quotes(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c <= 0x20 || c == 0x7f || c == '"' || c == '\\' || c == '=') {
			return true;
		}
	}
	return len == 0 || !text_utf8_valid(s, len);
}

static void put_string(struct buf *out, const char *s, size_t len, const char *tail, bool json)
{
	bool quotes = json || needs_quotes(s, len);
	if (quotes) {
		buf_put_u8(out, '"');
	}
	put_escaped(out, s, len, json);
	buf_put_str(out, tail);
	if (quotes) {
		buf_put_u8(out, '"');
	}
}

/* Length of s cut to at most max bytes, never within a character. */
static size_t cut_length(const char *s, size_t max)
{
	size_t len = strnlen(s, max + 1);
	if (len <= max) {
		return len;
	}
	for (len = max; len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80; len--) {
	}
	return len;
}

static void put_masked(struct buf *out, const char *s, bool json)
{
	size_t at = 0, len = strlen(s);
	for (int i = 0; i < MASK_SHOWN && at < len; i++) {
		size_t n = character_len(s + at, len - at);
		at += n > 0 ? n : 1;
	}
	if (at == len) {
		at = 0; /* so short that the first characters are all of it */
	}
	bool quotes = json || (at > 0 && needs_quotes(s, at));
	buf_put_str(out, quotes ? "\"" : "");
	put_escaped(out, s, at, json);
	buf_put_str(out, quotes ? "…\"" : "…");
}

static void put_text_value(struct buf *out, const char *s, bool masked, bool json)
{
	if (s == NULL) {
		buf_put_str(out, json ? "null" : "-");
	} else if (masked) {
		put_masked(out, s, json);
	} else {
		size_t len = cut_length(s, VALUE_MAX);
		put_string(out, s, len, s[len] != '\0' ? "…" : "", json);
	}
}

static void put_value(struct buf *out, const struct log_field *f, bool json)
{
	switch (f->kind) {
	case KV_STR:
	case KV_MASKED:
		put_text_value(out, f->str, f->kind == KV_MASKED, json);
		break;
	case KV_I64:
		buf_printf(out, "%lld", (long long)f->i64);
		break;
	case KV_U64:
		buf_printf(out, "%llu", (unsigned long long)f->u64);
		break;
	case KV_F64:
		if (json && !isfinite(f->f64)) {
			buf_put_str(out, "null");
		} else {
			buf_printf(out, "%.6g", f->f64);
		}
		break;
	case KV_BOOL:
		buf_put_str(out, f->flag ? "true" : "false");
		break;
	case KV_END:
		break;
	}
}

static void put_head(
	struct buf *out, enum log_level level, const char *module, const char *event, bool json)
{
	char time[TEXT_TIME_SIZE];
	text_time(time, clock_wall_ms(&clock_system));
	if (!json) {
		buf_printf(out, "%s %s %s %s", time, upper_names[level], module, event);
		return;
	}
	buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"module\":\"%s\",\"event\":", time,
		lower_names[level], module);
	put_string(out, event, strlen(event), "", true);
}

static void put_field(struct buf *out, const struct log_field *f, bool json)
{
	if (json) {
		buf_put_u8(out, ',');
		put_string(out, f->key, strlen(f->key), "", true);
		buf_put_u8(out, ':');
	} else {
		buf_printf(out, " %s=", f->key);
	}
	put_value(out, f, json);
}

static void emit_line(struct buf *line)
{
	pthread_mutex_lock(&lock);
	void (*to)(const char *line, void *user) = sink;
	void *user = sink_user;
	pthread_mutex_unlock(&lock);
	if (to != NULL) {
		to(buf_text(line), user);
		return;
	}
	buf_put_u8(line, '\n');
	/* One write a line, so that lines of several threads do not mix. A full pipe loses it. */
	ssize_t n = write(STDERR_FILENO, line->data, line->len);
	(void)n;
}

void log_write(enum log_level level, const char *module, const char *event, ...)
{
	if (!log_enabled(level, module)) {
		return;
	}
	pthread_mutex_lock(&lock);
	bool json = format == LOG_FORMAT_JSON;
	pthread_mutex_unlock(&lock);

	struct buf line = {0};
	va_list args;
	put_head(&line, level, module, event, json);
	va_start(args, event);
	for (;;) {
		struct log_field f = va_arg(args, struct log_field);
		if (f.kind == KV_END) {
			break;
		}
		put_field(&line, &f, json);
	}
	va_end(args);
	if (json) {
		buf_put_u8(&line, '}');
	}
	emit_line(&line);
	buf_finish(&line);
}
