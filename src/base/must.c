#include "base/must.h"

#include <stdlib.h>

#define LOG_MODULE "base"
#include "base/log.h"

void must_failed(const char *what, const char *file, int line)
{
	log_error("broken invariant", kv_str("condition", what), kv_str("file", file),
		kv_i64("line", line));
	abort();
}

bool should_failed(const char *what, const char *file, int line)
{
	log_error("survived a bug", kv_str("condition", what), kv_str("file", file),
		kv_i64("line", line));
	return false;
}
