#include "http/head.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Longest method here and its space. */
#define METHOD_MAX 16

/* "METHOD SP /": more is not needed to know that it is for here. */
static enum head_result look_method(const char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && i < METHOD_MAX && bytes[i] >= 'A' && bytes[i] <= 'Z')
		i++;
	if (i == len)
		return HEAD_PARTIAL;
	/* Methods know capitals from others; libwebsockets does not. */
	if (bytes[i] >= 'a' && bytes[i] <= 'z')
		return HEAD_MALFORMED;
	if (!i || bytes[i] != ' ')
		return i && bytes[i] == '\t' ? HEAD_MALFORMED : HEAD_OTHER;
	if (i + 1 == len)
		return HEAD_PARTIAL;
	if (bytes[i + 1] <= ' ')
		return HEAD_MALFORMED;
	return bytes[i + 1] == '/' ? HEAD_TAKEN : HEAD_OTHER;
}

enum head_result http_head_look(const char *bytes, size_t len, size_t *head_len)
{
	enum head_result result = look_method(bytes, len);
	const char *end;

	if (result != HEAD_TAKEN)
		return result;
	end = memmem(bytes, len, "\r\n\r\n", 4);
	if (!end)
		return HEAD_PARTIAL;
	*head_len = (size_t)(end - bytes) + 4;
	return HEAD_TAKEN;
}

static enum http_method method_of(const char *text)
{
	for (unsigned bit = HTTP_GET; bit <= HTTP_OPTIONS; bit <<= 1)
		if (strcmp(http_method_text((enum http_method)bit), text) == 0)
			return (enum http_method)bit;
	return 0;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c && strchr("!#$%&'*+-.^_`|~", c));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; false: a broken escape or a NUL. */
static bool percent_decode(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		char c = *at;
		if (c == '%') {
			int high = hex(at[1]), low = high < 0 ? -1 : hex(at[2]);
			if (low < 0 || !(high | low))
				return false;
			c = (char)(high * 16 + low);
			at += 2;
		}
		*to++ = c;
	}
	*to = '\0';
	return true;
}

static bool has_dot_segment(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/.")); at++) {
		size_t dots = strspn(at + 1, ".");
		if (dots <= 2 && (at[1 + dots] == '/' || !at[1 + dots]))
			return true;
	}
	return false;
}

/* "METHOD SP target SP HTTP/1.x"; the line is NUL-terminated and was looked at. */
static enum head_result parse_request_line(char *line, struct http_head *out)
{
	char *target = strchr(line, ' ') + 1, *version = strchr(target, ' ');

	target[-1] = '\0';
	out->method = method_of(line);
	if (!version)
		return HEAD_MALFORMED;
	*version++ = '\0';
	for (const char *at = target; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '#')
			return HEAD_MALFORMED;
	out->http10 = out->close = strcmp(version, "HTTP/1.0") == 0;
	/* HTTP/2's preface has no path: it is told apart before. */
	if (!out->http10 && strcmp(version, "HTTP/1.1") != 0)
		return HEAD_MALFORMED;
	char *query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	out->path = target;
	out->query = query ? query : "";
	if (!percent_decode(target) || has_dot_segment(target) ||
		!text_utf8_valid(target, strlen(target)))
		return HEAD_MALFORMED;
	return HEAD_TAKEN;
}

static bool is_other(const char *name, const char *value)
{
	return strcmp(name, "http2-settings") == 0 ||
		(strcmp(name, "upgrade") == 0 && strcasecmp(value, "websocket") != 0);
}

/* Splits "name: value" in place and moves it to *to; false: malformed. */
static bool move_line(char *line, char **to, const char **name, const char **value)
{
	char *at = line, *text;
	size_t len;

	while (is_token((unsigned char)*at)) {
		*at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
		at++;
	}
	if (at == line || *at != ':')
		return false;
	*at = '\0';
	text = at + 1 + strspn(at + 1, " \t");
	for (const char *c = text; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return false;
	len = strlen(text);
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		text[--len] = '\0';
	*name = *to;
	memmove(*to, line, (size_t)(at - line) + 1);
	*to += at - line + 1;
	*value = *to;
	memmove(*to, text, len + 1);
	*to += len + 1;
	return true;
}

/* The lines behind the first; `at` begins each, CRLFs are there. */
static enum head_result parse_lines(char *at, const char *end, struct http_head *out)
{
	char *to = at;
	unsigned hosts = 0, lengths = 0;

	out->lines = at;
	while (at + 2 < end) {
		const char *name, *value;
		char *line = at, *crlf = memmem(at, (size_t)(end - at), "\r\n", 2);
		*crlf = '\0';
		/* A NUL would hide the rest of its line. */
		if (strlen(line) != (size_t)(crlf - line))
			return HEAD_MALFORMED;
		at = crlf + 2;
		if (!move_line(line, &to, &name, &value))
			return HEAD_MALFORMED;
		if (is_other(name, value))
			return HEAD_OTHER;
		out->websocket = out->websocket || strcmp(name, "upgrade") == 0;
		hosts += strcmp(name, "host") == 0;
		lengths += strcmp(name, "content-length") == 0;
		if (strcmp(name, "connection") == 0 && strcasestr(value, "close"))
			out->close = true;
	}
	*to = '\0';
	if (lengths > 1 || hosts > 1)
		return HEAD_MALFORMED;
	/* RFC 9112 section 3.2 */
	return hosts || out->http10 ? HEAD_TAKEN : HEAD_MALFORMED;
}

enum head_result http_head_parse(char *bytes, size_t len, struct http_head *out)
{
	char *crlf = memmem(bytes, len, "\r\n", 2);
	enum head_result result;

	*out = (struct http_head){.path = ""};
	*crlf = '\0';
	if (strlen(bytes) != (size_t)(crlf - bytes))
		return HEAD_MALFORMED;
	result = parse_request_line(bytes, out);
	if (result != HEAD_TAKEN)
		return result;
	return parse_lines(crlf + 2, bytes + len, out);
}

const char *http_head_get(const char *lines, const char *name)
{
	while (*lines) {
		const char *value = lines + strlen(lines) + 1;
		if (strcmp(lines, name) == 0)
			return value;
		lines = value + strlen(value) + 1;
	}
	return NULL;
}
