#define LOG_MODULE "rtmp"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "proto/flv.h"
#include "proto/flv_color.h"
#include "rtmp_private.h"
#include "timed_text.h"

#define TEXTS_A_SECOND 10

/*~ From a session's events to the live floor: the key is looked up, tags become samples. Came from
 * proto/rtmp_session.c; next stop: live/publisher.c and live/stream.c. */

static enum rtmp_close refusal_reason(enum live_refusal reason)
{
	switch (reason) {
	case LIVE_REFUSE_WRONG_KEY:
	case LIVE_REFUSE_ROTATED_KEY:
	case LIVE_REFUSE_ENDED:
	case LIVE_REFUSE_NOT_LIVE:
		return RTMP_CLOSE_BAD_KEY;
	case LIVE_REFUSE_BUSY:
		return RTMP_CLOSE_BUSY;
	case LIVE_REFUSE_FULL:
		return RTMP_CLOSE_PUBLISHER_LIMIT;
	case LIVE_REFUSE_BANNED:
		return RTMP_CLOSE_KICKED;
	case LIVE_REFUSE_DRAINING:
		return RTMP_CLOSE_DRAIN;
	}
	return RTMP_CLOSE_INTERNAL;
}

static enum rtmp_close kick_reason(enum live_kick reason)
{
	switch (reason) {
	case LIVE_KICK_TAKEOVER:
		return RTMP_CLOSE_TAKEOVER;
	case LIVE_KICK_ENDED:
		return RTMP_CLOSE_ENDED;
	case LIVE_KICK_ROTATED:
		return RTMP_CLOSE_BAD_KEY;
	case LIVE_KICK_ADMIN:
		return RTMP_CLOSE_KICKED;
	case LIVE_KICK_DRAIN:
		return RTMP_CLOSE_DRAIN;
	}
	return RTMP_CLOSE_INTERNAL;
}

static void on_admitted(struct live_publisher *p, struct live_stream *stream)
{
	struct rtmp_conn *c = container_of(p, struct rtmp_conn, publisher);
	c->published = true;
	memset(c->audio, 0, sizeof(c->audio));
	text_copy(c->stream_id, sizeof(c->stream_id), live_stream_id_text(stream));
	log_info("publish started", kv_u64("conn", c->id), kv_str("address", c->address),
		kv_str("stream", c->stream_id), kv_masked("key", c->key_head),
		kv_bool("tls", c->port->tls),
		kv_str("client", rtmp_session_flash_version(c->session)));
	rtmp_session_accept(c->session, loop_now_us(c->server->loop));
	rtmp_conn_update(c);
}

static void on_refused(struct live_publisher *p, enum live_refusal reason)
{
	struct rtmp_conn *c = container_of(p, struct rtmp_conn, publisher);
	c->why = live_refusal_text(reason);
	rtmp_session_reject(c->session, refusal_reason(reason), NULL, c->why);
	rtmp_conn_update(c);
}

static void on_kicked(struct live_publisher *p, enum live_kick reason)
{
	struct rtmp_conn *c = container_of(p, struct rtmp_conn, publisher);
	c->why = live_kick_text(reason);
	rtmp_session_close(c->session, kick_reason(reason), c->why);
	rtmp_conn_update(c);
}

static const enum media_codec codecs[] = {
	[FLV_CODEC_H264] = MEDIA_CODEC_H264,
	[FLV_CODEC_HEVC] = MEDIA_CODEC_HEVC,
	[FLV_CODEC_AV1] = MEDIA_CODEC_AV1,
	[FLV_CODEC_VP9] = MEDIA_CODEC_VP9,
	[FLV_CODEC_AAC] = MEDIA_CODEC_AAC,
	[FLV_CODEC_MP3] = MEDIA_CODEC_MP3,
	[FLV_CODEC_OPUS] = MEDIA_CODEC_OPUS,
	[FLV_CODEC_FLAC] = MEDIA_CODEC_FLAC,
	[FLV_CODEC_AC3] = MEDIA_CODEC_AC3,
	[FLV_CODEC_EAC3] = MEDIA_CODEC_EAC3,
};
#define CODECS (sizeof(codecs) / sizeof(codecs[0]))

static enum media_codec media_codec_of(enum flv_codec codec)
{
	return codec < CODECS ? codecs[codec] : MEDIA_CODEC_NONE;
}

static const char *codec_text(enum media_codec codec)
{
	for (unsigned i = 0; i < CODECS; i++) {
		if (codecs[i] == codec && codec != MEDIA_CODEC_NONE)
			return flv_codec_text(i);
	}
	return "media";
}

static void refuse(
	struct rtmp_conn *c, const char *codec, bool is_video, const char *why, const char *instead)
{
	char text[160];
	snprintf(text, sizeof(text), "%s %s %s: send %s.", codec, is_video ? "video" : "audio", why,
		instead);
	log_warn("codec refused", kv_u64("conn", c->id), kv_str("stream", c->stream_id),
		kv_str("codec", codec));
	rtmp_session_close(c->session, RTMP_CLOSE_CODEC, text);
}

static void refuse_codec(struct rtmp_conn *c, const struct flv_packet *packet)
{
	bool is_video = packet->kind == FLV_VIDEO;
	char codec[64];
	flv_packet_codec_text(packet, codec, sizeof(codec));
	refuse(c, codec, is_video, "is not supported",
		is_video ? "H.264, HEVC, AV1 or VP9" : "AAC, Opus, MP3, FLAC, AC-3 or E-AC-3");
}

/* One that the stream's container has no place for: MPEG-TS; CMAF takes all. */
static void refuse_place(struct rtmp_conn *c, const char *codec, bool is_video)
{
	refuse(c, codec, is_video, "has no place in MPEG-TS, which this stream is served in",
		is_video ? "H.264 or HEVC" : "AAC-LC, MP3, AC-3, E-AC-3 or Opus");
}

static void refuse_config(struct rtmp_conn *c, const char *codec)
{
	char text[80];
	snprintf(text, sizeof(text), "The %s configuration is damaged.", codec);
	rtmp_session_close(c->session, RTMP_CLOSE_MEDIA, text);
}

static void on_faulted(struct live_publisher *p, const struct live_fault *fault)
{
	struct rtmp_conn *c = container_of(p, struct rtmp_conn, publisher);

	switch (fault->result) {
	case MEDIA_OK:
	case MEDIA_BAD_SAMPLE:
		break;
	case MEDIA_BAD_CONFIG:
		refuse_config(c, codec_text(fault->codec));
		break;
	case MEDIA_NO_PLACE:
		refuse_place(c, codec_text(fault->codec), fault->kind == MEDIA_VIDEO);
		break;
	case MEDIA_FAILED:
		rtmp_session_close(c->session, RTMP_CLOSE_INTERNAL, NULL);
		break;
	}
	rtmp_conn_update(c);
}

static void on_flow(struct live_publisher *p)
{
	rtmp_conn_update(container_of(p, struct rtmp_conn, publisher));
}

static const struct live_publisher_ops publisher_ops = {
	.admitted = on_admitted,
	.refused = on_refused,
	.kicked = on_kicked,
	.faulted = on_faulted,
	.flow = on_flow,
};

void ingest_init(struct rtmp_conn *c)
{
	memset(&c->publisher, 0, sizeof(c->publisher));
	c->publisher.ops = &publisher_ops;
	text_copy(c->publisher.address, sizeof(c->publisher.address), c->address);
}

static void on_publish(void *user, const struct rtmp_request *request)
{
	struct rtmp_conn *c = user;
	ingest_init(c);
	/* Only the head is kept, for the log. */
	text_copy(c->key_head, sizeof(c->key_head), request->key);
	c->joined = true;
	c->stream_id[0] = '\0';
	live_publisher_join(&c->publisher, c->server->registry, request->key);
}

static void on_play(void *user, const struct rtmp_request *request)
{
	player_play(user, request);
}

static void on_stop(void *user)
{
	player_stop(user);
}

static void on_pause(void *user, bool paused)
{
	player_pause(user, paused);
}

/* Their frames say all: they may come without a configuration. */
static bool needs_no_config(enum flv_codec codec)
{
	return codec == FLV_CODEC_MP3 || codec == FLV_CODEC_AC3 || codec == FLV_CODEC_EAC3;
}

static void configure(struct rtmp_conn *c, const struct flv_packet *packet)
{
	bool video = packet->kind == FLV_VIDEO;
	bool with_config = packet->is_config && !needs_no_config(packet->codec);

	if (!video)
		c->audio[packet->track] = packet->codec;
	live_publisher_configure(&c->publisher, video ? MEDIA_VIDEO : MEDIA_AUDIO, packet->track,
		media_codec_of(packet->codec), with_config ? packet->data : NULL,
		with_config ? packet->len : 0);
}

static void pass_on(struct rtmp_conn *c, const struct flv_packet *packet, uint32_t timestamp)
{
	/* Where there is no configuration the first frame is the sign. */
	if (packet->is_config ||
		(needs_no_config(packet->codec) && c->audio[packet->track] != packet->codec))
		configure(c, packet);
	if (packet->is_config || rtmp_session_reason(c->session))
		return;
	live_publisher_sample(&c->publisher,
		&(struct media_sample){
			.kind = packet->kind == FLV_VIDEO ? MEDIA_VIDEO : MEDIA_AUDIO,
			.track = packet->track,
			.key = packet->is_key,
			.timestamp_ms = timestamp,
			.nano_offset = packet->nano_offset,
			.composition_ms = packet->composition_ms,
			.data = packet->data,
			.len = packet->len,
		});
}

static void put_point(double out[2], struct flv_point point)
{
	out[0] = point.x;
	out[1] = point.y;
}

/* More tracks than a stream has renditions for are left out, and that is said once. */
static bool track_allowed(struct rtmp_conn *c, const struct flv_packet *packet)
{
	if (packet->track < MEDIA_TRACKS)
		return true;
	if (!c->told_tracks)
		log_warn("tracks left out", kv_u64("conn", c->id), kv_str("stream", c->stream_id),
			kv_u64("track", packet->track), kv_u64("tracks_max", MEDIA_TRACKS));
	c->told_tracks = true;
	metric_add(c->server->metrics.dropped_tracks, 1);
	return false;
}

static void take_color(struct rtmp_conn *c, const struct flv_packet *packet)
{
	struct flv_color f;
	struct media_color color = {0};

	if (!flv_color_read(packet->data, packet->len, &f))
		return;
	color.primaries = f.primaries;
	color.transfer = f.transfer;
	color.matrix = f.matrix;
	color.max_fall = f.max_fall;
	color.max_cll = f.max_cll;
	put_point(color.red, f.red);
	put_point(color.green, f.green);
	put_point(color.blue, f.blue);
	put_point(color.white, f.white);
	color.max_luminance = f.max_luminance;
	color.min_luminance = f.min_luminance;
	live_publisher_color(&c->publisher, packet->track, &color);
}

static void take_packet(struct rtmp_conn *c, const struct flv_packet *packet, uint32_t timestamp)
{
	if (media_codec_of(packet->codec) == MEDIA_CODEC_NONE) {
		refuse_codec(c, packet);
		return;
	}
	/* What follows the end of a sequence comes with a new configuration, or not at all. */
	if (packet->is_end_of_sequence || !track_allowed(c, packet)) {
		return;
	}
	if (packet->is_metadata) {
		take_color(c, packet);
		return;
	}
	pass_on(c, packet, timestamp);
}

/* The first packet stands for the tag. What has none, and the end of a sequence, which is not that
 * of the stream, is not for players. */
static void give_to_players(struct rtmp_conn *c, const struct rtmp_message *m)
{
	bool video = m->type == RTMP_TYPE_VIDEO;
	struct flv_tag tag = flv_tag(video ? FLV_VIDEO : FLV_AUDIO, m->data, m->len);
	struct flv_packet packet;

	if (flv_tag_next(&tag, &packet) != FLV_OK || packet.is_end_of_sequence)
		return;
	live_publisher_tag(&c->publisher,
		&(struct feed_input){
			.type = video ? FEED_VIDEO : FEED_AUDIO,
			.timestamp = m->timestamp,
			.is_config = packet.is_config,
			.is_key = video && packet.is_key && !packet.is_config &&
				!packet.is_metadata && packet.track == 0,
			.track = packet.track,
			.body = m->data,
			.len = m->len,
		});
}

static void on_script(
	void *user, const char *name, uint32_t timestamp, const uint8_t *body, size_t len)
{
	struct rtmp_conn *c = user;

	live_publisher_tag(&c->publisher,
		&(struct feed_input){
			.type = FEED_SCRIPT,
			.timestamp = timestamp,
			.is_config = text_eq(name, "onMetaData"),
			.body = body,
			.len = len,
		});
}

static void on_media(void *user, const struct rtmp_message *m)
{
	struct rtmp_conn *c = user;
	struct flv_tag tag =
		flv_tag(m->type == RTMP_TYPE_VIDEO ? FLV_VIDEO : FLV_AUDIO, m->data, m->len);
	struct flv_packet packet;
	enum flv_result result;

	while (!rtmp_session_reason(c->session) &&
		(result = flv_tag_next(&tag, &packet)) != FLV_END) {
		if (result == FLV_OK)
			take_packet(c, &packet, m->timestamp);
		else if (result == FLV_UNSUPPORTED)
			refuse_codec(c, &packet);
		else if (result == FLV_INVALID)
			metric_add(c->server->metrics.invalid_tags, 1);
	}
	if (!rtmp_session_reason(c->session))
		give_to_players(c, m);
}

static void on_metadata(void *user, const struct rtmp_metadata *m)
{
	struct rtmp_conn *c = user;
	struct live_metadata live = {
		.width = m->width,
		.height = m->height,
		.frame_rate = m->framerate,
		.video_kbps = m->video_kbps,
		.audio_kbps = m->audio_kbps,
		.audio_rate = m->audio_sample_rate,
		.has_video = m->video_codec_id > 0 || m->video_codec[0] != '\0',
		.has_audio = m->audio_codec_id > 0 || m->audio_codec[0] != '\0',
	};
	text_copy(live.encoder, sizeof(live.encoder), m->encoder);
	live_publisher_metadata(&c->publisher, &live);
}

/* An encoder may not fill the playlist: so many a second, and the rest is dropped. */
static bool text_allowed(struct rtmp_conn *c)
{
	uint64_t second = loop_now_us(c->server->loop) / 1000000;
	if (second != c->text_second) {
		c->text_second = second;
		c->texts = 0;
	}
	return c->texts++ < TEXTS_A_SECOND;
}

/* Text and cue points reach viewers as DATERANGEs of the playlist, at the time they came. */
static void on_data(
	void *user, const char *name, uint32_t timestamp, const uint8_t *amf, size_t len)
{
	struct rtmp_conn *c = user;
	struct media_daterange range = {.class_name = timed_text_class(name)};
	struct buf attributes = {0};
	char id[64];
	log_debug("data message", kv_u64("conn", c->id), kv_str("stream", c->stream_id),
		kv_str("name", name), kv_u64("bytes", len));
	if (range.class_name == NULL || c->publisher.stream == NULL || !text_allowed(c)) {
		return;
	}
	if (timed_text_attributes(amf, len, &attributes)) {
		snprintf(id, sizeof(id), "%s-%" PRIu64 "-%" PRIu64,
			range.class_name + strlen("live.souk."), c->id, ++c->text_count);
		range.id = id;
		range.attributes = buf_text(&attributes);
		live_stream_daterange(c->publisher.stream, &range);
	}
	buf_finish(&attributes);
}

static void on_unpublish(void *user)
{
	struct rtmp_conn *c = user;
	log_info("publish stopped", kv_u64("conn", c->id), kv_str("stream", c->stream_id));
	live_publisher_stop(&c->publisher);
}

/* Ordinary ends are news, guards and refusals are warnings, mere knocking is neither. */
static enum log_level close_level(const struct rtmp_conn *c, enum rtmp_close reason)
{
	if (reason == RTMP_CLOSE_PEER) {
		return c->published || c->player.ops ? LOG_INFO : LOG_DEBUG;
	}
	bool ordinary = reason == RTMP_CLOSE_TAKEOVER || reason == RTMP_CLOSE_ENDED ||
		reason == RTMP_CLOSE_KICKED || reason == RTMP_CLOSE_DRAIN;
	return ordinary ? LOG_INFO : LOG_WARN;
}

static void on_closed(void *user, enum rtmp_close reason)
{
	struct rtmp_conn *c = user;
	log_write(close_level(c, reason), LOG_MODULE, "connection closed", kv_u64("conn", c->id),
		kv_str("address", c->address),
		kv_str("stream", c->stream_id[0] != '\0' ? c->stream_id : NULL),
		kv_str("reason", rtmp_close_label(reason)), kv_str("text", rtmp_close_text(reason)),
		KV_LAST);
	rtmp_server_count_close(c->server, reason);
	player_closed(c, reason);
	if (c->joined) {
		live_publisher_lost(&c->publisher);
	}
}

const struct rtmp_session_events ingest_events = {
	.publish = on_publish,
	.play = on_play,
	.media = on_media,
	.metadata = on_metadata,
	.data = on_data,
	.script = on_script,
	.stop = on_stop,
	.pause = on_pause,
	.unpublish = on_unpublish,
	.closed = on_closed,
};
