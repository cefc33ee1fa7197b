#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "flv_file.h"
#include "pusher.h"
#include "target.h"

/*
 * One encoder: connects, publishes a file's packets when their time has come, drops and comes back
 * as told. Driven by one thread: publisher_tick when its time has come or its socket is ready.
 * Times are monotonic microseconds.
 */
enum drop_kind {
	DROP_FIN, /* closed without goodbye, after all that was due has left */
	DROP_RST, /* cut: what the kernel still holds is lost */
	DROP_SILENT, /* the old connection stays open and mute */
};

#define PUBLISHER_MAX_DROPS 16

struct publisher_options {
	const struct flv_file *file;
	const struct target *target;
	const char *app, *tc_url;
	uint64_t duration_us; /* of the stream, by its own clock of media */
	double speed; /* media time to real time */
	uint32_t start_timestamp;
	uint64_t drop_at_us[PUBLISHER_MAX_DROPS]; /* media time, ascending */
	unsigned n_drops;
	enum drop_kind drop_kind;
	uint64_t reconnect_us; /* real time between drop and coming back */
	uint64_t retry_us; /* after a refusal or a lost connection; 0: that is the end */
	bool restart_timestamps; /* a connection after a drop begins at start_timestamp again */
	bool keep_frames; /* frames due while down are sent later, instead of being lost */
	bool goodbye; /* FCUnpublish and deleteStream at the end */
	bool one_byte; /* each write has one byte */
	bool stamp; /* wall clock in each video frame, see stamp.h */
	uint32_t chunk_size;
	bool deltas, bare_type3;
	FILE *log; /* one line a packet, or NULL */
};

enum publisher_state {
	PUBLISHER_DOWN, /* connects at wake_us */
	PUBLISHER_CONNECTING,
	PUBLISHER_TALKING,
	PUBLISHER_LIVE,
	PUBLISHER_LEAVING, /* sends what is left, then drops or ends */
	PUBLISHER_DONE,
};

struct publisher {
	const struct publisher_options *opt;
	unsigned index;
	char *key;
	enum publisher_state state;
	int epoll, fd, silent_fd; /* silent_fd: what DROP_SILENT left open */
	bool want_write;
	struct pusher pusher;
	struct buf frame; /* the frame being stamped */
	uint64_t wake_us; /* when to tick next */
	uint64_t origin_us; /* real time of media time 0 */
	uint64_t connected_us; /* when the connection under way was begun */
	uint64_t leave_us; /* when LEAVING began */
	uint64_t
		base_us; /* media time of this connection's first frame, for restarted timestamps */
	size_t next; /* index of the next frame */
	uint64_t loops;
	unsigned drops;
	bool begun, ending, fresh; /* fresh: configurations are to be sent before the next frame */
	/* Results */
	bool published;
	uint64_t connect_us, start_us; /* TCP and Publish.Start, of the first connection */
	uint64_t bytes, packets, audio, video, late, lost, connections, errors;
	uint64_t late_max_us;
	char error[160]; /* the last */
};

/* key is copied. start_us: real time of the first connection. */
void publisher_init(struct publisher *p, const struct publisher_options *opt, unsigned index,
	const char *key, int epoll, uint64_t start_us);
void publisher_finish(struct publisher *p);
void publisher_ready(struct publisher *p, uint32_t events, uint64_t now_us);
void publisher_tick(struct publisher *p, uint64_t now_us);
void publisher_end(struct publisher *p, uint64_t now_us); /* as at the end of its duration */
