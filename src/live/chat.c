#define LOG_MODULE "chat"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "chat_private.h"
#include "model/sales.h"

static void take_config(struct chat *c, const struct chat_config *config)
{
	const char *path = config->blocked_words_file;

	c->links_blocked = config->links_blocked;
	c->slow_mode_max = config->slow_mode_max;
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
	c->by_client_id = map_create();
	c->by_writer = map_create();
	signal_init(&c->written);
	signal_init(&c->deleted);
	signal_init(&c->mute_changed);
	signal_init(&c->mode_changed);
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

struct signal *chat_mode_changed(struct chat *c)
{
	return &c->mode_changed;
}

uint32_t chat_slow_mode_max(const struct chat *c)
{
	return c->slow_mode_max;
}

static void answer_call(struct chat_call *call, const struct chat_answer *answer)
{
	list_remove(&call->link);
	call->chat = NULL;
	call->done(call->user, answer);
}

static void free_call(struct chat_call *call)
{
	mute_record_finish(&call->mute);
	chat_record_finish(&call->message);
	free(call->neighborhood);
	free(call->client_key);
	free(call->writer_key);
	free(call);
}

static void leave_maps(struct chat *c, struct chat_call *call)
{
	if (call->client_key)
		map_remove_str(c->by_client_id, call->client_key);
	if (call->writer_key)
		map_remove_str(c->by_writer, call->writer_key);
}

void chat_call_end(struct chat_call *call, const struct chat_answer *answer)
{
	struct chat_answer again = *answer;
	struct chat_call *twin, *next;

	again.repeated = answer->result == CHAT_OK;
	if (call->chat) {
		leave_maps(call->chat, call);
		answer_call(call, answer);
	}
	list_for_each_safe (twin, next, &call->twins, by_twin) {
		if (twin->chat)
			answer_call(twin, &again);
		free_call(twin);
	}
	free_call(call);
}

void chat_destroy(struct chat **cp)
{
	const struct chat_answer failed = {.result = CHAT_FAILED};
	struct chat_call *call, *next;

	if (!*cp)
		return;
	list_for_each_safe (call, next, &(*cp)->calls, link)
		answer_call(call, &failed);
	map_destroy((*cp)->by_client_id);
	map_destroy((*cp)->by_writer);
	chat_words_destroy(&(*cp)->words);
	free(*cp);
	*cp = NULL;
}

struct chat_call *chat_call_create(
	struct chat *c, struct uuid stream_id, chat_done done, void *user)
{
	struct chat_call *call = mem_new(struct chat_call);

	call->chat = c;
	call->stream_id = stream_id;
	call->done = done;
	call->user = user;
	list_init(&call->twins);
	list_append(&c->calls, &call->link);
	return call;
}

static void on_refusal(void *arg)
{
	struct chat_call *call = arg;

	chat_call_end(call, &call->refusal);
}

void chat_call_refuse(struct chat_call *call, struct chat_answer refusal)
{
	call->refusal = refusal;
	if (call->chat)
		loop_defer(call->chat->loop, on_refusal, call);
	else
		chat_call_end(call, &refusal);
}

bool chat_is_staff(const struct stream_record *stream, const struct viewer *viewer)
{
	return viewer->user_id &&
		(viewer->roles & (ROLE_ADMIN | ROLE_MODERATOR) ||
			text_eq(viewer->user_id, stream->seller_id));
}

static enum chat_result of_repo(enum repo_result result, enum chat_result not_found)
{
	if (result == REPO_OK)
		return CHAT_OK;
	return result == REPO_NOT_FOUND ? not_found : CHAT_FAILED;
}

enum chat_result chat_read_stream(struct chat *c, struct uuid id, struct stream_record *out)
{
	return of_repo(c->repo.ops->stream_get(c->repo.impl, id, out), CHAT_NO_STREAM);
}

/* Moderation */

static void on_deleted(void *user, const struct repo_outcome *outcome)
{
	struct chat_call *call = user;
	const struct chat_answer answer = {
		.result = of_repo(outcome->result, CHAT_NO_MESSAGE),
		.by_power = call->by_power,
	};
	struct chat_deletion deletion = {
		.stream_id = call->stream_id,
		.message_id = call->message_id,
		.deleted_by = call->mute.moderator_id,
	};

	if (call->chat && answer.result == CHAT_OK)
		signal_emit(&call->chat->deleted, &deletion);
	chat_call_end(call, &answer);
}

static enum chat_result may_delete(struct chat *c, const struct chat_caller *who,
	struct uuid stream_id, struct uuid message_id, bool *by_power)
{
	struct stream_record row;
	struct chat_record message;
	enum chat_result result = chat_read_stream(c, stream_id, &row);

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
		*by_power = !text_eq(message.user_id, who->viewer.user_id) &&
			!text_eq(row.seller_id, who->viewer.user_id);
		chat_record_finish(&message);
	}
	stream_record_finish(&row);
	return result;
}

void chat_delete(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	struct uuid message_id, chat_done done, void *user)
{
	struct chat_call *call = chat_call_create(c, stream_id, done, user);
	enum chat_result result = who->viewer.user_id
		? may_delete(c, who, stream_id, message_id, &call->by_power)
		: CHAT_GUEST;

	call->message_id = message_id;
	call->mute.moderator_id = mem_strdup(who->viewer.user_id);
	if (result == CHAT_OK)
		c->repo.chat->chat_delete(c->repo.impl, stream_id, message_id, who->viewer.user_id,
			clock_wall_ms(loop_clock(c->loop)), on_deleted, call);
	else
		chat_call_refuse(call, (struct chat_answer){.result = result});
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
	chat_call_end(call, &answer);
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
	enum chat_result result = chat_read_stream(c, stream_id, &row);

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
	struct chat_call *call = chat_call_create(c, stream_id, done, user);
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
		chat_call_refuse(call, (struct chat_answer){.result = result});
}

void chat_unmute(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const char *user_id, chat_done done, void *user)
{
	struct chat_call *call = chat_call_create(c, stream_id, done, user);
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
		chat_call_refuse(call, (struct chat_answer){.result = result});
}

/* How the chat goes */

static void on_mode(void *user, const struct repo_outcome *outcome)
{
	struct chat_call *call = user;
	const struct chat_answer answer = {
		.result = outcome->result == REPO_WRONG_STATE
			? CHAT_OVER
			: of_repo(outcome->result, CHAT_NO_STREAM),
		.by_power = call->by_power,
		.stream = outcome->stream,
		.product_count = outcome->product_count,
	};

	if (call->chat && answer.result == CHAT_OK)
		chat_mode_stored(call->chat, outcome->stream);
	chat_call_end(call, &answer);
}

void chat_mode_stored(struct chat *c, const struct stream_record *stream)
{
	signal_emit(&c->mode_changed, (void *)stream);
}

static enum chat_result may_set_mode(struct chat *c, const struct chat_caller *who,
	struct uuid stream_id, const struct chat_mode *mode, bool *by_power)
{
	struct stream_record row;
	enum chat_result result = chat_read_stream(c, stream_id, &row);

	if (result != CHAT_OK)
		return result;
	if (!chat_is_staff(&row, &who->viewer))
		result = who->viewer.user_id ? CHAT_FORBIDDEN : CHAT_GUEST;
	else if (mode->settings & SETTING_SLOW_MODE && mode->slow_mode > c->slow_mode_max)
		result = CHAT_PAUSE;
	*by_power = !text_eq(row.seller_id, who->viewer.user_id);
	stream_record_finish(&row);
	return result;
}

void chat_set_mode(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const struct chat_mode *mode, chat_done done, void *user)
{
	struct chat_call *call = chat_call_create(c, stream_id, done, user);
	enum chat_result result = may_set_mode(c, who, stream_id, mode, &call->by_power);
	const struct stream_record wanted = {
		.id = stream_id, .enable_chat = mode->enabled, .slow_mode = mode->slow_mode};

	if (result == CHAT_OK)
		c->repo.sales->stream_settings(
			c->repo.impl, &wanted, mode->settings, on_mode, call);
	else
		chat_call_refuse(call, (struct chat_answer){.result = result});
}
