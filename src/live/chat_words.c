#include "chat_words.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_MAX (1024 * 1024)

struct chat_words {
	struct map *words; /* folded single words; the values say nothing */
	char **phrases; /* " two words " */
	size_t n_phrases;
};

/* The code point at `at`, which is valid UTF-8, and what follows it. */
static const char *decode(const char *at, uint32_t *out)
{
	const uint8_t *p = (const uint8_t *)at;
	unsigned more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
	uint32_t c = more ? *p & (0x3fu >> more) : *p;

	for (unsigned i = 1; i <= more; i++)
		c = c << 6 | (p[i] & 0x3f);
	*out = c;
	return at + 1 + more;
}

static void encode(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_put_u8(out, (uint8_t)c);
	} else if (c < 0x800) {
		buf_put_u8(out, (uint8_t)(0xc0 | c >> 6));
		buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_put_u8(out, (uint8_t)(0xe0 | c >> 12));
		buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		buf_put_u8(out, (uint8_t)(0xf0 | c >> 18));
		buf_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

/* Unicode's White_Space. */
static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
		c == 0x205f || c == 0x3000;
}

/* Joiners, marks of direction and the like: what can be put into a word without a trace. */
static bool is_invisible(uint32_t c)
{
	return c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e ||
		(c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

/* Lower case of the Latin, Greek and Cyrillic letters that come in two. */
static uint32_t lower(uint32_t c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
		(c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481))
		return c | 1;
	return c;
}

static bool is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_';
	return c >= 0xaa && c != 0xd7 && c != 0xf7 && !is_space(c) &&
		!(c >= 0x2010 && c <= 0x2bff) && !(c >= 0x3001 && c <= 0x303f);
}

/* The words in lower case with one blank between and around: " like this ". */
static void fold(const char *text, const char *end, struct buf *out)
{
	bool in_word = false;

	buf_put_u8(out, ' ');
	while (text < end) {
		uint32_t c;

		text = decode(text, &c);
		if (is_invisible(c))
			continue;
		c = lower(c);
		if (is_letter(c))
			encode(out, c);
		else if (in_word)
			buf_put_u8(out, ' ');
		in_word = is_letter(c);
	}
	if (in_word)
		buf_put_u8(out, ' ');
}

static void add_line(struct chat_words *w, const char *line, size_t len)
{
	struct buf folded = {0};
	const char *text;

	fold(line, line + len, &folded);
	text = buf_text(&folded);
	if (folded.len > 2 && !memchr(text + 1, ' ', folded.len - 2)) {
		map_put(w->words, text + 1, folded.len - 2, w);
	} else if (folded.len > 2) {
		w->phrases = mem_realloc(w->phrases, (w->n_phrases + 1) * sizeof(*w->phrases));
		w->phrases[w->n_phrases++] = mem_strdup(text);
	}
	buf_finish(&folded);
}

struct chat_words *chat_words_parse(const char *text, size_t len)
{
	struct chat_words *w = mem_new(struct chat_words);
	const char *stop = text + len;

	w->words = map_create();
	while (text < stop) {
		const char *end = memchr(text, '\n', (size_t)(stop - text));
		size_t line = (size_t)((end ? end : stop) - text);

		if (line && *text != '#' && text_utf8_valid(text, line))
			add_line(w, text, line);
		text += line + 1;
	}
	return w;
}

struct chat_words *chat_words_load(const char *path)
{
	FILE *f = fopen(path, "re");
	struct chat_words *w = NULL;
	char *text;
	size_t len;

	if (!f)
		return NULL;
	text = mem_alloc(FILE_MAX + 1);
	len = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f))
		errno = EIO;
	else if (len > FILE_MAX)
		errno = EFBIG;
	else
		w = chat_words_parse(text, len);
	free(text);
	fclose(f);
	return w;
}

void chat_words_destroy(struct chat_words **wp)
{
	struct chat_words *w = *wp;

	if (!w)
		return;
	map_destroy(w->words);
	for (size_t i = 0; i < w->n_phrases; i++)
		free(w->phrases[i]);
	free(w->phrases);
	free(w);
	*wp = NULL;
}

size_t chat_words_count(const struct chat_words *w)
{
	return w ? map_count(w->words) + w->n_phrases : 0;
}

static bool has_word(const struct chat_words *w, const char *folded)
{
	for (const char *word = folded + 1; *word;) {
		size_t len = strcspn(word, " ");

		if (map_get(w->words, word, len))
			return true;
		word += len + (word[len] == ' ');
	}
	return false;
}

bool chat_words_hit(const struct chat_words *w, const char *message)
{
	struct buf folded = {0};
	const char *text;
	bool hit;

	if (!w)
		return false;
	fold(message, message + strlen(message), &folded);
	text = buf_text(&folded);
	hit = has_word(w, text);
	for (size_t i = 0; !hit && i < w->n_phrases; i++)
		hit = strstr(text, w->phrases[i]) != NULL;
	buf_finish(&folded);
	return hit;
}

/* Top-level names that words of a sentence are not taken for. */
static bool is_top_level(const char *name, size_t len)
{
	static const char *const names[] = {"com", "net", "org", "info", "biz", "io", "co", "app",
		"dev", "shop", "store", "live", "link", "site", "online", "xyz", "club", "top",
		"tv", "gg", "ly", "eu", "de", "fr", "uk", "us", "ru", "cn", "in", "nl", "pl", "ch",
		"at", "es", "br", "tr", "ua", "jp"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0)
			return true;
	return false;
}

static bool is_host_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		c == '-';
}

/* A dot between two names of which the second is a top-level one. */
static bool is_host_dot(const char *message, const char *dot)
{
	size_t len = 0;

	if (dot == message || !is_host_character(dot[-1]))
		return false;
	while (is_host_character(dot[1 + len]))
		len++;
	return is_top_level(dot + 1, len);
}

bool chat_has_link(const char *message)
{
	if (strstr(message, "://") || strcasestr(message, "www."))
		return true;
	for (const char *dot = strchr(message, '.'); dot; dot = strchr(dot + 1, '.'))
		if (is_host_dot(message, dot))
			return true;
	return false;
}

void chat_trim(const char **message, size_t *len)
{
	const char *at = *message, *end = at, *next;
	bool begun = false;
	uint32_t c;

	for (const char *p = at; *p; p = next) {
		next = decode(p, &c);
		if (is_space(c) || is_invisible(c))
			continue;
		if (!begun)
			at = p;
		begun = true;
		end = next;
	}
	*message = at;
	*len = begun ? (size_t)(end - at) : 0;
}
