#include <string.h>

#include "base/text.h"
#include "rtmp_private.h"

/*~ From the live floor's feed to a session that plays. Came from live/feed.c; the bytes leave by
 * conn.c, the next stop, when the peer can take them. */

/* More is not put into the output than this and a message. */
#define FILL 65536

static struct rtmp_conn *conn_of(struct feed_player *p)
{
	return container_of(p, struct rtmp_conn, player);
}

void player_fill(struct rtmp_conn *c)
{
	const struct buf *out = rtmp_session_output(c->session);
	struct feed_item item;

	if (!c->player.feed)
		return;
	while (out->len < FILL && feed_next(&c->player, &item))
		rtmp_session_send(c->session, item.type, item.timestamp, item.body, item.len);
	if (out->len == 0 && feed_is_over(&c->player))
		rtmp_session_close(c->session, RTMP_CLOSE_ENDED, NULL);
	else if (out->len > 0)
		c->player.busy = true;
}

static void on_ready(struct feed_player *p)
{
	struct rtmp_conn *c = conn_of(p);

	if (!p->busy)
		feed_moved(p, false);
	player_fill(c);
	rtmp_conn_update(c);
}

static bool may_play(const struct rtmp_conn *c)
{
	const struct rtmp_server_config *config = &c->server->config;

	return !config->may_play || config->may_play(config->play_user, c->play_id, c->token);
}

static bool on_allowed(struct feed_player *p)
{
	return may_play(conn_of(p));
}

static void on_end(struct feed_player *p, enum feed_end why)
{
	static const enum rtmp_close reasons[FEED_END_COUNT] = {
		[FEED_END_PEER] = RTMP_CLOSE_PEER,
		[FEED_END_OVER] = RTMP_CLOSE_ENDED,
		[FEED_END_STALLED] = RTMP_CLOSE_STALLED,
		[FEED_END_FORBIDDEN] = RTMP_CLOSE_FORBIDDEN,
		[FEED_END_CLOSED] = RTMP_CLOSE_KICKED,
	};
	struct rtmp_conn *c = conn_of(p);

	rtmp_session_close(c->session, reasons[why], NULL);
	rtmp_conn_update(c);
}

static const struct feed_player_ops player_ops = {
	.ready = on_ready,
	.allowed = on_allowed,
	.end = on_end,
};

/* The value of "token" in a query; "" if there is none. Tokens need no escaping. */
static void read_token(const char *query, char *out, size_t size)
{
	const char *at = query;

	out[0] = '\0';
	while (*at) {
		size_t len = strcspn(at, "&");
		if (text_starts(at, "token=") && len - strlen("token=") < size) {
			memcpy(out, at + strlen("token="), len - strlen("token="));
			out[len - strlen("token=")] = '\0';
			return;
		}
		at += len + (at[len] == '&');
	}
}

static void refuse(struct rtmp_conn *c, enum rtmp_close reason, const char *text)
{
	rtmp_session_reject(c->session, reason, NULL, text);
}

static void begin(struct rtmp_conn *c, struct live_stream *s)
{
	text_copy(c->stream_id, sizeof(c->stream_id), live_stream_id_text(s));
	c->player = (struct feed_player){.ops = &player_ops, .kind = "rtmp", .address = c->address};
	switch (feed_join(live_stream_feed(s), &c->player)) {
	case FEED_JOINED:
		rtmp_session_accept(c->session, loop_now_us(c->server->loop));
		player_fill(c);
		break;
	case FEED_FULL:
		refuse(c, RTMP_CLOSE_PLAYER_LIMIT, "The server has too many players.");
		break;
	case FEED_STREAM_FULL:
		refuse(c, RTMP_CLOSE_PLAYER_LIMIT, "The stream has too many players.");
		break;
	}
}

void player_play(struct rtmp_conn *c, const struct rtmp_request *request)
{
	struct live_stream *s;

	read_token(request->query, c->token, sizeof(c->token));
	if (!uuid_parse(request->key, &c->play_id)) {
		refuse(c, RTMP_CLOSE_NO_STREAM, NULL);
		return;
	}
	s = live_registry_playable(c->server->registry, c->play_id);
	if (!s)
		refuse(c, RTMP_CLOSE_NO_STREAM, NULL);
	else if (!may_play(c))
		refuse(c, RTMP_CLOSE_FORBIDDEN, NULL);
	else
		begin(c, s);
}

void player_pause(struct rtmp_conn *c, bool paused)
{
	feed_pause(&c->player, paused);
	player_fill(c);
}

void player_moved(struct rtmp_conn *c, bool busy)
{
	feed_moved(&c->player, busy);
}

void player_stop(struct rtmp_conn *c)
{
	feed_leave(&c->player, FEED_END_PEER);
	c->stream_id[0] = '\0';
}

void player_closed(struct rtmp_conn *c, enum rtmp_close reason)
{
	feed_leave(&c->player,
		reason == RTMP_CLOSE_ENDED		 ? FEED_END_OVER
			: reason == RTMP_CLOSE_STALLED	 ? FEED_END_STALLED
			: reason == RTMP_CLOSE_FORBIDDEN ? FEED_END_FORBIDDEN
			: reason == RTMP_CLOSE_PEER	 ? FEED_END_PEER
							 : FEED_END_CLOSED);
}
