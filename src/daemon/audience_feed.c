#include "audience_feed.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/signal.h"
#include "base/text.h"

struct audience_feed {
	struct audience *audience;
	struct live_registry *registry;
	struct chat *chat;
	struct repo repo;
	struct signal_listener opened, ended, written;
};

static void open_stream(struct audience_feed *f, const struct live_stream *live)
{
	const struct stream_record *row = live_stream_record(live);
	struct user_record seller = {0};

	f->repo.ops->user_get(f->repo.impl, row->seller_id, &seller);
	audience_open(f->audience, row, seller.neighborhood);
	user_record_finish(&seller);
}

static void on_opened(struct signal_listener *l, void *data)
{
	open_stream(container_of(l, struct audience_feed, opened), data);
}

static void on_ended(struct signal_listener *l, void *data)
{
	struct audience_feed *f = container_of(l, struct audience_feed, ended);

	audience_end(f->audience, live_stream_id(data));
}

bool audience_feed_ingest(void *registry, struct uuid stream_id, struct ingest_record *out)
{
	struct live_stream *live = live_registry_find(registry, stream_id);

	if (live)
		live_stream_ingest(live, out);
	return live != NULL;
}

static bool figures(void *user, struct uuid stream_id, struct repo_stats *out)
{
	return audience_stats(user, stream_id, out);
}

static void put_text(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
	if (!text) {
		buf_put_str(b, "null");
		return;
	}
	buf_put_u8(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_put_u8(b, '\\');
		if ((unsigned char)*text < ' ')
			buf_printf(b, "\\u%04x", *text);
		else
			buf_put_u8(b, (uint8_t)*text);
	}
	buf_put_u8(b, '"');
}

/* As spec events.md sends it: other services read the last ones in the state. */
static void put_message(struct buf *b, const struct chat_record *m)
{
	char id[UUID_TEXT_SIZE], stream_id[UUID_TEXT_SIZE], time[TEXT_TIME_SIZE];

	uuid_text(id, m->id);
	uuid_text(stream_id, m->stream_id);
	text_time(time, m->created_at);
	buf_put_u8(b, '{');
	put_text(b, "id", id);
	put_text(b, "streamId", stream_id);
	put_text(b, "userId", m->user_id);
	put_text(b, "username", m->username);
	put_text(b, "avatar", m->avatar);
	put_text(b, "message", m->message);
	put_text(b, "timestamp", time);
	put_text(b, "clientId", m->client_id);
	buf_put_u8(b, '}');
}

static void on_written(struct signal_listener *l, void *data)
{
	struct audience_feed *f = container_of(l, struct audience_feed, written);
	const struct chat_record *m = data;
	struct buf json = {0};

	put_message(&json, m);
	audience_chat(f->audience, m->stream_id, m->user_id, buf_text(&json));
	buf_finish(&json);
}

static void permit(
	void *audience, struct uuid stream_id, const char *user_id, chat_permitted done, void *call)
{
	audience_chat_permit(audience, stream_id, user_id, done, call);
}

struct audience_feed *audience_feed_create(struct audience *audience,
	struct live_registry *registry, struct chat *chat, struct repo repo)
{
	struct audience_feed *f = mem_new(struct audience_feed);
	struct live_stream *live = NULL;

	*f = (struct audience_feed){
		.audience = audience, .registry = registry, .chat = chat, .repo = repo};
	signal_listener_init(&f->opened, on_opened);
	signal_listener_init(&f->ended, on_ended);
	signal_listener_init(&f->written, on_written);
	signal_add(chat_written(chat), &f->written);
	chat_ask_permits(chat, permit, audience);
	signal_add(live_registry_opened(registry), &f->opened);
	signal_add(live_registry_ended(registry), &f->ended);
	live_registry_ask_figures(registry, figures, audience);
	while ((live = live_registry_next(registry, live)))
		open_stream(f, live);
	return f;
}

void audience_feed_destroy(struct audience_feed **feed)
{
	struct audience_feed *f = *feed;

	if (!f)
		return;
	*feed = NULL;
	signal_listener_remove(&f->opened);
	signal_listener_remove(&f->ended);
	signal_listener_remove(&f->written);
	live_registry_ask_figures(f->registry, NULL, NULL);
	chat_ask_permits(f->chat, NULL, NULL);
	free(f);
}
