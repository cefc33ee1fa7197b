#pragma once

#include <jansson.h>
#include <stdint.h>

#include "target.h"

/* Asks for the same few URLs again and again over many keep-alive connections. */
struct hammer_options {
	const struct target *targets; /* all on one server */
	unsigned n_targets;
	unsigned connections;
	uint64_t duration_us;
	uint64_t max_requests; /* 0: no bound but the time */
	const char *headers; /* further request fields, each with CRLF, or NULL */
	volatile const int *stop; /* set from a signal handler */
};

json_t *hammer_run(const struct hammer_options *opt);
