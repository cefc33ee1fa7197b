#include "payload.h"
#include "stream_private.h"

/*
 * What was said in a chat since a viewer last heard of it, from the store: after a restart, or when
 * that is longer ago than the hub remembers. A message that is stored but about to be told is left
 * to that: who is in the room hears of it once.
 */
#define NEWS_MAX 100

bool stream_news_read(const struct stream_events *s, struct uuid stream_id, struct uuid after,
	struct repo_chat_news *out)
{
	const struct repo *repo = &s->config.repo;

	*out = (struct repo_chat_news){0};
	if (!repo->chat ||
		repo->chat->chat_since(repo->impl, stream_id, after, NEWS_MAX, out) != REPO_OK)
		return false;
	if (!out->more)
		return true;
	repo_chat_news_finish(out);
	return false;
}

static bool is_untold(const struct stream_room *room, const struct chat_record *m)
{
	return chat_is_untold(room->owner->config.chat, m->id);
}

void stream_news_into(json_t *joined, const struct stream_room *room, struct uuid after)
{
	struct repo_chat_news news;
	json_t *missed, *deleted;

	if (!stream_news_read(room->owner, room->id, after, &news)) {
		json_object_set_new(joined, "missed", json_null());
		json_object_set_new(joined, "missedDeleted", json_null());
		return;
	}
	missed = json_array();
	deleted = json_array();
	for (size_t i = 0; i < news.n; i++)
		if (!is_untold(room, &news.rows[i]))
			json_array_append_new(missed, stream_message_json(&news.rows[i]));
	for (size_t i = 0; i < news.n_deleted; i++)
		json_array_append_new(deleted, payload_id(news.deleted[i]));
	json_object_set_new(joined, "missed", missed);
	json_object_set_new(joined, "missedDeleted", deleted);
	repo_chat_news_finish(&news);
}

void stream_news_send(
	const struct stream_room *room, struct peer *p, const struct repo_chat_news *news)
{
	for (size_t i = 0; i < news->n; i++)
		if (!is_untold(room, &news->rows[i]))
			peer_send(p, "chat:message", stream_message_json(&news->rows[i]));
	for (size_t i = 0; i < news->n_deleted; i++)
		peer_send(p, "chat:deleted",
			json_pack("{s:s, s:o, s:n}", "streamId", room->id_text, "messageId",
				payload_id(news->deleted[i]), "deletedBy"));
}
