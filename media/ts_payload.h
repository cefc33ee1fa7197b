#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "media/engine.h"

/*
 * What a sample looks like in a PES packet of an MPEG transport stream, where no codec
 * configuration stands beside it, and back again:
 *
 *   H.264, HEVC  NAL units behind start codes (Annex B of both), an access unit delimiter first and
 *                the parameter sets in front of each keyframe (RFC 8216 3.2)
 *   AAC          a frame behind an ADTS header
 *   Opus         libavformat puts its control header there, and it is taken off here
 *   other        as it is
 */
#define TS_ADTS_HEAD 7

struct ts_payload {
	enum media_codec codec;
	unsigned length_size; /* of NAL units */
	struct buf sets; /* parameter sets, each behind its length in four bytes */
	uint8_t adts[TS_ADTS_HEAD]; /* with a frame length of none */
};

/* config: as codec_info has it. False: HLS has no such codec in transport streams, ADTS cannot say
 * what this AAC is, or there are no parameter sets or too many of them to be repeated. */
bool ts_payload_init(
	struct ts_payload *p, enum media_codec codec, const uint8_t *config, size_t len);
void ts_payload_finish(struct ts_payload *p);
/* Appends what goes into the PES packet of a sample. A NAL unit that claims to be longer than what
 * is left ends there. */
void ts_payload_put(
	const struct ts_payload *p, bool key, const uint8_t *data, size_t len, struct buf *out);
/*
 * Appends the sample of a PES packet, without what ts_payload_put added: the delimiter, and
 * parameter sets that the configuration has too. False: it is damaged; out is undefined then.
 */
bool ts_payload_take(
	const struct ts_payload *p, const uint8_t *data, size_t len, struct buf *out, bool *key);
