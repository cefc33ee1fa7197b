#include "ts_reader.h"

enum { HAS_PTS = 0x80, HAS_DTS = 0x40 };

void ts_reader_finish(struct ts_reader *r)
{
	for (unsigned i = 0; i < TS_TRACKS; i++)
		buf_finish(&r->tracks[i].pes);
	buf_finish(&r->done);
}

int64_t ts_unwrap(int64_t ticks, int64_t near)
{
	const int64_t wrap = INT64_C(1) << 33, half = wrap / 2;
	int64_t step = (ticks - near) % wrap;

	if (step > half)
		step -= wrap;
	else if (step < -half)
		step += wrap;
	return near + step;
}

/* Three groups of 3, 15 and 15 bits, each followed by a marker (ISO/IEC 13818-1 2.4.3.7). */
static int64_t read_time(struct buf_reader *r)
{
	int64_t high = buf_read_u8(r) >> 1 & 7, middle = buf_read_u16(r) >> 1;

	return high << 30 | middle << 15 | buf_read_u16(r) >> 1;
}

/* PES_packet() with an optional header, as those of audio and video have it. */
static bool parse_pes(const struct buf *pes, struct ts_frame *out)
{
	struct buf_reader r = buf_reader(pes->data, pes->len);
	unsigned length, flags, head;
	size_t before;

	if (buf_read_u24(&r) != 1)
		return false;
	buf_skip(&r, 1);
	length = buf_read_u16(&r);
	before = buf_left(&r);
	buf_skip(&r, 1);
	flags = buf_read_u8(&r);
	head = buf_read_u8(&r);
	if (r.failed || !(flags & HAS_PTS) || head > buf_left(&r))
		return false;
	struct buf_reader times = buf_reader(r.pos, head);
	out->pts = out->dts = read_time(&times);
	if (flags & HAS_DTS)
		out->dts = read_time(&times);
	buf_skip(&r, head);
	out->data = r.pos;
	out->len = buf_left(&r);
	/* 0: as long as it is, of video only. */
	if (length > 0 && length < before)
		out->len -= before - length < out->len ? before - length : out->len;
	return !times.failed && out->len > 0;
}

static bool hand_out(struct ts_reader *r, unsigned track, struct ts_frame *out)
{
	struct buf done = r->tracks[track].pes;

	r->tracks[track].pes = r->done;
	buf_reset(&r->tracks[track].pes);
	r->done = done;
	*out = (struct ts_frame){.track = track};
	return r->done.len > 0 && parse_pes(&r->done, out);
}

bool ts_reader_put(
	struct ts_reader *r, const uint8_t packet[static TS_PACKET], struct ts_frame *out)
{
	struct buf_reader b = buf_reader(packet, TS_PACKET);
	bool begins, complete = false;
	unsigned pid, adaptation;

	if (buf_read_u8(&b) != TS_SYNC)
		return false;
	pid = buf_read_u16(&b);
	begins = pid & 0x4000;
	pid &= 0x1fff;
	adaptation = buf_read_u8(&b) >> 4 & 3;
	if (pid < TS_PID || pid >= TS_PID + TS_TRACKS || !(adaptation & 1))
		return false;
	pid -= TS_PID;
	if (adaptation & 2)
		buf_skip(&b, buf_read_u8(&b));
	if (begins)
		complete = hand_out(r, pid, out);
	/* The rest of what has no beginning. */
	else if (r->tracks[pid].pes.len == 0)
		return false;
	if (!b.failed)
		buf_put(&r->tracks[pid].pes, b.pos, buf_left(&b));
	return complete;
}

bool ts_reader_end(struct ts_reader *r, struct ts_frame *out)
{
	for (unsigned i = 0; i < TS_TRACKS; i++) {
		if (r->tracks[i].pes.len > 0 && hand_out(r, i, out))
			return true;
	}
	return false;
}
