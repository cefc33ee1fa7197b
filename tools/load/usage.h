#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a process has cost so far, all its threads. */
struct usage {
	uint64_t cpu_us; /* user and system */
	uint64_t pss; /* bytes */
};
/* False: there is no such process, or it is not ours to look at. */
bool usage_read(pid_t pid, struct usage *out);
/* The text alone; false for others. */
bool usage_parse_rollup(const char *rollup, uint64_t *pss);
