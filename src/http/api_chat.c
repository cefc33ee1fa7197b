#include <stdio.h>
#include <stdlib.h>

#include "api_internal.h"
#include "base/mem.h"
#include "live/chat.h"

/* Chat and moderation: the rules are those of live/chat.h. */
#define SECONDS_MAX 31536000 /* a year */

/* A request that waits for the chat. */
struct chat_ask {
	struct http_request *request; /* NULL: gone */
	struct api *api; /* of a mode; not to be touched once request is NULL */
	json_t *(*success)(const struct chat_ask *ask, const struct chat_answer *answer);
	int status; /* of success */
	struct uuid stream_id, message_id;
	char *user_id;
};

static json_t *message_json(const struct chat_record *m)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o}", "id", api_id(m->id),
		"streamId", api_id(m->stream_id), "userId", m->user_id, "username",
		api_text_or_null(m->username), "avatar", api_text_or_null(m->avatar), "message",
		m->message, "timestamp", api_time_or_null(m->created_at), "clientId",
		api_text_or_null(m->client_id));
}

static json_t *mute_json(const struct mute_record *m)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:s, s:o}", "streamId", api_id(m->stream_id),
		"userId", m->user_id, "kind", mute_kind_text(m->kind), "until",
		api_time_or_null(m->until), "moderatorId", m->moderator_id, "createdAt",
		api_time_or_null(m->created_at));
}

static int status_of(enum chat_result r)
{
	switch (r) {
	case CHAT_OK:
		return 200;
	case CHAT_NO_STREAM:
	case CHAT_NO_MESSAGE:
	case CHAT_NO_USER:
	case CHAT_NOT_MUTED:
		return 404;
	case CHAT_GUEST:
		return 401;
	case CHAT_NOT_AUDIENCE:
	case CHAT_BANNED:
	case CHAT_MUTED:
	case CHAT_FORBIDDEN:
		return 403;
	case CHAT_OFF:
	case CHAT_OVER:
	case CHAT_TARGET:
		return 409;
	case CHAT_EMPTY:
	case CHAT_TOO_LONG:
	case CHAT_BLOCKED_WORD:
	case CHAT_LINK:
	case CHAT_PAUSE:
		return 422;
	case CHAT_RATE:
	case CHAT_SLOW:
		return 429;
	case CHAT_FAILED:
		return 503;
	}
	return 503;
}

static const char *field_of(enum chat_result r)
{
	if (r == CHAT_PAUSE)
		return "slow_mode";
	if (status_of(r) == 422)
		return "message";
	return r == CHAT_NO_USER || r == CHAT_TARGET ? "user_id" : NULL;
}

static uint64_t wait_of(const struct http_request *r, const struct chat_answer *answer)
{
	uint64_t now_ms = clock_wall_ms(loop_clock(http_server_loop(http_request_server(r))));

	if (answer->retry_after)
		return answer->retry_after;
	return answer->muted_until > now_ms ? (answer->muted_until - now_ms + 999) / 1000 : 0;
}

static void refuse(struct http_request *r, const struct chat_answer *answer)
{
	uint64_t wait = wait_of(r, answer);
	char line[64];

	if (!wait) {
		reply_error(r, status_of(answer->result), chat_result_code(answer->result),
			chat_result_text(answer->result), field_of(answer->result));
		return;
	}
	snprintf(line, sizeof(line), "retry-after: %llu\r\n", (unsigned long long)wait);
	reply_error_with(r, status_of(answer->result), chat_result_code(answer->result),
		chat_result_text(answer->result), NULL, line);
}

static void on_gone(void *user)
{
	((struct chat_ask *)user)->request = NULL;
}

static void ask_free(struct chat_ask *ask)
{
	free(ask->user_id);
	free(ask);
}

static void on_answer(void *user, const struct chat_answer *answer)
{
	struct chat_ask *ask = user;

	if (ask->request && answer->result != CHAT_OK)
		refuse(ask->request, answer);
	else if (ask->request)
		reply_data(ask->request, ask->status, ask->success(ask, answer));
	ask_free(ask);
}

static struct chat_ask *ask_create(struct http_request *r, struct uuid stream_id, int status,
	json_t *(*success)(const struct chat_ask *ask, const struct chat_answer *answer))
{
	struct chat_ask *ask = mem_new(struct chat_ask);

	ask->request = r;
	ask->stream_id = stream_id;
	ask->status = status;
	ask->success = success;
	http_request_hold(r, on_gone, ask);
	return ask;
}

/* Who calls; name and avatar as they are stored where the token does not say them. */
struct caller {
	struct chat_caller chat;
	struct user_record stored;
};

static void caller_init(const struct api *a, const struct http_request *r, struct caller *out)
{
	const struct identity *who = router_identity(r);

	*out = (struct caller){0};
	if (!who)
		return;
	out->chat = (struct chat_caller){
		.viewer = {who->user_id, who->roles, who->neighborhood},
		.name = who->name,
		.avatar = who->avatar,
	};
	if (who->name && who->avatar)
		return;
	a->config.repo.ops->user_get(a->config.repo.impl, who->user_id, &out->stored);
	out->chat.name = who->name ? who->name : out->stored.name;
	out->chat.avatar = who->avatar ? who->avatar : out->stored.avatar;
}

static void caller_finish(struct caller *c)
{
	user_record_finish(&c->stored);
}

/* False, with 503 answered: a repo without chat. */
static bool has_chat(const struct api *a, struct http_request *r)
{
	if (a->config.chat && a->config.repo.chat)
		return true;
	reply_error(r, 503, "unavailable", "There is no chat here.", NULL);
	return false;
}

/* History */

/* False, with the refusal answered, if the caller may not. */
static bool watch_allowed(
	const struct api *a, struct http_request *r, const struct stream_record *row)
{
	struct api_urls urls;
	enum watch_verdict v;

	api_urls_of(a, r, &urls);
	v = api_may_watch(a, &urls, row);
	switch (v) {
	case WATCH_OK:
		return true;
	case WATCH_GUEST:
		reply_error(r, 401, watch_verdict_code(v), watch_verdict_text(v), NULL);
		return false;
	case WATCH_NOT_FOLLOWING:
	case WATCH_NOT_NEAR:
	case WATCH_BANNED:
		reply_error(r, 403, watch_verdict_code(v), watch_verdict_text(v), NULL);
		return false;
	case WATCH_UNKNOWN:
		break;
	}
	api_reply_unreadable(r);
	return false;
}

static void reply_messages(struct http_request *r, const struct repo_chat_page *page)
{
	json_t *items = json_array();

	for (size_t i = 0; i < page->n; i++)
		json_array_append_new(items, message_json(&page->rows[i]));
	reply_page(r, items, page->next_cursor);
}

static void history(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_arg room;
	struct stream_record row;
	struct repo_chat_page page;
	struct uuid before = {0};

	if (!has_chat(a, r) || !api_stream_of(a, r, &row))
		return;
	if (!uuid_parse(api_arg(r, "before", &room), &before))
		uuid_parse(api_arg(r, "cursor", &room), &before);
	if (watch_allowed(a, r, &row)) {
		if (a->config.repo.chat->chat_list(
			    a->config.repo.impl, row.id, before, router_limit(r), &page) == REPO_OK)
			reply_messages(r, &page);
		else
			api_reply_unreadable(r);
		repo_chat_page_finish(&page);
	}
	stream_record_finish(&row);
}

/* Writing */

static json_t *written(const struct chat_ask *ask, const struct chat_answer *answer)
{
	return message_json(answer->message);
}

static void say(void *user, struct http_request *r)
{
	struct api *a = user;
	struct caller who;
	struct uuid id;

	if (!has_chat(a, r) || !router_param_uuid(r, "id", &id))
		return;
	caller_init(a, r, &who);
	chat_write(a->config.chat, &who.chat, id, router_text(r, "message", ""),
		router_text(r, "client_id", NULL), on_answer, ask_create(r, id, 201, written));
	caller_finish(&who);
}

static json_t *deleted(const struct chat_ask *ask, const struct chat_answer *answer)
{
	return json_pack("{s:o, s:o, s:b}", "streamId", api_id(ask->stream_id), "messageId",
		api_id(ask->message_id), "deleted", 1);
}

static void delete_message(void *user, struct http_request *r)
{
	struct api *a = user;
	struct caller who;
	struct uuid id, message;
	struct chat_ask *ask;

	if (!has_chat(a, r) || !router_param_uuid(r, "id", &id) ||
		!router_param_uuid(r, "mid", &message))
		return;
	ask = ask_create(r, id, 200, deleted);
	ask->message_id = message;
	caller_init(a, r, &who);
	chat_delete(a->config.chat, &who.chat, id, message, on_answer, ask);
	caller_finish(&who);
}

/* How the chat goes */

bool api_slow_mode_is_good(const struct api *a, struct http_request *r, uint32_t seconds)
{
	if (!a->config.chat || seconds <= chat_slow_mode_max(a->config.chat))
		return true;
	refuse(r, &(struct chat_answer){.result = CHAT_PAUSE});
	return false;
}

static json_t *mode_set(const struct chat_ask *ask, const struct chat_answer *answer)
{
	struct api_urls urls;
	json_t *o;

	api_urls_of(ask->api, ask->request, &urls);
	o = api_stream_json(ask->api, &urls, answer->stream);
	json_object_set_new(o, "productCount", json_integer(answer->product_count));
	return o;
}

void api_chat_mode(
	struct api *a, struct http_request *r, struct uuid stream_id, const struct chat_mode *mode)
{
	struct chat_ask *ask;
	struct caller who;

	if (!has_chat(a, r))
		return;
	ask = ask_create(r, stream_id, 200, mode_set);
	ask->api = a;
	caller_init(a, r, &who);
	chat_set_mode(a->config.chat, &who.chat, stream_id, mode, on_answer, ask);
	caller_finish(&who);
}

/* Mutes */

static void reply_mutes(struct http_request *r, const struct repo_mute_list *list)
{
	json_t *items = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(items, mute_json(&list->rows[i]));
	reply_page(r, items, NULL);
}

static void list_mutes(void *user, struct http_request *r)
{
	struct api *a = user;
	struct stream_record row;
	struct repo_mute_list list;
	struct caller who;

	if (!has_chat(a, r) || !api_stream_of(a, r, &row))
		return;
	caller_init(a, r, &who);
	if (!chat_is_staff(&row, &who.chat.viewer))
		refuse(r, &(struct chat_answer){.result = CHAT_FORBIDDEN});
	else if (a->config.repo.chat->mute_list(a->config.repo.impl, row.id,
			 clock_wall_ms(loop_clock(a->config.loop)), &list) != REPO_OK)
		api_reply_unreadable(r);
	else {
		reply_mutes(r, &list);
		repo_mute_list_finish(&list);
	}
	caller_finish(&who);
	stream_record_finish(&row);
}

static json_t *muted(const struct chat_ask *ask, const struct chat_answer *answer)
{
	return mute_json(answer->mute);
}

static void mute(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct chat_mute request = {
		.user_id = router_text(r, "user_id", ""),
		.kind = router_bool(r, "ban", false) ? MUTE_BAN : MUTE_WRITING,
		.seconds = (uint32_t)router_integer(r, "seconds", 0),
	};
	struct caller who;
	struct uuid id;

	if (!has_chat(a, r) || !router_param_uuid(r, "id", &id))
		return;
	if (request.kind == MUTE_WRITING && !request.seconds) {
		reply_error(
			r, 422, "missing_field", "Say for how many seconds, or ban.", "seconds");
		return;
	}
	caller_init(a, r, &who);
	chat_mute(
		a->config.chat, &who.chat, id, &request, on_answer, ask_create(r, id, 201, muted));
	caller_finish(&who);
}

static json_t *lifted(const struct chat_ask *ask, const struct chat_answer *answer)
{
	return json_pack("{s:o, s:s, s:b}", "streamId", api_id(ask->stream_id), "userId",
		ask->user_id, "lifted", 1);
}

static void unmute(void *user, struct http_request *r)
{
	struct api *a = user;
	struct chat_ask *ask;
	struct caller who;
	struct uuid id;

	if (!has_chat(a, r) || !router_param_uuid(r, "id", &id))
		return;
	ask = ask_create(r, id, 200, lifted);
	ask->user_id = mem_strdup(router_param(r, "user"));
	caller_init(a, r, &who);
	chat_unmute(a->config.chat, &who.chat, id, ask->user_id, on_answer, ask);
	caller_finish(&who);
}

static const struct shape_field message_fields[] = {
	{"id", SHAPE_UUID},
	{"streamId", SHAPE_UUID},
	{"userId", SHAPE_TEXT},
	{"username", SHAPE_TEXT, .nullable = true},
	{"avatar", SHAPE_TEXT, .nullable = true},
	{"message", SHAPE_TEXT},
	{"timestamp", SHAPE_TIME},
	{"clientId", SHAPE_TEXT, .nullable = true, .text = "The sender's own id of it."},
};
static const struct shape message_shape = {
	"ChatMessage", message_fields, API_COUNT(message_fields)};

static const struct shape_field deleted_fields[] = {
	{"streamId", SHAPE_UUID},
	{"messageId", SHAPE_UUID},
	{"deleted", SHAPE_BOOL},
};
static const struct shape deleted_shape = {
	"DeletedChatMessage", deleted_fields, API_COUNT(deleted_fields)};

static const struct shape_field mute_fields[] = {
	{"streamId", SHAPE_UUID},
	{"userId", SHAPE_TEXT},
	{"kind", SHAPE_TEXT, .text = "mute: may not write; ban: may not watch either."},
	{"until", SHAPE_TIME, .nullable = true, .text = "null: for the stream's life."},
	{"moderatorId", SHAPE_TEXT},
	{"createdAt", SHAPE_TIME},
};
static const struct shape mute_shape = {"Mute", mute_fields, API_COUNT(mute_fields)};

static const struct shape_field lifted_fields[] = {
	{"streamId", SHAPE_UUID},
	{"userId", SHAPE_TEXT},
	{"lifted", SHAPE_BOOL},
};
static const struct shape lifted_shape = {"LiftedMute", lifted_fields, API_COUNT(lifted_fields)};

static const struct route_field history_query[] = {
	{"before", FIELD_UUID, .text = "Id of a message: older ones only."},
	{"limit", FIELD_INTEGER, .min = 1, .max = 100},
	{"cursor", FIELD_UUID, .text = "nextCursor of the page before; the same as before."},
};

static const struct route_field say_fields[] = {
	{"message", FIELD_STRING, .required = true, .max = 4000,
		.text = "1 to 200 characters after trimming."},
	{"client_id", FIELD_STRING, .nullable = true, .min = 1, .max = CHAT_CLIENT_ID_MAX,
		.text = "The sender's own id of it: sent twice, it is one message."},
};

static const struct route_field mute_body[] = {
	{"user_id", FIELD_STRING, .required = true, .min = 1, .max = 128},
	{"seconds", FIELD_INTEGER, .nullable = true, .min = 1, .max = SECONDS_MAX,
		.text = "How long; required unless ban is true."},
	{"ban", FIELD_BOOL, .text = "May not watch either; without seconds for the stream's life."},
};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/streams/{id}/chat", ROUTE_PUBLIC,
		"What was said, newest first, for those who may watch.", .query = history_query,
		.n_query = API_COUNT(history_query), .list = true, .answer = "Messages.",
		.shape = &message_shape,
		.errors =
			"404 stream_not_found, 401 unauthorized, 403 not_following, 403 not_near, "
			"403 banned",
		.handler = history},
	{HTTP_POST, "/api/v1/streams/{id}/chat", ROUTE_USER, "Say something.", .body = say_fields,
		.n_body = API_COUNT(say_fields), .status = 201, .answer = "The message as stored.",
		.shape = &message_shape,
		.errors = "404 stream_not_found, 404 user_not_found, 403 forbidden, 403 banned, "
			  "403 muted, 409 chat_off, 409 stream_not_live, 422 blocked_word, "
			  "422 link_blocked, 429 rate_limited, 429 slow_mode",
		.handler = say},
	{HTTP_DELETE, "/api/v1/streams/{id}/chat/{mid}", ROUTE_USER,
		"Delete a message for everyone: one's own, or as seller or moderator any.",
		.answer = "streamId, messageId and deleted.", .shape = &deleted_shape,
		.errors = "404 stream_not_found, 404 message_not_found, 403 forbidden",
		.handler = delete_message},
	{HTTP_GET, "/api/v1/streams/{id}/mutes", ROUTE_USER,
		"Who may not write or watch now, for the seller and moderators.", .list = true,
		.answer = "Mutes.", .shape = &mute_shape,
		.errors = "404 stream_not_found, 403 forbidden", .handler = list_mutes},
	{HTTP_POST, "/api/v1/streams/{id}/mutes", ROUTE_USER,
		"Mute somebody, or ban from the stream; replaces what was before.",
		.body = mute_body, .n_body = API_COUNT(mute_body), .status = 201,
		.answer = "The mute.", .shape = &mute_shape,
		.errors = "404 stream_not_found, 404 user_not_found, 403 forbidden, "
			  "409 cannot_mute, 422 missing_field",
		.handler = mute},
	{HTTP_DELETE, "/api/v1/streams/{id}/mutes/{user}", ROUTE_USER, "Lift a mute or a ban.",
		.answer = "streamId, userId and lifted.", .shape = &lifted_shape,
		.errors = "404 stream_not_found, 404 not_muted, 403 forbidden, 409 cannot_mute",
		.handler = unmute},
};

void api_chat_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
