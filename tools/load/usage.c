#include "usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

/* To the nanosecond: /proc counts in ticks of 10 ms, which is a tenth of a small figure. */
static bool cpu_read(pid_t pid, uint64_t *us)
{
	clockid_t clock;
	struct timespec t;
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return false;
	*us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	return true;
}

bool usage_read(pid_t pid, struct usage *out)
{
	char text[4096];
	return cpu_read(pid, &out->cpu_us) && text_read(pid, "smaps_rollup", text, sizeof(text)) &&
		usage_parse_rollup(text, &out->pss);
}
