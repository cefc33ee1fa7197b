#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The configuration of soukd (spec operations.md, "Configuration"), for the daemon and soukctl.
 *
 * One table of keys (config_key_at) drives parsing, defaults, range errors, the environment,
 * --set, `config show` and the shipped conf/soukd.ini. Later sources win: defaults, the file,
 * SOUKD_SECTION_KEY in the environment, --set section.key=value.
 *
 * Units: durations are microseconds (_us), sizes bytes, rates bits a second. A text that is empty
 * in the file is NULL here. All texts live as long as the struct config.
 */
enum config_takeover { CONFIG_TAKEOVER_NEWEST, CONFIG_TAKEOVER_REJECT };
enum config_container { CONFIG_CONTAINER_CMAF, CONFIG_CONTAINER_MPEGTS };
enum config_mp4 { CONFIG_MP4_END, CONFIG_MP4_DEMAND, CONFIG_MP4_OFF };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

/* hls.dvr: the whole stream. */
#define CONFIG_FOREVER UINT64_MAX

struct config_server {
	const char *run_dir; /* Unix socket and pid file */
	const char *public_url; /* NULL: from the request */
	uint64_t drain_us;
	unsigned fast_threads, slow_threads;
};

struct config_rtmp {
	const char *listen, *tls_listen; /* as net_listener.h takes them; NULL: none */
	const char *app;
	unsigned takeover; /* enum config_takeover */
	uint64_t max_bitrate;
	uint64_t handshake_us, publish_us, silence_us;
	uint64_t max_jump_us;
	uint64_t max_message, max_chunk;
	unsigned max_chunk_streams;
	unsigned max_connections, max_per_address, max_publishers;
};

struct config_http {
	const char *listen, *tls_listen;
	const char *cert, *key;
	unsigned max_connections, max_per_address;
	uint64_t max_body;
	const char *internal_from; /* addresses with commas between; NULL: none */
	uint64_t header_us, idle_us, stall_us;
};

struct config_hls {
	uint64_t part_target_us, segment_target_us;
	unsigned window, memory_segments;
	unsigned container; /* enum config_container */
	uint64_t dvr_us; /* 0: none; CONFIG_FOREVER: the whole stream */
};

struct config_playout {
	uint64_t gop_cache, queue; /* bytes */
	uint64_t stall_us;
	unsigned max_players, max_per_stream; /* 0: no bound */
};

struct config_relay {
	uint64_t queue; /* bytes */
	uint64_t queue_us, connect_us, stall_us, backoff_min_us, backoff_max_us;
	unsigned max_targets; /* 0: no bound */
	const char *allow; /* NULL: no private networks */
	bool tls_verify;
	const char *ca_file; /* NULL: the system's */
};

struct config_stream {
	uint64_t grace_us, unpublished_us;
};

struct config_media {
	const char *root;
	uint64_t min_free;
	unsigned keep_days; /* 0: for ever */
	uint64_t max_bytes; /* 0: no bound */
	unsigned mp4; /* enum config_mp4 */
	uint64_t thumbnail_interval_us; /* 0: none are made */
	bool storyboard;
	unsigned thumbnail_width, thumbnail_max_pixels;
	unsigned workers; /* 0: none, the loop does it */
	uint64_t worker_queue; /* bytes a stream */
};

struct config_store {
	const char *url; /* "sqlite:PATH" */
	uint64_t keep_notifications_us, keep_audit_us; /* 0: for ever */
};

struct config_storage {
	const char *s3_endpoint, *s3_region, *s3_bucket; /* bucket NULL: none */
	const char *s3_prefix, *s3_public_url;
	const char *s3_access_key, *s3_secret, *s3_secret_file; /* secret NULL: from the file */
	const char *s3_ca_file;
	bool s3_path_style, s3_keep_local;
	unsigned s3_parallel;
	uint64_t s3_part_size;
	uint64_t s3_connect_timeout_us, s3_stall_timeout_us;
	uint64_t s3_retry_base_us, s3_retry_max_us;
};

struct config_auth {
	const char *secret_file, *jwks_file;
	const char *issuer, *audience; /* NULL: not checked */
	bool allow_guests;
	uint64_t leeway_us;
	uint64_t playback_ttl_us;
};

enum config_links { CONFIG_LINKS_ALLOW, CONFIG_LINKS_BLOCK };

struct config_chat {
	const char *blocked_words_file; /* NULL: none */
	unsigned links; /* enum config_links */
	unsigned rate; /* messages a minute of one user in one stream; 0: no bound */
	uint64_t slow_mode_max_us;
};

struct config_events {
	uint64_t message, queue; /* bytes */
	unsigned rate; /* events a second of a socket; 0: no bound */
	unsigned sockets_per_user; /* 0: no bound */
	unsigned users_per_address; /* how often an address may what a user may; 0: no bound */
	unsigned rooms;
	unsigned follows; /* of one user, of whose presence he is told */
	unsigned open_rooms; /* 0: none */
	unsigned room_members, room_name; /* sockets; characters */
	uint64_t broadcast; /* bytes */
	unsigned metrics_subscriptions; /* of a socket */
	const char *namespaces; /* beside "/", with commas between; NULL: none */
	unsigned handshakes; /* of an address a minute; 0: no bound */
	unsigned tail; /* events kept for who looks on */
	uint64_t ping_interval_us, ping_timeout_us;
	uint64_t resume_us; /* how long what was said is kept for those who come back */
	uint64_t pace_us; /* of sending to a room of 1,000 and more; 0: at once */
};

struct config_limits {
	/* API requests a minute; 0: no bound. A minute's worth may come at once. */
	unsigned user_requests, address_requests;
	unsigned relays_per_stream;
	unsigned bans;
	uint64_t idempotency_ttl_us;
	unsigned idempotency_keys; /* of one user; 0: no bound */
};

struct config_webhooks {
	const char *url; /* NULL: none are sent */
	const char *secret_file, *secret; /* secret NULL: from the file */
	uint64_t timeout_us, give_up_us, retry_base_us;
};

struct config_push {
	const char *fcm_service_account; /* NULL: no push */
	const char *fcm_url;
	uint64_t timeout_us;
};

struct config_redis {
	const char *url;
};

struct config_log {
	const char *level; /* as log_set_levels takes it */
	unsigned format; /* enum config_log_format */
};

struct config_value;

struct config {
	struct config_server server;
	struct config_rtmp rtmp;
	struct config_http http;
	struct config_hls hls;
	struct config_playout playout;
	struct config_relay relay;
	struct config_stream stream;
	struct config_media media;
	struct config_store store;
	struct config_storage storage;
	struct config_auth auth;
	struct config_chat chat;
	struct config_events events;
	struct config_limits limits;
	struct config_webhooks webhooks;
	struct config_push push;
	struct config_redis redis;
	struct config_log log;
	char *path; /* the file that was read; NULL: none */
	struct config_value *values; /* one a key, in the table's order */
};

/* The table */

enum config_type {
	CONFIG_TEXT,
	CONFIG_PATH,
	CONFIG_PORTS, /* "PORT", "ADDRESS:PORT", "[V6]:PORT", several with commas */
	CONFIG_URL, /* http:// or https://, a redis:// or a sqlite: one: `words` lists the schemes
		     */
	CONFIG_NETWORKS, /* "ADDRESS" or "ADDRESS/BITS", several with commas */
	CONFIG_LEVELS, /* "LEVEL[,module=LEVEL…]" */
	CONFIG_DURATION, /* uint64_t */
	CONFIG_SIZE, /* uint64_t, 1k is 1024 */
	CONFIG_RATE, /* uint64_t, 1k is 1000 */
	CONFIG_INT, /* unsigned */
	CONFIG_BOOL, /* bool */
	CONFIG_ENUM, /* unsigned: the place in `words` */
};

struct config_key {
	const char *section, *name;
	enum config_type type;
	size_t offset; /* of the field in struct config */
	const char *fallback; /* the default, as it is written */
	uint64_t min, max; /* of numbers */
	const char *const *words; /* NULL-terminated; of enums, and schemes of URLs */
	const char *word; /* a word that stands for CONFIG_FOREVER, or NULL */
	const char *zero_word; /* one that stands for 0, or NULL */
	bool reload; /* a change takes effect on SIGHUP */
	bool secret; /* may hold a password: never shown */
	bool required; /* may not be empty */
	bool reserved; /* understood, but without effect in this version */
	const char *help; /* one line */
};

size_t config_key_count(void);
const struct config_key *config_key_at(size_t i);
const struct config_key *config_key_find(const char *section, const char *name);
/* What a value may be, for people: "100ms to 2s", "newest or reject". */
void config_key_range(const struct config_key *key, struct buf *out);
/* One line of explanation of a section. */
const char *config_section_help(const char *section);

/* Loading */

struct config_source {
	const char *path; /* NULL: no file */
	const char *const *env; /* "NAME=value", NULL-terminated; NULL: none */
	const char *const *sets; /* "section.key=value" */
	size_t n_sets;
};

/* The file that soukd and soukctl read if none is named: the first that is there, or NULL. */
const char *config_default_path(void);

/*
 * NULL on failure, with one line for every fault in `errors` (file and line, what is wrong, what is
 * allowed). The caller frees the result with config_destroy.
 */
struct config *config_load(const struct config_source *source, struct buf *errors);
void config_destroy(struct config **c); /* nulls; *c may be NULL */

/* Showing: the effective value as it was written, and where it comes from. */
const char *config_text(const struct config *c, const struct config_key *key);
/* "default", "conf/soukd.ini:12", "SOUKD_RTMP_LISTEN", "--set". */
void config_origin(const struct config *c, const struct config_key *key, struct buf *out);
/* The text of conf/soukd.ini, made from the table. */
void config_example(struct buf *out);
/* Room for the socket's path, limited by sockaddr_un. */
#define CONFIG_SOCKET_SIZE 108
/* RUN_DIR/soukd.sock; false if it does not fit a Unix socket's address. */
bool config_socket_path(const struct config *c, char out[static CONFIG_SOCKET_SIZE]);
/* The database's path of store.url. */
const char *config_store_path(const struct config *c);

typedef void (*config_key_fn)(void *user, const struct config_key *key);

/* Calls fn for each key that was changed from its default though it is reserved. */
void config_reserved(const struct config *c, config_key_fn fn, void *user);

/*
 * SIGHUP: what runs from now on, which is `running` with those keys of `fresh` that a reload may
 * change. `changed` hears of every key that differs; key->reload tells whether it takes effect now
 * or needs a restart.
 */
struct config *config_reload(const struct config *running, const struct config *fresh,
	config_key_fn changed, void *user);
