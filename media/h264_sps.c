#include <string.h>

#include "bits.h"
#include "codec.h"

static void skip_scaling_list(struct bits *b, unsigned size)
{
	int last = 8, next = 8;
	for (unsigned i = 0; i < size && !b->failed; i++) {
		if (next != 0)
			next = (last + bits_se(b) + 256) % 256;
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
	unsigned chroma = bits_ue(b);
	if (chroma == 3)
		bits_get(b, 1);
	bits_ue(b); /* bit depths */
	bits_ue(b);
	bits_get(b, 1);
	if (bits_get(b, 1)) {
		for (unsigned i = 0; i < (chroma == 3 ? 12u : 8u); i++) {
			if (bits_get(b, 1))
				skip_scaling_list(b, i < 6 ? 16 : 64);
		}
	}
	return chroma;
}

static void skip_frame_numbering(struct bits *b)
{
	bits_ue(b); /* log2_max_frame_num_minus4 */
	unsigned type = bits_ue(b);
	if (type == 0) {
		bits_ue(b);
	} else if (type == 1) {
		bits_get(b, 1);
		bits_se(b);
		bits_se(b);
		unsigned n = bits_ue(b);
		for (unsigned i = 0; i < n && i < 256 && !b->failed; i++)
			bits_se(b);
	}
	bits_ue(b); /* max_num_ref_frames */
	bits_get(b, 1);
}

bool h264_sps_size(const uint8_t *sps, size_t len, unsigned *width, unsigned *height)
{
	uint8_t rbsp[512];
	struct bits b = {.data = rbsp, .len = bits_unescape(rbsp, sizeof(rbsp), sps, len)};
	bits_get(&b, 8);
	unsigned profile = bits_get(&b, 8);
	bits_get(&b, 16);
	bits_ue(&b); /* seq_parameter_set_id */
	unsigned chroma = has_chroma_info(profile) ? read_chroma_info(&b) : 1;
	skip_frame_numbering(&b);
	uint64_t w = (uint64_t)bits_ue(&b) + 1, h = (uint64_t)bits_ue(&b) + 1;
	unsigned frames_only = bits_get(&b, 1);
	if (!frames_only)
		bits_get(&b, 1);
	bits_get(&b, 1);
	w *= 16;
	h *= 16 * (2 - frames_only);
	if (bits_get(&b, 1)) {
		unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
		unsigned unit_y = (chroma == 1 ? 2 : 1) * (2 - frames_only);
		uint64_t x = ((uint64_t)bits_ue(&b) + bits_ue(&b)) * unit_x;
		uint64_t y = ((uint64_t)bits_ue(&b) + bits_ue(&b)) * unit_y;
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
