#define LOG_MODULE "relay"

#include "relay_session.h"

#include <errno.h>
#include <librtmp/log.h>
#include <librtmp/rtmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "live/feed.h"
#include "proto/amf0.h"
#include "proto/rtmp_chunk.h"
#include "relay_tls.h"
#include "rtmp/relay.h"

/* What ffmpeg sends: a tag is one chunk, or few. */
#define CHUNK_SIZE 60000
/* Targets send answers of some hundred bytes. */
#define MESSAGE_MAX 65536
#define READ_SIZE 4096

enum { CHANNEL_CONTROL = 2, CHANNEL_COMMAND = 3, CHANNEL_DATA = 4, CHANNEL_AUDIO, CHANNEL_VIDEO };
enum { RTMP_VERSION = 3, GREETING = 1536, GREETING_HEAD = 8 };
/* Transactions. */
enum { CONNECT = 1, RELEASE, FC_PUBLISH, CREATE, PUBLISH };

struct relay_session {
	const struct relay_place *place;
	RTMP *rtmp;
	int fd;
	struct rtmp_chunk_reader *reader;
	struct buf out; /* a message, with room for librtmp's header before it */
	int stream_id;
	uint32_t window, acked;
	uint32_t first_ms; /* of the first tag, which is the connection's 0 */
	bool has_first, is_accepted, is_over;
	char error[RELAY_ERROR_SIZE];
};

/* Of librtmp's log only that there was something: its texts repeat keys. */
static void on_log(int level, const char *format, va_list args)
{
	if (level <= RTMP_LOGERROR)
		log_debug("librtmp reports an error");
}

void relay_session_setup(void)
{
	RTMP *first;

	RTMP_LogSetCallback(on_log);
	/* Its TLS context is made with the first. */
	first = RTMP_Alloc();
	RTMP_Init(first);
	RTMP_Free(first);
}

struct relay_session *relay_session_create(int fd, void *tls, const struct relay_place *place)
{
	static const struct rtmp_chunk_limits limits = {
		.message_max = MESSAGE_MAX,
		.chunk_max = (16 << 20) - 1,
		.streams_max = 64,
		.partial_max = 2 * MESSAGE_MAX,
	};
	struct relay_session *s = mem_new(struct relay_session);
	RTMP *r = RTMP_Alloc();

	RTMP_Init(r);
	s->place = place;
	s->fd = fd;
	s->reader = rtmp_chunk_reader_create(&limits);
	s->rtmp = r;
	/* TLS, where there is any, is under it already. */
	r->Link.protocol = RTMP_PROTOCOL_RTMP | RTMP_FEATURE_WRITE;
	r->Link.playpath = (AVal){.av_val = place->key, .av_len = (int)strlen(place->key)};
	r->m_sb.sb_socket = dup(fd);
	r->m_sb.sb_ssl = tls;
	return s;
}

void relay_session_destroy(struct relay_session **session)
{
	struct relay_session *s = *session;

	*session = NULL;
	if (!s)
		return;
	RTMP_Close(s->rtmp);
	RTMP_Free(s->rtmp);
	rtmp_chunk_reader_destroy(s->reader);
	buf_finish(&s->out);
	free(s);
}

static bool over(struct relay_session *s, const char *why)
{
	s->is_over = true;
	if (!s->error[0])
		relay_place_mask(s->place, why, s->error, sizeof(s->error));
	return false;
}

/* The body goes behind this; librtmp writes chunk headers before and into it. */
static struct buf *message_begin(struct relay_session *s)
{
	static const uint8_t room[RTMP_MAX_HEADER_SIZE];

	buf_reset(&s->out);
	buf_put(&s->out, room, sizeof(room));
	return &s->out;
}

/*
 * Full headers always: librtmp leaves a header out where the time is that of the message before,
 * which receivers read as one more step of the same length.
 */
static bool message_send(
	struct relay_session *s, int channel, uint8_t type, uint32_t timestamp, int stream_id)
{
	RTMPPacket packet = {
		.m_headerType = RTMP_PACKET_SIZE_LARGE,
		.m_packetType = type,
		.m_hasAbsTimestamp = 1,
		.m_nChannel = channel,
		.m_nTimeStamp = timestamp,
		.m_nInfoField2 = stream_id,
		.m_nBodySize = (uint32_t)(s->out.len - RTMP_MAX_HEADER_SIZE),
		.m_body = (char *)s->out.data + RTMP_MAX_HEADER_SIZE,
	};

	if (!RTMP_IsConnected(s->rtmp))
		return false;
	return RTMP_SendPacket(s->rtmp, &packet, 0);
}

static struct buf *command_begin(struct relay_session *s, const char *name, double transaction)
{
	struct buf *b = message_begin(s);

	amf0_put_string(b, name);
	amf0_put_number(b, transaction);
	amf0_put_null(b);
	return b;
}

static bool send_named(struct relay_session *s, const char *name, double transaction)
{
	amf0_put_string(command_begin(s, name, transaction), s->place->key);
	return message_send(s, CHANNEL_COMMAND, RTMP_TYPE_COMMAND_AMF0, 0, 0);
}

static bool send_u32(struct relay_session *s, uint8_t type, uint32_t value)
{
	buf_put_u32(message_begin(s), value);
	return message_send(s, CHANNEL_CONTROL, type, 0, 0);
}

static bool send_publish(struct relay_session *s)
{
	struct buf *b = command_begin(s, "publish", PUBLISH);

	amf0_put_string(b, s->place->key);
	amf0_put_string(b, "live");
	return message_send(s, CHANNEL_DATA, RTMP_TYPE_COMMAND_AMF0, 0, s->stream_id);
}

static bool on_connected(struct relay_session *s)
{
	if (!send_u32(s, RTMP_TYPE_SET_CHUNK_SIZE, CHUNK_SIZE))
		return false;
	s->rtmp->m_outChunkSize = CHUNK_SIZE;
	if (!send_named(s, "releaseStream", RELEASE) || !send_named(s, "FCPublish", FC_PUBLISH))
		return false;
	command_begin(s, "createStream", CREATE);
	return message_send(s, CHANNEL_COMMAND, RTMP_TYPE_COMMAND_AMF0, 0, 0);
}

/* Adobe RTMP 1.0, section 7.2.1: an information object. */
struct info {
	char level[16], code[96], description[160];
};

static void read_info(struct amf0_reader *r, struct info *info)
{
	struct amf0_value v;
	struct amf0_text name;

	*info = (struct info){0};
	if (!amf0_read(r, &v) || (v.type != AMF0_OBJECT && v.type != AMF0_ECMA_ARRAY))
		return;
	while (amf0_member(r, &name) && amf0_read(r, &v)) {
		if (v.type != AMF0_STRING)
			amf0_skip_inside(r, &v);
		else if (amf0_text_is(name, "level"))
			amf0_text_copy(v.text, info->level, sizeof(info->level));
		else if (amf0_text_is(name, "code"))
			amf0_text_copy(v.text, info->code, sizeof(info->code));
		else if (amf0_text_is(name, "description"))
			amf0_text_copy(v.text, info->description, sizeof(info->description));
	}
}

static bool refused(struct relay_session *s, const struct info *info)
{
	char why[RELAY_ERROR_SIZE * 2];

	snprintf(why, sizeof(why), "refused by the target: %s%s%s",
		info->description[0] ? info->description : "no reason given",
		info->code[0] ? ", " : "", info->code);
	return over(s, why);
}

static bool on_result(struct relay_session *s, int transaction, struct amf0_reader *args)
{
	struct amf0_value v;

	if (transaction == CONNECT)
		return on_connected(s);
	if (transaction != CREATE)
		return true;
	if (!amf0_read(args, &v) || v.type != AMF0_NUMBER || v.number < 0 || v.number > 1e6)
		return over(s, "the target gave no stream");
	s->stream_id = (int)v.number;
	return send_publish(s);
}

static bool on_status(struct relay_session *s, struct amf0_reader *args)
{
	struct info info;

	read_info(args, &info);
	if (strcmp(info.level, "error") == 0 ||
		strcmp(info.code, "NetConnection.Connect.ReconnectRequest") == 0 ||
		strcmp(info.code, "NetStream.Unpublish.Success") == 0)
		return refused(s, &info);
	if (strcmp(info.code, "NetStream.Publish.Start") == 0)
		s->is_accepted = true;
	return true;
}

static bool on_error(struct relay_session *s, int transaction, struct amf0_reader *args)
{
	struct info info;

	/* Those two are habits of encoders that not every server knows. */
	if (transaction == RELEASE || transaction == FC_PUBLISH)
		return true;
	read_info(args, &info);
	return refused(s, &info);
}

static bool on_command(struct relay_session *s, const struct rtmp_message *m)
{
	struct amf0_reader r = amf0_reader(m->data, m->len);
	struct amf0_value name, transaction;

	if (!amf0_read(&r, &name) || name.type != AMF0_STRING || !amf0_read(&r, &transaction) ||
		transaction.type != AMF0_NUMBER || !(transaction.number >= 0) ||
		transaction.number > PUBLISH)
		return true;
	if (amf0_text_is(name.text, "close"))
		return over(s, "closed by the target");
	amf0_skip(&r);
	if (amf0_text_is(name.text, "_result"))
		return on_result(s, (int)transaction.number, &r);
	if (amf0_text_is(name.text, "_error"))
		return on_error(s, (int)transaction.number, &r);
	if (amf0_text_is(name.text, "onStatus"))
		return on_status(s, &r);
	return true;
}

static bool on_user_control(struct relay_session *s, const struct rtmp_message *m)
{
	struct rtmp_user_control control;
	struct buf *b;

	if (!rtmp_message_user_control(m, &control) || control.event != RTMP_USER_PING_REQUEST)
		return true;
	b = message_begin(s);
	buf_put_u16(b, RTMP_USER_PING_RESPONSE);
	buf_put_u32(b, control.value);
	return message_send(s, CHANNEL_CONTROL, RTMP_TYPE_USER_CONTROL, 0, 0);
}

static bool on_message(struct relay_session *s, const struct rtmp_message *m)
{
	switch (m->type) {
	case RTMP_TYPE_COMMAND_AMF0:
		return on_command(s, m);
	case RTMP_TYPE_USER_CONTROL:
		return on_user_control(s, m);
	case RTMP_TYPE_WINDOW_ACK_SIZE:
		return rtmp_message_u32(m, &s->window) || true;
	case RTMP_TYPE_SET_PEER_BANDWIDTH:
		return send_u32(s, RTMP_TYPE_WINDOW_ACK_SIZE, 2500000);
	}
	return true;
}

static bool acknowledge(struct relay_session *s)
{
	uint32_t bytes = (uint32_t)rtmp_chunk_reader_bytes(s->reader);

	if (!s->window || bytes - s->acked < s->window)
		return true;
	s->acked = bytes;
	return send_u32(s, RTMP_TYPE_ACKNOWLEDGEMENT, bytes);
}

static bool take(struct relay_session *s, const uint8_t *data, size_t len)
{
	struct rtmp_message m;
	size_t used;

	while (len) {
		enum rtmp_chunk_result r = rtmp_chunk_read(s->reader, data, len, &used, &m);
		if (r == RTMP_CHUNK_FAILED)
			return over(s, "the target does not speak RTMP");
		if (r == RTMP_CHUNK_MORE)
			break;
		if (!on_message(s, &m))
			return over(s, "");
		data += used;
		len -= used;
	}
	return acknowledge(s) || over(s, "");
}

/* 0: the end; -1: nothing is there; -2: broken. */
static int read_some(struct relay_session *s, uint8_t *out, size_t size, bool wait)
{
	ssize_t n;

	if (!RTMP_IsConnected(s->rtmp))
		return -2;
	if (s->rtmp->m_sb.sb_ssl)
		return relay_tls_read(s->rtmp->m_sb.sb_ssl, out, size);
	n = recv(s->fd, out, size, wait ? 0 : MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : -2;
	return (int)n;
}

bool relay_session_input(struct relay_session *s, bool wait)
{
	uint8_t data[READ_SIZE];
	int n;

	while (!s->is_over && (n = read_some(s, data, sizeof(data), wait)) != -1) {
		if (n <= 0)
			return over(s, "");
		if (!take(s, data, (size_t)n))
			return false;
		if (wait)
			break;
	}
	return !s->is_over;
}

static bool read_all(struct relay_session *s, uint8_t *out, size_t size)
{
	while (size) {
		int n = read_some(s, out, size, true);
		if (n == 0 || n == -2)
			return false;
		/* Nothing is there: TLS had something of its own to say. */
		if (n < 0)
			continue;
		out += n;
		size -= (size_t)n;
	}
	return true;
}

static bool write_all(struct relay_session *s, const uint8_t *data, size_t size)
{
	while (size) {
		int n = RTMPSockBuf_Send(&s->rtmp->m_sb, (const char *)data, (int)size);
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* Adobe RTMP 1.0, section 5.2. */
static bool greet(struct relay_session *s)
{
	uint8_t mine[1 + GREETING] = {RTMP_VERSION}, theirs[1 + GREETING];

	clock_random(&clock_system, mine + 1 + GREETING_HEAD, GREETING - GREETING_HEAD);
	return write_all(s, mine, sizeof(mine)) && read_all(s, theirs, sizeof(theirs)) &&
		theirs[0] == RTMP_VERSION && write_all(s, theirs + 1, GREETING) &&
		read_all(s, theirs + 1, GREETING);
}

static void put_member(struct buf *b, const char *name, const char *value)
{
	amf0_put_name(b, name);
	amf0_put_string(b, value);
}

static bool send_connect(struct relay_session *s)
{
	struct buf *b = message_begin(s);

	amf0_put_string(b, "connect");
	amf0_put_number(b, CONNECT);
	amf0_put_object(b);
	put_member(b, "app", s->place->app);
	put_member(b, "type", "nonprivate");
	put_member(b, "flashVer", "FMLE/3.0 (compatible; Souk Live)");
	put_member(b, "tcUrl", s->place->tc_url);
	amf0_put_end(b);
	return message_send(s, CHANNEL_COMMAND, RTMP_TYPE_COMMAND_AMF0, 0, 0);
}

bool relay_session_begin(struct relay_session *s)
{
	return greet(s) && send_connect(s);
}

bool relay_session_is_accepted(const struct relay_session *s)
{
	return s->is_accepted;
}

bool relay_session_pending(const struct relay_session *s)
{
	void *tls = s->rtmp->m_sb.sb_ssl;

	return tls && relay_tls_pending(tls);
}

static bool is_metadata(const uint8_t *body, size_t len)
{
	struct amf0_reader r = amf0_reader(body, len);
	struct amf0_value name;

	return amf0_read(&r, &name) && name.type == AMF0_STRING &&
		amf0_text_is(name.text, "onMetaData");
}

/* Sound may come a little before the keyframe that it begins with. */
static uint32_t own_time(struct relay_session *s, uint32_t timestamp)
{
	if (!s->has_first)
		s->first_ms = timestamp;
	s->has_first = true;
	return (int32_t)(timestamp - s->first_ms) < 0 ? 0 : timestamp - s->first_ms;
}

bool relay_session_send(struct relay_session *s, const struct relay_packet *p)
{
	const uint8_t *body = rcbuf_data(p->wire) + FEED_WIRE_HEAD;
	size_t len = rcbuf_len(p->wire) - FEED_WIRE_HEAD - FEED_WIRE_TAIL;
	int channel = p->type == FEED_AUDIO ? CHANNEL_AUDIO
		: p->type == FEED_VIDEO	    ? CHANNEL_VIDEO
					    : CHANNEL_DATA;
	struct buf *b = message_begin(s);

	if (p->type == FEED_SCRIPT && is_metadata(body, len))
		amf0_put_string(b, "@setDataFrame");
	buf_put(b, body, len);
	return message_send(s, channel, p->type, own_time(s, p->timestamp), s->stream_id);
}

void relay_session_end(struct relay_session *s)
{
	if (!RTMP_IsConnected(s->rtmp))
		return;
	/* With this known librtmp takes the stream back (FCUnpublish, deleteStream) as it closes;
	 * not before, or it would do so, and wait once more, for a target that takes nothing. */
	s->rtmp->m_stream_id = s->stream_id;
	RTMP_Close(s->rtmp);
}

const char *relay_session_error(const struct relay_session *s)
{
	return s->error;
}
