#pragma once

#include "codec.h"

/* The readers of codec.c's table; each fills in what it learns, the name too. */
#define CODEC_SIZE_MAX 16384 /* pixels a side */

bool codec_read_h264(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_read_hevc(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_read_av1(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_read_vp9(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_frame_vp9(struct codec_info *c, const uint8_t *frame, size_t len);

bool codec_read_aac(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_read_mp3(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_frame_mp3(struct codec_info *c, const uint8_t *frame, size_t len);
bool codec_read_opus(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_frame_opus(struct codec_info *c, const uint8_t *frame, size_t len);
bool codec_read_flac(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_read_ac3(struct codec_info *c, const uint8_t *config, size_t len);
bool codec_frame_ac3(struct codec_info *c, const uint8_t *frame, size_t len);
