#pragma once

#include <stddef.h>

/*
 * Allocation that does not fail: out of memory aborts with a log line. Sizes that a peer chooses
 * must be bounded by a configured limit before they get here. Memory is released with free().
 */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *p, size_t size);
void *mem_dup(const void *data, size_t size);
char *mem_strdup(const char *s); /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

/* The struct that embeds `member` at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
