#pragma once

#include <stdbool.h>

#include "proto/amf0.h"

/* What encoders say about themselves in onMetaData (FLV 10.1, annex E.5). 0 or "" where silent. */
struct rtmp_metadata {
	double width, height;
	double framerate;
	double video_kbps, audio_kbps; /* videodatarate, audiodatarate */
	double audio_sample_rate;
	double audio_channels; /* audiochannels, else 1 or 2 by `stereo` */
	double video_codec_id; /* FLV number; 0 if it was given as a name */
	double audio_codec_id;
	char video_codec[16]; /* as named ("avc1"), when it was not a number */
	char audio_codec[16];
	char encoder[96]; /* safe to log */
};

/*
 * Reads the object or ECMA array that follows the "onMetaData" string. Numbers that are not finite
 * and positive count as absent. False if the AMF is broken; what was understood until then is set.
 */
bool rtmp_metadata_read(struct amf0_reader *r, struct rtmp_metadata *out);
