#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/ledger.h"
#include "model/sales.h"
#include "payload.h"
#include "stream_private.h"

/* What viewers do in a stream: write, react, look at products. */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MESSAGE_MAX 4000 /* the rule of 200 is the chat's, after trimming */
#define AMOUNT_MAX 1e12
#define SLOW_MODE_MAX 86400 /* a bound of the configuration comes before it */

/* A call that waits for the chat. */
struct ask {
	struct event_call *call;
	struct stream_events *owner; /* not to be touched once the call's peer is gone */
	struct uuid stream_id;
	json_t *answer; /* that waits for the audit log */
};

static struct ask *ask_create(struct stream_events *s, struct event_call *call)
{
	struct ask *ask = mem_new(struct ask);

	ask->call = call;
	ask->owner = s;
	event_uuid(call, "stream_id", &ask->stream_id);
	return ask;
}

static struct chat_caller caller_of(const struct peer *p)
{
	return (struct chat_caller){
		.viewer = {p->who.user_id, p->who.roles, p->who.neighborhood},
		.name = p->who.name,
		.avatar = p->who.avatar,
	};
}

static unsigned seconds_until(const struct stream_events *s, uint64_t until_ms)
{
	uint64_t now_ms = clock_wall_ms(loop_clock(s->config.loop));

	return until_ms > now_ms ? (unsigned)((until_ms - now_ms + 999) / 1000) : 0;
}

static void refuse(struct ask *ask, const struct chat_answer *answer)
{
	unsigned wait = answer->retry_after;

	if (!wait && ask->call->peer)
		wait = seconds_until(ask->owner, answer->muted_until);
	event_refuse(ask->call, chat_result_code(answer->result), chat_result_text(answer->result),
		wait);
}

static void on_audited(void *user, const struct repo_outcome *outcome)
{
	struct ask *ask = user;

	event_answer(ask->call, ask->answer);
	free(ask);
}

/* What somebody did by the power of his role, for the audit log, as the API does it. */
static void audit(struct ask *ask, const char *target)
{
	const struct event_call *call = ask->call;
	const struct repo *repo = &ask->owner->config.repo;
	struct audit_record r = {
		.actor = call->peer->who.user_id,
		.action = (char *)(uintptr_t)call->spec->name,
		.target = (char *)(uintptr_t)target,
		.address = call->peer->address,
	};

	r.detail = json_dumps(call->data, JSON_COMPACT);
	repo->ledger->audit_add(repo->impl, &r, on_audited, ask);
	free(r.detail);
}

/* The answer to what was done, after the audit log has it where it is to. */
static void acknowledge(
	struct ask *ask, const struct chat_answer *answer, const char *target, json_t *data)
{
	if (answer->by_power && ask->call->peer && ask->owner->config.repo.ledger) {
		ask->answer = data;
		audit(ask, target);
	} else {
		event_answer(ask->call, data);
		free(ask);
	}
}

/* --- writing --- */

static void on_written(void *user, const struct chat_answer *answer)
{
	struct ask *ask = user;
	const struct chat_record *m = answer->message;

	if (answer->result == CHAT_OK)
		event_answer(ask->call,
			json_pack("{s:o, s:o, s:o}", "id", payload_id(m->id), "timestamp",
				payload_time(m->created_at), "clientId",
				payload_text(m->client_id)));
	else
		refuse(ask, answer);
	free(ask);
}

static void say(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	const struct chat_caller who = caller_of(call->peer);
	struct ask *ask;

	if (strlen(event_text(call, "client_id", "")) > CHAT_CLIENT_ID_MAX) {
		event_refuse(call, "invalid_payload", "client_id is too long.", 0);
		return;
	}
	ask = ask_create(s, call);
	chat_write(s->config.chat, &who, ask->stream_id, event_text(call, "message", ""),
		event_text(call, "client_id", NULL), on_written, ask);
}

static void on_deleted(void *user, const struct chat_answer *answer)
{
	struct ask *ask = user;
	const char *message = event_text(ask->call, "message_id", "");

	if (answer->result == CHAT_OK) {
		acknowledge(ask, answer, message,
			json_pack("{s:s, s:s}", "streamId", event_text(ask->call, "stream_id", ""),
				"messageId", message));
		return;
	}
	refuse(ask, answer);
	free(ask);
}

static void delete_message(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct ask *ask = ask_create(s, call);
	const struct chat_caller who = caller_of(call->peer);
	struct uuid message = {0};

	event_uuid(call, "message_id", &message);
	chat_delete(s->config.chat, &who, ask->stream_id, message, on_deleted, ask);
}

/* --- slow mode --- */

static void on_slowed(void *user, const struct chat_answer *answer)
{
	struct ask *ask = user;
	const char *stream = event_text(ask->call, "stream_id", "");

	if (answer->result == CHAT_OK) {
		acknowledge(ask, answer, stream,
			json_pack("{s:s, s:I}", "streamId", stream, "seconds",
				(json_int_t)answer->stream->slow_mode));
		return;
	}
	refuse(ask, answer);
	free(ask);
}

static void slow_down(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct ask *ask = ask_create(s, call);
	const struct chat_caller who = caller_of(call->peer);
	const struct chat_mode mode = {
		.settings = SETTING_SLOW_MODE,
		.slow_mode = (uint32_t)event_integer(call, "seconds", 0),
	};

	chat_set_mode(s->config.chat, &who, ask->stream_id, &mode, on_slowed, ask);
}

/* --- reacting --- */

/* Whoever may not write is silent here, too. */
static bool is_muted(const struct stream_events *s, const struct peer *p, struct uuid stream)
{
	const struct repo *repo = &s->config.repo;
	struct mute_record mute;

	if (p->who.roles & ROLE_ADMIN || !repo->chat ||
		repo->chat->mute_get(repo->impl, stream, p->who.user_id,
			clock_wall_ms(loop_clock(s->config.loop)), &mute) != REPO_OK)
		return false;
	mute_record_finish(&mute);
	return true;
}

static void keep_reaction(struct stream_room *room, int emoji, const char *user_id)
{
	struct stream_reaction *r = &room->reactions[emoji];

	r->count++;
	room->reacted = true;
	if (!r->user_id)
		r->user_id = mem_strdup(user_id);
	else if (strcmp(r->user_id, user_id) != 0)
		r->several = true;
}

static void react(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	struct stream_room *room;
	struct uuid id = {0};
	uint32_t count = 0;
	int emoji = audience_emoji(event_text(call, "emoji", ""));

	event_uuid(call, "stream_id", &id);
	room = stream_room_find(s, id);
	if (emoji < 0)
		event_refuse(call, "invalid_emoji", "That is none of the six reactions.", 0);
	else if (!room || !stream_join_find(call->peer, room))
		event_refuse(call, "not_joined", "Join the stream first.", 0);
	else if (is_muted(s, call->peer, id))
		event_refuse(call, "muted", "You are muted in this stream.", 0);
	else if (!audience_react(s->config.audience, id, emoji, &count))
		event_refuse(call, "stream_not_live", "The stream is not live.", 0);
	else {
		keep_reaction(room, emoji, call->peer->id);
		event_answer(call,
			json_pack("{s:s, s:s, s:I}", "streamId", room->id_text, "emoji",
				audience_emojis[emoji], "total", (json_int_t)count));
	}
}

/* --- products --- */

static const char *const order_fields[] = {"order_id", "amount", "currency"};

static bool is_currency(const char *text)
{
	return strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

/* NULL: it may be told. A purchase says all of its order, another event nothing of one. */
static const char *order_problem(const struct event_call *call, bool purchase)
{
	for (size_t i = 0; i < COUNT(order_fields); i++)
		if (event_given(call, order_fields[i]) != purchase)
			return purchase ? "A purchase has order_id, amount and currency."
					: "Only a purchase has an order.";
	if (purchase && !is_currency(event_text(call, "currency", "")))
		return "currency must be a code of ISO 4217, such as EUR.";
	return NULL;
}

static void refuse_product(struct event_call *call, enum showcase_result result)
{
	switch (result) {
	case SHOWCASE_OK:
		break;
	case SHOWCASE_NOT_FOUND:
		event_refuse(call, "stream_not_found", "There is no such stream.", 0);
		return;
	case SHOWCASE_FORBIDDEN:
		event_refuse(call, "forbidden", "This is not yours to do.", 0);
		return;
	case SHOWCASE_NOT_IN_STREAM:
		event_refuse(
			call, "product_not_found", "There is no such product in this stream.", 0);
		return;
	case SHOWCASE_NOT_LIVE:
		event_refuse(call, "stream_not_live", "The stream is not live.", 0);
		return;
	case SHOWCASE_DUPLICATE_ORDER:
		event_refuse(call, "duplicate_order", "This order was counted before.", 0);
		return;
	case SHOWCASE_FAILED:
		break;
	}
	event_refuse(call, "unavailable", "The server cannot store this now.", 0);
}

static void on_counted(void *user, const struct showcase_answer *answer)
{
	struct event_call *call = user;

	if (answer->result == SHOWCASE_OK)
		event_answer(call,
			json_pack("{s:s, s:s, s:s}", "streamId", event_text(call, "stream_id", ""),
				"productId", event_text(call, "product_id", ""), "type",
				event_text(call, "type", "")));
	else
		refuse_product(call, answer->result);
}

/* A platform's backend tells of others' orders: whose, it does not say. */
static struct order_record order_of(const struct event_call *call)
{
	const struct peer *p = call->peer;

	return (struct order_record){
		.order_id = (char *)(uintptr_t)event_text(call, "order_id", NULL),
		.amount = event_integer(call, "amount", 0),
		.currency = (char *)(uintptr_t)event_text(call, "currency", NULL),
		.user_id = p->who.roles & ROLE_ADMIN ? NULL : p->who.user_id,
	};
}

static void count_product(void *user, struct event_call *call)
{
	struct stream_events *s = user;
	enum product_event what = PRODUCT_VIEW;
	const struct order_record order = order_of(call);
	struct uuid stream = {0}, product = {0};
	const char *problem;

	product_event_parse(event_text(call, "type", ""), &what);
	problem = order_problem(call, what == PRODUCT_PURCHASE);
	event_uuid(call, "stream_id", &stream);
	event_uuid(call, "product_id", &product);
	if (problem)
		event_refuse(call, "invalid_payload", problem, 0);
	else if (peer_is_guest(call->peer) && what != PRODUCT_VIEW && what != PRODUCT_CLICK)
		event_refuse(call, "unauthorized", "Inquiries and purchases need a token.", 0);
	else
		showcase_event(s->config.showcase, call->peer->who.user_id, stream, product, what,
			what == PRODUCT_PURCHASE ? &order : NULL, on_counted, call);
}

static const struct event_field chat_fields[] = {
	{"stream_id", EVENT_UUID, .required = true},
	{"message", EVENT_TEXT, .required = true, .max = MESSAGE_MAX},
	{"client_id", EVENT_TEXT, .min = 1, .max = CHAT_CLIENT_ID_MAX},
};

static const struct event_field delete_fields[] = {
	{"stream_id", EVENT_UUID, .required = true},
	{"message_id", EVENT_UUID, .required = true},
};

static const struct event_field slow_fields[] = {
	{"stream_id", EVENT_UUID, .required = true},
	{"seconds", EVENT_INTEGER, .required = true, .min = 0, .max = SLOW_MODE_MAX},
};

static const struct event_field reaction_fields[] = {
	{"stream_id", EVENT_UUID, .required = true},
	{"emoji", EVENT_TEXT, .required = true, .min = 1, .max = 16},
};

static const char *const product_words[] = {"view", "click", "inquiry", "purchase", NULL};

static const struct event_field product_fields[] = {
	{"stream_id", EVENT_UUID, .required = true},
	{"product_id", EVENT_UUID, .required = true},
	{"type", EVENT_TEXT, .required = true, .words = product_words},
	{"order_id", EVENT_TEXT, .min = 1, .max = 128},
	{"amount", EVENT_INTEGER, .min = 0, .max = AMOUNT_MAX},
	{"currency", EVENT_TEXT, .min = 3, .max = 3},
};

static const struct event_spec specs[] = {
	/* How often somebody writes is counted in the state, for all his sockets and the API. */
	{"stream:chat", EVENT_USER, chat_fields, COUNT(chat_fields), .handle = say},
	{"stream:chat-delete", EVENT_USER, delete_fields, COUNT(delete_fields), .rate = 120,
		.handle = delete_message},
	{"stream:slow-mode", EVENT_USER, slow_fields, COUNT(slow_fields), .rate = 30,
		.handle = slow_down},
	{"stream:reaction", EVENT_USER, reaction_fields, COUNT(reaction_fields), .rate = 300,
		.handle = react},
	{"product:event", EVENT_IDENTIFIED, product_fields, COUNT(product_fields), .rate = 300,
		.handle = count_product},
};

void stream_chat_events_add(struct events *e, struct stream_events *s)
{
	events_add(e, specs, COUNT(specs), s);
}
