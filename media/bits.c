#include "bits.h"

static unsigned get_bit(struct bits *b)
{
	if (b->pos >= b->len * 8) {
		b->failed = true;
		return 0;
	}
	unsigned bit = (b->data[b->pos / 8] >> (7 - b->pos % 8)) & 1;
	b->pos++;
	return bit;
}

uint32_t bits_get(struct bits *b, unsigned n)
{
	uint32_t v = 0;
	while (n-- > 0)
		v = v << 1 | get_bit(b);
	return v;
}

void bits_skip(struct bits *b, size_t n)
{
	if (n > b->len * 8 - b->pos) {
		b->failed = true;
		b->pos = b->len * 8;
		return;
	}
	b->pos += n;
}

uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;
	while (!b->failed && get_bit(b) == 0) {
		if (++zeros > 31) {
			b->failed = true;
			return 0;
		}
	}
	return (uint32_t)((1ull << zeros) - 1 + bits_get(b, zeros));
}

int32_t bits_se(struct bits *b)
{
	uint32_t v = bits_ue(b);
	return v & 1 ? (int32_t)((v + 1) / 2) : -(int32_t)(v / 2);
}

size_t bits_unescape(uint8_t *out, size_t size, const uint8_t *in, size_t len)
{
	size_t n = 0;
	unsigned zeros = 0;
	for (size_t i = 0; i < len && n < size; i++) {
		if (zeros >= 2 && in[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = in[i] == 0 ? zeros + 1 : 0;
		out[n++] = in[i];
	}
	return n;
}
