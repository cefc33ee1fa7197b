#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Which of the numbered messages each receiver got, how often and in what order. The order is the
 * one in which the first receiver of each message saw it: all others, and each sender's own
 * messages, have to agree with it.
 */
struct tally {
	unsigned receivers, messages, senders; /* bounds; messages are numbered from 0 */
	uint8_t *seen; /* a bit a receiver and message */
	uint32_t *place; /* of a message in the order of all, from 1; 0: nobody has it */
	uint32_t *last_place; /* by receiver */
	uint32_t *last_number; /* by sender: one more than the newest seen of it */
	uint32_t places;
	uint64_t received, duplicated, disordered, unknown;
};

void tally_init(struct tally *t, unsigned receivers, unsigned messages, unsigned senders);
void tally_finish(struct tally *t);
/* False: it was there before, or there is no such number. */
bool tally_add(struct tally *t, unsigned receiver, uint32_t number, unsigned sender);
