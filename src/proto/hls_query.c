#include "proto/hls_query.h"

#include <string.h>

struct span {
	const char *data;
	size_t len;
};

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

static bool parse_number(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9') {
			return false;
		}
		uint64_t digit = (uint64_t)(s.data[i] - '0');
		if (v > (max - digit) / 10) {
			return false;
		}
		v = v * 10 + digit;
	}
	*out = v;
	return s.len > 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One character of a percent-encoded text; -1 if it is broken, or stands for a NUL. */
static int decode_char(struct span s, size_t *at)
{
	char c = s.data[(*at)++];
	if (c != '%') {
		return c == '\0' ? -1 : (unsigned char)c;
	}
	if (s.len - *at < 2) {
		return -1;
	}
	int high = hex_value(s.data[*at]), low = hex_value(s.data[*at + 1]);
	*at += 2;
	return high < 0 || low < 0 || (high | low) == 0 ? -1 : high << 4 | low;
}

static bool parse_token(struct span value, struct hls_query *q)
{
	size_t n = 0;
	if (q->token[0] != '\0') {
		return false;
	}
	for (size_t at = 0; at < value.len;) {
		int c = decode_char(value, &at);
		if (c < 0 || n == sizeof(q->token) - 1) {
			return false;
		}
		q->token[n++] = (char)c;
	}
	q->token[n] = '\0';
	return true;
}

static bool parse_msn(struct span value, struct hls_query *q)
{
	if (q->has_msn) {
		return false;
	}
	q->has_msn = true;
	return parse_number(value, UINT64_MAX, &q->msn);
}

static bool parse_part(struct span value, struct hls_query *q)
{
	uint64_t part;
	if (q->has_part || !parse_number(value, UINT32_MAX, &part)) {
		return false;
	}
	q->has_part = true;
	q->part = (uint32_t)part;
	return true;
}

static bool parse_skip(struct span value, struct hls_query *q)
{
	if (q->skip != HLS_SKIP_NONE) {
		return false;
	}
	if (span_is(value, "YES")) {
		q->skip = HLS_SKIP_YES;
	} else if (span_is(value, "v2")) {
		q->skip = HLS_SKIP_V2;
	}
	return q->skip != HLS_SKIP_NONE;
}

static bool parse_parameter(struct span name, struct span value, struct hls_query *q)
{
	if (span_is(name, "_HLS_msn")) {
		return parse_msn(value, q);
	}
	if (span_is(name, "_HLS_part")) {
		return parse_part(value, q);
	}
	if (span_is(name, "_HLS_skip")) {
		return parse_skip(value, q);
	}
	if (span_is(name, "window")) {
		q->brief = true;
		return span_is(value, "live");
	}
	return !span_is(name, "token") || parse_token(value, q);
}

bool hls_query_parse(const char *query, size_t len, struct hls_query *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t at = 0; at < len;) {
		const char *start = query + at;
		const char *amp = memchr(start, '&', len - at);
		size_t n = amp != NULL ? (size_t)(amp - start) : len - at;
		const char *equals = n > 0 ? memchr(start, '=', n) : NULL;
		struct span name = {start, equals != NULL ? (size_t)(equals - start) : n};
		struct span value = {equals != NULL ? equals + 1 : start + n,
			equals != NULL ? n - name.len - 1 : 0};
		if (!parse_parameter(name, value, out)) {
			return false;
		}
		at += n + 1;
	}
	return out->has_msn || !out->has_part;
}
