#pragma once

/* What differs between FFmpeg 5 and 7, in one place. */

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>
#include <string.h>

/* FFmpeg 7 (libavformat 61) made the write callback's bytes const. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
#define COMPAT_AVIO_CONST const
#else
#define COMPAT_AVIO_CONST
#endif

/* Zeroed and the stream's; NULL: no memory. */
static inline void *compat_add_side_data(
	AVStream *stream, enum AVPacketSideDataType type, size_t size)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
	AVPacketSideData *data = av_packet_side_data_new(&stream->codecpar->coded_side_data,
		&stream->codecpar->nb_coded_side_data, type, size, 0);

	return data ? data->data : NULL;
#else
	return av_stream_new_side_data(stream, type, size);
#endif
}

/* Since FFmpeg 6.1 avcodec_parameters_copy does it. False: no memory. */
static inline bool compat_copy_side_data(AVStream *to, const AVStream *from)
{
#if LIBAVFORMAT_VERSION_INT < AV_VERSION_INT(60, 15, 100)
	for (int i = 0; i < from->nb_side_data; i++) {
		const AVPacketSideData *s = &from->side_data[i];
		uint8_t *data = av_stream_new_side_data(to, s->type, s->size);
		if (!data)
			return false;
		memcpy(data, s->data, s->size);
	}
#endif
	return true;
}

static inline void compat_set_channels(AVCodecParameters *par, unsigned channels)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
	av_channel_layout_default(&par->ch_layout, (int)channels);
#else
	par->channels = (int)channels;
#endif
}
