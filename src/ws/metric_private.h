#pragma once

#include "base/map.h"
#include "loop/timer.h"
#include "ws/metric_events.h"

/* What the files of the pushed figures share. */

#define METRIC_SERVER "server"
#define METRIC_ROOM_SIZE 48

/* What the server's rates are made of. */
struct metric_sample {
	uint64_t at_us, cpu_us, deliveries;
};

struct metric_events {
	struct metric_events_config config;
	struct map *subjects; /* struct metric_subject by id */
	struct timer *timer; /* runs while there are subjects */
	struct metric_sample before, now; /* of the last two times; at_us 0: none yet */
	struct signal_listener ended, peer_ended;
	struct metric *subscriptions, *updates;
};

/* A stream, or the server, while somebody is subscribed to it. */
struct metric_subject {
	struct metric_events *owner;
	bool server;
	struct uuid stream;
	char id[UUID_TEXT_SIZE]; /* or METRIC_SERVER */
	char room[METRIC_ROOM_SIZE]; /* of the hub */
	char *seller; /* NULL: the server */
	struct list seats; /* struct metric_seat */
};

struct metric_seat {
	struct list by_peer, by_subject;
	struct peer *peer;
	struct metric_subject *subject;
};

/* events_metrics.c */
void metric_events_add(struct events *e, struct metric_events *m);

/* metrics_json.c. final: the stream's last. NULL: the stream is not there any more. */
json_t *metric_stream_json(const struct metric_subject *subject, bool final);
json_t *metric_server_json(const struct metric_events *m);
void metric_sample_take(struct metric_events *m);
