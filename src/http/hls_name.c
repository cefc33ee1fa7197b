#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "hls_private.h"

/* Reads digits up to `end`; NULL: none, too many, or something else follows. */
static const char *number(const char *at, char end, uint64_t *out)
{
	size_t len = strspn(at, "0123456789");

	if (!len || len > 18 || at[len] != end || (len > 1 && at[0] == '0'))
		return NULL;
	*out = 0;
	for (size_t i = 0; i < len; i++)
		*out = *out * 10 + (uint64_t)(at[i] - '0');
	return at + len + (end != '\0');
}

/* prefix, then `numbers` numbers with underscores between, then the suffix and nothing else. */
static bool matches(
	const char *text, const char *prefix, unsigned numbers, const char *suffix, uint64_t *first)
{
	uint64_t value;

	if (!text_starts(text, prefix))
		return false;
	text += strlen(prefix);
	for (unsigned i = 0; i < numbers; i++) {
		text = number(text, i + 1 < numbers ? '_' : '.', &value);
		if (!text)
			return false;
		if (i == 0)
			*first = value;
	}
	return strcmp(text, suffix) == 0;
}

bool hls_name_parse(const char *text, struct hls_name *out)
{
	static const struct {
		const char *prefix, *suffix;
		unsigned numbers;
		enum hls_kind kind;
	} shapes[] = {
		{"stream_", "m3u8", 1, HLS_PLAYLIST},
		{"init_", "mp4", 2, HLS_INIT},
		{"seg_", "m4s", 2, HLS_SEGMENT},
		{"part_", "m4s", 3, HLS_PART},
		{"seg_", "ts", 2, HLS_SEGMENT},
		{"part_", "ts", 3, HLS_PART},
		{"storyboard_", "jpg", 1, HLS_PICTURE},
	};
	uint64_t rendition = 0;

	*out = (struct hls_name){.kind = HLS_PLAYLIST, .multivariant = true};
	if (strcmp(text, "index.m3u8") == 0)
		return true;
	out->multivariant = false;
	out->kind = HLS_RECORDING;
	if (strcmp(text, "recording.mp4") == 0)
		return true;
	out->kind = HLS_PICTURE;
	if (strcmp(text, "poster.jpg") == 0)
		return true;
	out->kind = HLS_CHAT;
	if (strcmp(text, "chat.json") == 0)
		return true;
	out->kind = HLS_STORYBOARD;
	if (strcmp(text, "storyboard.vtt") == 0)
		return true;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (!matches(text, shapes[i].prefix, shapes[i].numbers, shapes[i].suffix,
			    &rendition))
			continue;
		out->kind = shapes[i].kind;
		out->mpegts = strcmp(shapes[i].suffix, "ts") == 0;
		out->rendition = (unsigned)rendition;
		return rendition < 256 && strlen(text) < HLS_NAME_MAX;
	}
	return false;
}

bool hls_path_split(const char *rest, struct uuid *id, const char **name)
{
	char text[UUID_TEXT_SIZE];
	const char *slash = strchr(rest, '/');

	if (!slash || slash - rest != UUID_TEXT_SIZE - 1 || strchr(slash + 1, '/'))
		return false;
	memcpy(text, rest, UUID_TEXT_SIZE - 1);
	text[UUID_TEXT_SIZE - 1] = '\0';
	*name = slash + 1;
	return uuid_parse(text, id);
}

bool hls_suffix(const char *token, char out[static HLS_SUFFIX_SIZE])
{
	size_t good =
		strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-");

	out[0] = '\0';
	if (token[good])
		return false;
	if (good)
		snprintf(out, HLS_SUFFIX_SIZE, "?token=%s", token);
	return true;
}
