#include "stamp.h"

#include <stdio.h>
#include <string.h>

enum { UUID_SIZE = 16, TS_PACKET = 188, TS_SYNC = 0x47, NAL_SEI = 6, AVC_FRAME_HEADER = 5 };

static const uint8_t stamp_uuid[UUID_SIZE + 1] = "souk-load-stamp1";

static void sei_put(struct buf *out, uint64_t wall_us)
{
	enum { PAYLOAD = UUID_SIZE + STAMP_DIGITS };
	char digits[STAMP_DIGITS + 1];
	snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)wall_us);
	buf_put_u32(out, 3 + PAYLOAD + 1);
	buf_put_u8(out, NAL_SEI);
	buf_put_u8(out, 5);
	buf_put_u8(out, PAYLOAD);
	buf_put(out, stamp_uuid, UUID_SIZE);
	buf_put(out, digits, STAMP_DIGITS);
	buf_put_u8(out, 0x80);
}

/* Where the first slice's length field is; 0 if there is none. */
static size_t slice_find(const uint8_t *body, size_t len)
{
	struct buf_reader r = buf_reader(body + AVC_FRAME_HEADER, len - AVC_FRAME_HEADER);
	while (buf_left(&r) > 4) {
		size_t at = (size_t)(r.pos - body);
		uint32_t size = buf_read_u32(&r);
		uint8_t type = *r.pos & 0x1f;
		if (size == 0 || size > buf_left(&r))
			return 0;
		if (type >= 1 && type <= 5)
			return at;
		buf_skip(&r, size);
	}
	return 0;
}

bool stamp_frame(struct buf *out, const uint8_t *body, size_t len, uint64_t wall_us)
{
	bool avc = len > AVC_FRAME_HEADER && (body[0] & 0x8f) == 7 && body[1] == 1;
	size_t at = avc ? slice_find(body, len) : 0;
	if (at == 0)
		return false;
	buf_put(out, body, at);
	sei_put(out, wall_us);
	buf_put(out, body + at, len - at);
	return true;
}

static bool digits_read(const uint8_t *s, uint64_t *out)
{
	*out = 0;
	for (int i = 0; i < STAMP_DIGITS; i++) {
		uint8_t c = s[i];
		bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
		if (!digit && !letter)
			return false;
		*out = *out << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
	}
	return true;
}

static size_t plain_scan(
	const uint8_t *data, size_t len, void (*found)(uint64_t wall_us, void *user), void *user)
{
	size_t n = 0;
	const uint8_t *end = data + len, *at;
	while (data && (at = memmem(data, (size_t)(end - data), stamp_uuid, UUID_SIZE))) {
		data = at + UUID_SIZE;
		uint64_t wall_us;
		if (end - data < STAMP_DIGITS || !digits_read(data, &wall_us))
			continue;
		found(wall_us, user);
		n++;
	}
	return n;
}

/* The payload of one transport packet (ISO/IEC 13818-1, 2.4.3.2). */
static void ts_payload(const uint8_t *packet, const uint8_t **out, size_t *len)
{
	size_t at = 4;
	uint8_t control = packet[3] >> 4 & 3;
	if (control & 2)
		at += 1 + packet[4];
	*out = packet + at;
	*len = control & 1 && at < TS_PACKET ? TS_PACKET - at : 0;
}

/* Stream ids 0xe0 to 0xef are video. */
static bool pes_video(const uint8_t *p, size_t len)
{
	return len > 4 && p[0] == 0 && p[1] == 0 && p[2] == 1 && (p[3] & 0xf0) == 0xe0;
}

static void ts_video(const uint8_t *data, size_t len, struct buf *out)
{
	int video = -1;
	for (size_t at = 0; at + TS_PACKET <= len; at += TS_PACKET) {
		const uint8_t *packet = data + at, *payload;
		size_t n;
		if (packet[0] != TS_SYNC)
			return;
		int pid = (packet[1] & 0x1f) << 8 | packet[2];
		ts_payload(packet, &payload, &n);
		if (video < 0 && packet[1] & 0x40 && pes_video(payload, n))
			video = pid;
		if (pid == video)
			buf_put(out, payload, n);
	}
}

size_t stamp_scan(
	const uint8_t *data, size_t len, void (*found)(uint64_t wall_us, void *user), void *user)
{
	if (len < TS_PACKET || data[0] != TS_SYNC ||
		(len > TS_PACKET && data[TS_PACKET] != TS_SYNC))
		return plain_scan(data, len, found, user);
	struct buf video = {0};
	ts_video(data, len, &video);
	size_t n = plain_scan(video.data, video.len, found, user);
	buf_finish(&video);
	return n;
}
