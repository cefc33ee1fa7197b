#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "chat_private.h"

/*
 * A message's way: was it stored before, may he write at all, is it too early, may he write so
 * often, are its words good, and into the store. Each step may end it; what costs something comes
 * after what costs nothing.
 */

static enum chat_result of_verdict(enum watch_verdict v)
{
	switch (v) {
	case WATCH_OK:
		return CHAT_OK;
	case WATCH_GUEST:
		return CHAT_GUEST;
	case WATCH_NOT_FOLLOWING:
	case WATCH_NOT_NEAR:
		return CHAT_NOT_AUDIENCE;
	case WATCH_BANNED:
		return CHAT_BANNED;
	case WATCH_UNKNOWN:
		return CHAT_FAILED;
	}
	return CHAT_FAILED;
}

static bool heeds_mutes(const struct stream_record *row, const struct viewer *who)
{
	return !(who->roles & ROLE_ADMIN) && !text_eq(who->user_id, row->seller_id);
}

static struct chat_answer check_mute(
	struct chat *c, const struct stream_record *row, const struct viewer *who, uint64_t now_ms)
{
	struct chat_answer answer = {.result = CHAT_OK};
	struct mute_record mute;
	enum repo_result result;

	if (!heeds_mutes(row, who))
		return answer;
	result = c->repo.chat->mute_get(c->repo.impl, row->id, who->user_id, now_ms, &mute);
	if (result == REPO_NOT_FOUND)
		return answer;
	answer.result = CHAT_FAILED;
	if (result == REPO_OK) {
		answer.result = mute.kind == MUTE_BAN ? CHAT_BANNED : CHAT_MUTED;
		answer.muted_until = mute.until;
		mute_record_finish(&mute);
	}
	return answer;
}

static struct chat_answer may_write(
	struct chat *c, const struct stream_record *row, const struct viewer *who)
{
	uint64_t now_ms = clock_wall_ms(loop_clock(c->loop));
	struct chat_answer answer = check_mute(c, row, who, now_ms);

	if (answer.result == CHAT_OK)
		answer.result = of_verdict(audience_check(c->repo, row, who, now_ms));
	if (answer.result != CHAT_OK)
		return answer;
	if (!row->enable_chat)
		answer.result = CHAT_OFF;
	else if (row->status == STREAM_ENDED || row->status == STREAM_CANCELLED)
		answer.result = CHAT_OVER;
	return answer;
}

static enum chat_result check_length(const char *text)
{
	size_t length = text_utf8_count(text);

	if (!length)
		return CHAT_EMPTY;
	return length > CHAT_LENGTH_MAX ? CHAT_TOO_LONG : CHAT_OK;
}

static enum chat_result check_words(struct chat *c, const char *text, bool is_staff)
{
	if (chat_words_hit(c->words, text))
		return CHAT_BLOCKED_WORD;
	return c->links_blocked && !is_staff && chat_has_link(text) ? CHAT_LINK : CHAT_OK;
}

/* Slow mode: counted from what is stored, and one message at a time. */

static struct chat_answer too_early(unsigned seconds)
{
	return (struct chat_answer){.result = CHAT_SLOW, .retry_after = seconds};
}

static struct chat_answer check_pace(
	struct chat *c, const struct stream_record *row, struct chat_call *call)
{
	uint64_t now_ms = clock_wall_ms(loop_clock(c->loop)), last_ms = 0, due_ms;
	char id[UUID_TEXT_SIZE];
	enum repo_result result;

	uuid_text(id, row->id);
	call->writer_key = mem_printf("%s %s", id, call->message.user_id);
	if (map_get_str(c->by_writer, call->writer_key)) {
		free(call->writer_key);
		call->writer_key = NULL;
		return too_early(row->slow_mode);
	}
	map_put_str(c->by_writer, call->writer_key, call);
	result = c->repo.chat->chat_last_at(c->repo.impl, row->id, call->message.user_id, &last_ms);
	if (result == REPO_FAILED)
		return (struct chat_answer){.result = CHAT_FAILED};
	due_ms = last_ms + UINT64_C(1000) * row->slow_mode;
	if (result == REPO_OK && due_ms > now_ms)
		return too_early((unsigned)((due_ms - now_ms + 999) / 1000));
	return (struct chat_answer){.result = CHAT_OK};
}

/* The steps */

static struct viewer viewer_of(const struct chat_call *call)
{
	return (struct viewer){call->message.user_id, call->roles, call->neighborhood};
}

static struct chat_answer check_writer(struct chat_call *call, struct stream_record *row)
{
	const struct viewer who = viewer_of(call);
	struct chat_answer answer = may_write(call->chat, row, &who);

	if (answer.result == CHAT_OK)
		answer.result = check_length(call->message.message);
	if (answer.result == CHAT_OK && row->slow_mode && !chat_is_staff(row, &who))
		answer = check_pace(call->chat, row, call);
	return answer;
}

/* Looked at again: the stream was open a moment ago. */
static struct chat_answer why_closed(struct chat_call *call)
{
	const struct viewer who = viewer_of(call);
	struct stream_record row;
	struct chat_answer answer = {.result = chat_read_stream(call->chat, call->stream_id, &row)};

	if (answer.result != CHAT_OK)
		return answer;
	answer = may_write(call->chat, &row, &who);
	if (answer.result == CHAT_OK)
		answer.result = CHAT_FAILED;
	stream_record_finish(&row);
	return answer;
}

static void on_written(void *user, const struct repo_chat_outcome *outcome)
{
	struct chat_call *call = user;
	struct chat_answer answer = {
		.result = CHAT_OK,
		.message = outcome->message,
		.repeated = outcome->result == REPO_DUPLICATE,
	};

	/* The stream was there a moment ago; the operator at the Unix socket is no user. */
	if (outcome->result == REPO_NOT_FOUND)
		answer.result = CHAT_NO_USER;
	else if (outcome->result == REPO_WRONG_STATE && call->chat)
		answer = why_closed(call);
	else if (!outcome->message)
		answer.result = CHAT_FAILED;
	else if (call->chat && !answer.repeated) {
		call->untold = false;
		signal_emit(&call->chat->written, (void *)outcome->message);
	}
	chat_call_end(call, &answer);
}

static struct chat_answer check_text(struct chat_call *call, bool *heeds)
{
	struct chat *c = call->chat;
	const struct viewer who = viewer_of(call);
	const struct chat_record *m = &call->message;
	struct stream_record row;
	struct chat_answer answer = {.result = chat_read_stream(c, call->stream_id, &row)};

	if (answer.result != CHAT_OK)
		return answer;
	*heeds = heeds_mutes(&row, &who);
	answer.result = check_words(c, m->message, chat_is_staff(&row, &who));
	if (answer.result != CHAT_OK)
		c->repo.chat->chat_flag(c->repo.impl, call->stream_id, m->user_id, m->message,
			chat_result_code(answer.result), NULL, NULL);
	stream_record_finish(&row);
	return answer;
}

/* The message has its id from here: ids are in the order of storing. */
static void on_permit(void *user, bool permitted, unsigned retry_after)
{
	struct chat_call *call = user;
	struct chat_answer answer = {
		.result = CHAT_RATE, .retry_after = retry_after ? retry_after : 1};
	struct chat *c = call->chat;
	bool heeds = true;

	if (c && permitted)
		answer = check_text(call, &heeds);
	if (!c || answer.result != CHAT_OK) {
		chat_call_refuse(call, answer);
		return;
	}
	call->message.id = uuid_new(loop_clock(c->loop));
	call->message.created_at = clock_wall_ms(loop_clock(c->loop));
	call->untold = true;
	c->repo.chat->chat_add(c->repo.impl, &call->message, heeds, on_written, call);
}

bool chat_is_untold(const struct chat *c, struct uuid message_id)
{
	const struct chat_call *call;

	list_for_each (call, &c->calls, link)
		if (call->untold && uuid_eq(call->message.id, message_id))
			return true;
	return false;
}

/* Sent before: *answer is the first one's, whose message *first is for the caller to finish; or
 * that one is still under way, and answers both. */
enum earlier { EARLIER_NONE, EARLIER_STORED, EARLIER_UNDER_WAY, EARLIER_FAILED };

static enum earlier find_earlier(struct chat *c, struct chat_call *call, struct chat_record *first)
{
	const struct chat_record *m = &call->message;
	char id[UUID_TEXT_SIZE];
	struct chat_call *other;
	enum repo_result result;

	uuid_text(id, m->stream_id);
	call->client_key =
		mem_printf("%s %zu %s %s", id, strlen(m->user_id), m->user_id, m->client_id);
	other = map_get_str(c->by_client_id, call->client_key);
	if (other) {
		free(call->client_key);
		call->client_key = NULL;
		list_append(&other->twins, &call->by_twin);
		return EARLIER_UNDER_WAY;
	}
	map_put_str(c->by_client_id, call->client_key, call);
	result = c->repo.chat->chat_by_client_id(
		c->repo.impl, m->stream_id, m->user_id, m->client_id, first);
	if (result == REPO_OK)
		return EARLIER_STORED;
	return result == REPO_NOT_FOUND ? EARLIER_NONE : EARLIER_FAILED;
}

static void on_earlier(void *user)
{
	struct chat_call *call = user;
	const struct chat_answer answer = {
		.result = CHAT_OK, .message = &call->message, .repeated = true};

	chat_call_end(call, &answer);
}

/* True: the call has its end ahead. */
static bool is_repeated(struct chat *c, struct chat_call *call)
{
	struct chat_record first;

	if (!call->message.client_id)
		return false;
	switch (find_earlier(c, call, &first)) {
	case EARLIER_NONE:
		return false;
	case EARLIER_STORED:
		chat_record_finish(&call->message);
		call->message = first;
		loop_defer(c->loop, on_earlier, call);
		return true;
	case EARLIER_UNDER_WAY:
		return true;
	case EARLIER_FAILED:
		break;
	}
	chat_call_refuse(call, (struct chat_answer){.result = CHAT_FAILED});
	return true;
}

static void write_new(struct chat *c, struct chat_call *call, struct stream_record *row)
{
	struct chat_answer answer;

	if (is_repeated(c, call))
		return;
	answer = check_writer(call, row);
	if (answer.result != CHAT_OK)
		chat_call_refuse(call, answer);
	else if (c->permit)
		c->permit(c->permit_impl, call->stream_id, call->message.user_id, on_permit, call);
	else
		on_permit(call, true, 0);
}

static void take(struct chat_call *call, const struct chat_caller *who, const char *text,
	const char *client_id)
{
	size_t len;

	chat_trim(&text, &len);
	call->roles = who->viewer.roles;
	call->neighborhood = mem_strdup(who->viewer.neighborhood);
	call->message = (struct chat_record){
		.stream_id = call->stream_id,
		.user_id = mem_strdup(who->viewer.user_id),
		.username = mem_strdup(who->name),
		.avatar = mem_strdup(who->avatar),
		.message = mem_strndup(text, len),
		.client_id = mem_strdup(client_id),
	};
}

void chat_write(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const char *message, const char *client_id, chat_done done, void *user)
{
	struct chat_call *call = chat_call_create(c, stream_id, done, user);
	struct stream_record row;
	enum chat_result result = chat_read_stream(c, stream_id, &row);

	take(call, who, message, client_id);
	if (result == CHAT_OK && who->viewer.user_id)
		write_new(c, call, &row);
	else
		chat_call_refuse(call,
			(struct chat_answer){.result = result == CHAT_OK ? CHAT_GUEST : result});
	if (result == CHAT_OK)
		stream_record_finish(&row);
}

void chat_ask_permits(struct chat *c, chat_permit permit, void *impl)
{
	c->permit = permit;
	c->permit_impl = impl;
}
