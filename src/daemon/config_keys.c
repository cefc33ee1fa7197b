#include <string.h>

#include "base/text.h"
#include "daemon/config.h"

#define KILO 1024ull
#define MEGA (1024ull * KILO)
#define GIGA (1024ull * MEGA)
#define MS 1000ull
#define SECOND 1000000ull
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define AT(section, field) offsetof(struct config, section.field)

static const char *const takeover_words[] = {"newest", "reject", NULL};
static const char *const container_words[] = {"cmaf", "mpegts", NULL};
static const char *const mp4_words[] = {"end", "demand", "off", NULL};
static const char *const links_words[] = {"allow", "block", NULL};
static const char *const format_words[] = {"text", "json", NULL};
static const char *const http_schemes[] = {"http://", "https://", NULL};
static const char *const store_schemes[] = {"sqlite:", NULL};
static const char *const redis_schemes[] = {"redis://", "rediss://", "unix://", NULL};

static const struct {
	const char *section, *help;
} sections[] = {
	{"server",
		"The process: where it keeps its socket, how it stops, how the world reaches it."},
	{"rtmp", "Publishers: where encoders connect, and what they may do."},
	{"http", "Viewers and the API."},
	{"hls", "What viewers get: low-latency HLS."},
	{"playout",
		"Players by RTMP and HTTP-FLV: rtmp://HOST/APP/STREAM_ID and "
		"/live/STREAM_ID.flv."},
	{"relay", "Where streams are sent on to: other servers, by RTMP and RTMPS."},
	{"stream", "The life of a stream."},
	{"media", "Recordings on disk."},
	{"store", "The database."},
	{"storage", "Finished recordings in S3-compatible object storage."},
	{"auth", "Who may do what."},
	{"chat", "What may be said in streams."},
	{"events", "Sockets of viewers: what they may send, and how much."},
	{"limits", "How much a stranger may ask for."},
	{"webhooks", "What the platform's backend is told, as it happens."},
	{"push", "Messages to phones, by Firebase Cloud Messaging."},
	{"redis", "State that several nodes share."},
	{"log", "What is written to stderr, and how."},
};

static const struct config_key keys[] = {
	{"server", "run_dir", CONFIG_PATH, AT(server, run_dir), "var/run", .required = true,
		.help = "Folder of the Unix socket (soukd.sock) and the pid file."},
	{"server", "drain", CONFIG_DURATION, AT(server, drain_us), "30s", 0, 10 * MINUTE,
		.reload = true,
		.help = "How long SIGTERM waits for recordings and answers before stopping hard."},
	{"server", "public_url", CONFIG_URL, AT(server, public_url), "", .words = http_schemes,
		.help = "URL under which viewers reach this server; empty: from the request's "
			"Host."},
	{"server", "fast_threads", CONFIG_INT, AT(server, fast_threads), "2", 1, 64,
		.help = "Threads for short disk work: segments and journals."},
	{"server", "slow_threads", CONFIG_INT, AT(server, slow_threads), "1", 1, 64,
		.help = "Threads for long work: making and deleting recordings, backups."},

	{"rtmp", "listen", CONFIG_PORTS, AT(rtmp, listen), "1935",
		.help = "Where encoders connect; empty: nowhere."},
	{"rtmp", "tls_listen", CONFIG_PORTS, AT(rtmp, tls_listen), "",
		.help = "The same with TLS (RTMPS), by the certificate of [http]; empty: nowhere."},
	{"rtmp", "app", CONFIG_TEXT, AT(rtmp, app), "live", .required = true,
		.help = "The application name in rtmp://HOST/APP."},
	{"rtmp", "takeover", CONFIG_ENUM, AT(rtmp, takeover), "newest", .words = takeover_words,
		.reload = true,
		.help = "A second publisher on a key replaces the first (newest) or is refused."},
	{"rtmp", "max_bitrate", CONFIG_RATE, AT(rtmp, max_bitrate), "20M", 64000, 1000000000,
		.reload = true,
		.help = "Bits a second that a publisher may send, averaged over 10 s."},
	{"rtmp", "handshake_timeout", CONFIG_DURATION, AT(rtmp, handshake_us), "5s", 100 * MS,
		MINUTE, .reload = true, .help = "Time for the handshake."},
	{"rtmp", "publish_timeout", CONFIG_DURATION, AT(rtmp, publish_us), "10s", 100 * MS,
		10 * MINUTE, .reload = true,
		.help = "Time from the handshake to the publish command."},
	{"rtmp", "silence_timeout", CONFIG_DURATION, AT(rtmp, silence_us), "15s", SECOND,
		10 * MINUTE, .reload = true,
		.help = "A publisher that sends nothing for so long is taken for lost."},
	{"rtmp", "max_jump", CONFIG_DURATION, AT(rtmp, max_jump_us), "3s", 200 * MS, MINUTE,
		.help = "A larger step of an encoder's clock becomes a discontinuity."},
	{"rtmp", "max_message", CONFIG_SIZE, AT(rtmp, max_message), "8M", 64 * KILO, 16 * MEGA - 1,
		.reload = true, .help = "Largest RTMP message."},
	{"rtmp", "max_chunk", CONFIG_SIZE, AT(rtmp, max_chunk), "1M", 128, 16 * MEGA - 1,
		.reload = true, .help = "Largest chunk size that a peer may set."},
	{"rtmp", "max_chunk_streams", CONFIG_INT, AT(rtmp, max_chunk_streams), "64", 8, 1024,
		.reload = true, .help = "Chunk streams that a connection may open."},
	{"rtmp", "max_connections", CONFIG_INT, AT(rtmp, max_connections), "1000", 0, 1000000,
		.reload = true, .help = "RTMP connections in all; 0: no bound."},
	{"rtmp", "max_per_address", CONFIG_INT, AT(rtmp, max_per_address), "200", 0, 1000000,
		.reload = true, .help = "RTMP connections from one address; 0: no bound."},
	{"rtmp", "max_publishers", CONFIG_INT, AT(rtmp, max_publishers), "500", 1, 1000000,
		.reload = true, .help = "Publishers in all."},

	{"http", "listen", CONFIG_PORTS, AT(http, listen), "8080",
		.help = "Where viewers and API clients connect; empty: nowhere."},
	{"http", "tls_listen", CONFIG_PORTS, AT(http, tls_listen), "",
		.help = "The same with TLS; empty: nowhere."},
	{"http", "cert", CONFIG_PATH, AT(http, cert), "",
		.help = "Certificate chain (PEM) for the TLS ports; read again on SIGHUP."},
	{"http", "key", CONFIG_PATH, AT(http, key), "",
		.help = "Private key (PEM) of the certificate."},
	{"http", "max_connections", CONFIG_INT, AT(http, max_connections), "10000", 0, 1000000,
		.reload = true, .help = "HTTP connections in all; 0: no bound."},
	{"http", "max_per_address", CONFIG_INT, AT(http, max_per_address), "1000", 0, 1000000,
		.reload = true, .help = "HTTP connections from one address; 0: no bound."},
	{"http", "max_body", CONFIG_SIZE, AT(http, max_body), "256k", KILO, 16 * MEGA,
		.help = "Largest request body."},
	{"http", "internal_from", CONFIG_TEXT, AT(http, internal_from), "127.0.0.1,::1",
		.help = "Addresses whose requests to internal paths (validate-key) need no token; "
			"behind a proxy on this machine: empty, or keep the paths from the proxy."},
	{"http", "header_timeout", CONFIG_DURATION, AT(http, header_us), "10s", 100 * MS,
		10 * MINUTE, .help = "Time for a request's headers and body to arrive."},
	{"http", "idle_timeout", CONFIG_DURATION, AT(http, idle_us), "60s", SECOND, HOUR,
		.help = "A connection without a request is closed after so long."},
	{"http", "stall_timeout", CONFIG_DURATION, AT(http, stall_us), "30s", SECOND, HOUR,
		.help = "A client that takes nothing of its answer for so long is dropped."},

	{"hls", "part_target", CONFIG_DURATION, AT(hls, part_target_us), "200ms", 100 * MS,
		2 * SECOND, .help = "Length of a part: the step of low latency."},
	{"hls", "segment_target", CONFIG_DURATION, AT(hls, segment_target_us), "2s", 500 * MS,
		10 * SECOND, .help = "Length of a segment; cut at the nearest keyframe."},
	{"hls", "window", CONFIG_INT, AT(hls, window), "12", 3, 1000,
		.help = "Segments in the live playlist."},
	{"hls", "memory_segments", CONFIG_INT, AT(hls, memory_segments), "2", 2, 1000,
		.help = "Newest segments kept in memory; older ones are served from disk."},
	{"hls", "container", CONFIG_ENUM, AT(hls, container), "cmaf", .words = container_words,
		.help = "Format of segments: fragmented MP4, or MPEG transport streams for "
			"old players (no AV1, VP9 or FLAC). A stream keeps what it began with."},
	{"hls", "dvr", CONFIG_DURATION, AT(hls, dvr_us), "off", 0, 30 * DAY, .word = "whole",
		.zero_word = "off",
		.help = "How far back viewers may go in a live stream: the window alone (off), a "
			"time, or to its begin (whole)."},

	{"playout", "gop_cache", CONFIG_SIZE, AT(playout, gop_cache), "8M", 0, 256 * MEGA,
		.reload = true,
		.help = "Kept of each stream since its last keyframe, so that players start at "
			"once; 0: they wait for the next."},
	{"playout", "queue", CONFIG_SIZE, AT(playout, queue), "8M", 64 * KILO, 256 * MEGA,
		.reload = true,
		.help = "A player that is further behind skips to the next keyframe."},
	{"playout", "stall_timeout", CONFIG_DURATION, AT(playout, stall_us), "10s", SECOND, HOUR,
		.reload = true,
		.help = "A player that takes nothing of what it is sent for so long is closed; one "
			"that paused, after sixty times as long."},
	{"playout", "max_players", CONFIG_INT, AT(playout, max_players), "1000", 0, 1000000,
		.reload = true, .help = "Such players in all; 0: no bound."},
	{"playout", "max_per_stream", CONFIG_INT, AT(playout, max_per_stream), "500", 0, 1000000,
		.reload = true, .help = "Such players of one stream; 0: no bound."},

	{"relay", "allow", CONFIG_NETWORKS, AT(relay, allow), "", .reload = true,
		.help = "Private networks that a target may be in; empty: only the internet is "
			"relayed to."},
	{"relay", "max_targets", CONFIG_INT, AT(relay, max_targets), "100", 0, 10000,
		.reload = true,
		.help = "Connections to targets in all, a thread each; 0: no bound. Of a stream: "
			"[limits] relays_per_stream."},
	{"relay", "queue", CONFIG_SIZE, AT(relay, queue), "8M", 64 * KILO, 256 * MEGA,
		.reload = true,
		.help = "What may wait for a target; one that is slower goes on at the next "
			"keyframe."},
	{"relay", "queue_time", CONFIG_DURATION, AT(relay, queue_us), "10s", 100 * MS, 10 * MINUTE,
		.reload = true, .help = "How long it may wait."},
	{"relay", "connect_timeout", CONFIG_DURATION, AT(relay, connect_us), "10s", 100 * MS,
		10 * MINUTE, .reload = true,
		.help = "Time for a target's name, connection, TLS and answer to publish."},
	{"relay", "stall_timeout", CONFIG_DURATION, AT(relay, stall_us), "10s", 100 * MS,
		10 * MINUTE, .reload = true,
		.help = "A target that takes nothing for so long is connected to anew."},
	{"relay", "backoff_min", CONFIG_DURATION, AT(relay, backoff_min_us), "1s", 100 * MS,
		10 * MINUTE, .reload = true,
		.help = "A target that failed is tried again after so long, then later and later."},
	{"relay", "backoff_max", CONFIG_DURATION, AT(relay, backoff_max_us), "60s", 100 * MS, HOUR,
		.reload = true, .help = "The longest time between two attempts."},
	{"relay", "tls_verify", CONFIG_BOOL, AT(relay, tls_verify), "yes", .reload = true,
		.help = "Targets of rtmps:// have to show a certificate of theirs."},
	{"relay", "ca_file", CONFIG_PATH, AT(relay, ca_file), "", .reload = true,
		.help = "Authorities (PEM) that such certificates are of; empty: the system's."},

	{"stream", "grace", CONFIG_DURATION, AT(stream, grace_us), "60s", 0, DAY, .reload = true,
		.help = "An encoder that was lost may come back for so long before the stream "
			"ends."},
	{"stream", "unpublished_timeout", CONFIG_DURATION, AT(stream, unpublished_us), "10m",
		SECOND, 7 * DAY, .reload = true,
		.help = "A stream that went live but gets no publisher ends after so long."},

	{"media", "root", CONFIG_PATH, AT(media, root), "var/media", .required = true,
		.help = "Folder of the recordings."},
	{"media", "min_free", CONFIG_SIZE, AT(media, min_free), "1G", 0, 1024 * 1024 * GIGA,
		.reload = true,
		.help = "With less free on the disk recording stops; live goes on."},
	{"media", "keep_days", CONFIG_INT, AT(media, keep_days), "0", 0, 36500, .reload = true,
		.help = "Days after which a recording is deleted; 0: never."},
	{"media", "max_bytes", CONFIG_SIZE, AT(media, max_bytes), "0", 0, 1024 * 1024 * GIGA,
		.reload = true,
		.help = "The oldest recordings go when all take more; 0: no bound."},
	{"media", "mp4", CONFIG_ENUM, AT(media, mp4), "end", .words = mp4_words, .reload = true,
		.help = "When recording.mp4 is made: at the stream's end, when asked for, or "
			"never."},
	{"media", "thumbnail_interval", CONFIG_DURATION, AT(media, thumbnail_interval_us), "10s", 0,
		DAY, .reload = true,
		.help = "Time between the thumbnails of a live stream; 0: none are made."},
	{"media", "thumbnail_width", CONFIG_INT, AT(media, thumbnail_width), "640", 64, 1920,
		.reload = true, .help = "Width of a thumbnail in pixels; the shape stays."},
	{"media", "thumbnail_max_pixels", CONFIG_INT, AT(media, thumbnail_max_pixels), "9437184",
		65536, 67108864, .reload = true,
		.help = "Video with more pixels than that has no pictures, which would take too "
			"long."},
	{"media", "storyboard", CONFIG_BOOL, AT(media, storyboard), "yes", .reload = true,
		.help = "Recordings get a poster, and small pictures for finding one's way."},
	{"media", "workers", CONFIG_INT, AT(media, workers), "0", 0, 64,
		.help = "Threads that make segments of what publishers send; 0: the loop does it."},
	{"media", "worker_queue", CONFIG_SIZE, AT(media, worker_queue), "8M", 65536, GIGA,
		.help = "With more of a stream waiting for its worker its publisher is not read."},

	{"store", "url", CONFIG_URL, AT(store, url), "sqlite:var/souk.db", .words = store_schemes,
		.required = true, .help = "The database: sqlite:PATH."},
	{"store", "keep_notifications", CONFIG_DURATION, AT(store, keep_notifications_us), "90d", 0,
		3650 * DAY, .reload = true,
		.help = "Notifications are forgotten after so long, read or not; 0: never."},
	{"store", "keep_audit", CONFIG_DURATION, AT(store, keep_audit_us), "365d", 0, 3650 * DAY,
		.reload = true,
		.help = "Lines of the audit log are forgotten after so long; 0: never."},

	{"storage", "s3_bucket", CONFIG_TEXT, AT(storage, s3_bucket), "", .reload = true,
		.help = "Bucket that recordings for everyone go to; empty: they stay here."},
	{"storage", "s3_endpoint", CONFIG_URL, AT(storage, s3_endpoint), "", .words = http_schemes,
		.reload = true, .help = "Where its server is: https://HOST[:PORT]."},
	{"storage", "s3_region", CONFIG_TEXT, AT(storage, s3_region), "us-east-1", .required = true,
		.reload = true, .help = "Region that requests are signed for."},
	{"storage", "s3_prefix", CONFIG_TEXT, AT(storage, s3_prefix), "", .reload = true,
		.help = "Folder in the bucket, without slashes around; empty: its top."},
	{"storage", "s3_public_url", CONFIG_URL, AT(storage, s3_public_url), "",
		.words = http_schemes, .reload = true,
		.help = "URL of the bucket for viewers, as of a CDN; empty: that of the server."},
	{"storage", "s3_access_key", CONFIG_TEXT, AT(storage, s3_access_key), "", .reload = true,
		.help = "Name of the access key."},
	{"storage", "s3_secret_file", CONFIG_PATH, AT(storage, s3_secret_file), "", .reload = true,
		.help = "File with the secret of the access key (mode 0600)."},
	{"storage", "s3_secret", CONFIG_TEXT, AT(storage, s3_secret), "", .secret = true,
		.reload = true, .help = "The secret itself, instead of the file."},
	{"storage", "s3_ca_file", CONFIG_PATH, AT(storage, s3_ca_file), "", .reload = true,
		.help = "Authorities (PEM) for the server's certificate; empty: the system's."},
	{"storage", "s3_path_style", CONFIG_BOOL, AT(storage, s3_path_style), "yes", .reload = true,
		.help = "Whether the bucket stands in the path, not in the host's name."},
	{"storage", "s3_keep_local", CONFIG_BOOL, AT(storage, s3_keep_local), "no", .reload = true,
		.help = "Whether the files stay here too once they are there."},
	{"storage", "s3_parallel", CONFIG_INT, AT(storage, s3_parallel), "4", 1, 32,
		.help = "Objects that are sent at once."},
	{"storage", "s3_part_size", CONFIG_SIZE, AT(storage, s3_part_size), "16M", 5 * MEGA,
		5 * GIGA, .reload = true, .help = "Larger files are sent in parts of this size."},
	{"storage", "s3_connect_timeout", CONFIG_DURATION, AT(storage, s3_connect_timeout_us),
		"10s", 100 * MS, 5 * MINUTE, .reload = true, .help = "Time for connecting."},
	{"storage", "s3_stall_timeout", CONFIG_DURATION, AT(storage, s3_stall_timeout_us), "30s",
		SECOND, 10 * MINUTE, .reload = true,
		.help = "A transfer that does not move for so long is given up."},
	{"storage", "s3_retry_base", CONFIG_DURATION, AT(storage, s3_retry_base_us), "5s", 10 * MS,
		HOUR, .reload = true,
		.help = "Wait after the first failure, doubled by each further one."},
	{"storage", "s3_retry_max", CONFIG_DURATION, AT(storage, s3_retry_max_us), "10m", 10 * MS,
		DAY, .reload = true,
		.help = "Longest wait; also the one where only a person can help."},

	{"auth", "secret_file", CONFIG_PATH, AT(auth, secret_file), "var/secret", .required = true,
		.help = "File with the secret of HS256 tokens; made at the first start (mode "
			"0600)."},
	{"auth", "jwks_file", CONFIG_PATH, AT(auth, jwks_file), "",
		.help = "Public keys (JWKS) of RS256, ES256 and EdDSA tokens; read again on "
			"change."},
	{"auth", "issuer", CONFIG_TEXT, AT(auth, issuer), "",
		.help = "Tokens must carry this iss; empty: any."},
	{"auth", "audience", CONFIG_TEXT, AT(auth, audience), "",
		.help = "Tokens must carry this aud; empty: any."},
	{"auth", "allow_guests", CONFIG_BOOL, AT(auth, allow_guests), "yes", .reload = true,
		.help = "Whether a socket may join without a token, as a guest."},
	{"auth", "leeway", CONFIG_DURATION, AT(auth, leeway_us), "30s", 0, 10 * MINUTE,
		.help = "Difference of clocks that a token's times may have."},
	{"auth", "playback_ttl", CONFIG_DURATION, AT(auth, playback_ttl_us), "6h", MINUTE, 30 * DAY,
		.help = "How long a playback token is good: for streams that are not for "
			"everyone."},

	{"chat", "blocked_words_file", CONFIG_PATH, AT(chat, blocked_words_file), "",
		.reload = true,
		.help = "Words and phrases that no message may hold, one a line; read again on "
			"SIGHUP."},
	{"chat", "links", CONFIG_ENUM, AT(chat, links), "allow", .words = links_words,
		.reload = true,
		.help = "Whether viewers may write links; the seller and moderators always may."},
	{"chat", "rate", CONFIG_INT, AT(chat, rate), "10", 0, 10000, .reload = true,
		.help = "Messages a minute of one user in one stream; 0: no bound."},
	{"chat", "slow_mode_max", CONFIG_DURATION, AT(chat, slow_mode_max_us), "1h", 0, DAY,
		.reload = true,
		.help = "Longest pause between two messages that a seller may ask of viewers; 0: "
			"none."},

	{"events", "message", CONFIG_SIZE, AT(events, message), "64k", KILO, 16 * MEGA,
		.reload = true, .help = "Largest message of a client."},
	{"events", "queue", CONFIG_SIZE, AT(events, queue), "256k", 16 * KILO, 64 * MEGA,
		.reload = true,
		.help = "What may wait for a client that reads slowly; it is closed when that is "
			"full."},
	{"events", "rate", CONFIG_INT, AT(events, rate), "50", 0, 100000, .reload = true,
		.help = "Events a second of one socket; 0: no bound, on no event."},
	{"events", "sockets_per_user", CONFIG_INT, AT(events, sockets_per_user), "20", 0, 100000,
		.reload = true, .help = "Sockets that a user may have; 0: no bound."},
	{"events", "users_per_address", CONFIG_INT, AT(events, users_per_address), "100", 0,
		1000000, .reload = true,
		.help = "An address may send each event as often as so many users; 0: no bound, as "
			"behind a proxy."},
	{"events", "rooms", CONFIG_INT, AT(events, rooms), "100", 1, 10000, .reload = true,
		.help = "Rooms that a socket may be in."},
	{"events", "follows", CONFIG_INT, AT(events, follows), "500", 0, 100000,
		.help = "Followed users whose coming and going a user's sockets are told of."},
	{"events", "open_rooms", CONFIG_INT, AT(events, open_rooms), "10000", 0, 1000000,
		.help = "Rooms that clients with a token may open by joining them; 0: none."},
	{"events", "room_members", CONFIG_INT, AT(events, room_members), "1000", 2, 100000,
		.help = "Sockets that may be in one of them."},
	{"events", "room_name", CONFIG_INT, AT(events, room_name), "64", 1, 200,
		.help = "Characters of its name."},
	{"events", "broadcast", CONFIG_SIZE, AT(events, broadcast), "8k", 64, 16 * MEGA,
		.help = "Largest message of a broadcast in one of them."},
	{"events", "metrics_subscriptions", CONFIG_INT, AT(events, metrics_subscriptions), "20", 1,
		1000, .help = "Streams whose figures one socket may subscribe to."},
	{"events", "namespaces", CONFIG_TEXT, AT(events, namespaces), "",
		.help = "Socket.IO namespaces beside the default one, as /shop,/admin."},
	{"events", "handshakes", CONFIG_INT, AT(events, handshakes), "600", 0, 1000000,
		.reload = true, .help = "Sockets that one address may open a minute; 0: no bound."},
	{"events", "tail", CONFIG_INT, AT(events, tail), "4096", 16, 1000000,
		.help = "Events that are kept for an operator who looks on and reads slowly."},
	{"events", "ping_interval", CONFIG_DURATION, AT(events, ping_interval_us), "25s", 100 * MS,
		5 * MINUTE, .help = "How often a socket is asked for a sign of life."},
	{"events", "ping_timeout", CONFIG_DURATION, AT(events, ping_timeout_us), "20s", 100 * MS,
		5 * MINUTE, .help = "A socket that gives none for so long is taken for lost."},
	{"events", "resume", CONFIG_DURATION, AT(events, resume_us), "2m", 100 * MS, HOUR,
		.help = "A lost client that comes back within so long gets what it missed."},
	{"events", "pace", CONFIG_DURATION, AT(events, pace_us), "75ms", 0, 1000 * MS,
		.help = "Who is in a room of 1,000 and more is sent to no oftener; in smaller ones "
			"in proportion."},

	{"limits", "user_requests", CONFIG_INT, AT(limits, user_requests), "600", 0, 1000000,
		.reload = true, .help = "API requests of one user a minute; 0: no bound."},
	{"limits", "address_requests", CONFIG_INT, AT(limits, address_requests), "1200", 0, 1000000,
		.reload = true, .help = "API requests from one address a minute; 0: no bound."},
	{"limits", "relays_per_stream", CONFIG_INT, AT(limits, relays_per_stream), "5", 0, 100,
		.help = "Relay targets that a stream may have."},
	{"limits", "idempotency_ttl", CONFIG_DURATION, AT(limits, idempotency_ttl_us), "1d", MINUTE,
		30 * DAY, .reload = true,
		.help = "How long an Idempotency-Key gives the first answer again."},
	{"limits", "idempotency_keys", CONFIG_INT, AT(limits, idempotency_keys), "10000", 0,
		10000000, .reload = true,
		.help = "Idempotency keys that are kept of one user; 0: no bound."},

	{"limits", "bans", CONFIG_INT, AT(limits, bans), "10000", 0, 1000000,
		.help = "Addresses and users that may be banned."},

	{"webhooks", "url", CONFIG_URL, AT(webhooks, url), "", .words = http_schemes,
		.reload = true, .help = "Where events are posted to; empty: nowhere."},
	{"webhooks", "secret_file", CONFIG_PATH, AT(webhooks, secret_file), "var/webhook-secret",
		.required = true, .reload = true,
		.help = "File with the secret that signs them; made when first needed (mode "
			"0600)."},
	{"webhooks", "secret", CONFIG_TEXT, AT(webhooks, secret), "", .secret = true,
		.reload = true, .help = "The secret itself, instead of the file."},
	{"webhooks", "timeout", CONFIG_DURATION, AT(webhooks, timeout_us), "10s", 100 * MS,
		5 * MINUTE, .reload = true, .help = "Time that the receiver has for an answer."},
	{"webhooks", "retry_base", CONFIG_DURATION, AT(webhooks, retry_base_us), "1s", 10 * MS,
		HOUR, .reload = true,
		.help = "Wait after the first failure, doubled by each further one up to 1h; of "
			"push too."},
	{"webhooks", "give_up", CONFIG_DURATION, AT(webhooks, give_up_us), "24h", SECOND, 30 * DAY,
		.reload = true,
		.help = "What could not be delivered for so long is left to the operator; of push "
			"too."},

	{"push", "fcm_service_account", CONFIG_PATH, AT(push, fcm_service_account), "",
		.help = "Google's JSON file of the service account; empty: no push."},
	{"push", "fcm_url", CONFIG_URL, AT(push, fcm_url), "https://fcm.googleapis.com",
		.words = http_schemes, .required = true, .help = "Where the HTTP v1 interface is."},
	{"push", "timeout", CONFIG_DURATION, AT(push, timeout_us), "10s", 100 * MS, 5 * MINUTE,
		.reload = true, .help = "Time that it has for an answer."},

	{"redis", "url", CONFIG_URL, AT(redis, url), "", .words = redis_schemes, .secret = true,
		.reserved = true,
		.help = "Redis for state shared by several nodes; empty: state stays in the "
			"process."},

	{"log", "level", CONFIG_LEVELS, AT(log, level), "info", .reload = true, .required = true,
		.help = "debug, info, warn, error or off; per module: info,rtmp=debug."},
	{"log", "format", CONFIG_ENUM, AT(log, format), "text", .words = format_words,
		.reload = true, .help = "key=value lines (text) or JSON."},
};

size_t config_key_count(void)
{
	return sizeof(keys) / sizeof(keys[0]);
}

const struct config_key *config_key_at(size_t i)
{
	return &keys[i];
}

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < config_key_count(); i++) {
		if (text_eq(keys[i].section, section) && text_eq(keys[i].name, name)) {
			return &keys[i];
		}
	}
	return NULL;
}

const char *config_section_help(const char *section)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (text_eq(sections[i].section, section)) {
			return sections[i].help;
		}
	}
	return NULL;
}

void config_example(struct buf *out)
{
	buf_put_str(out,
		"; Configuration of soukd: every key with its default. Later sources win: this "
		"file,\n"
		"; SOUKD_SECTION_KEY in the environment, --set section.key=value. Ports are PORT "
		"or\n"
		"; ADDRESS:PORT, several with commas; durations 200ms, 2s, 10m, 1h, 30d; sizes "
		"and\n"
		"; rates 256k, 20M, 1G. Paths are relative to the working directory. [reload] "
		"marks\n"
		"; what SIGHUP changes in a running server; the rest needs a restart.\n");
	const char *section = "";
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *k = &keys[i];
		if (strcmp(section, k->section) != 0) {
			section = k->section;
			buf_printf(out, "\n; %s\n[%s]\n", config_section_help(section), section);
		}
		buf_printf(out, "\n; %s", k->help);
		if (k->type >= CONFIG_DURATION) {
			buf_put_str(out, " (");
			config_key_range(k, out);
			buf_put_str(out, ")");
		}
		buf_printf(out, "%s%s\n%s =%s%s\n", k->reload ? " [reload]" : "",
			k->reserved ? " [no effect yet]" : "", k->name,
			k->fallback[0] != '\0' ? " " : "", k->fallback);
	}
}
