#include "proto/rtmp_metadata.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum field_kind { FIELD_NUMBER, FIELD_TEXT, FIELD_CODEC };

struct field {
	const char *name;
	enum field_kind kind;
	size_t number, text, text_size; /* offsets in struct rtmp_metadata */
};

#define AT(member) offsetof(struct rtmp_metadata, member)
#define SIZE(member) sizeof(((struct rtmp_metadata *)0)->member)

static const struct field fields[] = {
	{"width", FIELD_NUMBER, AT(width), 0, 0},
	{"height", FIELD_NUMBER, AT(height), 0, 0},
	{"framerate", FIELD_NUMBER, AT(framerate), 0, 0},
	{"fps", FIELD_NUMBER, AT(framerate), 0, 0},
	{"videodatarate", FIELD_NUMBER, AT(video_kbps), 0, 0},
	{"audiodatarate", FIELD_NUMBER, AT(audio_kbps), 0, 0},
	{"audiosamplerate", FIELD_NUMBER, AT(audio_sample_rate), 0, 0},
	{"audiochannels", FIELD_NUMBER, AT(audio_channels), 0, 0},
	{"videocodecid", FIELD_CODEC, AT(video_codec_id), AT(video_codec), SIZE(video_codec)},
	{"audiocodecid", FIELD_CODEC, AT(audio_codec_id), AT(audio_codec), SIZE(audio_codec)},
	{"encoder", FIELD_TEXT, 0, AT(encoder), SIZE(encoder)},
};

static const struct field *find_field(struct amf0_text name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (amf0_text_is(name, fields[i].name)) {
			return &fields[i];
		}
	}
	return NULL;
}

static void store(struct rtmp_metadata *out, const struct field *f, const struct amf0_value *v)
{
	char *base = (char *)out;
	if (v->type == AMF0_NUMBER && f->kind != FIELD_TEXT && isfinite(v->number) &&
		v->number > 0) {
		memcpy(base + f->number, &v->number, sizeof(v->number));
	} else if (v->type == AMF0_STRING && f->kind != FIELD_NUMBER) {
		amf0_text_copy(v->text, base + f->text, f->text_size);
	}
}

bool rtmp_metadata_read(struct amf0_reader *r, struct rtmp_metadata *out)
{
	*out = (struct rtmp_metadata){0};
	struct amf0_value v;
	if (!amf0_read(r, &v) || (v.type != AMF0_OBJECT && v.type != AMF0_ECMA_ARRAY)) {
		return false;
	}
	double channels_by_stereo = 0;
	struct amf0_text name;
	while (amf0_member(r, &name)) {
		if (!amf0_read(r, &v)) {
			return false;
		}
		const struct field *f = find_field(name);
		if (f != NULL) {
			store(out, f, &v);
		} else if (amf0_text_is(name, "stereo") && v.type == AMF0_BOOLEAN) {
			channels_by_stereo = v.flag ? 2 : 1;
		}
		if (!amf0_skip_inside(r, &v)) {
			return false;
		}
	}
	if (out->audio_channels == 0) {
		out->audio_channels = channels_by_stereo;
	}
	return !r->failed;
}
