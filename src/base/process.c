#include "base/process.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Pages of the process in memory (proc(5), statm). */
uint64_t process_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, resident = 0;

	if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t microseconds(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

uint64_t process_cpu_us(void)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used))
		return 0;
	return microseconds(&used.ru_utime) + microseconds(&used.ru_stime);
}
