#include <string.h>

#include "rtmp_session_private.h"

/* Windows below this would have us acknowledge every few bytes. */
#define WINDOW_MIN 4096

void rtmp_session_config_default(struct rtmp_session_config *config)
{
	*config = (struct rtmp_session_config){
		.app = "live",
		.handshake_timeout_us = 5000000,
		.publish_timeout_us = 10000000,
		.silence_timeout_us = 15000000,
		.ping_interval_us = 5000000,
		.message_max = 8u << 20,
		.chunk_max = 1u << 20,
		.chunk_streams_max = 64,
		.held_max = 512u << 10,
		.output_max = 256u << 10,
		.max_bitrate = 20000000,
		.bitrate_window_us = 10000000,
		.chunk_size = 4096,
		.play_chunk_size = 65536,
		.window_ack = 2500000,
	};
}

static void move_rate_window(struct rtmp_session *s)
{
	struct rate_guard *g = &s->rate;
	uint64_t slice = s->now / (s->config.bitrate_window_us / RATE_BUCKETS);
	if (slice - g->slice >= RATE_BUCKETS) {
		memset(g->bytes, 0, sizeof(g->bytes));
	} else {
		for (uint64_t i = g->slice + 1; i <= slice; i++) {
			g->bytes[i % RATE_BUCKETS] = 0;
		}
	}
	g->slice = slice;
}

static void check_rate(struct rtmp_session *s, size_t len)
{
	if (s->config.max_bitrate == 0) {
		return;
	}
	move_rate_window(s);
	s->rate.bytes[s->rate.slice % RATE_BUCKETS] += len;
	uint64_t sum = 0;
	for (size_t i = 0; i < RATE_BUCKETS; i++) {
		sum += s->rate.bytes[i];
	}
	double limit =
		(double)s->config.max_bitrate / 8 * ((double)s->config.bitrate_window_us / 1e6);
	if ((double)sum > limit) {
		session_end(s, RTMP_CLOSE_BITRATE);
	}
}

void guard_count_input(struct rtmp_session *s, size_t len)
{
	s->bytes_in += len;
	if (len > 0) {
		s->heard_at = s->now;
	}
	check_rate(s, len);
}

void guard_acknowledge(struct rtmp_session *s)
{
	uint32_t window = s->peer_window > WINDOW_MIN ? s->peer_window : WINDOW_MIN;
	if (s->handshake == NULL && s->bytes_in - s->acked >= window) {
		s->acked = s->bytes_in;
		rtmp_chunk_write_u32(
			&s->writer, RTMP_TYPE_ACKNOWLEDGEMENT, (uint32_t)s->acked, &s->output);
	}
}

void guard_check_output(struct rtmp_session *s)
{
	/* What a player has to get is its owner's to bound: at most a message more. */
	size_t media = s->state == SESSION_PLAYING ? 2 * (size_t)s->config.message_max : 0;
	if (s->state != SESSION_CLOSED && s->output.len > s->config.output_max + media) {
		session_end(s, RTMP_CLOSE_OUTPUT);
	}
}

/* When the state's timeout strikes, and for what. */
static uint64_t state_deadline(const struct rtmp_session *s, enum rtmp_close *reason)
{
	switch (s->state) {
	case SESSION_HANDSHAKE:
		*reason = RTMP_CLOSE_HANDSHAKE_TIMEOUT;
		return s->opened_at + s->config.handshake_timeout_us;
	case SESSION_CONNECTING:
	case SESSION_CONNECTED:
	case SESSION_PENDING:
		*reason = RTMP_CLOSE_PUBLISH_TIMEOUT;
		return s->opened_at + s->config.publish_timeout_us;
	case SESSION_PUBLISHING:
		*reason = RTMP_CLOSE_SILENCE;
		return s->active_at + s->config.silence_timeout_us;
	case SESSION_PLAYING: /* a player has nothing to say */
	case SESSION_CLOSED:
		break;
	}
	*reason = RTMP_CLOSE_NONE;
	return RTMP_SESSION_NEVER;
}

static uint64_t ping_deadline(const struct rtmp_session *s)
{
	if (s->config.ping_interval_us == 0 || s->handshake != NULL ||
		s->state == SESSION_CONNECTING) {
		return RTMP_SESSION_NEVER;
	}
	uint64_t since = s->heard_at > s->pinged_at ? s->heard_at : s->pinged_at;
	return since + s->config.ping_interval_us;
}

static void ping(struct rtmp_session *s)
{
	s->pinged_at = s->now;
	rtmp_chunk_write_user(
		&s->writer, RTMP_USER_PING_REQUEST, (uint32_t)(s->now / 1000), &s->output);
	guard_check_output(s);
}

uint64_t rtmp_session_tick(struct rtmp_session *s, uint64_t now)
{
	enum rtmp_close reason;
	/* Empty input takes what was held while a publish was unanswered. */
	rtmp_session_input(s, NULL, 0, now);
	if (now >= state_deadline(s, &reason)) {
		session_end(s, reason);
	}
	if (s->state == SESSION_CLOSED) {
		return RTMP_SESSION_NEVER;
	}
	if (now >= ping_deadline(s)) {
		ping(s);
	}
	uint64_t next = state_deadline(s, &reason), next_ping = ping_deadline(s);
	return next < next_ping ? next : next_ping;
}
