#define LOG_MODULE "chat"

#include "live/chat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "chat_words.h"

struct chat {
	struct loop *loop;
	struct repo repo;
	struct chat_words *words;
	bool links_blocked;
	struct list calls; /* chat_call.link */
	struct signal written, deleted, mute_changed;
};

/* One action under way. chat is NULL once the chat is gone: the caller had its answer. */
struct chat_call {
	struct list link;
	struct chat *chat;
	chat_done done;
	void *user;
	struct chat_answer refusal; /* of one that never reached the store */
	struct uuid stream_id, message_id;
	struct mute_record mute; /* moderator_id: who acts */
	bool lifted;
};

static void take_config(struct chat *c, const struct chat_config *config)
{
	const char *path = config->blocked_words_file;

	c->links_blocked = config->links_blocked;
	chat_words_destroy(&c->words);
	if (!path)
		return;
	c->words = chat_words_load(path);
	if (!c->words)
		log_error("blocked words not read", kv_str("path", path),
			kv_str("error", strerror(errno)));
	else
		log_info("blocked words read", kv_str("path", path),
			kv_u64("words", chat_words_count(c->words)));
}

struct chat *chat_create(struct loop *l, struct repo repo, const struct chat_config *config)
{
	struct chat *c = mem_new(struct chat);

	c->loop = l;
	c->repo = repo;
	list_init(&c->calls);
	signal_init(&c->written);
	signal_init(&c->deleted);
	signal_init(&c->mute_changed);
	take_config(c, config);
	return c;
}

void chat_reconfigure(struct chat *c, const struct chat_config *config)
{
	take_config(c, config);
}

struct signal *chat_written(struct chat *c)
{
	return &c->written;
}

struct signal *chat_deleted(struct chat *c)
{
	return &c->deleted;
}

struct signal *chat_mute_changed(struct chat *c)
{
	return &c->mute_changed;
}

static void call_answer(struct chat_call *call, const struct chat_answer *answer)
{
	list_remove(&call->link);
	call->chat = NULL;
	call->done(call->user, answer);
}

static void call_free(struct chat_call *call)
{
	mute_record_finish(&call->mute);
	free(call);
}

void chat_destroy(struct chat **cp)
{
	const struct chat_answer failed = {.result = CHAT_FAILED};
	struct chat_call *call, *next;

	if (!*cp)
		return;
	list_for_each_safe (call, next, &(*cp)->calls, link)
		call_answer(call, &failed);
	chat_words_destroy(&(*cp)->words);
	free(*cp);
	*cp = NULL;
}

static struct chat_call *call_create(
	struct chat *c, struct uuid stream_id, chat_done done, void *user)
{
	struct chat_call *call = mem_new(struct chat_call);

	call->chat = c;
	call->stream_id = stream_id;
	call->done = done;
	call->user = user;
	list_append(&c->calls, &call->link);
	return call;
}

static void on_refusal(void *arg)
{
	struct chat_call *call = arg;

	if (call->chat)
		call_answer(call, &call->refusal);
	call_free(call);
}

static void call_refuse(struct chat_call *call, struct chat_answer refusal)
{
	call->refusal = refusal;
	loop_defer(call->chat->loop, on_refusal, call);
}

bool chat_is_staff(const struct stream_record *stream, const struct viewer *viewer)
{
	return viewer->user_id &&
		(viewer->roles & (ROLE_ADMIN | ROLE_MODERATOR) ||
			text_eq(viewer->user_id, stream->seller_id));
}

static enum chat_result read_stream(struct chat *c, struct uuid id, struct stream_record *out)
{
	enum repo_result result = c->repo.ops->stream_get(c->repo.impl, id, out);

	if (result == REPO_OK)
		return CHAT_OK;
	return result == REPO_NOT_FOUND ? CHAT_NO_STREAM : CHAT_FAILED;
}

/* Writing */

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

static struct chat_answer check_mute(
	struct chat *c, const struct stream_record *row, const struct viewer *who, uint64_t now_ms)
{
	struct chat_answer answer = {.result = CHAT_OK};
	struct mute_record mute;
	enum repo_result result;

	if (who->roles & ROLE_ADMIN || text_eq(who->user_id, row->seller_id))
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
	struct chat_answer answer = {.result = CHAT_GUEST};

	if (!who->user_id)
		return answer;
	answer = check_mute(c, row, who, now_ms);
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

static enum chat_result check_words(struct chat *c, const char *text, bool is_staff)
{
	size_t length = text_utf8_count(text);

	if (!length)
		return CHAT_EMPTY;
	if (length > CHAT_LENGTH_MAX)
		return CHAT_TOO_LONG;
	if (chat_words_hit(c->words, text))
		return CHAT_BLOCKED_WORD;
	return c->links_blocked && !is_staff && chat_has_link(text) ? CHAT_LINK : CHAT_OK;
}

static void flag(struct chat *c, struct uuid stream_id, const struct chat_caller *who,
	const char *text, enum chat_result why)
{
	if (why == CHAT_BLOCKED_WORD || why == CHAT_LINK)
		c->repo.chat->chat_flag(c->repo.impl, stream_id, who->viewer.user_id, text,
			chat_result_code(why), NULL, NULL);
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
	else if (!outcome->message)
		answer.result = CHAT_FAILED;
	else if (call->chat && !answer.repeated)
		signal_emit(&call->chat->written, (void *)outcome->message);
	if (call->chat)
		call_answer(call, &answer);
	call_free(call);
}

/* The stream's checks, then the text's: who may not write does not learn of words. */
static struct chat_answer check_write(
	struct chat *c, const struct chat_caller *who, struct uuid stream_id, const char *text)
{
	struct stream_record row;
	struct chat_answer answer = {.result = read_stream(c, stream_id, &row)};

	if (answer.result != CHAT_OK)
		return answer;
	answer = may_write(c, &row, &who->viewer);
	if (answer.result == CHAT_OK) {
		answer.result = check_words(c, text, chat_is_staff(&row, &who->viewer));
		flag(c, stream_id, who, text, answer.result);
	}
	stream_record_finish(&row);
	return answer;
}

void chat_write(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const char *message, const char *client_id, chat_done done, void *user)
{
	struct chat_call *call = call_create(c, stream_id, done, user);
	size_t len;
	chat_trim(&message, &len);
	char *text = mem_strndup(message, len);
	struct chat_answer answer = check_write(c, who, stream_id, text);
	const struct chat_record m = {
		.id = uuid_new(loop_clock(c->loop)),
		.stream_id = stream_id,
		.user_id = (char *)who->viewer.user_id,
		.username = (char *)who->name,
		.avatar = (char *)who->avatar,
		.message = text,
		.client_id = (char *)client_id,
		.created_at = clock_wall_ms(loop_clock(c->loop)),
	};

	if (answer.result == CHAT_OK)
		c->repo.chat->chat_add(c->repo.impl, &m, on_written, call);
	else
		call_refuse(call, answer);
	free(text);
}

/* Moderation */

static enum chat_result of_repo(enum repo_result result, enum chat_result not_found)
{
	if (result == REPO_OK)
		return CHAT_OK;
	return result == REPO_NOT_FOUND ? not_found : CHAT_FAILED;
}

static void on_deleted(void *user, const struct repo_outcome *outcome)
{
	struct chat_call *call = user;
	const struct chat_answer answer = {.result = of_repo(outcome->result, CHAT_NO_MESSAGE)};
	struct chat_deletion deletion = {
		.stream_id = call->stream_id,
		.message_id = call->message_id,
		.deleted_by = call->mute.moderator_id,
	};

	if (call->chat && answer.result == CHAT_OK)
		signal_emit(&call->chat->deleted, &deletion);
	if (call->chat)
		call_answer(call, &answer);
	call_free(call);
}

static enum chat_result may_delete(struct chat *c, const struct chat_caller *who,
	struct uuid stream_id, struct uuid message_id)
{
	struct stream_record row;
	struct chat_record message;
	enum chat_result result = read_stream(c, stream_id, &row);

	if (result != CHAT_OK)
		return result;
	result = of_repo(
		c->repo.chat->chat_get(c->repo.impl, message_id, &message), CHAT_NO_MESSAGE);
	if (result == CHAT_OK) {
		if (!uuid_eq(message.stream_id, stream_id) || message.deleted_at)
			result = CHAT_NO_MESSAGE;
		else if (!chat_is_staff(&row, &who->viewer) &&
			!text_eq(message.user_id, who->viewer.user_id))
			result = CHAT_FORBIDDEN;
		chat_record_finish(&message);
	}
	stream_record_finish(&row);
	return result;
}

void chat_delete(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	struct uuid message_id, chat_done done, void *user)
{
	struct chat_call *call = call_create(c, stream_id, done, user);
	enum chat_result result =
		who->viewer.user_id ? may_delete(c, who, stream_id, message_id) : CHAT_GUEST;

	call->message_id = message_id;
	call->mute.moderator_id = mem_strdup(who->viewer.user_id);
	if (result == CHAT_OK)
		c->repo.chat->chat_delete(c->repo.impl, stream_id, message_id, who->viewer.user_id,
			clock_wall_ms(loop_clock(c->loop)), on_deleted, call);
	else
		call_refuse(call, (struct chat_answer){.result = result});
}

static void on_muted(void *user, const struct repo_outcome *outcome)
{
	struct chat_call *call = user;
	struct chat_mute_change change = {.mute = &call->mute, .lifted = call->lifted};
	const struct chat_answer answer = {
		.result = of_repo(outcome->result, call->lifted ? CHAT_NOT_MUTED : CHAT_NO_STREAM),
		.mute = &call->mute,
	};

	if (call->chat && answer.result == CHAT_OK)
		signal_emit(&call->chat->mute_changed, &change);
	if (call->chat)
		call_answer(call, &answer);
	call_free(call);
}

static enum chat_result check_target(
	struct chat *c, const struct stream_record *row, const char *actor, const char *target)
{
	struct user_record user;
	enum chat_result result;

	if (text_eq(target, row->seller_id) || text_eq(target, actor))
		return CHAT_TARGET;
	result = of_repo(c->repo.ops->user_get(c->repo.impl, target, &user), CHAT_NO_USER);
	if (result != CHAT_OK)
		return result;
	if (user.roles & ROLE_ADMIN)
		result = CHAT_TARGET;
	user_record_finish(&user);
	return result;
}

/* target NULL: of a mute that is to be lifted, anybody. */
static enum chat_result may_mute(
	struct chat *c, const struct chat_caller *who, struct uuid stream_id, const char *target)
{
	struct stream_record row;
	enum chat_result result = read_stream(c, stream_id, &row);

	if (result != CHAT_OK)
		return result;
	if (!chat_is_staff(&row, &who->viewer))
		result = who->viewer.user_id ? CHAT_FORBIDDEN : CHAT_GUEST;
	else if (target)
		result = check_target(c, &row, who->viewer.user_id, target);
	stream_record_finish(&row);
	return result;
}

void chat_mute(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const struct chat_mute *mute, chat_done done, void *user)
{
	struct chat_call *call = call_create(c, stream_id, done, user);
	enum chat_result result = may_mute(c, who, stream_id, mute->user_id);
	uint64_t now_ms = clock_wall_ms(loop_clock(c->loop));

	call->mute = (struct mute_record){
		.stream_id = stream_id,
		.user_id = mem_strdup(mute->user_id),
		.kind = mute->kind,
		.until = mute->seconds ? now_ms + UINT64_C(1000) * mute->seconds : 0,
		.moderator_id = mem_strdup(who->viewer.user_id),
		.created_at = now_ms,
	};
	if (result == CHAT_OK)
		c->repo.chat->mute_put(c->repo.impl, &call->mute, on_muted, call);
	else
		call_refuse(call, (struct chat_answer){.result = result});
}

void chat_unmute(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const char *user_id, chat_done done, void *user)
{
	struct chat_call *call = call_create(c, stream_id, done, user);
	enum chat_result result = may_mute(c, who, stream_id, NULL);

	if (result == CHAT_OK && !(who->viewer.roles & ROLE_ADMIN) &&
		text_eq(user_id, who->viewer.user_id))
		result = CHAT_TARGET;
	call->lifted = true;
	call->mute = (struct mute_record){
		.stream_id = stream_id,
		.user_id = mem_strdup(user_id),
		.moderator_id = mem_strdup(who->viewer.user_id),
	};
	if (result == CHAT_OK)
		c->repo.chat->mute_delete(c->repo.impl, stream_id, user_id, on_muted, call);
	else
		call_refuse(call, (struct chat_answer){.result = result});
}
