#include <ctype.h>
#include <string.h>

#include "s3_private.h"

/*
 * The few elements of S3's answers that matter: no attributes in them, no element within one of its
 * own name, no CDATA. What does not look so is not found.
 */

static const char *find(const char *at, const char *end, const char *text, size_t len)
{
	return at < end ? memmem(at, (size_t)(end - at), text, len) : NULL;
}

bool s3_xml_inside(
	const char **at, const char *end, const char *tag, const char **inside, size_t *len)
{
	char open[64], close[64];
	int open_len = snprintf(open, sizeof(open), "<%s>", tag);
	int close_len = snprintf(close, sizeof(close), "</%s>", tag);
	const char *begin = find(*at, end, open, (size_t)open_len);
	const char *stop = begin ? find(begin + open_len, end, close, (size_t)close_len) : NULL;

	if (!stop)
		return false;
	*inside = begin + open_len;
	*len = (size_t)(stop - *inside);
	*at = stop + close_len;
	return true;
}

static size_t entity(const char *text, size_t len, char *out)
{
	static const struct {
		const char *text;
		char value;
	} entities[] = {{"&quot;", '"'}, {"&#34;", '"'}, {"&amp;", '&'}, {"&lt;", '<'},
		{"&gt;", '>'}, {"&apos;", '\''}};

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		size_t n = strlen(entities[i].text);
		if (n <= len && memcmp(text, entities[i].text, n) == 0) {
			*out = entities[i].value;
			return n;
		}
	}
	*out = *text;
	return 1;
}

bool s3_xml_text(const char **at, const char *end, const char *tag, char *out, size_t size)
{
	const char *inside;
	size_t len, n = 0;

	out[0] = '\0';
	if (!s3_xml_inside(at, end, tag, &inside, &len))
		return false;
	for (size_t i = 0; i < len; n++) {
		if (n + 1 >= size) {
			out[0] = '\0';
			return false;
		}
		i += entity(inside + i, len - i, &out[n]);
	}
	out[n] = '\0';
	return true;
}

void s3_encode(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (isalnum(*p) || strchr("-._~", *p))
			buf_put_u8(out, *p);
		else
			buf_printf(out, "%%%02X", *p);
	}
}
