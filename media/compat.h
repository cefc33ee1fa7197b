#pragma once

/* What differs between FFmpeg 5 and 7, in one place. */

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

/* FFmpeg 7 (libavformat 61) made the write callback's bytes const. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
#define COMPAT_AVIO_CONST const
#else
#define COMPAT_AVIO_CONST
#endif

static inline void compat_set_channels(AVCodecParameters *par, unsigned channels)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
	av_channel_layout_default(&par->ch_layout, (int)channels);
#else
	par->channels = (int)channels;
#endif
}
