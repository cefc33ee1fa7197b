#include "model/uuid.h"

#include <pthread.h>
#include <string.h>

#include "base/text.h"

/* How far back the clock must step for the sequence to follow it (RFC 9562 section 6.2 asks that
   rollbacks be handled: smaller ones, of an adjusted clock, keep counting on the old time). */
#define ROLLBACK_MS 10000
#define COUNTER_MAX 0xfff

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_ms;
static uint16_t last_counter;

/*
 * The time and the 12 bits of rand_a, which count within a millisecond (RFC 9562 section 6.2,
 * method 1): seeded below half of their range, and carrying into the time when they overflow.
 */
static void next_in_sequence(uint64_t now_ms, uint16_t random, uint64_t *ms, uint16_t *counter)
{
	pthread_mutex_lock(&lock);
	if (now_ms > last_ms || now_ms + ROLLBACK_MS < last_ms) {
		last_ms = now_ms;
		last_counter = random & (COUNTER_MAX >> 1);
	} else if (last_counter < COUNTER_MAX) {
		last_counter++;
	} else {
		last_ms++;
		last_counter = random & (COUNTER_MAX >> 1);
	}
	*ms = last_ms;
	*counter = last_counter;
	pthread_mutex_unlock(&lock);
}

struct uuid uuid_new(const struct clock *clock)
{
	struct uuid id;
	uint64_t ms;
	uint16_t counter, random;

	clock_random(clock, id.bytes, sizeof(id.bytes));
	memcpy(&random, id.bytes, sizeof(random));
	next_in_sequence(clock_wall_ms(clock), random, &ms, &counter);
	for (int i = 0; i < 6; i++) {
		id.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
	}
	id.bytes[6] = (uint8_t)(0x70 | counter >> 8);
	id.bytes[7] = (uint8_t)counter;
	id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
	return id;
}

static bool is_hyphen_place(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(const char *text, struct uuid *out)
{
	char hex[33];
	struct uuid id;
	size_t n = 0;
	if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1) {
		return false;
	}
	for (size_t i = 0; i < UUID_TEXT_SIZE - 1; i++) {
		if (!is_hyphen_place(i)) {
			hex[n++] = text[i];
		} else if (text[i] != '-') {
			return false;
		}
	}
	hex[n] = '\0';
	if (!text_unhex(id.bytes, sizeof(id.bytes), hex)) {
		return false;
	}
	*out = id;
	return true;
}

void uuid_text(char out[static UUID_TEXT_SIZE], struct uuid id)
{
	char hex[33];
	const char *from = hex;
	text_hex(hex, id.bytes, sizeof(id.bytes));
	for (size_t i = 0; i < UUID_TEXT_SIZE - 1; i++) {
		out[i] = is_hyphen_place(i) ? '-' : *from++;
	}
	out[UUID_TEXT_SIZE - 1] = '\0';
}

bool uuid_eq(struct uuid a, struct uuid b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

bool uuid_is_none(struct uuid id)
{
	return uuid_eq(id, (struct uuid){0});
}
