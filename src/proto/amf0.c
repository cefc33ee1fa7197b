#include "proto/amf0.h"

#include <string.h>

#include "base/must.h"

enum {
	MARKER_OBJECT_END = 9,
	MARKER_LONG_STRING = 12,
	MARKER_UNSUPPORTED = 13,
	MARKER_XML = 15,
	MARKER_TYPED_OBJECT = 16,
};

struct amf0_reader amf0_reader(const void *data, size_t len)
{
	return (struct amf0_reader){.in = buf_reader(data, len)};
}

bool amf0_at_end(const struct amf0_reader *r)
{
	return r->failed || buf_left(&r->in) == 0;
}

static bool fail(struct amf0_reader *r)
{
	r->failed = true;
	return false;
}

static struct amf0_text read_text(struct amf0_reader *r, size_t len)
{
	const uint8_t *p = buf_read_bytes(&r->in, len);
	return (struct amf0_text){
		.data = p != NULL ? (const char *)p : "", .len = p != NULL ? len : 0};
}

static bool read_body(struct amf0_reader *r, uint8_t marker, struct amf0_value *v)
{
	switch (marker) {
	case AMF0_NUMBER:
		v->number = buf_read_f64(&r->in);
		return true;
	case AMF0_BOOLEAN:
		v->flag = buf_read_u8(&r->in) != 0;
		return true;
	case AMF0_STRING:
		v->text = read_text(r, buf_read_u16(&r->in));
		return true;
	case MARKER_LONG_STRING:
	case MARKER_XML:
		v->type = AMF0_STRING;
		v->text = read_text(r, buf_read_u32(&r->in));
		return true;
	case MARKER_TYPED_OBJECT:
		v->type = AMF0_OBJECT;
		read_text(r, buf_read_u16(&r->in));
		return true;
	case AMF0_OBJECT:
	case AMF0_NULL:
	case AMF0_UNDEFINED:
		return true;
	case MARKER_UNSUPPORTED:
		v->type = AMF0_UNDEFINED;
		return true;
	case AMF0_REFERENCE:
		buf_skip(&r->in, 2);
		return true;
	case AMF0_ECMA_ARRAY:
		/* The count is a hint that encoders get wrong; the end marker decides. */
		buf_skip(&r->in, 4);
		return true;
	case AMF0_STRICT_ARRAY:
		v->count = buf_read_u32(&r->in);
		/* Each value takes a byte at least. */
		return v->count <= buf_left(&r->in);
	case AMF0_DATE:
		v->number = buf_read_f64(&r->in);
		buf_skip(&r->in, 2);
		return true;
	default:
		return false;
	}
}

bool amf0_read(struct amf0_reader *r, struct amf0_value *v)
{
	*v = (struct amf0_value){.type = AMF0_UNDEFINED, .text = {.data = ""}};
	if (r->failed || ++r->values > AMF0_VALUES_MAX) {
		return fail(r);
	}
	uint8_t marker = buf_read_u8(&r->in);
	if (r->in.failed) {
		return fail(r);
	}
	v->type = (enum amf0_type)marker;
	if (!read_body(r, marker, v) || r->in.failed) {
		*v = (struct amf0_value){.type = AMF0_UNDEFINED, .text = {.data = ""}};
		return fail(r);
	}
	return true;
}

bool amf0_member(struct amf0_reader *r, struct amf0_text *name)
{
	*name = (struct amf0_text){.data = ""};
	if (r->failed) {
		return false;
	}
	*name = read_text(r, buf_read_u16(&r->in));
	if (r->in.failed) {
		return fail(r);
	}
	if (name->len > 0 || buf_left(&r->in) == 0 || *r->in.pos != MARKER_OBJECT_END) {
		return true;
	}
	buf_skip(&r->in, 1);
	return false;
}

static bool skip_members(struct amf0_reader *r)
{
	struct amf0_text name;
	while (amf0_member(r, &name)) {
		if (!amf0_skip(r)) {
			return false;
		}
	}
	return !r->failed;
}

bool amf0_skip_inside(struct amf0_reader *r, const struct amf0_value *v)
{
	bool members = v->type == AMF0_OBJECT || v->type == AMF0_ECMA_ARRAY;
	if (!members && v->type != AMF0_STRICT_ARRAY) {
		return !r->failed;
	}
	if (r->depth == AMF0_DEPTH_MAX) {
		return fail(r);
	}
	r->depth++;
	bool ok = !members || skip_members(r);
	for (uint32_t i = 0; ok && i < v->count; i++) {
		ok = amf0_skip(r);
	}
	r->depth--;
	return ok;
}

bool amf0_skip(struct amf0_reader *r)
{
	struct amf0_value v;
	return amf0_read(r, &v) && amf0_skip_inside(r, &v);
}

bool amf0_text_is(struct amf0_text t, const char *s)
{
	return t.len == strlen(s) && memcmp(t.data, s, t.len) == 0;
}

bool amf0_text_copy(struct amf0_text t, char *out, size_t size)
{
	size_t n = t.len < size ? t.len : size - 1;
	bool clean = n == t.len;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)t.data[i];
		bool bad = c < 0x20 || c > 0x7e;
		out[i] = bad ? '?' : (char)c;
		clean = clean && !bad;
	}
	out[n] = '\0';
	return clean;
}

void amf0_put_number(struct buf *b, double v)
{
	buf_put_u8(b, AMF0_NUMBER);
	buf_put_f64(b, v);
}

void amf0_put_boolean(struct buf *b, bool v)
{
	buf_put_u8(b, AMF0_BOOLEAN);
	buf_put_u8(b, v ? 1 : 0);
}

void amf0_put_string(struct buf *b, const char *s)
{
	size_t len = strlen(s);
	must(len <= UINT32_MAX);
	if (len <= UINT16_MAX) {
		buf_put_u8(b, AMF0_STRING);
		buf_put_u16(b, (uint16_t)len);
	} else {
		buf_put_u8(b, MARKER_LONG_STRING);
		buf_put_u32(b, (uint32_t)len);
	}
	buf_put(b, s, len);
}

void amf0_put_null(struct buf *b)
{
	buf_put_u8(b, AMF0_NULL);
}

void amf0_put_undefined(struct buf *b)
{
	buf_put_u8(b, AMF0_UNDEFINED);
}

void amf0_put_object(struct buf *b)
{
	buf_put_u8(b, AMF0_OBJECT);
}

void amf0_put_ecma_array(struct buf *b, uint32_t count)
{
	buf_put_u8(b, AMF0_ECMA_ARRAY);
	buf_put_u32(b, count);
}

void amf0_put_strict_array(struct buf *b, uint32_t count)
{
	buf_put_u8(b, AMF0_STRICT_ARRAY);
	buf_put_u32(b, count);
}

void amf0_put_name(struct buf *b, const char *name)
{
	size_t len = strlen(name);
	must(len <= UINT16_MAX);
	buf_put_u16(b, (uint16_t)len);
	buf_put(b, name, len);
}

void amf0_put_end(struct buf *b)
{
	buf_put_u24(b, MARKER_OBJECT_END);
}
