#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "ws/event_tail.h"

#define STRUCK "***"
#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
/* A header of JSON, as text: {" */
#define JWT_BEGIN "eyJ"

static bool is_secret_name(const char *name)
{
	static const char *const words[] = {
		"token", "secret", "password", "streamkey", "stream_key", "authorization"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

/* Bytes of a JWT that begins here, 0: none does. */
static size_t jwt_length(const char *s)
{
	size_t head, body, tail;

	if (strncmp(s, JWT_BEGIN, strlen(JWT_BEGIN)) != 0)
		return 0;
	head = strspn(s, BASE64URL);
	if (s[head] != '.')
		return 0;
	body = strspn(s + head + 1, BASE64URL);
	if (!body || s[head + 1 + body] != '.')
		return 0;
	tail = strspn(s + head + 1 + body + 1, BASE64URL);
	return head + 1 + body + 1 + tail;
}

/* Bytes of "token=", with the name before it whole or not; 0: that is not here. */
static size_t argument_length(const char *s)
{
	static const char name[] = "token=";

	return strncasecmp(s, name, strlen(name)) == 0 ? strlen(name) : 0;
}

/* Bytes of an RTMP URL up to the slash behind its application; 0: none begins here. */
static size_t rtmp_length(const char *s)
{
	const char *at = s + strlen("rtmp");

	if (strncmp(s, "rtmp", strlen("rtmp")) != 0)
		return 0;
	/* rtmps, rtmpt, rtmpe, rtmpte, rtmpts */
	at += strspn(at, "est");
	if (strncmp(at, "://", 3) != 0)
		return 0;
	at += strlen("://");
	for (int slashes = 0; slashes < 2; slashes++) {
		at += strcspn(at, "/\"' \t\r\n");
		if (*at++ != '/')
			return 0;
	}
	return (size_t)(at - s);
}

static json_t *scrubbed_text(const char *s)
{
	struct buf out = {0};
	json_t *text;
	size_t n;

	while (*s) {
		if ((n = jwt_length(s))) {
			buf_put_str(&out, STRUCK);
			s += n;
		} else if ((n = argument_length(s))) {
			buf_put(&out, s, n);
			buf_put_str(&out, STRUCK);
			s += n + strcspn(s + n, "&#\"' \t\r\n");
		} else if ((n = rtmp_length(s)) && s[n]) {
			buf_put(&out, s, n);
			buf_put_str(&out, STRUCK);
			s += n + strcspn(s + n, "\"' \t\r\n");
		} else {
			buf_put(&out, s++, 1);
		}
	}
	text = json_stringn(out.data ? (const char *)out.data : "", out.len);
	buf_finish(&out);
	return text;
}

static bool is_suspicious(const char *s)
{
	return strstr(s, JWT_BEGIN) || strcasestr(s, "token=") || strstr(s, "rtmp");
}

static json_t *replacement(const char *name, json_t *value)
{
	const char *text = json_string_value(value);

	if (name && is_secret_name(name))
		return json_is_null(value) || json_is_boolean(value) ? NULL : json_string(STRUCK);
	return text && is_suspicious(text) ? scrubbed_text(text) : NULL;
}

json_t *event_scrub(json_t *value)
{
	json_t *item, *instead;
	const char *name;
	size_t i;

	json_object_foreach(value, name, item)
	{
		if ((instead = replacement(name, item)))
			json_object_set_new(value, name, instead);
		else
			event_scrub(item);
	}
	json_array_foreach(value, i, item)
	{
		if ((instead = replacement(NULL, item)))
			json_array_set_new(value, i, instead);
		else
			event_scrub(item);
	}
	return value;
}
