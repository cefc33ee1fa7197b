#include "connections.h"

#include <stdio.h>

#include "base/text.h"
#include "server_private.h"

#define ID_SIZE 32

struct walk {
	void (*each)(void *arg, const struct api_connection *connection);
	void *arg;
};

static void rtmp_id(char out[static ID_SIZE], const struct rtmp_server_entry *e)
{
	snprintf(out, ID_SIZE, "rtmp-%llu", (unsigned long long)e->id);
}

static void http_id(char out[static ID_SIZE], const struct http_server_entry *e)
{
	snprintf(out, ID_SIZE, "http-%llu", (unsigned long long)e->id);
}

static void on_rtmp(void *arg, const struct rtmp_server_entry *e)
{
	const struct walk *w = arg;
	char id[ID_SIZE];

	rtmp_id(id, e);
	w->each(w->arg,
		&(struct api_connection){
			.id = id,
			.kind = "rtmp",
			.address = e->address,
			.stream_id = e->stream_id,
			.since_us = e->since_us,
			.bytes = e->bytes,
			.tls = e->tls,
		});
}

static void on_http(void *arg, const struct http_server_entry *e)
{
	const struct walk *w = arg;
	char id[ID_SIZE];

	http_id(id, e);
	w->each(w->arg,
		&(struct api_connection){
			.id = id,
			.kind = "http",
			.address = e->address,
			.stream_id = "",
			.since_us = e->since_us,
			.requests = e->requests,
			.tls = e->tls,
		});
}

void connections_each(
	void *user, void (*each)(void *arg, const struct api_connection *connection), void *arg)
{
	struct server *s = user;
	struct walk w = {.each = each, .arg = arg};

	rtmp_server_each(s->rtmp, on_rtmp, &w);
	http_server_each(s->http, on_http, &w);
}

static bool rtmp_has_id(void *arg, const struct rtmp_server_entry *e)
{
	char id[ID_SIZE];

	rtmp_id(id, e);
	return text_eq(id, arg);
}

static bool http_has_id(void *arg, const struct http_server_entry *e)
{
	char id[ID_SIZE];

	http_id(id, e);
	return text_eq(id, arg);
}

bool connections_close(void *user, const char *id)
{
	struct server *s = user;

	return rtmp_server_close(s->rtmp, rtmp_has_id, (void *)(uintptr_t)id) +
		http_server_close(s->http, http_has_id, (void *)(uintptr_t)id, "kicked") >
		0;
}

bool connections_admit(void *user, const char *address)
{
	struct server *s = user;

	return !bans_address(s->bans, address);
}

bool connections_banned(void *user, const char *user_id)
{
	struct server *s = user;

	return bans_user(s->bans, user_id);
}

static bool rtmp_is_banned(void *arg, const struct rtmp_server_entry *e)
{
	return bans_matches(arg, e->address);
}

static bool http_is_banned(void *arg, const struct http_server_entry *e)
{
	return !e->local && bans_matches(arg, e->address);
}

/* The publisher of a banned seller goes; those who are watched stay in the store as they are. */
static void kick_streams_of(struct server *s, const char *user_id)
{
	struct live_stream *live = NULL;

	while ((live = live_registry_next(s->registry, live)))
		if (text_eq(live_stream_record(live)->seller_id, user_id))
			live_registry_kick(s->registry, live);
}

/* Emitted when a ban is lifted, too: that one has no time of its making. */
static void on_ban(struct signal_listener *listener, void *data)
{
	struct server *s = container_of(listener, struct server, ban_listener);
	struct ban_record *ban = data;

	if (ban->kind == BAN_USER && bans_user(s->bans, ban->subject)) {
		kick_streams_of(s, ban->subject);
		sockets_close_user(s->sockets, ban->subject);
	}
	if (ban->kind == BAN_ADDRESS && ban->created_at) {
		rtmp_server_close(s->rtmp, rtmp_is_banned, ban);
		http_server_close(s->http, http_is_banned, ban, "banned");
	}
}

void connections_watch_bans(struct server *s)
{
	signal_listener_init(&s->ban_listener, on_ban);
	signal_add(bans_changed(s->bans), &s->ban_listener);
}
