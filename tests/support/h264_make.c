#include "support/h264_make.h"

#include <string.h>

#include "base/buf.h"
#include "base/must.h"

struct bit_writer {
	uint8_t bytes[1024];
	size_t pos;
};

static void put_bits(struct bit_writer *w, unsigned value, unsigned n)
{
	while (n-- > 0) {
		must(w->pos / 8 < sizeof(w->bytes));
		if (value >> n & 1)
			w->bytes[w->pos / 8] |= (uint8_t)(0x80 >> w->pos % 8);
		w->pos++;
	}
}

static void put_ue(struct bit_writer *w, unsigned value)
{
	unsigned length = 0;

	while ((value + 1) >> (length + 1))
		length++;
	put_bits(w, 0, length);
	put_bits(w, value + 1, length + 1);
}

static void put_se(struct bit_writer *w, int value)
{
	put_ue(w, value > 0 ? (unsigned)(2 * value - 1) : (unsigned)(-2 * value));
}

/* Every second list is sent; one of them ends early by a delta that gives 0. */
static void put_scaling_lists(struct bit_writer *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		put_bits(w, i % 2 == 0, 1);
		if (i % 2)
			continue;
		put_se(w, 8);
		if (i == 2) {
			put_se(w, -16);
			continue;
		}
		for (unsigned k = 1; k < (i < 6 ? 16u : 64u); k++)
			put_se(w, k % 2 ? 1 : -1);
	}
}

static void put_chroma(struct bit_writer *w, const struct h264_spec *spec)
{
	put_ue(w, spec->chroma);
	if (spec->chroma == 3)
		put_bits(w, 0, 1);
	put_ue(w, 0);
	put_ue(w, 0);
	put_bits(w, 0, 1);
	put_bits(w, spec->scaling_lists, 1);
	if (spec->scaling_lists)
		put_scaling_lists(w, spec->chroma == 3 ? 12 : 8);
}

static void put_poc(struct bit_writer *w, const struct h264_spec *spec)
{
	put_ue(w, spec->poc_type);
	if (spec->poc_type == 0) {
		put_ue(w, 2);
	} else if (spec->poc_type == 1) {
		put_bits(w, 1, 1);
		put_se(w, -3);
		put_se(w, 5);
		put_ue(w, spec->poc_cycle);
		for (unsigned i = 0; i < spec->poc_cycle; i++)
			put_se(w, (int)i - 2);
	}
}

static void put_sps(struct bit_writer *w, const struct h264_spec *spec)
{
	unsigned profile = spec->profile ? spec->profile : 66;

	put_bits(w, 0x67, 8);
	put_bits(w, profile, 8);
	put_bits(w, 0, 8);
	put_bits(w, 31, 8);
	put_ue(w, 0);
	if (profile >= 100)
		put_chroma(w, spec);
	put_ue(w, 0);
	put_poc(w, spec);
	put_ue(w, 3);
	put_bits(w, 0, 1);
	put_ue(w, spec->mbs_wide - 1);
	put_ue(w, spec->mbs_high - 1);
	put_bits(w, !spec->interlaced, 1);
	if (spec->interlaced)
		put_bits(w, 0, 1);
	put_bits(w, 1, 1);
	put_bits(w, spec->cropped, 1);
	for (unsigned i = 0; spec->cropped && i < 4; i++)
		put_ue(w, spec->crop[i]);
	put_bits(w, 0, 1);
	put_bits(w, 1, 1);
}

size_t h264_make_sps(uint8_t *out, size_t size, const struct h264_spec *spec)
{
	struct bit_writer w = {0};
	size_t n = 0, zeros = 0, len;

	put_sps(&w, spec);
	len = (w.pos + 7) / 8;
	for (size_t i = 0; i < len; i++) {
		must(n + 2 <= size);
		if (zeros >= 2 && w.bytes[i] <= 3) {
			out[n++] = 3;
			zeros = 0;
		}
		zeros = w.bytes[i] == 0 ? zeros + 1 : 0;
		out[n++] = w.bytes[i];
	}
	return n;
}

size_t h264_make_avcc(uint8_t *out, size_t size, const uint8_t *sps, size_t len)
{
	static const uint8_t pps[] = {0x68, 0xce, 0x3c, 0x80};
	struct buf b = {0};
	size_t n;

	buf_put_u8(&b, 1);
	buf_put(&b, sps + 1, 3);
	buf_put_u8(&b, 0xff);
	buf_put_u8(&b, 0xe1);
	buf_put_u16(&b, (uint16_t)len);
	buf_put(&b, sps, len);
	buf_put_u8(&b, 1);
	buf_put_u16(&b, sizeof(pps));
	buf_put(&b, pps, sizeof(pps));
	n = b.len;
	must(n <= size);
	memcpy(out, b.data, n);
	buf_finish(&b);
	return n;
}

size_t h264_make_config(uint8_t *out, size_t size, unsigned width, unsigned height)
{
	struct h264_spec spec = {
		.mbs_wide = (width + 15) / 16,
		.mbs_high = (height + 15) / 16,
		.cropped = width % 16 || height % 16,
	};
	uint8_t sps[256];

	spec.crop[1] = (spec.mbs_wide * 16 - width) / 2;
	spec.crop[3] = (spec.mbs_high * 16 - height) / 2;
	return h264_make_avcc(out, size, sps, h264_make_sps(sps, sizeof(sps), &spec));
}
