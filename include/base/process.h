#pragma once

#include <stdint.h>

/* What this process uses. */
uint64_t process_memory(void); /* bytes that are in memory; 0: not known */
uint64_t process_cpu_us(void); /* of all threads, user and system, since the start */
