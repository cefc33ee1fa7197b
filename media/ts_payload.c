#include "ts_payload.h"

#include <string.h>

#include "bits.h"

#define LENGTH_SIZE 4
#define ADTS_FRAME_MAX 8191
/* Real ones have some hundred bytes; they go in front of every keyframe, however small that is. */
#define SETS_MAX 8192

enum { H264_IDR = 5, H264_SPS = 7, H264_DELIMITER = 9 };
enum { HEVC_RANDOM_FIRST = 16, HEVC_RANDOM_LAST = 23, HEVC_SPS = 33, HEVC_DELIMITER = 35 };

static const uint8_t start_code[] = {0, 0, 0, 1};
/* Any kind of slice may follow. */
static const uint8_t h264_delimiter[] = {0, 0, 0, 1, H264_DELIMITER, 0xf0};
static const uint8_t hevc_delimiter[] = {0, 0, 0, 1, HEVC_DELIMITER << 1, 1, 0x50};

/* --- configurations --- */

static void put_set(struct ts_payload *p, struct buf_reader *r)
{
	size_t len = buf_read_u16(r);
	const uint8_t *set = buf_read_bytes(r, len);

	if (!set || len == 0)
		return;
	buf_put_u32(&p->sets, (uint32_t)len);
	buf_put(&p->sets, set, len);
}

/* AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1. */
static bool init_h264(struct ts_payload *p, const uint8_t *config, size_t len)
{
	struct buf_reader r = buf_reader(config, len);

	buf_skip(&r, 4);
	p->length_size = (buf_read_u8(&r) & 3u) + 1;
	for (int group = 0; group < 2; group++) {
		unsigned n = buf_read_u8(&r) & (group == 0 ? 31u : 255u);
		for (; n > 0 && !r.failed; n--)
			put_set(p, &r);
	}
	return p->sets.len > 0 && p->sets.len <= SETS_MAX;
}

/* HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 8.3.3.1. */
static bool init_hevc(struct ts_payload *p, const uint8_t *config, size_t len)
{
	struct buf_reader r = buf_reader(config, len);

	buf_skip(&r, 21);
	p->length_size = (buf_read_u8(&r) & 3u) + 1;
	for (unsigned groups = buf_read_u8(&r); groups > 0 && !r.failed; groups--) {
		buf_skip(&r, 1);
		for (unsigned n = buf_read_u16(&r); n > 0 && !r.failed; n--)
			put_set(p, &r);
	}
	return p->sets.len > 0 && p->sets.len <= SETS_MAX;
}

static unsigned read_object_type(struct bits *b)
{
	unsigned type = bits_get(b, 5);

	return type == 31 ? 32 + bits_get(b, 6) : type;
}

/* AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) to the fixed header of ADTS (1.A.2.2.1): of what is
 * extended (SBR, PS) the core, as players of ADTS expect it. */
static bool init_aac(struct ts_payload *p, const uint8_t *config, size_t len)
{
	struct bits b = {.data = config, .len = len};
	unsigned type = read_object_type(&b), rate = bits_get(&b, 4), channels = bits_get(&b, 4);

	if (type == 5 || type == 29) {
		if (bits_get(&b, 4) == 15)
			bits_skip(&b, 24);
		type = read_object_type(&b);
	}
	/* A rate by number, channels told in the stream, frames of 960 samples: nothing for ADTS.
	 */
	if (b.failed || type < 1 || type > 4 || rate > 12 || channels < 1 || channels > 7 ||
		(bits_get(&b, 1) && !b.failed))
		return false;
	p->adts[0] = 0xff;
	p->adts[1] = 0xf1; /* MPEG-4, no CRC */
	p->adts[2] = (uint8_t)((type - 1) << 6 | rate << 2 | channels >> 2);
	p->adts[3] = (uint8_t)((channels & 3) << 6);
	p->adts[5] = 0x1f; /* a buffer of unknown fullness */
	p->adts[6] = 0xfc;
	return true;
}

bool ts_payload_init(
	struct ts_payload *p, enum media_codec codec, const uint8_t *config, size_t len)
{
	bool ok = false;

	*p = (struct ts_payload){.codec = codec};
	switch (codec) {
	case MEDIA_CODEC_H264:
		ok = init_h264(p, config, len);
		break;
	case MEDIA_CODEC_HEVC:
		ok = init_hevc(p, config, len);
		break;
	case MEDIA_CODEC_AAC:
		ok = init_aac(p, config, len);
		break;
	case MEDIA_CODEC_MP3:
	case MEDIA_CODEC_OPUS:
	case MEDIA_CODEC_AC3:
	case MEDIA_CODEC_EAC3:
		return true;
	case MEDIA_CODEC_NONE:
	case MEDIA_CODEC_AV1:
	case MEDIA_CODEC_VP9:
	case MEDIA_CODEC_FLAC:
		return false;
	}
	if (!ok)
		ts_payload_finish(p);
	return ok;
}

void ts_payload_finish(struct ts_payload *p)
{
	buf_finish(&p->sets);
}

/* --- NAL units --- */

static unsigned nal_type(const struct ts_payload *p, const uint8_t *nal)
{
	return p->codec == MEDIA_CODEC_H264 ? nal[0] & 31u : nal[0] >> 1 & 63u;
}

static bool is_delimiter(const struct ts_payload *p, unsigned type)
{
	return type == (p->codec == MEDIA_CODEC_H264 ? H264_DELIMITER : HEVC_DELIMITER);
}

static bool is_sps(const struct ts_payload *p, unsigned type)
{
	return type == (p->codec == MEDIA_CODEC_H264 ? H264_SPS : HEVC_SPS);
}

static bool is_random_access(const struct ts_payload *p, unsigned type)
{
	if (p->codec == MEDIA_CODEC_H264)
		return type == H264_IDR;
	return type >= HEVC_RANDOM_FIRST && type <= HEVC_RANDOM_LAST;
}

/* The next one behind its length; NULL: no more. */
static const uint8_t *next_nal(struct buf_reader *r, unsigned length_size, size_t *len)
{
	while (buf_left(r) > length_size) {
		*len = 0;
		for (unsigned i = 0; i < length_size; i++)
			*len = *len << 8 | buf_read_u8(r);
		if (*len > buf_left(r))
			*len = buf_left(r);
		if (*len > 0)
			return buf_read_bytes(r, *len);
	}
	return NULL;
}

static void put_nals(struct buf *out, const uint8_t *data, size_t len, unsigned length_size)
{
	struct buf_reader r = buf_reader(data, len);
	const uint8_t *nal;
	size_t n;

	while ((nal = next_nal(&r, length_size, &n))) {
		buf_put(out, start_code, sizeof(start_code));
		buf_put(out, nal, n);
	}
}

static void put_video(
	const struct ts_payload *p, bool key, const uint8_t *data, size_t len, struct buf *out)
{
	struct buf_reader r = buf_reader(data, len);
	bool has_sets = false, has_delimiter = false, first = true;
	const uint8_t *nal;
	size_t n = 0;

	for (; (nal = next_nal(&r, p->length_size, &n)); first = false) {
		unsigned type = nal_type(p, nal);
		has_delimiter = has_delimiter || (first && is_delimiter(p, type));
		has_sets = has_sets || is_sps(p, type);
	}
	if (has_delimiter) {
		r = buf_reader(data, len);
		nal = next_nal(&r, p->length_size, &n);
		buf_put(out, start_code, sizeof(start_code));
		buf_put(out, nal, n);
		len -= (size_t)(r.pos - data);
		data = r.pos;
	} else if (p->codec == MEDIA_CODEC_H264) {
		buf_put(out, h264_delimiter, sizeof(h264_delimiter));
	} else {
		buf_put(out, hevc_delimiter, sizeof(hevc_delimiter));
	}
	if (key && !has_sets)
		put_nals(out, p->sets.data, p->sets.len, LENGTH_SIZE);
	put_nals(out, data, len, p->length_size);
}

static void put_aac(const struct ts_payload *p, const uint8_t *data, size_t len, struct buf *out)
{
	size_t total = len + TS_ADTS_HEAD < ADTS_FRAME_MAX ? len + TS_ADTS_HEAD : ADTS_FRAME_MAX;
	uint8_t head[TS_ADTS_HEAD];

	memcpy(head, p->adts, sizeof(head));
	head[3] |= (uint8_t)(total >> 11);
	head[4] = (uint8_t)(total >> 3);
	head[5] |= (uint8_t)(total << 5);
	buf_put(out, head, sizeof(head));
	buf_put(out, data, total - TS_ADTS_HEAD);
}

void ts_payload_put(
	const struct ts_payload *p, bool key, const uint8_t *data, size_t len, struct buf *out)
{
	if (p->codec == MEDIA_CODEC_H264 || p->codec == MEDIA_CODEC_HEVC)
		put_video(p, key, data, len, out);
	else if (p->codec == MEDIA_CODEC_AAC)
		put_aac(p, data, len, out);
	else
		buf_put(out, data, len);
}

/* --- and back --- */

static bool is_known_set(const struct ts_payload *p, const uint8_t *nal, size_t len)
{
	struct buf_reader r = buf_reader(p->sets.data, p->sets.len);
	const uint8_t *set;
	size_t n;

	while ((set = next_nal(&r, LENGTH_SIZE, &n))) {
		if (n == len && memcmp(set, nal, len) == 0)
			return true;
	}
	return false;
}

/* Where a start code of four bytes stands that ends from `at` on; end: none. A fifth zero before it
 * belongs to the unit. */
static const uint8_t *find_start(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		at = memchr(at, 1, (size_t)(end - at));
		if (!at)
			return end;
		if (at[-1] == 0 && at[-2] == 0 && at[-3] == 0)
			return at - 3;
		at++;
	}
	return end;
}

static void put_length(struct buf *out, unsigned size, size_t len)
{
	for (unsigned i = size; i-- > 0;)
		buf_put_u8(out, (uint8_t)(len >> (8 * i)));
}

static bool take_video(
	const struct ts_payload *p, const uint8_t *data, size_t len, struct buf *out, bool *key)
{
	const uint8_t *end = data + len, *next;

	if (len < sizeof(start_code) || memcmp(data, start_code, sizeof(start_code)) != 0)
		return false;
	*key = false;
	for (; data < end; data = next) {
		data += sizeof(start_code);
		next = end - data > 3 ? find_start(data + 3, end) : end;
		size_t n = (size_t)(next - data);
		unsigned type = n ? nal_type(p, data) : 0;
		if (n == 0)
			continue;
		*key = *key || is_random_access(p, type) || is_sps(p, type);
		if (is_delimiter(p, type) || is_known_set(p, data, n))
			continue;
		put_length(out, p->length_size, n);
		buf_put(out, data, n);
	}
	return true;
}

static bool take_aac(const uint8_t *data, size_t len, struct buf *out)
{
	size_t head = len > 1 && !(data[1] & 1) ? TS_ADTS_HEAD + 2 : TS_ADTS_HEAD;

	if (len <= head || data[0] != 0xff || (data[1] & 0xf0) != 0xf0)
		return false;
	buf_put(out, data + head, len - head);
	return true;
}

/* opus_control_header of "Opus in MPEG-2 TS": what is to be cut, and the size in steps of 255. */
static bool take_opus(const uint8_t *data, size_t len, struct buf *out)
{
	struct buf_reader r = buf_reader(data, len);
	uint16_t head = buf_read_u16(&r);
	size_t size = 0;
	uint8_t step;

	if (head >> 5 != 0x3ff)
		return false;
	do {
		step = buf_read_u8(&r);
		size += step;
	} while (step == 255 && !r.failed);
	buf_skip(&r, (head & 0x10 ? 2u : 0u) + (head & 0x08 ? 2u : 0u));
	if (head & 0x04)
		buf_skip(&r, buf_read_u8(&r));
	if (r.failed || size != buf_left(&r))
		return false;
	buf_put(out, r.pos, size);
	return true;
}

bool ts_payload_take(
	const struct ts_payload *p, const uint8_t *data, size_t len, struct buf *out, bool *key)
{
	*key = true;
	if (p->codec == MEDIA_CODEC_H264 || p->codec == MEDIA_CODEC_HEVC)
		return take_video(p, data, len, out, key);
	if (p->codec == MEDIA_CODEC_AAC)
		return take_aac(data, len, out);
	if (p->codec == MEDIA_CODEC_OPUS)
		return take_opus(data, len, out);
	buf_put(out, data, len);
	return true;
}
