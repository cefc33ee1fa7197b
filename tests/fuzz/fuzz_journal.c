#include <inttypes.h>
#include <string.h>

#include "base/must.h"
#include "fuzz.h"
#include "journal.h"

/*
 * A journal as a crash or a bad disk may leave it. What is understood of it must come out the same
 * when it is written again.
 */

static void write_all(struct buf *out, const struct journal *j)
{
	for (size_t i = 0; i < j->n_inits; i++)
		journal_put_init(out, &j->inits[i]);
	for (size_t i = 0; i < j->n_entries; i++)
		journal_put_segment(out, &j->entries[i]);
	for (size_t i = 0; i < j->n_ranges; i++)
		journal_put_range(out, &j->ranges[i]);
}

/* CRC-32 as the journal has it: reflected, from 0, not inverted. */
static uint32_t line_crc(const uint8_t *data, size_t len)
{
	uint32_t crc = 0;

	while (len-- > 0) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

/* A checksum would keep the fuzzer out: each line is there as it came, and with one that fits. */
static void add_line(struct buf *text, const uint8_t *line, size_t len)
{
	buf_put(text, line, len);
	buf_printf(text, "\n%08" PRIx32 " ", line_crc(line, len));
	buf_put(text, line, len);
	buf_put_u8(text, '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal first = {0}, second = {0};
	struct buf text = {0}, again = {0}, third = {0};
	const uint8_t *end = data + size, *newline;

	for (; (newline = memchr(data, '\n', (size_t)(end - data))); data = newline + 1)
		add_line(&text, data, (size_t)(newline - data));
	if (text.len)
		journal_parse(&first, (const char *)text.data, text.len);
	write_all(&again, &first);
	if (again.len)
		journal_parse(&second, (const char *)again.data, again.len);
	must(first.n_entries == second.n_entries && first.n_inits == second.n_inits &&
		first.n_ranges == second.n_ranges);
	write_all(&third, &second);
	must(again.len == third.len &&
		(again.len == 0 || memcmp(again.data, third.data, again.len) == 0));
	journal_finish(&first);
	journal_finish(&second);
	buf_finish(&text);
	buf_finish(&again);
	buf_finish(&third);
	return 0;
}
