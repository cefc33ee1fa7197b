#include "proto/ws_frame.h"

#include <string.h>

#include "base/text.h"

#define FINAL 0x80

size_t ws_frame_head(uint8_t out[static WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len)
{
	out[0] = (uint8_t)(FINAL | (int)opcode);
	if (len < 126) {
		out[1] = (uint8_t)len;
		return 2;
	}
	if (len <= UINT16_MAX) {
		out[1] = 126;
		out[2] = (uint8_t)(len >> 8);
		out[3] = (uint8_t)len;
		return 4;
	}
	out[1] = 127;
	for (int i = 0; i < 8; i++)
		out[2 + i] = (uint8_t)(len >> (56 - 8 * i));
	return WS_HEAD_MAX;
}

static struct rcbuf *frame_of(
	enum ws_opcode opcode, const void *a, size_t a_len, const void *b, size_t b_len)
{
	uint8_t head[WS_HEAD_MAX];
	size_t head_len = ws_frame_head(head, opcode, a_len + b_len);
	struct rcbuf *frame = rcbuf_create(head_len + a_len + b_len);
	uint8_t *to = rcbuf_writable(frame);

	memcpy(to, head, head_len);
	if (a_len)
		memcpy(to + head_len, a, a_len);
	if (b_len)
		memcpy(to + head_len + a_len, b, b_len);
	return frame;
}

struct rcbuf *ws_frame(enum ws_opcode opcode, const void *data, size_t len)
{
	return frame_of(opcode, NULL, 0, data, len);
}

struct rcbuf *ws_frame_prefixed(char first, const void *data, size_t len)
{
	return frame_of(WS_TEXT, &first, 1, data, len);
}

/* No more than n bytes, and no character cut in two. */
static size_t utf8_cut(const char *text, size_t n)
{
	size_t len = strlen(text);

	if (len <= n)
		return len;
	while (n && ((uint8_t)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

struct rcbuf *ws_frame_close(unsigned code, const char *reason)
{
	uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	if (!code)
		return ws_frame(WS_CLOSE, NULL, 0);
	return frame_of(WS_CLOSE, bytes, sizeof(bytes), reason,
		reason ? utf8_cut(reason, WS_CONTROL_MAX - sizeof(bytes)) : 0);
}

bool ws_frame_payload(const struct rcbuf *frame, bool *binary, const uint8_t **data, size_t *len)
{
	const uint8_t *at = rcbuf_data(frame);
	size_t head = at[1] < 126 ? 2 : at[1] == 126 ? 4 : WS_HEAD_MAX;

	*binary = at[0] == (FINAL | WS_BINARY);
	*data = at + head;
	*len = rcbuf_len(frame) - head;
	return *binary || at[0] == (FINAL | WS_TEXT);
}

/* Of a frame of ours, which begins at `at`. */
static size_t payload_len(const uint8_t *at, size_t *head)
{
	uint64_t len = at[1];

	*head = at[1] < 126 ? 2 : at[1] == 126 ? 4 : WS_HEAD_MAX;
	if (*head > 2)
		len = 0;
	for (size_t i = 2; i < *head; i++)
		len = len << 8 | at[i];
	return (size_t)len;
}

bool ws_frames_next(
	const struct rcbuf *frames, size_t *pos, bool *binary, const uint8_t **data, size_t *len)
{
	const uint8_t *at;
	size_t head;

	while (*pos < rcbuf_len(frames)) {
		at = rcbuf_data(frames) + *pos;
		*len = payload_len(at, &head);
		*data = at + head;
		*pos += head + *len;
		*binary = at[0] == (FINAL | WS_BINARY);
		if (*binary || at[0] == (FINAL | WS_TEXT))
			return true;
	}
	return false;
}

bool ws_close_code_valid(unsigned code)
{
	if (code >= 3000)
		return code < 5000;
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

static enum ws_join_result join_end(struct ws_join *j, bool binary, const uint8_t *data, size_t len)
{
	if (!binary && !text_utf8_valid((const char *)data, len))
		return WS_JOIN_NOT_UTF8;
	j->open = false;
	return WS_JOIN_WHOLE;
}

enum ws_join_result ws_join_add(struct ws_join *j, const uint8_t *data, size_t len, bool binary,
	bool last, const uint8_t **out, size_t *out_len)
{
	if (!j->open) {
		buf_finish(&j->bytes);
		j->open = true;
		j->binary = binary;
	}
	if (len > j->max - j->bytes.len)
		return WS_JOIN_TOO_BIG;
	if (last && !j->bytes.len) {
		*out = data;
		*out_len = len;
		return join_end(j, j->binary, data, len);
	}
	if (len)
		buf_put(&j->bytes, data, len);
	if (!last)
		return WS_JOIN_MORE;
	*out = j->bytes.data;
	*out_len = j->bytes.len;
	return join_end(j, j->binary, j->bytes.data, j->bytes.len);
}

void ws_join_finish(struct ws_join *j)
{
	buf_finish(&j->bytes);
	j->open = false;
}
