#include "settings.h"

#include "base/log.h"

#define DAY_US (UINT64_C(86400) * 1000000)

struct live_config settings_live(const struct config *c)
{
	return (struct live_config){
		.media =
			{
				.part_target_us = c->hls.part_target_us,
				.segment_target_us = c->hls.segment_target_us,
				.max_jump_us = c->rtmp.max_jump_us,
				.window = c->hls.window,
				.memory_segments = c->hls.memory_segments,
				.container = c->hls.container == CONFIG_CONTAINER_MPEGTS
					? MEDIA_CONTAINER_MPEGTS
					: MEDIA_CONTAINER_CMAF,
				.dvr_us = c->hls.dvr_us == CONFIG_FOREVER ? MEDIA_DVR_WHOLE
									  : c->hls.dvr_us,
			},
		.workers = c->media.workers,
		.worker_queue = (size_t)c->media.worker_queue,
		.grace_us = c->stream.grace_us,
		.max_bitrate = c->rtmp.max_bitrate,
		.unpublished_us = c->stream.unpublished_us,
		.takeover = c->rtmp.takeover == CONFIG_TAKEOVER_REJECT ? LIVE_TAKEOVER_REJECT
								       : LIVE_TAKEOVER_NEWEST,
		.max_publishers = c->rtmp.max_publishers,
		.media_root = c->media.root,
		.min_free = c->media.min_free,
		.keep_us = c->media.keep_days * DAY_US,
		.max_bytes = c->media.max_bytes,
		.mp4 = c->media.mp4 == CONFIG_MP4_END	    ? LIVE_MP4_END
			: c->media.mp4 == CONFIG_MP4_DEMAND ? LIVE_MP4_DEMAND
							    : LIVE_MP4_OFF,
		.thumbnail_us = c->media.thumbnail_interval_us,
		.storyboard = c->media.storyboard,
		.thumbnail_width = c->media.thumbnail_width,
		.thumbnail_max_pixels = c->media.thumbnail_max_pixels,
		.playout =
			{
				.gop_max = (size_t)c->playout.gop_cache,
				.queue_max = (size_t)c->playout.queue,
				.stall_us = c->playout.stall_us,
				.players_max = c->playout.max_players,
				.per_stream_max = c->playout.max_per_stream,
			},
	};
}

struct chat_config settings_chat(const struct config *c)
{
	return (struct chat_config){
		.blocked_words_file = c->chat.blocked_words_file,
		.links_blocked = c->chat.links == CONFIG_LINKS_BLOCK,
		.slow_mode_max = (uint32_t)(c->chat.slow_mode_max_us / 1000000),
	};
}

struct rtmp_server_config settings_rtmp(const struct config *c)
{
	struct rtmp_server_config rtmp = {
		.listen = c->rtmp.listen,
		.tls_listen = c->rtmp.tls_listen,
		.cert = c->http.cert,
		.key = c->http.key,
		.max_connections = c->rtmp.max_connections,
		.max_per_address = c->rtmp.max_per_address,
	};

	rtmp_session_config_default(&rtmp.session);
	rtmp.session.app = c->rtmp.app;
	rtmp.session.handshake_timeout_us = c->rtmp.handshake_us;
	rtmp.session.publish_timeout_us = c->rtmp.publish_us;
	rtmp.session.silence_timeout_us = c->rtmp.silence_us;
	rtmp.session.message_max = (uint32_t)c->rtmp.max_message;
	rtmp.session.chunk_max = (uint32_t)c->rtmp.max_chunk;
	rtmp.session.chunk_streams_max = c->rtmp.max_chunk_streams;
	rtmp.session.max_bitrate = c->rtmp.max_bitrate;
	return rtmp;
}

struct relay_config settings_relay(const struct config *c)
{
	return (struct relay_config){
		.connect_us = c->relay.connect_us,
		.stall_us = c->relay.stall_us,
		.backoff_min_us = c->relay.backoff_min_us,
		.backoff_max_us = c->relay.backoff_max_us,
		.queue_max = (size_t)c->relay.queue,
		.queue_us = c->relay.queue_us,
		.targets_max = c->relay.max_targets,
		.allow = c->relay.allow,
		.tls_verify = c->relay.tls_verify,
		.ca_file = c->relay.ca_file,
	};
}

struct http_config settings_http(const struct config *c)
{
	return (struct http_config){
		.listen = c->http.listen,
		.tls_listen = c->http.tls_listen,
		.cert = c->http.cert,
		.key = c->http.key,
		.max_connections = c->http.max_connections,
		.max_per_address = c->http.max_per_address,
		.max_body = (unsigned)c->http.max_body,
		.idle_us = c->http.idle_us,
		.header_us = c->http.header_us,
		.stall_us = c->http.stall_us,
	};
}

bool settings_log(const struct config *c)
{
	log_set_format(c->log.format == CONFIG_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	return log_set_levels(c->log.level);
}
