#include "ws_client.h"

#include <string.h>

/* The example of RFC 6455 section 1.3: a load has no need of a secret. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define FRAME_MAX ((uint64_t)16 << 20)

void ws_client_request(
	struct buf *out, const char *path, const char *host, unsigned port, const char *fields)
{
	buf_printf(out,
		"GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
		path, host, port, fields);
}

static int status_read(const uint8_t *data, size_t len)
{
	int status = 0;
	if (len < 12 || memcmp(data, "HTTP/1.1 ", 9) != 0)
		return 0;
	for (unsigned i = 9; i < 12; i++) {
		if (data[i] < '0' || data[i] > '9')
			return 0;
		status = status * 10 + (data[i] - '0');
	}
	return status;
}

enum ws_client_answer ws_client_answer(const uint8_t *data, size_t len, size_t *used, int *status)
{
	const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
	*used = 0;
	*status = 0;
	if (!end)
		return len > 16384 ? WS_CLIENT_REFUSED : WS_CLIENT_MORE;
	*used = (size_t)(end - data) + 4;
	*status = status_read(data, *used);
	bool ours = memmem(data, *used, ACCEPT, strlen(ACCEPT)) != NULL;
	return *status == 101 && ours ? WS_CLIENT_OPEN : WS_CLIENT_REFUSED;
}

static void head_put(struct buf *out, unsigned opcode, size_t len)
{
	buf_put_u8(out, (uint8_t)(0x80 | opcode));
	if (len < 126) {
		buf_put_u8(out, (uint8_t)(0x80 | len));
	} else if (len < 65536) {
		buf_put_u8(out, 0x80 | 126);
		buf_put_u16(out, (uint16_t)len);
	} else {
		buf_put_u8(out, 0x80 | 127);
		buf_put_u64(out, len);
	}
}

void ws_client_frame(struct buf *out, unsigned opcode, const void *data, size_t len, uint32_t mask)
{
	const uint8_t *from = data;
	head_put(out, opcode, len);
	buf_put_u32(out, mask);
	uint8_t *to = buf_reserve(out, len);
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(from[i] ^ mask >> (24 - 8 * (i & 3)));
	out->len += len;
}

long ws_client_read(const uint8_t *data, size_t len, struct ws_client_in *out)
{
	if (len < 2)
		return 0;
	unsigned opcode = data[0] & 15, small = data[1] & 127;
	size_t head = small == 126 ? 4 : small == 127 ? 10 : 2;
	if ((data[0] & 0xf0) != 0x80 || opcode == 0 || data[1] & 0x80)
		return -1;
	if (len < head)
		return 0;
	struct buf_reader r = buf_reader(data + 2, head - 2);
	uint64_t size = small == 126 ? buf_read_u16(&r) : small == 127 ? buf_read_u64(&r) : small;
	if (size > FRAME_MAX)
		return -1;
	if (len - head < size)
		return 0;
	*out = (struct ws_client_in){opcode, data + head, (size_t)size};
	return (long)(head + size);
}
