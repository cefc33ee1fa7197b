#include "multivariant.h"

#include <inttypes.h>
#include <string.h>

#include "window_private.h"

/*
 * The variants are the renditions with video (or the main one), each with the main audio track in
 * it. Further audio tracks are members of a group, whose default member is what the variants hold.
 */
#define AUDIO_GROUP "audio"

static bool is_audio_member(const struct variant *v)
{
	return v->number >= MEDIA_AUDIO_RENDITION;
}

/* What the variants hold is the first one. */
static unsigned member_number(const struct variant *v)
{
	return is_audio_member(v) ? v->number - MEDIA_AUDIO_RENDITION + 1 : 1;
}

static void put_member(struct buf *out, const struct variant *v, const char *suffix)
{
	unsigned number = member_number(v);
	const char *is_default = number == 1 ? "YES" : "NO";

	buf_printf(out,
		"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"" AUDIO_GROUP "\",NAME=\"Track %u\","
		"DEFAULT=%s,AUTOSELECT=%s",
		number, is_default, is_default);
	if (v->description.channels)
		buf_printf(out, ",CHANNELS=\"%u\"", v->description.channels);
	if (number > 1)
		buf_printf(out, ",URI=\"stream_%u.m3u8%s\"", v->number, suffix);
	buf_put_u8(out, '\n');
}

/* Whether a comma-separated list has it. */
static bool says(const struct buf *list, const char *codec)
{
	size_t len = strlen(codec), at = 0;

	while (at < list->len) {
		const uint8_t *item = list->data + at, *comma;
		comma = memchr(item, ',', list->len - at);
		size_t n = comma ? (size_t)(comma - item) : list->len - at;
		if (n == len && memcmp(item, codec, len) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

static void add_codec(struct buf *list, const char *codec)
{
	if (codec[0] && !says(list, codec))
		buf_printf(list, "%s%s", list->len ? "," : "", codec);
}

static void put_variant(struct buf *out, const struct variant *v, const struct variant *members,
	size_t n_members, const char *suffix)
{
	const struct media_description *d = &v->description;
	struct buf codecs = {0};

	buf_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64 ",AVERAGE-BANDWIDTH=%" PRIu64,
		v->peak ? v->peak : 1, v->average ? v->average : 1);
	/* RFC 8216 4.3.4.2: those of all that its group may play, too. */
	add_codec(&codecs, d->video);
	add_codec(&codecs, d->audio);
	for (size_t i = 0; i < n_members; i++)
		add_codec(&codecs, members[i].description.audio);
	if (codecs.len > 0)
		buf_printf(out, ",CODECS=\"%s\"", buf_text(&codecs));
	if (d->width)
		buf_printf(out, ",RESOLUTION=%ux%u", d->width, d->height);
	if (d->frame_rate > 0)
		buf_printf(out, ",FRAME-RATE=%.3f", d->frame_rate);
	if (n_members > 0)
		buf_put_str(out, ",AUDIO=\"" AUDIO_GROUP "\"");
	buf_printf(out, "\nstream_%u.m3u8%s\n", v->number, suffix);
	buf_finish(&codecs);
}

static bool all_independent(const struct variant *variants, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!variants[i].independent)
			return false;
	}
	return true;
}

void multivariant_put(struct buf *out, const struct variant *variants, size_t n, unsigned version,
	const char *suffix)
{
	size_t n_video = 0;

	while (n_video < n && !is_audio_member(&variants[n_video]))
		n_video++;
	buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:%u\n", version);
	if (all_independent(variants, n))
		buf_put_str(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
	if (n_video < n && variants[0].description.audio[0])
		put_member(out, &variants[0], suffix);
	for (size_t i = n_video; i < n; i++)
		put_member(out, &variants[i], suffix);
	for (size_t i = 0; i < n_video; i++)
		put_variant(out, &variants[i], variants + n_video, n - n_video, suffix);
}

static struct variant describe(const struct window_rendition *r)
{
	uint64_t average = r->total_us ? r->total_bits * 1000000 / r->total_us : 0;

	return (struct variant){
		.number = r->number,
		.description = r->description,
		.average = average,
		.peak = r->peak_bitrate > average ? r->peak_bitrate : average,
		.independent = r->independent,
	};
}

enum media_lookup media_window_multivariant(
	struct media_window *w, const char *uri_suffix, struct buf *out)
{
	struct variant variants[MEDIA_RENDITIONS];
	size_t n = 0;

	if (!media_window_playable(w))
		return MEDIA_GONE;
	for (size_t i = 0; i < MEDIA_RENDITIONS; i++) {
		if (rendition_current(w->renditions[i]))
			variants[n++] = describe(w->renditions[i]);
	}
	multivariant_put(out, variants, n, w->container == MEDIA_CONTAINER_CMAF ? 9 : 3,
		uri_suffix ? uri_suffix : "");
	return MEDIA_FOUND;
}
