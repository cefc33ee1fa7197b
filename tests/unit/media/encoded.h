#pragma once

#include "media/engine.h"

/* Real H.264 and AAC, made by libavcodec's encoders, in the shape in which publishers send them. */
struct encoded_packet {
	uint8_t *data;
	size_t len;
	int64_t dts_us, pts_us; /* from 0 */
	bool key;
};

struct encoded {
	enum media_kind kind;
	uint8_t config[256]; /* avcC or AudioSpecificConfig */
	size_t config_len;
	struct encoded_packet *packets;
	size_t n;
};

/* False: libavcodec has no such encoder here. 25 frames a second, B-frames, a keyframe a second. */
bool encoded_video(struct encoded *out, int width, int height, unsigned frames);
/* Stereo. */
bool encoded_audio(struct encoded *out, int rate, unsigned packets);
void encoded_finish(struct encoded *e);
