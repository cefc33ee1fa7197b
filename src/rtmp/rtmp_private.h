#pragma once

#include "base/list.h"
#include "base/metrics.h"
#include "conn_limits.h"
#include "loop/net_listener.h"
#include "loop/timer.h"
#include "pace.h"
#include "proto/flv.h"
#include "rtmp/server.h"

struct lws;
struct lws_vhost;

struct rtmp_metrics {
	struct metric *connections, *accepted, *bytes, *invalid_tags, *dropped_tracks;
	struct metric *closed[RTMP_CLOSE_COUNT];
};

struct rtmp_port {
	struct rtmp_server *server;
	struct net_listener *listener; /* NULL: none */
	struct lws_vhost *vhost; /* libwebsockets' own, until its context goes */
	bool tls;
};

struct rtmp_server {
	struct loop *loop;
	struct live_registry *registry;
	struct rtmp_server_config config; /* texts are copies */
	struct rtmp_port clear, secure;
	struct rtmp_limits limits;
	struct log_throttle throttle;
	struct rtmp_metrics metrics;
	struct list conns;
	struct timer *quiet; /* hears out publishers that fell quiet */
	uint64_t next_id;
};

/*
 * A connection. Its wsi belongs to libwebsockets, which says by its last callback when it is gone;
 * the connection goes with it, or before it when the server is destroyed.
 */
struct rtmp_conn {
	struct list link;
	struct rtmp_server *server;
	struct rtmp_port *port;
	uint64_t id, since_us, bytes;
	char address[64];

	struct lws *wsi;
	bool adopting; /* inside the adoption: do not free yet */
	bool established; /* TLS is through, if there is any */
	bool wsi_gone;
	bool counted; /* in the limits */
	bool paused; /* reading is stopped */
	bool inside; /* the session has the word: the update follows */
	bool lingering; /* the last words are out, waiting for the peer to read them */
	struct rtmp_session *session;
	struct timer *timer;
	uint64_t timer_at; /* 0: not running */
	struct rtmp_pace pace;
	unsigned low_mark; /* SO_RCVLOWAT as it is set */

	/* ingest.c */
	struct live_publisher publisher;
	bool joined; /* publisher is known to the registry */
	bool published; /* admitted at some time */
	bool told_tracks; /* that there are too many */
	enum flv_codec audio[MEDIA_TRACKS]; /* as the tracks are configured */
	uint64_t text_second, text_count;
	unsigned texts; /* of that second */
	char key_head[8];
	/* player.c */
	struct feed_player player;
	struct uuid play_id;
	char token[RTMP_QUERY_SIZE];

	const char *why; /* what the peer was told, if more than the reason's text */
	char stream_id[40];
};

/* conn.c: the only file that knows libwebsockets. */
struct lws_vhost *rtmp_conn_vhost(struct loop *l, bool tls, const char *cert, const char *key);
bool rtmp_conn_reload_tls(struct loop *l, const char *cert, const char *key);
void rtmp_conn_open(struct rtmp_port *port, int fd, const char *address);
/* Closes at once and frees, for the server's destruction. */
void rtmp_conn_destroy(struct rtmp_conn *c);
/* Every RTMP_PACE_QUIET_US. */
void rtmp_conn_hear_out(struct rtmp_conn *c);
/* After anything was done to the session: sends, pauses, closes, sets the timer. May be called
 * inside one of its events as well. */
void rtmp_conn_update(struct rtmp_conn *c);

/* ingest.c */
extern const struct rtmp_session_events ingest_events; /* their user is the rtmp_conn */
void ingest_init(struct rtmp_conn *c);

/* player.c: the other way, for the same sessions */
void player_play(struct rtmp_conn *c, const struct rtmp_request *request);
void player_pause(struct rtmp_conn *c, bool paused);
/* Puts tags into the session's output, as many as should wait there. */
void player_fill(struct rtmp_conn *c);
/* The peer has taken something. */
void player_moved(struct rtmp_conn *c, bool busy);
void player_stop(struct rtmp_conn *c);
void player_closed(struct rtmp_conn *c, enum rtmp_close reason);

/* server.c */
void rtmp_server_count_close(struct rtmp_server *s, enum rtmp_close reason);
