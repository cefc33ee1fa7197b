#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * One line an event, key=value or JSON, to stderr (the journal under systemd).
 * A source file names its module before including this header:
 *
 *   #define LOG_MODULE "rtmp"
 *   #include "base/log.h"
 *
 *   log_info("publish started", kv_str("stream", id), kv_u64("conn", conn->id));
 *
 * Event texts are fixed words (they are what operators grep for); everything variable is a field.
 * Never log a secret, a token or a whole stream key: use kv_masked. Any thread may log.
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_kind { KV_END, KV_STR, KV_MASKED, KV_I64, KV_U64, KV_F64, KV_BOOL };

struct log_field {
	enum log_kind kind;
	const char *key;
	union {
		const char *str; /* borrowed for the call; NULL prints as "-" */
		int64_t i64;
		uint64_t u64;
		double f64;
		bool flag;
	};
};

#define kv_str(k, v) ((struct log_field){.kind = KV_STR, .key = (k), .str = (v)})
/* Prints the first four characters and an ellipsis (only that if there are no more than four). */
#define kv_masked(k, v) ((struct log_field){.kind = KV_MASKED, .key = (k), .str = (v)})
#define kv_i64(k, v) ((struct log_field){.kind = KV_I64, .key = (k), .i64 = (v)})
#define kv_u64(k, v) ((struct log_field){.kind = KV_U64, .key = (k), .u64 = (v)})
#define kv_f64(k, v) ((struct log_field){.kind = KV_F64, .key = (k), .f64 = (v)})
#define kv_bool(k, v) ((struct log_field){.kind = KV_BOOL, .key = (k), .flag = (v)})

/* The last argument of log_write; the log_* macros add it. */
#define KV_LAST ((struct log_field){.kind = KV_END})

#define log_debug(...) log_write(LOG_DEBUG, LOG_MODULE, __VA_ARGS__, KV_LAST)
#define log_info(...) log_write(LOG_INFO, LOG_MODULE, __VA_ARGS__, KV_LAST)
#define log_warn(...) log_write(LOG_WARN, LOG_MODULE, __VA_ARGS__, KV_LAST)
#define log_error(...) log_write(LOG_ERROR, LOG_MODULE, __VA_ARGS__, KV_LAST)

void log_write(enum log_level level, const char *module, const char *event, ...);

/*
 * Sets levels from "LEVEL" or "LEVEL,module=LEVEL,…" (e.g. "info,rtmp=debug").
 * False, with nothing changed, if the text is not of that form.
 */
bool log_set_levels(const char *spec);
void log_set_format(enum log_format format);
/* Whether a line of this level and module would be printed: for fields that are dear to compute. */
bool log_enabled(enum log_level level, const char *module);
/* Redirects lines (without newline) to a function instead of stderr, for tests; NULL: back. */
void log_set_sink(void (*sink)(const char *line, void *user), void *user);
