#include "flv_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum {
	VIDEO_HEVC = 12,
	VIDEO_AVC = 7,
	AUDIO_AAC = 10,
	PACKET_CONFIG = 0,
	PACKET_END = 2,
	ENHANCED = 0x80,
};

static bool codec_has_packet_type(const struct flv_packet *p)
{
	if (p->len < 2)
		return false;
	if (p->type == FLV_TAG_AUDIO)
		return p->data[0] >> 4 == AUDIO_AAC;
	uint8_t codec = p->data[0] & 0x0f;
	return p->type == FLV_TAG_VIDEO && (codec == VIDEO_AVC || codec == VIDEO_HEVC);
}

static bool packet_enhanced(const struct flv_packet *p)
{
	return p->type == FLV_TAG_VIDEO && p->len >= 5 && p->data[0] & ENHANCED;
}

/* -1 where the codec has no packet types. */
static int packet_kind(const struct flv_packet *p)
{
	if (packet_enhanced(p))
		return p->data[0] & 0x0f;
	return codec_has_packet_type(p) ? p->data[1] : -1;
}

size_t flv_header_size(const struct flv_packet *p)
{
	if (p->type == FLV_TAG_SCRIPT)
		return 0;
	if (packet_enhanced(p))
		return (p->data[0] & 0x0f) == 1 && p->len >= 8 ? 8 : 5;
	size_t size = !codec_has_packet_type(p) ? 1 : p->type == FLV_TAG_VIDEO ? 5 : 2;
	return size < p->len ? size : p->len;
}

int32_t flv_composition(const struct flv_packet *p)
{
	size_t before = packet_enhanced(p) ? 5 : 2;
	if (p->type != FLV_TAG_VIDEO || packet_kind(p) != 1 || p->len < before + 3)
		return 0;
	const uint8_t *at = p->data + before;
	int32_t v = at[0] << 16 | at[1] << 8 | at[2];
	return v >= 0x800000 ? v - 0x1000000 : v;
}

static bool packet_read(struct buf_reader *r, struct flv_packet *p)
{
	*p = (struct flv_packet){.type = buf_read_u8(r) & 0x1f};
	p->len = buf_read_u24(r);
	p->timestamp = buf_read_u24(r);
	p->timestamp |= (uint32_t)buf_read_u8(r) << 24;
	buf_skip(r, 3);
	p->data = buf_read_bytes(r, p->len);
	if (r->failed)
		return false;
	p->config = p->type == FLV_TAG_SCRIPT || packet_kind(p) == PACKET_CONFIG;
	p->keyframe = p->type == FLV_TAG_VIDEO && p->len > 0 && (p->data[0] >> 4 & 7) == 1;
	return true;
}

static void packets_append(struct flv_packet **list, size_t *n, const struct flv_packet *p)
{
	if ((*n & (*n - 1)) == 0)
		*list = mem_realloc(*list, (*n ? *n * 2 : 1) * sizeof(**list));
	(*list)[(*n)++] = *p;
}

static void file_add(struct flv_file *f, const struct flv_packet *p)
{
	bool end = !packet_enhanced(p) && packet_kind(p) == PACKET_END;
	if (p->len == 0 || end || p->type < FLV_TAG_AUDIO)
		return;
	if (p->config && f->n_frames == 0) {
		packets_append(&f->configs, &f->n_configs, p);
		return;
	}
	f->config_changes |= p->config;
	f->has_video |= p->type == FLV_TAG_VIDEO;
	packets_append(&f->frames, &f->n_frames, p);
}

/* Where one track of the file ends: its last packet and a packet's usual length. */
static uint32_t track_end(const struct flv_file *f, uint8_t type)
{
	const struct flv_packet *first = NULL, *last = NULL;
	uint32_t n = 0;
	for (size_t i = 0; i < f->n_frames; i++) {
		const struct flv_packet *p = &f->frames[i];
		if (p->type != type || p->config)
			continue;
		first = first ? first : p;
		last = p;
		n++;
	}
	if (n < 2)
		return last ? last->timestamp : 0;
	uint32_t step = (last->timestamp - first->timestamp + (n - 1) / 2) / (n - 1);
	return last->timestamp + step;
}

bool flv_file_parse(struct flv_file *f, uint8_t *bytes, size_t len, const char **why)
{
	*f = (struct flv_file){.bytes = bytes, .bytes_len = len};
	struct buf_reader r = buf_reader(bytes, len);
	const uint8_t *magic = buf_read_bytes(&r, 5);
	uint32_t header = buf_read_u32(&r);
	*why = "not an FLV file";
	if (r.failed || memcmp(magic, "FLV", 3) != 0 || header < 9 || header > len)
		return false;
	buf_skip(&r, header - 9);
	struct flv_packet p;
	for (;;) {
		buf_skip(&r, 4);
		if (r.failed || !packet_read(&r, &p))
			break;
		file_add(f, &p);
	}
	*why = "no frames in the FLV file";
	if (f->n_frames == 0)
		return false;
	uint32_t audio = track_end(f, FLV_TAG_AUDIO), video = track_end(f, FLV_TAG_VIDEO);
	f->loop_ms = audio > video ? audio : video;
	return true;
}

bool flv_file_load(struct flv_file *f, const char *path, const char **why)
{
	*f = (struct flv_file){0};
	FILE *in = fopen(path, "rb");
	if (!in) {
		*why = strerror(errno);
		return false;
	}
	uint8_t *bytes = NULL;
	size_t len = 0, cap = 0, got;
	do {
		if (len == cap)
			bytes = mem_realloc(bytes, cap = cap ? cap * 2 : 1 << 20);
		got = fread(bytes + len, 1, cap - len, in);
		len += got;
	} while (got > 0);
	fclose(in);
	return flv_file_parse(f, bytes, len, why);
}

void flv_file_finish(struct flv_file *f)
{
	free(f->bytes);
	free(f->configs);
	free(f->frames);
	*f = (struct flv_file){0};
}
