#include "base/text.h"

#include <string.h>

bool text_copy(char *out, size_t size, const char *s)
{
	size_t len = strlen(s);
	if (size == 0) {
		return false;
	}
	size_t n = len < size ? len : size - 1;
	memcpy(out, s, n);
	out[n] = '\0';
	return n == len;
}

bool text_eq(const char *a, const char *b)
{
	if (a == NULL || b == NULL) {
		return a == b;
	}
	return strcmp(a, b) == 0;
}

bool text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

void text_hex(char *out, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool text_unhex(void *out, size_t len, const char *hex)
{
	uint8_t *p = out;
	if (strnlen(hex, 2 * len + 1) != 2 * len) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
		if (high < 0 || low < 0) {
			return false;
		}
		p[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool text_form_decode(const char *text, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)text[i];
		if (c == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 &&
			hex_digit(text[i + 2]) >= 0) {
			c = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (!c || n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

static const char base64url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t text_base64url_size(size_t len)
{
	return len / 3 * 4 + (len % 3 > 0 ? len % 3 + 1 : 0) + 1;
}

void text_base64url(char *out, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t bits = 0;
	unsigned n_bits = 0;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6) {
			*out++ = base64url_digits[bits >> (n_bits - 6) & 63];
		}
	}
	if (n_bits > 0) {
		*out++ = base64url_digits[bits << (6 - n_bits) & 63];
	}
	*out = '\0';
}

bool text_unbase64url(const char *s, size_t len, void *out, size_t size, size_t *out_len)
{
	uint8_t *p = out;
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		const char *digit = s[i] != '\0' ? strchr(base64url_digits, s[i]) : NULL;
		if (digit == NULL) {
			return false;
		}
		bits = bits << 6 | (uint32_t)(digit - base64url_digits);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			if (n == size) {
				return false;
			}
			p[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	*out_len = n;
	/* One digit alone is no byte; the bits left over must be zero (one text per value). */
	return n_bits < 6 && (bits & ((1u << n_bits) - 1)) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits and moves *s behind them; false without a digit or past 64 bits. */
static bool read_digits(const char **s, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;
	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
			return false;
		}
	}
	bool any = p != *s;
	*s = p;
	*out = v;
	return any;
}

bool text_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;
	if (!read_digits(&s, &v) || *s != '\0' || v < min || v > max) {
		return false;
	}
	*out = v;
	return true;
}

bool text_duration_us(const char *s, uint64_t *out)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = {
		{"ms", 1000},
		{"s", 1000000},
		{"m", 60 * 1000000ull},
		{"h", 3600 * 1000000ull},
		{"d", 86400 * 1000000ull},
	};
	uint64_t v;
	if (!read_digits(&s, &v)) {
		return false;
	}
	if (*s == '\0' && v == 0) {
		*out = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(s, units[i].unit) == 0) {
			return !__builtin_mul_overflow(v, units[i].us, out);
		}
	}
	return false;
}

bool text_size(const char *s, bool decimal, uint64_t *out)
{
	static const char units[] = "kmgt";
	uint64_t v;
	if (!read_digits(&s, &v)) {
		return false;
	}
	if (*s != '\0') {
		const char *unit = strchr(units, *s | 0x20);
		if (unit == NULL || s[1] != '\0') {
			return false;
		}
		for (const char *u = units; u <= unit; u++) {
			if (__builtin_mul_overflow(v, decimal ? 1000ull : 1024ull, &v)) {
				return false;
			}
		}
	}
	*out = v;
	return true;
}

static size_t utf8_sequence(const uint8_t *p, size_t left)
{
	if (p[0] < 0x80) {
		return 1;
	}
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) {
		return 0;
	}
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	/* Overlong, surrogate and too large forms show in the second byte (RFC 3629 section 4). */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
		return 0;
	}
	return n;
}

bool text_utf8_valid(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	while (len > 0) {
		size_t n = utf8_sequence(p, len);
		if (n == 0) {
			return false;
		}
		p += n;
		len -= n;
	}
	return true;
}

size_t text_utf8_count(const char *s)
{
	size_t n = 0;
	for (; *s != '\0'; s++) {
		n += ((unsigned char)*s & 0xc0) != 0x80;
	}
	return n;
}

bool text_equal_const(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;
	for (size_t i = 0; i < len; i++) {
		differ |= x[i] ^ y[i];
	}
	return differ == 0;
}
