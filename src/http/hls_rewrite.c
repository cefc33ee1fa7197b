#include <string.h>

#include "hls_private.h"

/* Where the URI of a tag ends: at the quote that closes URI="…"; NULL: it has none. */
static const char *uri_end(const char *line, const char *end)
{
	static const char mark[] = "URI=\"";
	const char *uri = memmem(line, (size_t)(end - line), mark, strlen(mark));

	if (!uri)
		return NULL;
	uri += strlen(mark);
	return memchr(uri, '"', (size_t)(end - uri));
}

static const char *suffix_place(const char *line, const char *end)
{
	static const char map[] = "#EXT-X-MAP:";

	if (line == end)
		return NULL;
	if (*line != '#')
		return end > line && end[-1] == '\r' ? end - 1 : end;
	if ((size_t)(end - line) > strlen(map) && memcmp(line, map, strlen(map)) == 0)
		return uri_end(line, end);
	return NULL;
}

void hls_rewrite_index(const char *text, size_t len, const char *suffix, struct buf *out)
{
	static const char mark[] = "#xywh=";
	const char *stop = text + len, *at;

	while ((at = memmem(text, (size_t)(stop - text), mark, strlen(mark)))) {
		buf_put(out, text, (size_t)(at - text));
		buf_put_str(out, suffix);
		buf_put_str(out, mark);
		text = at + strlen(mark);
	}
	buf_put(out, text, (size_t)(stop - text));
}

void hls_rewrite(const char *text, size_t len, const char *suffix, struct buf *out)
{
	const char *line = text, *stop = text + len;

	while (line < stop) {
		const char *newline = memchr(line, '\n', (size_t)(stop - line));
		const char *end = newline ? newline : stop;
		const char *place = suffix_place(line, end);

		if (place) {
			buf_put(out, line, (size_t)(place - line));
			buf_put_str(out, suffix);
			line = place;
		}
		end = newline ? newline + 1 : stop;
		buf_put(out, line, (size_t)(end - line));
		line = end;
	}
}
