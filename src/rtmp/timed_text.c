#include "timed_text.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "proto/amf0.h"

#define NAME_MAX_LEN 32

const char *timed_text_class(const char *message_name)
{
	if (text_eq(message_name, "onTextData")) {
		return "live.souk.text";
	}
	return text_eq(message_name, "onCuePoint") ? "live.souk.cue" : NULL;
}

/* Attribute names are made of A-Z, 0-9 and '-'. */
static bool put_name(struct buf *out, struct amf0_text name)
{
	if (name.len == 0 || name.len > NAME_MAX_LEN) {
		return false;
	}
	buf_put_str(out, "X-");
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		bool lower = c >= 'a' && c <= 'z';
		bool plain = lower || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		buf_put_u8(out, (uint8_t)(lower ? c - 'a' + 'A' : plain ? c : '-'));
	}
	buf_put_u8(out, '=');
	return true;
}

static size_t cut_utf8(struct amf0_text text)
{
	size_t n = text.len;
	if (n > TIMED_TEXT_STRING_MAX) {
		n = TIMED_TEXT_STRING_MAX;
		while (n > 0 && ((uint8_t)text.data[n] & 0xc0) == 0x80) {
			n--;
		}
	}
	return n;
}

/* A quoted string holds neither quotes nor control characters, and there is no escape for them. */
static bool put_string(struct buf *out, struct amf0_text text)
{
	size_t n = cut_utf8(text);
	if (!text_utf8_valid(text.data, n)) {
		return false;
	}
	buf_put_u8(out, '"');
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text.data[i];
		buf_put_u8(out, c == '"' ? '\'' : c < 0x20 || c == 0x7f ? ' ' : c);
	}
	buf_put_u8(out, '"');
	return true;
}

static bool put_value(struct buf *out, const struct amf0_value *v)
{
	switch (v->type) {
	case AMF0_STRING:
		return put_string(out, v->text);
	case AMF0_BOOLEAN:
		buf_put_str(out, v->flag ? "\"true\"" : "\"false\"");
		return true;
	case AMF0_NUMBER:
		/* Decimal numbers of playlists have no sign and no exponent. */
		if (!isfinite(v->number) || v->number < 0 || v->number >= 1e15) {
			return false;
		}
		buf_printf(out, "%.3f", v->number);
		return true;
	case AMF0_OBJECT:
	case AMF0_NULL:
	case AMF0_UNDEFINED:
	case AMF0_REFERENCE:
	case AMF0_ECMA_ARRAY:
	case AMF0_STRICT_ARRAY:
	case AMF0_DATE:
		return false;
	}
	return false;
}

static bool put_attribute(struct buf *out, struct amf0_text name, const struct amf0_value *v)
{
	size_t before = out->len;
	if (before > 0) {
		buf_put_u8(out, ',');
	}
	if (put_name(out, name) && put_value(out, v)) {
		return true;
	}
	out->len = before;
	return false;
}

bool timed_text_attributes(const uint8_t *amf, size_t len, struct buf *out)
{
	struct amf0_reader r = amf0_reader(amf, len);
	struct amf0_value v;
	struct amf0_text name;
	unsigned n = 0;
	if (!amf0_read(&r, &v) || (v.type != AMF0_OBJECT && v.type != AMF0_ECMA_ARRAY)) {
		return false;
	}
	while (n < TIMED_TEXT_ATTRIBUTES_MAX && amf0_member(&r, &name) && amf0_read(&r, &v)) {
		n += put_attribute(out, name, &v);
		if (!amf0_skip_inside(&r, &v)) {
			break;
		}
	}
	return n > 0;
}
