#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "proto/ws_frame.h"

#define FINAL 0x80
#define RESERVED 0x70
#define OPCODE 0x0f
#define MASKED 0x80
#define MASK_LEN 4

void ws_reader_init(struct ws_reader *r, size_t max_message)
{
	*r = (struct ws_reader){.message.max = max_message};
}

void ws_reader_finish(struct ws_reader *r)
{
	ws_join_finish(&r->message);
	free(r->control);
	r->control = NULL;
}

static bool fail(struct ws_event *out, unsigned code, const char *why)
{
	*out = (struct ws_event){.kind = WS_EVENT_ERROR, .code = code, .why = why};
	return false;
}

static bool is_control(const struct ws_reader *r)
{
	return r->head[0] & 8;
}

static bool is_final(const struct ws_reader *r)
{
	return r->head[0] & FINAL;
}

/* How long the head is, as far as its first bytes tell. */
static size_t head_size(const struct ws_reader *r)
{
	uint8_t len = r->head[1] & ~MASKED;

	if (r->head_len < 2)
		return 2;
	return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + MASK_LEN;
}

/* Judged as soon as both bytes are there: no peer holds a connection with half a bad head. */
static bool check_first(const struct ws_reader *r, struct ws_event *out)
{
	enum ws_opcode opcode = (enum ws_opcode)(r->head[0] & OPCODE);

	if (r->head[0] & RESERVED)
		return fail(out, WS_CLOSE_PROTOCOL, "reserved bit set");
	if (!(r->head[1] & MASKED))
		return fail(out, WS_CLOSE_PROTOCOL, "frame not masked");
	if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
		return fail(out, WS_CLOSE_PROTOCOL, "unknown opcode");
	if (is_control(r) && (!is_final(r) || (r->head[1] & ~MASKED) > WS_CONTROL_MAX))
		return fail(out, WS_CLOSE_PROTOCOL, "control frame too long or cut");
	if (!is_control(r) && (opcode == WS_CONTINUATION) != r->message.open)
		return fail(out, WS_CLOSE_PROTOCOL, "continuation out of place");
	return true;
}

static bool check_length(struct ws_reader *r, struct ws_event *out)
{
	uint8_t len = r->head[1] & ~MASKED;
	unsigned n = len == 126 ? 2 : len == 127 ? 8 : 0;
	uint64_t length = n ? 0 : len;

	for (unsigned i = 0; i < n; i++)
		length = length << 8 | r->head[2 + i];
	if ((n == 2 && length < 126) || (n == 8 && length <= UINT16_MAX))
		return fail(out, WS_CLOSE_PROTOCOL, "length not in its shortest form");
	if (!is_control(r) && length > r->message.max - r->message.bytes.len)
		return fail(out, WS_CLOSE_TOO_BIG, "message too big");
	r->left = length;
	r->in_payload = true;
	r->mask_at = 0;
	return true;
}

/* True when the head is whole and may stand. */
static bool read_head(
	struct ws_reader *r, const uint8_t *data, size_t len, size_t *used, struct ws_event *out)
{
	while (r->head_len < head_size(r)) {
		if (*used == len)
			return false;
		r->head[r->head_len++] = data[(*used)++];
		if (r->head_len == 2 && !check_first(r, out))
			return false;
	}
	return check_length(r, out);
}

static void unmask(struct ws_reader *r, uint8_t *data, size_t len)
{
	const uint8_t *mask = r->head + head_size(r) - MASK_LEN;
	uint8_t turned[8];
	size_t i = 0;

	for (unsigned j = 0; j < sizeof(turned); j++)
		turned[j] = mask[(r->mask_at + j) % MASK_LEN];
	uint64_t key, word;
	memcpy(&key, turned, sizeof(key));
	for (; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		word ^= key;
		memcpy(data + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		data[i] ^= turned[i % MASK_LEN];
	r->mask_at = (uint8_t)((r->mask_at + len) % MASK_LEN);
}

static void frame_over(struct ws_reader *r)
{
	r->in_payload = false;
	r->head_len = 0;
}

static bool close_event(const uint8_t *data, size_t len, struct ws_event *out)
{
	*out = (struct ws_event){.kind = WS_EVENT_CLOSE, .code = WS_CLOSE_NO_STATUS};
	if (!len)
		return true;
	if (len == 1)
		return fail(out, WS_CLOSE_PROTOCOL, "close code cut");
	out->code = (unsigned)data[0] << 8 | data[1];
	if (!ws_close_code_valid(out->code))
		return fail(out, WS_CLOSE_PROTOCOL, "close code not allowed");
	if (!text_utf8_valid((const char *)data + 2, len - 2))
		return fail(out, WS_CLOSE_NOT_UTF8, "close reason not UTF-8");
	out->data = data + 2;
	out->len = len - 2;
	return true;
}

static void control_event(
	struct ws_reader *r, const uint8_t *data, size_t len, struct ws_event *out)
{
	enum ws_opcode opcode = (enum ws_opcode)(r->head[0] & OPCODE);

	frame_over(r);
	if (opcode == WS_CLOSE)
		close_event(data, len, out);
	else
		*out = (struct ws_event){.kind = opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG,
			.data = data,
			.len = len};
}

static void read_control(
	struct ws_reader *r, uint8_t *data, size_t len, bool whole, struct ws_event *out)
{
	if (whole && !r->control_len) {
		control_event(r, data, len, out);
		return;
	}
	if (!r->control)
		r->control = mem_alloc(WS_CONTROL_MAX);
	memcpy(r->control + r->control_len, data, len);
	r->control_len = (uint8_t)(r->control_len + len);
	if (!whole)
		return;
	len = r->control_len;
	r->control_len = 0;
	control_event(r, r->control, len, out);
}

static void read_data(
	struct ws_reader *r, uint8_t *data, size_t len, bool whole, struct ws_event *out)
{
	bool binary = (r->head[0] & OPCODE) == WS_BINARY;
	bool last = whole && is_final(r);
	const uint8_t *bytes = NULL;
	size_t bytes_len = 0;

	if (whole)
		frame_over(r);
	switch (ws_join_add(&r->message, data, len, binary, last, &bytes, &bytes_len)) {
	case WS_JOIN_MORE:
		break;
	case WS_JOIN_WHOLE:
		*out = (struct ws_event){.kind = WS_EVENT_MESSAGE,
			.binary = r->message.binary,
			.data = bytes,
			.len = bytes_len};
		break;
	case WS_JOIN_TOO_BIG:
		fail(out, WS_CLOSE_TOO_BIG, "message too big");
		break;
	case WS_JOIN_NOT_UTF8:
		fail(out, WS_CLOSE_NOT_UTF8, "text not UTF-8");
		break;
	}
}

static void read_payload(
	struct ws_reader *r, uint8_t *data, size_t len, size_t *used, struct ws_event *out)
{
	size_t n = len - *used < r->left ? len - *used : (size_t)r->left;
	uint8_t *at = data + *used;

	unmask(r, at, n);
	*used += n;
	r->left -= n;
	if (is_control(r))
		read_control(r, at, n, !r->left, out);
	else
		read_data(r, at, n, !r->left, out);
}

void ws_reader_read(
	struct ws_reader *r, uint8_t *data, size_t len, size_t *used, struct ws_event *out)
{
	*out = (struct ws_event){.kind = WS_EVENT_NONE};
	*used = 0;
	/* An idle connection keeps nothing of its last message. */
	if (!r->message.open)
		buf_finish(&r->message.bytes);
	while (out->kind == WS_EVENT_NONE) {
		if (!r->in_payload && !read_head(r, data, len, used, out))
			return;
		/* A frame whose payload has not begun to come says nothing yet. */
		if (r->left && *used == len)
			return;
		read_payload(r, data, len, used, out);
	}
}
