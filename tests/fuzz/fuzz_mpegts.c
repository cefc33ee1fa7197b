#include <string.h>

#include "base/must.h"
#include "fuzz.h"
#include "ts_payload.h"
#include "ts_reader.h"

/*
 * The first byte chooses: transport stream packets as a damaged disk might have them, or a codec,
 * its configuration (as long as the second byte says) and a sample of it that has to come back.
 */

/* Each sample is taken apart as if it were of any codec. */
static void take(const struct ts_frame *f)
{
	static const enum media_codec codecs[] = {
		MEDIA_CODEC_AAC, MEDIA_CODEC_OPUS, MEDIA_CODEC_MP3};
	static const uint8_t asc[] = {0x12, 0x10};
	static const uint8_t avcc[] = {
		1, 66, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 66, 0, 30, 1, 0, 2, 0x68, 0xce};
	struct buf out = {0};
	struct ts_payload p;
	bool key;

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		must(ts_payload_init(&p, codecs[i], asc, sizeof(asc)));
		buf_reset(&out);
		ts_payload_take(&p, f->data, f->len, &out, &key);
		ts_payload_finish(&p);
	}
	must(ts_payload_init(&p, MEDIA_CODEC_H264, avcc, sizeof(avcc)));
	buf_reset(&out);
	ts_payload_take(&p, f->data, f->len, &out, &key);
	ts_payload_finish(&p);
	buf_finish(&out);
}

static void read_packets(const uint8_t *data, size_t size)
{
	struct ts_reader r = {0};
	struct ts_frame frame;
	int64_t near = 0;

	for (; size >= TS_PACKET; data += TS_PACKET, size -= TS_PACKET) {
		if (!ts_reader_put(&r, data, &frame))
			continue;
		must(frame.track < TS_TRACKS && frame.len > 0);
		near = ts_unwrap(frame.dts, near);
		must((near - frame.dts) % (INT64_C(1) << 33) == 0);
		take(&frame);
	}
	while (ts_reader_end(&r, &frame))
		take(&frame);
	ts_reader_finish(&r);
}

static void there_and_back(enum media_codec codec, const uint8_t *config, size_t config_len,
	bool key, const uint8_t *sample, size_t len)
{
	struct buf payload = {0}, back = {0};
	struct ts_payload p;
	bool found;

	if (len == 0 || !ts_payload_init(&p, codec, config, config_len))
		return;
	ts_payload_put(&p, key, sample, len, &payload);
	must(payload.len > 0);
	/* libavformat puts its control header in front of Opus. */
	if (codec != MEDIA_CODEC_OPUS)
		must(ts_payload_take(&p, payload.data, payload.len, &back, &found));
	if (codec != MEDIA_CODEC_OPUS && codec != MEDIA_CODEC_H264 && codec != MEDIA_CODEC_HEVC &&
		len <= 8000)
		must(back.len == len && memcmp(back.data, sample, len) == 0);
	ts_payload_finish(&p);
	buf_finish(&payload);
	buf_finish(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum media_codec codecs[] = {MEDIA_CODEC_H264, MEDIA_CODEC_HEVC,
		MEDIA_CODEC_AAC, MEDIA_CODEC_MP3, MEDIA_CODEC_AC3, MEDIA_CODEC_OPUS,
		MEDIA_CODEC_AV1};
	size_t config;

	if (size < 2)
		return 0;
	if (data[0] & 0x80) {
		read_packets(data + 1, size - 1);
		return 0;
	}
	config = data[1] < size - 2 ? data[1] : size - 2;
	there_and_back(codecs[data[0] / 2 % 7], data + 2, config, data[0] & 1, data + 2 + config,
		size - 2 - config);
	return 0;
}
