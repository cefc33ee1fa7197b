#include "http/flv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "hls_private.h"
#include "http/reply.h"

/*~ From the live floor's feed to a body without an end: tags go by reference from live/feed.c to
 * write.c. */

#define PREFIX "/live/"
#define SUFFIX ".flv"
/* What waits in the server for a peer; the rest of its backlog waits in the feed. */
#define FILL 131072

struct flv {
	struct flv_config config;
	struct list players;
};

struct flv_player {
	struct list link;
	struct flv *flv;
	struct feed_player player;
	struct http_request *request;
	struct uuid id;
	char address[64];
	char token[HLS_QUERY_TOKEN_SIZE];
	char *authorization; /* NULL: none */
	uint64_t left; /* that its peer had not taken when it was looked at last */
	bool begun; /* the file's head is out */
};

struct flv *flv_create(const struct flv_config *config)
{
	struct flv *f = mem_new(struct flv);

	f->config = *config;
	list_init(&f->players);
	return f;
}

static struct http_request *player_free(struct flv_player *p, enum feed_end why)
{
	struct http_request *r = p->request;

	feed_leave(&p->player, why);
	list_remove(&p->link);
	free(p->authorization);
	free(p);
	return r;
}

void flv_drain(struct flv *f)
{
	while (!list_empty(&f->players))
		http_stream_end(player_free(
			container_of(f->players.next, struct flv_player, link), FEED_END_CLOSED));
}

void flv_destroy(struct flv **f)
{
	if (*f)
		flv_drain(*f);
	free(*f);
	*f = NULL;
}

/* The head of an FLV file (Adobe FLV 10.1, annex E.2), when it is known what is in it. */
static void put_head(struct flv_player *p)
{
	uint8_t bytes[13] = {'F', 'L', 'V', 1, 0, 0, 0, 0, 9};
	struct rcbuf *head;
	bool audio, video;

	feed_kinds(&p->player, &audio, &video);
	bytes[4] = (uint8_t)((audio ? 4 : 0) | (video ? 1 : 0));
	head = rcbuf_from(bytes, sizeof(bytes));
	http_stream_put(p->request, head);
	rcbuf_unref(&head);
	p->begun = true;
}

static void on_more(void *user)
{
	struct flv_player *p = user;
	uint64_t left = http_stream_left(p->request);
	bool moved = left < p->left || left == 0;
	struct feed_item item;

	while (http_stream_left(p->request) < FILL && feed_next(&p->player, &item)) {
		if (!p->begun)
			put_head(p);
		http_stream_put(p->request, item.wire);
	}
	p->left = http_stream_left(p->request);
	if (moved)
		feed_moved(&p->player, p->left > 0);
	if (p->left == 0 && feed_is_over(&p->player))
		http_stream_end(player_free(p, FEED_END_OVER));
}

static void on_gone(void *user)
{
	player_free(user, FEED_END_PEER);
}

static struct flv_player *player_of(struct feed_player *player)
{
	return container_of(player, struct flv_player, player);
}

static void on_ready(struct feed_player *player)
{
	http_stream_wake(player_of(player)->request);
}

static bool on_allowed(struct feed_player *player)
{
	const struct flv_player *p = player_of(player);
	const struct flv_config *c = &p->flv->config;

	return !c->access ||
		hls_access_given(c->access(c->user, p->id, p->token, p->authorization));
}

static void on_end(struct feed_player *player, enum feed_end why)
{
	struct http_request *r = player_free(player_of(player), why);

	if (why == FEED_END_STALLED)
		http_stream_abort(r);
	else
		http_stream_end(r);
}

static const struct feed_player_ops player_ops = {
	.ready = on_ready,
	.allowed = on_allowed,
	.end = on_end,
};

static const struct http_response answer = {
	.status = 200,
	.content_type = "video/x-flv",
	.cors = true,
	.kind = HTTP_BODY_STREAM,
};

static void begin(struct flv_player *p)
{
	struct http_response response = answer;

	response.stream = (struct http_stream){.more = on_more, .gone = on_gone, .user = p};
	http_respond(p->request, &response);
}

static void refuse_full(struct flv_player *p, const char *text)
{
	struct http_request *r = player_free(p, FEED_END_CLOSED);

	reply_retry(r, 503, "too_many_players", text, 10);
}

static void join(struct flv *f, struct http_request *r, struct live_stream *s, const char *token)
{
	const char *authorization = http_request_header(r, "authorization");
	struct flv_player *p = mem_new(struct flv_player);

	p->flv = f;
	p->request = r;
	p->id = live_stream_id(s);
	text_copy(p->address, sizeof(p->address), http_request_address(r));
	text_copy(p->token, sizeof(p->token), token);
	p->authorization = authorization ? mem_strdup(authorization) : NULL;
	p->player =
		(struct feed_player){.ops = &player_ops, .kind = "http-flv", .address = p->address};
	list_append(&f->players, &p->link);
	switch (feed_join(live_stream_feed(s), &p->player)) {
	case FEED_JOINED:
		begin(p);
		break;
	case FEED_FULL:
		refuse_full(p, "The server has too many players.");
		break;
	case FEED_STREAM_FULL:
		refuse_full(p, "The stream has too many players.");
		break;
	}
}

static void play(struct flv *f, struct http_request *r, struct uuid id, const char *token)
{
	struct live_stream *s = live_registry_playable(f->config.registry, id);

	if (!s)
		reply_error(r, 404, "stream_not_found", "There is no such live stream.", NULL);
	else if (http_request_draining(r))
		reply_retry(r, 503, "draining", "The server is shutting down.", 5);
	else if (http_request_method(r) == HTTP_HEAD)
		http_respond(r, &answer);
	else
		join(f, r, s, token);
}

/* "/live/ID.flv" */
static bool path_id(const char *path, struct uuid *id)
{
	const char *name = path + strlen(PREFIX);
	char text[UUID_TEXT_SIZE];

	if (strlen(name) != UUID_TEXT_SIZE - 1 + strlen(SUFFIX) ||
		!text_eq(name + UUID_TEXT_SIZE - 1, SUFFIX))
		return false;
	memcpy(text, name, UUID_TEXT_SIZE - 1);
	text[UUID_TEXT_SIZE - 1] = '\0';
	return uuid_parse(text, id);
}

bool flv_handle(struct flv *f, struct http_request *r)
{
	const struct flv_config *c = &f->config;
	char token[HLS_QUERY_TOKEN_SIZE] = "";
	enum hls_access access = HLS_FOR_ALL;
	struct uuid id;

	if (!text_starts(http_request_path(r), PREFIX))
		return false;
	if (!hls_method_allowed(r))
		return true;
	http_request_arg(r, "token", token, sizeof(token));
	if (!path_id(http_request_path(r), &id)) {
		reply_error(r, 404, "not_found", "There is nothing at this path.", NULL);
		return true;
	}
	if (c->access)
		access = c->access(c->user, id, token, http_request_header(r, "authorization"));
	if (access == HLS_REFUSED)
		reply_error(
			r, 403, "forbidden", "This needs a playback token that is valid.", "token");
	else if (access == HLS_UNKNOWN)
		reply_error(r, 404, "stream_not_found", "There is no such live stream.", NULL);
	else
		play(f, r, id, token);
	return true;
}
