#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rtmp_session_private.h"

/* Commands of NetConnection and NetStream (Adobe RTMP 1.0, section 7.2), and those that encoders
 * inherited from Flash Media Live Encoder: releaseStream, FCPublish, FCUnpublish. */

#define BANDWIDTH_DYNAMIC 2

/* Enhanced RTMP v2, "Enhancing NetConnection connect Command". */
enum { CAPS_RECONNECT = 1, CAPS_MULTITRACK = 2, CAPS_MOD_EX = 4, CAPS_NANO = 8 };
#define CAPS_CAN_DECODE 1

static const char *const video_fourccs[] = {"avc1", "hvc1", "av01", "vp09", NULL};
static const char *const audio_fourccs[] = {"mp4a", ".mp3", "Opus", "fLaC", "ac-3", "ec-3", NULL};

struct command {
	double transaction;
	uint32_t stream_id;
	struct amf0_reader args; /* at the command object */
};

static struct buf *begin_reply(struct rtmp_session *s, const char *name, double transaction)
{
	buf_reset(&s->scratch);
	amf0_put_string(&s->scratch, name);
	amf0_put_number(&s->scratch, transaction);
	return &s->scratch;
}

static void send_reply(struct rtmp_session *s, uint32_t csid, uint32_t stream_id)
{
	struct rtmp_message m = {
		.csid = csid,
		.stream_id = stream_id,
		.type = RTMP_TYPE_COMMAND_AMF0,
		.data = s->scratch.data,
		.len = s->scratch.len,
	};
	rtmp_chunk_write(&s->writer, &m, &s->output);
}

static void put_text_member(struct buf *b, const char *name, const char *value)
{
	amf0_put_name(b, name);
	amf0_put_string(b, value);
}

static void put_number_member(struct buf *b, const char *name, double value)
{
	amf0_put_name(b, name);
	amf0_put_number(b, value);
}

static void put_info(struct buf *b, const char *level, const char *code, const char *text)
{
	amf0_put_object(b);
	put_text_member(b, "level", level);
	put_text_member(b, "code", code);
	put_text_member(b, "description", text);
	amf0_put_end(b);
}

void session_send_status(struct rtmp_session *s, uint32_t stream_id, const char *level,
	const char *code, const char *text)
{
	struct buf *b = begin_reply(s, "onStatus", 0);
	amf0_put_null(b);
	put_info(b, level, code, text);
	send_reply(s, RTMP_CSID_STREAM, stream_id);
}

void session_request_reconnect(struct rtmp_session *s, const char *text)
{
	if (s->capabilities & CAPS_RECONNECT)
		session_send_status(s, 0, "status", "NetConnection.Connect.ReconnectRequest", text);
}

static void send_sample_access(struct rtmp_session *s)
{
	struct buf *b = &s->scratch;
	struct rtmp_message m = {.csid = RTMP_CSID_STREAM,
		.stream_id = s->request_stream,
		.type = RTMP_TYPE_DATA_AMF0};

	buf_reset(b);
	amf0_put_string(b, "|RtmpSampleAccess");
	amf0_put_boolean(b, true);
	amf0_put_boolean(b, true);
	m.data = b->data;
	m.len = b->len;
	rtmp_chunk_write(&s->writer, &m, &s->output);
}

void session_begin_play(struct rtmp_session *s)
{
	rtmp_chunk_write_size(&s->writer, s->config.play_chunk_size, &s->output);
	rtmp_chunk_write_user(&s->writer, RTMP_USER_STREAM_BEGIN, s->request_stream, &s->output);
	session_send_status(
		s, s->request_stream, "status", "NetStream.Play.Reset", "playing from now on");
	session_send_status(
		s, s->request_stream, "status", "NetStream.Play.Start", "playing started");
	send_sample_access(s);
}

void session_end_play(struct rtmp_session *s)
{
	session_send_status(s, s->request_stream, "status", "NetStream.Play.UnpublishNotify",
		"the stream has ended");
	rtmp_chunk_write_user(&s->writer, RTMP_USER_STREAM_EOF, s->request_stream, &s->output);
	session_send_status(
		s, s->request_stream, "status", "NetStream.Play.Stop", "the stream has ended");
}

static void send_error(
	struct rtmp_session *s, double transaction, const char *code, const char *text)
{
	struct buf *b = begin_reply(s, "_error", transaction);
	amf0_put_null(b);
	put_info(b, "error", code, text);
	send_reply(s, RTMP_CSID_COMMAND, 0);
}

/* Copies what stands before '?', without slashes around it. False if it does not fit or is odd. */
static bool copy_trimmed(struct amf0_text text, char *out, size_t size)
{
	const char *query = text.len > 0 ? memchr(text.data, '?', text.len) : NULL;
	if (query != NULL) {
		text.len = (size_t)(query - text.data);
	}
	while (text.len > 0 && text.data[0] == '/') {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && text.data[text.len - 1] == '/') {
		text.len--;
	}
	return amf0_text_copy(text, out, size);
}

struct connect_args {
	char app[RTMP_KEY_SIZE + 64];
	bool has_app;
};

/* A number that says more than it has bits for says nothing. */
static unsigned read_capabilities(double number)
{
	return number >= 0 && number <= UINT16_MAX ? (unsigned)number : 0;
}

static bool read_connect(struct rtmp_session *s, struct amf0_reader *r, struct connect_args *args)
{
	struct amf0_value v;
	struct amf0_text name;
	*args = (struct connect_args){0};
	if (!amf0_read(r, &v) || (v.type != AMF0_OBJECT && v.type != AMF0_ECMA_ARRAY)) {
		return false;
	}
	while (amf0_member(r, &name)) {
		if (!amf0_read(r, &v)) {
			return args->has_app;
		}
		if (v.type == AMF0_STRING && amf0_text_is(name, "app")) {
			args->has_app = copy_trimmed(v.text, args->app, sizeof(args->app));
		} else if (v.type == AMF0_STRING && amf0_text_is(name, "flashVer")) {
			amf0_text_copy(v.text, s->flash_version, sizeof(s->flash_version));
		} else if (amf0_text_is(name, "fourCcList")) {
			s->is_enhanced = true;
		} else if (v.type == AMF0_NUMBER && amf0_text_is(name, "capsEx")) {
			s->is_enhanced = true;
			s->capabilities = read_capabilities(v.number);
		}
		if (!amf0_skip_inside(r, &v)) {
			return args->has_app;
		}
	}
	return args->has_app;
}

/*
 * The app, alone or with an instance behind it: who types rtmp://HOST/live/KEY into OBS's server
 * field and leaves the key empty sends the app "live/KEY" and publishes "".
 */
static bool take_app(struct rtmp_session *s, const char *app)
{
	size_t len = strlen(s->app);
	if (strncmp(app, s->app, len) != 0 || (app[len] != '\0' && app[len] != '/')) {
		return false;
	}
	return app[len] == '\0' || text_copy(s->instance, sizeof(s->instance), app + len + 1);
}

/* What may be sent here, for those who ask: older encoders expect what Flash's server said. */
static void put_enhancements(struct buf *b)
{
	const char *const *lists[] = {video_fourccs, audio_fourccs};
	static const char *const names[] = {"videoFourCcInfoMap", "audioFourCcInfoMap"};
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		for (const char *const *f = lists[i]; *f; f++)
			n++;
	}
	amf0_put_name(b, "fourCcList");
	amf0_put_strict_array(b, n);
	for (unsigned i = 0; i < 2; i++) {
		for (const char *const *f = lists[i]; *f; f++)
			amf0_put_string(b, *f);
	}
	for (unsigned i = 0; i < 2; i++) {
		amf0_put_name(b, names[i]);
		amf0_put_object(b);
		for (const char *const *f = lists[i]; *f; f++)
			put_number_member(b, *f, CAPS_CAN_DECODE);
		amf0_put_end(b);
	}
	put_number_member(b, "capsEx", CAPS_RECONNECT | CAPS_MULTITRACK | CAPS_MOD_EX | CAPS_NANO);
}

static void send_connected(struct rtmp_session *s, double transaction)
{
	rtmp_chunk_write_u32(
		&s->writer, RTMP_TYPE_WINDOW_ACK_SIZE, s->config.window_ack, &s->output);
	rtmp_chunk_write_bandwidth(&s->writer, s->config.window_ack, BANDWIDTH_DYNAMIC, &s->output);
	rtmp_chunk_write_size(&s->writer, s->config.chunk_size, &s->output);

	struct buf *b = begin_reply(s, "_result", transaction);
	amf0_put_object(b);
	put_text_member(b, "fmsVer", "FMS/3,5,7,7009");
	put_number_member(b, "capabilities", 31);
	put_number_member(b, "mode", 1);
	if (s->is_enhanced)
		put_enhancements(b);
	amf0_put_end(b);
	amf0_put_object(b);
	put_text_member(b, "level", "status");
	put_text_member(b, "code", "NetConnection.Connect.Success");
	put_text_member(b, "description", "connected");
	/* AMF0 whatever was asked for: AMF3 is not spoken here. */
	put_number_member(b, "objectEncoding", 0);
	amf0_put_end(b);
	send_reply(s, RTMP_CSID_COMMAND, 0);
}

static void on_connect(struct rtmp_session *s, struct command *c)
{
	struct connect_args args;
	if (s->state != SESSION_CONNECTING) {
		send_error(s, c->transaction, "NetConnection.Connect.Failed", "connected already");
		return;
	}
	if (!read_connect(s, &c->args, &args) || !take_app(s, args.app)) {
		char text[128];
		snprintf(text, sizeof(text), "unknown application: this server has \"%s\"", s->app);
		send_error(s, c->transaction, "NetConnection.Connect.InvalidApp", text);
		session_end(s, RTMP_CLOSE_INVALID_APP);
		return;
	}
	s->state = SESSION_CONNECTED;
	send_connected(s, c->transaction);
}

static void send_result(struct rtmp_session *s, const struct command *c)
{
	struct buf *b = begin_reply(s, "_result", c->transaction);
	amf0_put_null(b);
	amf0_put_undefined(b);
	send_reply(s, RTMP_CSID_COMMAND, 0);
}

static void send_number(struct rtmp_session *s, const struct command *c, double value)
{
	struct buf *b = begin_reply(s, "_result", c->transaction);
	amf0_put_null(b);
	amf0_put_number(b, value);
	send_reply(s, RTMP_CSID_COMMAND, 0);
}

static void on_create_stream(struct rtmp_session *s, struct command *c)
{
	send_number(s, c, ++s->streams_made);
}

static void on_get_stream_length(struct rtmp_session *s, struct command *c)
{
	send_number(s, c, 0);
}

static void on_release_stream(struct rtmp_session *s, struct command *c)
{
	send_result(s, c);
}

/* onFCPublish and onFCUnpublish are calls of their own, not answers; no code that could be taken
 * for that of the publish itself. */
static void call_back(struct rtmp_session *s, const char *name, const char *code, const char *text)
{
	struct buf *b = begin_reply(s, name, 0);
	amf0_put_null(b);
	put_info(b, "status", code, text);
	send_reply(s, RTMP_CSID_COMMAND, 0);
}

static void on_fc_publish(struct rtmp_session *s, struct command *c)
{
	send_result(s, c);
	call_back(s, "onFCPublish", "NetStream.FCPublish.Success", "waiting for publish");
}

static void on_fc_unpublish(struct rtmp_session *s, struct command *c)
{
	send_result(s, c);
	call_back(s, "onFCUnpublish", "NetStream.Unpublish.Success", "publishing stopped");
	session_unpublish(s);
}

static void on_close_stream(struct rtmp_session *s, struct command *c)
{
	if (c->stream_id == s->request_stream) {
		session_unpublish(s);
		session_stop_play(s);
	}
}

static void on_delete_stream(struct rtmp_session *s, struct command *c)
{
	struct amf0_value v;
	bool named = amf0_skip(&c->args) && amf0_read(&c->args, &v) && v.type == AMF0_NUMBER;
	if (!named || v.number == (double)s->request_stream) {
		session_unpublish(s);
		session_stop_play(s);
	}
}

/* What follows '?', if it can stand in a URL and fits. */
static void read_query(struct rtmp_session *s, struct amf0_text text)
{
	const char *query = text.len > 0 ? memchr(text.data, '?', text.len) : NULL;

	s->query[0] = '\0';
	if (query == NULL)
		return;
	text.len -= (size_t)(query + 1 - text.data);
	text.data = query + 1;
	if (text.len > 0 && !amf0_text_copy(text, s->query, sizeof(s->query)))
		s->query[0] = '\0';
}

/* The name and the type of publish and play. False if there is no name that can be a key. */
static bool read_request(struct rtmp_session *s, struct command *c)
{
	struct amf0_value v;
	s->key[0] = s->type[0] = '\0';
	bool named = amf0_skip(&c->args) && amf0_read(&c->args, &v) && v.type == AMF0_STRING;
	s->query[0] = '\0';
	if (named)
		read_query(s, v.text);
	if (named && !copy_trimmed(v.text, s->key, sizeof(s->key))) {
		s->key[0] = '\0';
		return false;
	}
	if (named && amf0_read(&c->args, &v) && v.type == AMF0_STRING) {
		amf0_text_copy(v.text, s->type, sizeof(s->type));
	}
	if (s->key[0] == '\0') {
		text_copy(s->key, sizeof(s->key), s->instance);
	}
	return s->key[0] != '\0';
}

static void ask_owner(struct rtmp_session *s, struct command *c, bool is_play,
	void (*ask)(void *user, const struct rtmp_request *request), enum rtmp_close refusal)
{
	if (s->state == SESSION_PUBLISHING || s->state == SESSION_PLAYING) {
		session_send_status(s, c->stream_id, "error",
			is_play ? "NetStream.Play.Failed" : "NetStream.Publish.BadConnection",
			s->state == SESSION_PLAYING ? "this connection is playing already"
						    : "this connection is publishing already");
		return;
	}
	bool valid = read_request(s, c);
	s->state = SESSION_PENDING;
	s->pending_is_play = is_play;
	s->request_stream = c->stream_id;
	if (!valid || ask == NULL) {
		rtmp_session_reject(s, refusal, NULL,
			valid ? NULL : "the stream name is empty, too long or has odd characters");
		return;
	}
	struct rtmp_request request = {
		.key = s->key, .type = is_play ? "" : s->type, .query = is_play ? s->query : ""};
	ask(s->user, &request);
}

static void on_publish(struct rtmp_session *s, struct command *c)
{
	ask_owner(s, c, false, s->events->publish, RTMP_CLOSE_BAD_KEY);
}

static void on_play(struct rtmp_session *s, struct command *c)
{
	ask_owner(s, c, true, s->events->play, RTMP_CLOSE_NO_STREAM);
}

static void on_pause(struct rtmp_session *s, struct command *c)
{
	struct amf0_value v;
	bool said = amf0_skip(&c->args) && amf0_read(&c->args, &v) && v.type == AMF0_BOOLEAN;

	if (s->state != SESSION_PLAYING || !said)
		return;
	session_send_status(s, s->request_stream, "status",
		v.flag ? "NetStream.Pause.Notify" : "NetStream.Unpause.Notify",
		v.flag ? "paused" : "going on at the live edge");
	if (s->events->pause != NULL)
		s->events->pause(s->user, v.flag);
}

static void on_fc_subscribe(struct rtmp_session *s, struct command *c)
{
	send_result(s, c);
	call_back(s, "onFCSubscribe", "NetStream.FCSubscribe.Success", "waiting for play");
}

static void on_answer(struct rtmp_session *s, struct command *c)
{
}

struct command_row {
	const char *name;
	bool before_connect;
	void (*run)(struct rtmp_session *s, struct command *c);
};

static const struct command_row commands[] = {
	{"connect", true, on_connect},
	{"createStream", false, on_create_stream},
	{"releaseStream", false, on_release_stream},
	{"FCPublish", false, on_fc_publish},
	{"publish", false, on_publish},
	{"FCUnpublish", false, on_fc_unpublish},
	{"closeStream", false, on_close_stream},
	{"deleteStream", false, on_delete_stream},
	{"getStreamLength", false, on_get_stream_length},
	{"play", false, on_play},
	{"pause", false, on_pause},
	{"FCSubscribe", false, on_fc_subscribe},
	/* Answers to calls of ours, which want none. */
	{"_result", true, on_answer},
	{"_error", true, on_answer},
	{"onStatus", true, on_answer},
};

static const struct command_row *find_command(struct amf0_text name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (amf0_text_is(name, commands[i].name)) {
			return &commands[i];
		}
	}
	return NULL;
}

static void refuse(struct rtmp_session *s, const struct command *c, const char *text)
{
	/* Transaction 0 asks for no answer. */
	if (c->transaction != 0) {
		send_error(s, c->transaction, "NetConnection.Call.Failed", text);
	}
}

void session_command(struct rtmp_session *s, const struct rtmp_message *m)
{
	struct buf_reader in;
	struct amf0_value name, transaction;
	if (!rtmp_message_amf0(m, &in)) {
		session_end(s, RTMP_CLOSE_COMMAND);
		return;
	}
	struct command c = {.stream_id = m->stream_id, .args = {.in = in}};
	if (!amf0_read(&c.args, &name) || name.type != AMF0_STRING ||
		!amf0_read(&c.args, &transaction) || transaction.type != AMF0_NUMBER) {
		session_end(s, RTMP_CLOSE_COMMAND);
		return;
	}
	c.transaction = transaction.number;
	const struct command_row *row = find_command(name.text);
	if (row == NULL) {
		refuse(s, &c, "unknown command");
	} else if (!row->before_connect && s->state == SESSION_CONNECTING) {
		refuse(s, &c, "not connected");
	} else {
		row->run(s, &c);
	}
}
