#include "usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool usage_parse_stat(const char *stat, uint64_t tick_us, uint64_t *cpu_us)
{
	/* The name may hold anything, blanks and brackets too: the fields are counted behind it. */
	const char *at = strrchr(stat, ')');
	for (unsigned field = 2; at && field < 14; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	uint64_t user, system;
	if (!at || sscanf(at, "%" SCNu64 " %" SCNu64, &user, &system) != 2)
		return false;
	*cpu_us = (user + system) * tick_us;
	return true;
}

bool usage_parse_rollup(const char *rollup, uint64_t *pss)
{
	const char *line = strstr(rollup, "\nPss:");
	uint64_t kib;
	if (!line || sscanf(line, "\nPss: %" SCNu64 " kB", &kib) != 1)
		return false;
	*pss = kib * 1024;
	return true;
}

static bool text_read(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	size_t n = fread(out, 1, size - 1, f);
	fclose(f);
	out[n] = '\0';
	return n > 0;
}

bool usage_read(pid_t pid, struct usage *out)
{
	char text[4096];
	uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return text_read(pid, "stat", text, sizeof(text)) &&
		usage_parse_stat(text, tick_us, &out->cpu_us) &&
		text_read(pid, "smaps_rollup", text, sizeof(text)) &&
		usage_parse_rollup(text, &out->pss);
}
