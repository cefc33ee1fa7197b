#include "proto/rtmp_message.h"

bool rtmp_message_u32(const struct rtmp_message *m, uint32_t *out)
{
	struct buf_reader r = buf_reader(m->data, m->len);
	*out = buf_read_u32(&r);
	return !r.failed;
}

bool rtmp_message_user_control(const struct rtmp_message *m, struct rtmp_user_control *out)
{
	struct buf_reader r = buf_reader(m->data, m->len);
	out->event = buf_read_u16(&r);
	out->value = buf_read_u32(&r);
	return !r.failed;
}

bool rtmp_message_amf0(const struct rtmp_message *m, struct buf_reader *out)
{
	*out = buf_reader(m->data, m->len);
	switch (m->type) {
	case RTMP_TYPE_COMMAND_AMF0:
	case RTMP_TYPE_DATA_AMF0:
	case RTMP_TYPE_SHARED_AMF0:
		return true;
	case RTMP_TYPE_COMMAND_AMF3:
	case RTMP_TYPE_DATA_AMF3:
	case RTMP_TYPE_SHARED_AMF3:
		return buf_read_u8(out) == 0 && !out->failed;
	default:
		return false;
	}
}

struct rtmp_aggregate rtmp_aggregate(const struct rtmp_message *m)
{
	return (struct rtmp_aggregate){.in = buf_reader(m->data, m->len), .outer = *m};
}

/* Each message within has the header of an FLV tag, and its size again behind it. */
bool rtmp_aggregate_next(struct rtmp_aggregate *a, struct rtmp_message *out)
{
	*out = a->outer;
	out->type = buf_read_u8(&a->in);
	out->len = buf_read_u24(&a->in);
	uint32_t timestamp = buf_read_u24(&a->in);
	timestamp |= (uint32_t)buf_read_u8(&a->in) << 24;
	buf_skip(&a->in, 3);
	out->data = buf_read_bytes(&a->in, out->len);
	if (a->in.failed || out->type == RTMP_TYPE_AGGREGATE) {
		a->in.failed = true;
		return false;
	}
	if (buf_left(&a->in) >= 4) {
		buf_skip(&a->in, 4);
	}
	if (!a->started) {
		a->started = true;
		a->base = timestamp;
	}
	out->timestamp = a->outer.timestamp + (timestamp - a->base);
	return true;
}
