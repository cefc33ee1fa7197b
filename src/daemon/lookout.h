#pragma once

#include "http/api.h"

/* What operators see of the event layer: its sockets, and what is said in its rooms. */
struct server;

void lookout_start(struct server *s); /* after the sockets */
void lookout_stop(struct server *s); /* before them */

/* struct api_host's */
void lookout_sockets(void *user, const char *room,
	void (*each)(void *arg, const struct api_socket *socket), void *arg);
bool lookout_close_socket(void *user, const char *id);
json_t *lookout_read(void *user, const struct api_events_query *query);
struct signal *lookout_heard(void *user);
