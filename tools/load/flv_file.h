#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An FLV file (Adobe's Video File Format 10.1, annex E) held in memory as the packets that an
 * encoder would send: first what every connection begins with, then the frames, which may be
 * played in a loop.
 */
enum { FLV_TAG_AUDIO = 8, FLV_TAG_VIDEO = 9, FLV_TAG_SCRIPT = 18 };

struct flv_packet {
	uint8_t type; /* FLV_TAG_* */
	bool config; /* codec configuration or metadata */
	bool keyframe; /* video that a decoder can begin with */
	uint32_t timestamp; /* ms, as in the file */
	uint32_t len;
	const uint8_t *data; /* points into the file's bytes */
};

struct flv_file {
	uint8_t *bytes;
	size_t bytes_len;
	struct flv_packet *configs; /* metadata and configurations before the first frame */
	size_t n_configs;
	struct flv_packet *frames; /* all else; a configuration in here is one that changed */
	size_t n_frames;
	bool config_changes;
	bool has_video;
	uint32_t loop_ms; /* what to add to the timestamps for each time round */
};

/* Takes over the bytes (from mem_alloc) even on failure; false with a reason that lives for ever.
 */
bool flv_file_parse(struct flv_file *f, uint8_t *bytes, size_t len, const char **why);
bool flv_file_load(struct flv_file *f, const char *path, const char **why);
void flv_file_finish(struct flv_file *f);

/* How many bytes of a tag's body come before the codec's payload. */
size_t flv_header_size(const struct flv_packet *p);
/* The composition offset in ms of an AVC or HEVC packet, else 0. */
int32_t flv_composition(const struct flv_packet *p);
