#include <string.h>

#include "http/router.h"

static size_t segment(const char *at)
{
	return strcspn(at, "/");
}

/* Copies a value behind the others; NULL: no room. */
static const char *keep(const char *at, size_t len, char **scratch, size_t *left)
{
	char *value = *scratch;

	if (len + 1 > *left)
		return NULL;
	memcpy(value, at, len);
	value[len] = '\0';
	*scratch += len + 1;
	*left -= len + 1;
	return value;
}

bool route_match(const char *pattern, const char *path, char *scratch, size_t size,
	const char *values[static ROUTE_PARAMS])
{
	unsigned n = 0;

	memset(values, 0, ROUTE_PARAMS * sizeof(values[0]));
	for (;;) {
		size_t want = segment(pattern), have = segment(path);
		bool param = want > 2 && pattern[0] == '{';
		if (param) {
			if (!have || n == ROUTE_PARAMS)
				return false;
			values[n] = keep(path, have, &scratch, &size);
			if (!values[n++])
				return false;
		} else if (want != have || memcmp(pattern, path, want) != 0) {
			return false;
		}
		pattern += want;
		path += have;
		if (*pattern != *path)
			return false;
		if (!*pattern)
			return true;
		pattern++;
		path++;
	}
}
