#pragma once

#include "http/api.h"

/* Who may connect, who is connected, and what a ban does to them. `user` is the struct server. */
struct server;

bool connections_admit(void *user, const char *address); /* for net_listener's admit */
bool connections_banned(void *user, const char *user_id); /* for router's banned */
void connections_watch_bans(struct server *s);

void connections_each(
	void *user, void (*each)(void *arg, const struct api_connection *connection), void *arg);
bool connections_close(void *user, const char *id);
