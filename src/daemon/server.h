#pragma once

#include <stdbool.h>

#include "daemon/config.h"
#include "options.h"

/* The whole daemon: everything it is made of, wired. */
struct server;

/* Takes the config in every case. NULL, with a log line that says why, if it cannot start. */
struct server *server_create(struct config *config, const struct options *options);
/* Runs until drained. False if something failed on the way out. */
bool server_run(struct server *s);
void server_destroy(struct server **s); /* nulls; *s may be NULL */
