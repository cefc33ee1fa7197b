#include <stdlib.h>

#include "base/text.h"
#include "live/health_json.h"
#include "payload.h"
#include "stream_private.h"

#define CHAT_SHOWN 50
#define PRODUCTS_FRESH_US 2000000u

json_t *stream_message_json(const struct chat_record *m)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o}", "id", payload_id(m->id),
		"streamId", payload_id(m->stream_id), "userId", m->user_id, "username",
		payload_text(m->username), "avatar", payload_text(m->avatar), "message", m->message,
		"timestamp", payload_time(m->created_at), "clientId", payload_text(m->client_id));
}

static json_t *position_json(const struct stream_product_record *p)
{
	return p->has_position ? json_pack("{s:f, s:f}", "x", p->x_position, "y", p->y_position)
			       : json_null();
}

json_t *stream_product_json(const struct stream_product_record *p)
{
	const struct product_record *r = &p->product;
	json_t *o = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "id", payload_id(r->id),
		"productId", payload_id(r->id), "sellerId", r->seller_id, "name",
		payload_text(r->name), "description", payload_text(r->description), "imageUrl",
		payload_text(r->image_url), "url", payload_text(r->url));

	json_object_set_new(o, "price", json_integer(r->price));
	json_object_set_new(o, "currency", payload_text(r->currency));
	json_object_set_new(o, "stock", r->stock < 0 ? json_null() : json_integer(r->stock));
	json_object_set_new(o, "position", position_json(p));
	json_object_set_new(o, "timestampSeconds",
		p->timestamp_seconds < 0 ? json_null() : json_integer(p->timestamp_seconds));
	json_object_set_new(o, "pinned", json_boolean(p->pinned));
	return o;
}

/* --- what a join is told --- */

static json_t *read_chat(const struct stream_room *room)
{
	const struct repo *repo = &room->owner->config.repo;
	struct repo_chat_page page = {0};
	json_t *list = json_array();

	if (repo->chat &&
		repo->chat->chat_list(repo->impl, room->id, (struct uuid){0}, CHAT_SHOWN, &page) ==
			REPO_OK)
		for (size_t i = page.n; i-- > 0;)
			/* What is about to be told is left to that. */
			if (!chat_is_untold(room->owner->config.chat, page.rows[i].id))
				json_array_append_new(list, stream_message_json(&page.rows[i]));
	repo_chat_page_finish(&page);
	return list;
}

/* The last 50; borrowed. */
static json_t *chat_json(struct stream_room *room)
{
	if (!room->chat)
		room->chat = read_chat(room);
	return room->chat;
}

static size_t chat_place(const struct stream_room *room, const char *id)
{
	size_t i = json_array_size(room->chat);

	while (i-- > 0)
		if (text_eq(json_string_value(json_object_get(json_array_get(room->chat, i), "id")),
			    id))
			return i;
	return SIZE_MAX;
}

void stream_chat_add(struct stream_room *room, const struct chat_record *m)
{
	if (!room->chat)
		return;
	json_array_append_new(room->chat, stream_message_json(m));
	if (json_array_size(room->chat) > CHAT_SHOWN)
		json_array_remove(room->chat, 0);
}

void stream_chat_remove(struct stream_room *room, const char *id)
{
	size_t at = room->chat ? chat_place(room, id) : SIZE_MAX;

	if (at != SIZE_MAX)
		json_array_remove(room->chat, at);
}

static json_t *read_products(const struct stream_room *room)
{
	const struct repo *repo = &room->owner->config.repo;
	struct stream_product_record *rows = NULL;
	json_t *list = json_array();
	size_t n = 0;

	if (repo->ops->stream_products(repo->impl, room->id, &rows, &n) != REPO_OK)
		return list;
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, stream_product_json(&rows[i]));
		stream_product_record_finish(&rows[i]);
	}
	free(rows);
	return list;
}

/* Borrowed. Prices and stocks change without a signal: what was read is good for a moment only. */
static json_t *products_json(struct stream_room *room)
{
	uint64_t now = loop_now_us(room->owner->config.loop);

	if (room->products && now - room->products_us < PRODUCTS_FRESH_US)
		return room->products;
	json_decref(room->products);
	room->products = read_products(room);
	room->products_us = now;
	return room->products;
}

/* A new reference, null if there is none. */
static json_t *pinned_json(const json_t *products)
{
	for (size_t i = 0; i < json_array_size(products); i++) {
		json_t *p = json_array_get(products, i);
		if (json_is_true(json_object_get(p, "pinned")))
			return json_incref(p);
	}
	return json_null();
}

json_t *stream_joined_json(
	struct stream_room *room, const struct stream_record *row, const struct peer *p)
{
	const struct stream_events_host *host = &room->owner->config.host;
	json_t *products = products_json(room), *o;
	struct hub_place place = {0};

	hub_room_place(peers_hub(room->owner->config.peers), room->name, &place);
	o = json_pack("{s:s, s:s, s:I, s:O, s:O, s:o}", "streamId", room->id_text, "status",
		stream_status_text(row->status), "viewerCount", (json_int_t)stream_room_count(room),
		"chat", chat_json(room), "products", products, "pinned", pinned_json(products));
	json_object_set_new(o, "hlsUrl",
		room->live ? payload_owned(host->hls_url(host->user, row, p->who.user_id))
			   : json_null());
	json_object_set_new(o, "vodUrl",
		row->vod_url ? payload_owned(host->vod_url(host->user, row, p->who.user_id))
			     : json_null());
	json_object_set_new(o, "chatEnabled", json_boolean(room->chat_enabled));
	json_object_set_new(o, "slowMode", json_integer(room->slow_mode));
	json_object_set_new(o, "userId", json_string(p->id));
	json_object_set_new(o, "room", json_string(room->name));
	json_object_set_new(o, "epoch", json_string(place.epoch));
	json_object_set_new(o, "seq", json_integer((json_int_t)place.seq));
	return o;
}

json_t *stream_health_json(struct live_stream *live)
{
	struct live_health_report h;

	live_stream_health(live, &h);
	return json_pack("{s:s, s:s, s:I, s:f, s:f, s:i, s:I, s:i, s:I, s:o}", "streamId",
		live_stream_id_text(live), "status", live_health_status_text(h.verdict.status),
		"bitrate", (json_int_t)h.figures.bitrate, "frameRate", h.figures.frame_rate,
		"keyframeInterval", h.figures.keyframe_interval, "skewMs", h.figures.skew_ms,
		"jitterMs", (json_int_t)h.figures.jitter_ms, "lateMs", h.figures.late_ms,
		"missingFrames", (json_int_t)h.figures.missing_frames, "advice",
		live_advice_json(&h));
}
