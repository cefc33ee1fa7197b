#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not through the log, which allocates. */
static _Noreturn void out_of_memory(void)
{
	static const char text[] = "ERROR base out of memory\n";
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		_Exit(EXIT_FAILURE);
	}
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);
	if (p == NULL) {
		out_of_memory();
	}
	return p;
}

void *mem_zalloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);
	if (p == NULL) {
		out_of_memory();
	}
	return p;
}

void *mem_realloc(void *p, size_t size)
{
	void *grown = realloc(p, size > 0 ? size : 1);
	if (grown == NULL) {
		out_of_memory();
	}
	return grown;
}

void *mem_dup(const void *data, size_t size)
{
	void *p = mem_alloc(size);
	if (size > 0) {
		memcpy(p, data, size);
	}
	return p;
}

char *mem_strdup(const char *s)
{
	return s != NULL ? mem_dup(s, strlen(s) + 1) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
	if (s == NULL) {
		return NULL;
	}
	size_t len = strnlen(s, n);
	char *out = mem_alloc(len + 1);
	memcpy(out, s, len);
	out[len] = '\0';
	return out;
}

char *mem_printf(const char *fmt, ...)
{
	char *out = NULL;
	va_list args;
	va_start(args, fmt);
	int n = vasprintf(&out, fmt, args);
	va_end(args);
	if (n < 0) {
		out_of_memory();
	}
	return out;
}
