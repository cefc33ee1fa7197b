#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "bits.h"
#include "codec_private.h"

/* AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1. */
bool codec_read_h264(struct codec_info *c, const uint8_t *config, size_t len)
{
	struct buf_reader r = buf_reader(config, len);
	if (buf_read_u8(&r) != 1 || len < 7)
		return false;
	snprintf(c->name, sizeof(c->name), "avc1.%02x%02x%02x", config[1], config[2], config[3]);
	buf_skip(&r, 3);
	if ((buf_read_u8(&r) & 3) == 2)
		return false; /* NAL lengths of three bytes do not exist */
	unsigned n = buf_read_u8(&r) & 31;
	size_t sps_len = buf_read_u16(&r);
	const uint8_t *sps = buf_read_bytes(&r, sps_len);
	c->complete = true;
	return n > 0 && sps && sps_len > 3 && h264_sps_size(sps, sps_len, &c->width, &c->height);
}

/* --- HEVC --- */

enum { HEVC_NAL_SPS = 33 };

/* The numbers of an RFC 6381 name, ISO/IEC 14496-15 E.3. */
static void name_hevc(struct codec_info *c, const uint8_t *config)
{
	static const char *const spaces[] = {"", "A", "B", "C"};
	uint32_t compatible = 0;
	int n;
	unsigned last = 5;

	/* In reverse order, the highest bit first. */
	for (unsigned i = 0; i < 32; i++) {
		if (config[2 + i / 8] >> (7 - i % 8) & 1)
			compatible |= 1u << i;
	}
	n = snprintf(c->name, sizeof(c->name), "hvc1.%s%u.%" PRIX32 ".%c%u", spaces[config[1] >> 6],
		config[1] & 31u, compatible, config[1] & 0x20 ? 'H' : 'L', config[12]);
	while (last > 0 && config[6 + last] == 0)
		last--;
	for (unsigned i = 0; i <= last && (i > 0 || config[6] != 0); i++)
		n += snprintf(c->name + n, sizeof(c->name) - (size_t)n, ".%X", config[6 + i]);
}

/* general_profile_tier_level has 88 bits and a level; then come the sub-layers'. */
static void skip_profile(struct bits *b, unsigned sub_layers)
{
	bool profile[8] = {0}, level[8] = {0};

	bits_skip(b, 96);
	for (unsigned i = 0; i < sub_layers; i++) {
		profile[i] = bits_get(b, 1);
		level[i] = bits_get(b, 1);
	}
	if (sub_layers > 0)
		bits_skip(b, 2 * (8 - sub_layers));
	for (unsigned i = 0; i < sub_layers; i++)
		bits_skip(b, (profile[i] ? 88 : 0) + (level[i] ? 8 : 0));
}

bool hevc_sps_size(const uint8_t *sps, size_t len, unsigned *width, unsigned *height)
{
	uint8_t rbsp[512];
	struct bits b = {.data = rbsp, .len = bits_unescape(rbsp, sizeof(rbsp), sps, len)};
	unsigned chroma;
	uint64_t w, h;

	bits_skip(&b, 16 + 4);
	unsigned sub_layers = bits_get(&b, 3);
	bits_skip(&b, 1);
	skip_profile(&b, sub_layers);
	bits_ue(&b); /* sps_seq_parameter_set_id */
	chroma = bits_ue(&b);
	if (chroma == 3 && bits_get(&b, 1))
		chroma = 0; /* separate planes: each is monochrome */
	w = bits_ue(&b);
	h = bits_ue(&b);
	if (bits_get(&b, 1)) {
		unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = chroma == 1 ? 2 : 1;
		uint64_t x = ((uint64_t)bits_ue(&b) + bits_ue(&b)) * unit_x;
		uint64_t y = ((uint64_t)bits_ue(&b) + bits_ue(&b)) * unit_y;
		if (x >= w || y >= h)
			return false;
		w -= x;
		h -= y;
	}
	if (b.failed || w == 0 || h == 0 || w > CODEC_SIZE_MAX || h > CODEC_SIZE_MAX)
		return false;
	*width = (unsigned)w;
	*height = (unsigned)h;
	return true;
}

/* HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 8.3.3.1: sets of NAL units by their type. */
bool codec_read_hevc(struct codec_info *c, const uint8_t *config, size_t len)
{
	struct buf_reader r = buf_reader(config, len);

	/* Some encoders write version 0. */
	if (len < 23 || config[0] > 1 || (config[21] & 3) == 2)
		return false;
	name_hevc(c, config);
	c->complete = true;
	buf_skip(&r, 22);
	for (unsigned sets = buf_read_u8(&r); sets > 0; sets--) {
		unsigned type = buf_read_u8(&r) & 63;
		for (unsigned n = buf_read_u16(&r); n > 0 && !r.failed; n--) {
			size_t size = buf_read_u16(&r);
			const uint8_t *nal = buf_read_bytes(&r, size);
			if (nal && type == HEVC_NAL_SPS)
				return hevc_sps_size(nal, size, &c->width, &c->height);
		}
	}
	return false;
}

/* --- AV1 --- */

enum { OBU_SEQUENCE_HEADER = 1, AV1_SELECT = 2 };

static uint64_t read_leb128(struct buf_reader *r)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint8_t byte = buf_read_u8(r);
		v |= (uint64_t)(byte & 127) << (7 * i);
		if (!(byte & 128))
			break;
	}
	return v;
}

static void skip_uvlc(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->failed && bits_get(b, 1) == 0)
		zeros++;
	bits_skip(b, zeros < 32 ? zeros : 0);
}

static bool skip_timing(struct bits *b, unsigned *delay_bits)
{
	bits_skip(b, 64);
	if (bits_get(b, 1))
		skip_uvlc(b);
	if (!bits_get(b, 1))
		return false;
	*delay_bits = bits_get(b, 5) + 1;
	bits_skip(b, 32 + 5 + 5);
	return true;
}

static void skip_operating_points(struct bits *b)
{
	unsigned delay_bits = 0;
	bool model = bits_get(b, 1) && skip_timing(b, &delay_bits), delay = bits_get(b, 1);

	for (unsigned n = bits_get(b, 5) + 1; n > 0; n--) {
		bits_skip(b, 12);
		if (bits_get(b, 5) > 7)
			bits_skip(b, 1);
		if (model && bits_get(b, 1))
			bits_skip(b, 2 * (size_t)delay_bits + 1);
		if (delay && bits_get(b, 1))
			bits_skip(b, 4);
	}
}

/* sequence_header_obu, AV1 5.5.1, as far as the size of the frames. */
static bool av1_size(const uint8_t *obu, size_t len, unsigned *width, unsigned *height)
{
	struct bits b = {.data = obu, .len = len};

	bits_skip(&b, 4);
	if (bits_get(&b, 1))
		bits_skip(&b, 5); /* a reduced header has one level */
	else
		skip_operating_points(&b);
	unsigned w_bits = bits_get(&b, 4) + 1, h_bits = bits_get(&b, 4) + 1;
	*width = bits_get(&b, w_bits) + 1;
	*height = bits_get(&b, h_bits) + 1;
	return !b.failed && *width <= CODEC_SIZE_MAX && *height <= CODEC_SIZE_MAX;
}

/* AV1CodecConfigurationRecord (AV1 in ISOBMFF 2.3.3): four bytes and the sequence header. */
bool codec_read_av1(struct codec_info *c, const uint8_t *config, size_t len)
{
	struct buf_reader r = buf_reader(config, len);

	if (len < 4 || config[0] != 0x81)
		return false;
	snprintf(c->name, sizeof(c->name), "av01.%u.%02u%c.%02u", config[1] >> 5, config[1] & 31u,
		config[2] & 0x80 ? 'H' : 'M',
		!(config[2] & 0x40)	   ? 8u
			: config[2] & 0x20 ? 12u
					   : 10u);
	c->complete = true;
	buf_skip(&r, 4);
	while (buf_left(&r) > 0) {
		uint8_t head = buf_read_u8(&r);
		if (head & 4)
			buf_skip(&r, 1);
		uint64_t size = head & 2 ? read_leb128(&r) : buf_left(&r);
		const uint8_t *obu = size <= buf_left(&r) ? buf_read_bytes(&r, (size_t)size) : NULL;
		if (!obu || r.failed)
			return false;
		if ((head >> 3 & 15) == OBU_SEQUENCE_HEADER)
			return av1_size(obu, (size_t)size, &c->width, &c->height);
	}
	return false;
}

/* --- VP9 --- */

/* VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding); some senders put the head of
 * the box that it lives in, version 1 and no flags, before it. */
bool codec_read_vp9(struct codec_info *c, const uint8_t *config, size_t len)
{
	static const uint8_t chromas[8] = {1, 1, 2, 3};

	if (len >= 12 && memcmp(config, "\1\0\0", 4) == 0) {
		config += 4;
		len -= 4;
	}
	if (len < 8)
		return false;
	c->profile = config[0];
	c->level = config[1];
	c->bit_depth = config[2] >> 4;
	c->chroma = chromas[config[2] >> 1 & 7];
	if (c->profile > 3 || !c->chroma ||
		(c->bit_depth != 8 && c->bit_depth != 10 && c->bit_depth != 12))
		return false;
	snprintf(c->name, sizeof(c->name), "vp09.%02u.%02u.%02u", c->profile, c->level,
		c->bit_depth);
	return true;
}

/* uncompressed_header of a keyframe, VP9 6.2, as far as the size. */
bool codec_frame_vp9(struct codec_info *c, const uint8_t *frame, size_t len)
{
	struct bits b = {.data = frame, .len = len};

	if (bits_get(&b, 2) != 2)
		return false;
	unsigned profile = bits_get(&b, 1);
	profile |= bits_get(&b, 1) << 1;
	if (profile == 3)
		bits_skip(&b, 1);
	if (bits_get(&b, 1) || bits_get(&b, 1))
		return false; /* shows an earlier one, or is no keyframe */
	bits_skip(&b, 2);
	if (bits_get(&b, 24) != 0x498342)
		return false;
	if (profile >= 2)
		bits_skip(&b, 1);
	if (bits_get(&b, 3) == 7) /* RGB */
		bits_skip(&b, profile & 1 ? 1 : 0);
	else
		bits_skip(&b, profile & 1 ? 4 : 1);
	c->width = bits_get(&b, 16) + 1;
	c->height = bits_get(&b, 16) + 1;
	return !b.failed && c->width <= CODEC_SIZE_MAX && c->height <= CODEC_SIZE_MAX;
}
