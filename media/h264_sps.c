#include <string.h>

#include "codec.h"

/* Bits of a raw byte sequence payload with a sticky error: past the end all is zero. */
struct bits {
	const uint8_t *data;
	size_t len, pos;
	bool failed;
};

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

static unsigned get_bits(struct bits *b, unsigned n)
{
	unsigned v = 0;
	while (n-- > 0)
		v = v << 1 | get_bit(b);
	return v;
}

/* ue(v), 9.1 */
static unsigned get_ue(struct bits *b)
{
	unsigned zeros = 0;
	while (!b->failed && get_bit(b) == 0) {
		if (++zeros > 31) {
			b->failed = true;
			return 0;
		}
	}
	return (unsigned)((1ull << zeros) - 1 + get_bits(b, zeros));
}

static int get_se(struct bits *b)
{
	unsigned v = get_ue(b);
	return v & 1 ? (int)((v + 1) / 2) : -(int)(v / 2);
}

static void skip_scaling_list(struct bits *b, unsigned size)
{
	int last = 8, next = 8;
	for (unsigned i = 0; i < size && !b->failed; i++) {
		if (next != 0)
			next = (last + get_se(b) + 256) % 256;
		last = next == 0 ? last : next;
	}
}

static bool has_chroma_info(unsigned profile)
{
	static const uint8_t profiles[] = {
		100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
	return memchr(profiles, (int)profile, sizeof(profiles)) != NULL;
}

static unsigned read_chroma_info(struct bits *b)
{
	unsigned chroma = get_ue(b);
	if (chroma == 3)
		get_bit(b);
	get_ue(b); /* bit depths */
	get_ue(b);
	get_bit(b);
	if (get_bit(b)) {
		for (unsigned i = 0; i < (chroma == 3 ? 12u : 8u); i++) {
			if (get_bit(b))
				skip_scaling_list(b, i < 6 ? 16 : 64);
		}
	}
	return chroma;
}

static void skip_frame_numbering(struct bits *b)
{
	get_ue(b); /* log2_max_frame_num_minus4 */
	unsigned type = get_ue(b);
	if (type == 0) {
		get_ue(b);
	} else if (type == 1) {
		get_bit(b);
		get_se(b);
		get_se(b);
		unsigned n = get_ue(b);
		for (unsigned i = 0; i < n && i < 256 && !b->failed; i++)
			get_se(b);
	}
	get_ue(b); /* max_num_ref_frames */
	get_bit(b);
}

/* Removes the emulation prevention bytes of 7.4.1; returns the length. */
static size_t unescape(uint8_t *out, size_t size, const uint8_t *in, size_t len)
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

bool h264_sps_size(const uint8_t *sps, size_t len, unsigned *width, unsigned *height)
{
	uint8_t rbsp[512];
	struct bits b = {.data = rbsp, .len = unescape(rbsp, sizeof(rbsp), sps, len)};
	get_bits(&b, 8);
	unsigned profile = get_bits(&b, 8);
	get_bits(&b, 16);
	get_ue(&b); /* seq_parameter_set_id */
	unsigned chroma = has_chroma_info(profile) ? read_chroma_info(&b) : 1;
	skip_frame_numbering(&b);
	uint64_t w = (uint64_t)get_ue(&b) + 1, h = (uint64_t)get_ue(&b) + 1;
	unsigned frames_only = get_bit(&b);
	if (!frames_only)
		get_bit(&b);
	get_bit(&b);
	w *= 16;
	h *= 16 * (2 - frames_only);
	if (get_bit(&b)) {
		unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
		unsigned unit_y = (chroma == 1 ? 2 : 1) * (2 - frames_only);
		uint64_t x = ((uint64_t)get_ue(&b) + get_ue(&b)) * unit_x;
		uint64_t y = ((uint64_t)get_ue(&b) + get_ue(&b)) * unit_y;
		if (x >= w || y >= h)
			return false;
		w -= x;
		h -= y;
	}
	if (b.failed || w > 16384 || h > 16384)
		return false;
	*width = (unsigned)w;
	*height = (unsigned)h;
	return true;
}
