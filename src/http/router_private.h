#pragma once

#include "http/bucket.h"
#include "http/router.h"

/* What router.c and openapi.c share; nobody else includes it. */

struct router_table {
	const struct route *routes;
	unsigned n;
	void *user;
};

struct router {
	struct router_config config;
	struct router_table *tables;
	unsigned n_tables;
	struct buckets *addresses, *users;
};
