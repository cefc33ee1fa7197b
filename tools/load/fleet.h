#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "target.h"
#include "wire.h"

/* Many WebSocket clients of one server, some of which say something that all are to hear. */
struct fleet_options {
	const struct target *target;
	const char *path;
	enum wire_framing framing;
	unsigned clients, senders, stall, ramp; /* ramp: connections a second */
	unsigned sources; /* addresses to connect from */
	double rate; /* messages a second in all */
	unsigned burst, size; /* messages at a time; bytes of a text, at least a mark's */
	uint64_t duration_us, warmup_us, settle_us, drain_us;
	const char *join, *join_event, *event;
	char **tokens; /* client i has token i modulo n_tokens */
	unsigned n_tokens;
	bool acks; /* asked for with each message */
	pid_t pid; /* the server, to tell its CPU time and memory; 0: not wanted */
	volatile const int *stop; /* set from a signal handler */
};

json_t *fleet_run(const struct fleet_options *options);
