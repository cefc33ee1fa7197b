#include "wire.h"

#include <string.h>

#include "base/text.h"

bool wire_framing_parse(const char *name, enum wire_framing *out)
{
	static const char *const names[] = {"plain", "json", "socket.io"};
	for (unsigned i = 0; i < 3; i++)
		if (text_eq(name, names[i])) {
			*out = (enum wire_framing)i;
			return true;
		}
	return false;
}

const char *wire_default_path(enum wire_framing framing)
{
	return framing == WIRE_SOCKET_IO ? "/socket.io/?EIO=4&transport=websocket" : "/ws";
}

static void payload_put(struct buf *out, const char *room, const char *message, size_t len)
{
	buf_put_u8(out, '{');
	if (room)
		buf_printf(out, "\"stream_id\":\"%s\"%s", room, message ? "," : "");
	if (message) {
		buf_put_str(out, "\"message\":\"");
		buf_put(out, message, len);
		buf_put_u8(out, '"');
	}
	buf_put_u8(out, '}');
}

void wire_event(struct buf *out, enum wire_framing framing, const char *event, const char *room,
	const char *message, size_t len, uint32_t ack)
{
	switch (framing) {
	case WIRE_PLAIN:
		buf_put(out, message, len);
		break;
	case WIRE_JSON:
		buf_printf(out, "{\"event\":\"%s\",\"data\":", event);
		payload_put(out, room, message, len);
		if (ack)
			buf_printf(out, ",\"ack\":%u", ack);
		buf_put_u8(out, '}');
		break;
	case WIRE_SOCKET_IO:
		buf_put_str(out, "42");
		if (ack)
			buf_printf(out, "%u", ack);
		buf_printf(out, "[\"%s\",", event);
		payload_put(out, room, message, len);
		buf_put_u8(out, ']');
		break;
	}
}

void wire_hello(struct buf *out, const char *token)
{
	if (token)
		buf_printf(out, "40{\"token\":\"%s\"}", token);
	else
		buf_put_str(out, "40");
}

static bool begins(const uint8_t *text, size_t len, const char *with)
{
	size_t n = strlen(with);
	return len >= n && memcmp(text, with, n) == 0;
}

static size_t number_read(const uint8_t *text, size_t len, uint32_t *out)
{
	size_t i = 0;
	for (*out = 0; i < len && i < 9 && text[i] >= '0' && text[i] <= '9'; i++)
		*out = *out * 10 + (text[i] - '0' + 0u);
	return i;
}

static enum wire_kind socket_io_read(const uint8_t *text, size_t len, uint32_t *ack)
{
	if (len == 1 && text[0] == '2')
		return WIRE_PING;
	if (begins(text, len, "0{"))
		return WIRE_OPENED;
	if (begins(text, len, "40"))
		return WIRE_CONNECTED;
	if (begins(text, len, "44") || begins(text, len, "42[\"error\""))
		return WIRE_REFUSED;
	if (!begins(text, len, "43"))
		return WIRE_OTHER;
	size_t digits = number_read(text + 2, len - 2, ack);
	return begins(text + 2 + digits, len - 2 - digits, "[{\"error\"") ? WIRE_REFUSED : WIRE_ACK;
}

static enum wire_kind json_read(const uint8_t *text, size_t len, uint32_t *ack)
{
	if (begins(text, len, "{\"event\":\"error\""))
		return WIRE_REFUSED;
	if (!begins(text, len, "{\"ack\":"))
		return WIRE_OTHER;
	size_t at = 7 + number_read(text + 7, len - 7, ack);
	return begins(text + at, len - at, ",\"data\":{\"error\"") ? WIRE_REFUSED : WIRE_ACK;
}

enum wire_kind wire_read(enum wire_framing framing, const uint8_t *text, size_t len, uint32_t *ack)
{
	*ack = 0;
	switch (framing) {
	case WIRE_PLAIN:
		return WIRE_OTHER;
	case WIRE_JSON:
		return json_read(text, len, ack);
	case WIRE_SOCKET_IO:
		return socket_io_read(text, len, ack);
	}
	return WIRE_OTHER;
}
