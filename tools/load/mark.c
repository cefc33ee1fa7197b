#include "mark.h"

#include <string.h>

static char *hex_write(char *out, uint64_t value, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; value >>= 4)
		out[i] = "0123456789abcdef"[value & 15];
	return out + digits;
}

void mark_write(char out[static MARK_LEN], const struct mark *m)
{
	*out++ = '@';
	*out++ = '~';
	out = hex_write(out, m->run, 4);
	*out++ = '.';
	out = hex_write(out, m->number, 8);
	*out++ = '.';
	hex_write(out, m->sent_us, 16);
}

static bool hex_read(const uint8_t *text, unsigned digits, uint64_t *out)
{
	*out = 0;
	for (unsigned i = 0; i < digits; i++) {
		uint8_t c = text[i];
		bool letter = c >= 'a' && c <= 'f';
		if (!letter && (c < '0' || c > '9'))
			return false;
		*out = *out << 4 | (letter ? c - 'a' + 10u : c - '0' + 0u);
	}
	return true;
}

static bool mark_read(const uint8_t *text, struct mark *out)
{
	uint64_t run, number;
	if (text[6] != '.' || text[15] != '.' || !hex_read(text + 2, 4, &run) ||
		!hex_read(text + 7, 8, &number) || !hex_read(text + 16, 16, &out->sent_us))
		return false;
	out->run = (uint16_t)run;
	out->number = (uint32_t)number;
	return true;
}

bool mark_find(const uint8_t *text, size_t len, struct mark *out)
{
	const uint8_t *at = text, *end = text + len;
	while ((at = memmem(at, (size_t)(end - at), "@~", 2)) && end - at >= MARK_LEN) {
		if (mark_read(at, out))
			return true;
		at += 2;
	}
	return false;
}
