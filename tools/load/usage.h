#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a process has cost so far: all its threads, from /proc. */
struct usage {
	uint64_t cpu_us; /* user and system, to a clock tick */
	uint64_t pss; /* bytes */
};
/* False: there is no such process, or it is not ours to look at. */
bool usage_read(pid_t pid, struct usage *out);
/* The two texts alone; false for others. */
bool usage_parse_stat(const char *stat, uint64_t tick_us, uint64_t *cpu_us);
bool usage_parse_rollup(const char *rollup, uint64_t *pss);
