#include "tally.h"

#include <stdlib.h>

#include "base/mem.h"

static size_t row_size(const struct tally *t)
{
	return (t->messages + 7) / 8;
}

void tally_init(struct tally *t, unsigned receivers, unsigned messages, unsigned senders)
{
	*t = (struct tally){.receivers = receivers, .messages = messages, .senders = senders};
	t->seen = mem_zalloc(receivers * row_size(t) + 1);
	t->place = mem_zalloc((messages + 1) * sizeof(uint32_t));
	t->last_place = mem_zalloc((receivers + 1) * sizeof(uint32_t));
	t->last_number = mem_zalloc((senders + 1) * sizeof(uint32_t));
}

void tally_finish(struct tally *t)
{
	free(t->seen);
	free(t->place);
	free(t->last_place);
	free(t->last_number);
	*t = (struct tally){0};
}

static void place_give(struct tally *t, uint32_t number, unsigned sender)
{
	t->place[number] = ++t->places;
	if (number + 1 < t->last_number[sender])
		t->disordered++;
	else
		t->last_number[sender] = number + 1;
}

bool tally_add(struct tally *t, unsigned receiver, uint32_t number, unsigned sender)
{
	if (receiver >= t->receivers || number >= t->messages || sender >= t->senders) {
		t->unknown++;
		return false;
	}
	uint8_t *byte = t->seen + receiver * row_size(t) + number / 8;
	uint8_t bit = (uint8_t)(1u << (number & 7));
	if (*byte & bit) {
		t->duplicated++;
		return false;
	}
	*byte |= bit;
	t->received++;
	if (!t->place[number])
		place_give(t, number, sender);
	if (t->place[number] < t->last_place[receiver])
		t->disordered++;
	else
		t->last_place[receiver] = t->place[number];
	return true;
}
