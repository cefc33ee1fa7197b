#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* UUIDs, RFC 9562; new ones are version 7. By value; all zero means "none". */
struct uuid {
	uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 37 /* 36 and NUL, lower case with hyphens */

struct uuid uuid_new(const struct clock *clock);
bool uuid_parse(const char *text, struct uuid *out); /* canonical form, either case */
void uuid_text(char out[static UUID_TEXT_SIZE], struct uuid id);
bool uuid_eq(struct uuid a, struct uuid b);
bool uuid_is_none(struct uuid id);
