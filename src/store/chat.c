#include "chat.h"

#include <stdlib.h>

#include "base/mem.h"
#include "outbox.h"
#include "stmt.h"
#include "tables.h"

/* Messages come in bursts; a room that is full gathers them longer than that. */
#define PATIENCE_US 1500u

struct add_job {
	struct store_job job;
	struct chat_record message; /* what is stored in the end */
	bool heeds_mutes;
	repo_chat_done done;
	void *user;
};

enum repo_result chat_stream_exists(struct db *db, struct uuid stream_id)
{
	bool failed = false;
	struct stmt s = stmt_begin(db, "SELECT 1 FROM streams WHERE id = ?");
	stmt_uuid(&s, stream_id);
	bool exists = stmt_exists(&s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return exists ? REPO_OK : REPO_NOT_FOUND;
}

/* DUPLICATE: the first message with this client_id takes the place of this one. */
static enum repo_result take_first(struct db *db, struct chat_record *m)
{
	struct chat_record first;
	struct stmt s = stmt_begin(db,
		"SELECT " CHAT_COLUMNS " FROM chat_messages"
		" WHERE stream_id = ? AND user_id = ? AND client_id = ?");
	stmt_uuid(&s, m->stream_id);
	stmt_text(&s, m->user_id);
	stmt_text(&s, m->client_id);
	enum repo_result result = chat_read_one(&s, &first);
	if (result != REPO_OK) {
		return result;
	}
	chat_record_finish(m);
	*m = first;
	return REPO_DUPLICATE;
}

static bool insert_message(struct db *db, const struct chat_record *m)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO chat_messages (id, stream_id, user_id, username, avatar, message,"
		" client_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	stmt_uuid(&s, m->id);
	stmt_uuid(&s, m->stream_id);
	stmt_text(&s, m->user_id);
	stmt_text(&s, m->username);
	stmt_text(&s, m->avatar);
	stmt_text(&s, m->message);
	stmt_text(&s, m->client_id);
	stmt_uint(&s, m->created_at);
	return stmt_run(&s);
}

static bool count_message(struct db *db, struct uuid stream_id)
{
	struct stmt s = stmt_begin(db,
		"UPDATE streams SET chat_messages_count = chat_messages_count + 1 WHERE id = ?");
	stmt_uuid(&s, stream_id);
	return stmt_run(&s);
}

/* What may have changed since the sender's right to write was looked at. */
static enum repo_result check_open(struct db *db, const struct chat_record *m, bool heeds_mutes)
{
	bool failed = false;
	struct stmt s = stmt_begin(db,
		"SELECT 1 FROM streams s WHERE id = ?1 AND enable_chat"
		" AND status NOT IN ('ended', 'cancelled') AND NOT (?3 AND EXISTS (SELECT 1 FROM"
		" mutes WHERE stream_id = ?1 AND user_id = ?2"
		" AND (until IS NULL OR until > ?4)))");
	stmt_uuid(&s, m->stream_id);
	stmt_text(&s, m->user_id);
	stmt_int(&s, heeds_mutes);
	stmt_uint(&s, m->created_at);
	bool open = stmt_exists(&s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return open ? REPO_OK : REPO_WRONG_STATE;
}

static enum repo_result check_add(struct db *db, struct add_job *j)
{
	struct chat_record *m = &j->message;
	enum repo_result result = chat_stream_exists(db, m->stream_id);
	if (result == REPO_OK) {
		result = users_exists(db, m->user_id);
	}
	if (result == REPO_OK && m->client_id != NULL) {
		result = take_first(db, m);
		if (result == REPO_NOT_FOUND) {
			result = REPO_OK;
		}
	}
	return result == REPO_OK ? check_open(db, m, j->heeds_mutes) : result;
}

static enum repo_result apply_add(struct db *db, struct store_job *job)
{
	struct add_job *j = container_of(job, struct add_job, job);
	const struct chat_record *m = &j->message;
	enum repo_result result = check_add(db, j);
	if (result != REPO_OK) {
		return result;
	}
	return insert_message(db, m) && count_message(db, m->stream_id) ? REPO_OK : REPO_FAILED;
}

static void complete_add(struct store_job *job)
{
	struct add_job *j = container_of(job, struct add_job, job);
	struct repo_chat_outcome outcome = {.result = job->result};
	if (job->result == REPO_OK || job->result == REPO_DUPLICATE) {
		outcome.message = &j->message;
	}
	if (j->done != NULL) {
		j->done(j->user, &outcome);
	}
	chat_record_finish(&j->message);
	free(j);
}

static void chat_add(
	void *impl, const struct chat_record *m, bool heeds_mutes, repo_chat_done done, void *user)
{
	struct add_job *j = mem_new(struct add_job);
	j->job = (struct store_job){.name = "chat message",
		.apply = apply_add,
		.complete = complete_add,
		.patience_us = PATIENCE_US};
	chat_record_copy(&j->message, m);
	j->heeds_mutes = heeds_mutes;
	j->done = done;
	j->user = user;
	store_submit(impl, &j->job);
}

struct delete_job {
	struct plain_job plain; /* first: freed whole */
	struct uuid stream_id, id;
	char *deleted_by;
	uint64_t deleted_at;
};

static enum repo_result apply_delete(struct db *db, struct store_job *job)
{
	struct delete_job *j = container_of(job, struct delete_job, plain.job);
	struct stmt s = stmt_begin(db,
		"UPDATE chat_messages SET deleted_at = ?, deleted_by = ?"
		" WHERE id = ? AND stream_id = ? AND deleted_at IS NULL RETURNING 1");
	stmt_uint(&s, j->deleted_at);
	stmt_text(&s, j->deleted_by);
	stmt_uuid(&s, j->id);
	stmt_uuid(&s, j->stream_id);
	bool failed = false;
	bool changed = stmt_exists(&s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return changed ? REPO_OK : REPO_NOT_FOUND;
}

static void finish_delete(struct plain_job *p)
{
	free(container_of(p, struct delete_job, plain)->deleted_by);
}

static void chat_delete(void *impl, struct uuid stream_id, struct uuid id, const char *deleted_by,
	uint64_t deleted_at, repo_done done, void *user)
{
	struct delete_job *j = mem_new(struct delete_job);
	plain_job_init(&j->plain, "chat deletion", apply_delete, finish_delete, done, user);
	j->stream_id = stream_id;
	j->id = id;
	j->deleted_by = mem_strdup(deleted_by);
	j->deleted_at = deleted_at;
	store_submit(impl, &j->plain.job);
}

struct flag_job {
	struct plain_job plain; /* first: freed whole */
	struct uuid stream_id;
	char *user_id, *message, *reason;
};

static enum repo_result apply_flag(struct db *db, struct store_job *job)
{
	struct flag_job *j = container_of(job, struct flag_job, plain.job);
	struct stmt s = stmt_begin(db,
		OUTBOX_INSERT("webhook", "chat.flagged", "uuid_text(s.id)",
			"json_object('streamId', uuid_text(s.id), 'sellerId', s.seller_id,"
			" 'userId', ?, 'message', ?, 'reason', ?, 'at', "
			"iso_time(now_ms()))") " FROM streams s WHERE s.id = ?");
	stmt_text(&s, j->user_id);
	stmt_text(&s, j->message);
	stmt_text(&s, j->reason);
	stmt_uuid(&s, j->stream_id);
	return outbox_run(&s, OUTBOX_WEBHOOK) ? REPO_OK : REPO_FAILED;
}

static void finish_flag(struct plain_job *p)
{
	struct flag_job *j = container_of(p, struct flag_job, plain);
	free(j->user_id);
	free(j->message);
	free(j->reason);
}

static void chat_flag(void *impl, struct uuid stream_id, const char *user_id, const char *message,
	const char *reason, repo_done done, void *user)
{
	struct flag_job *j = mem_new(struct flag_job);
	plain_job_init(&j->plain, "chat flag", apply_flag, finish_flag, done, user);
	j->stream_id = stream_id;
	j->user_id = mem_strdup(user_id);
	j->message = mem_strdup(message);
	j->reason = mem_strdup(reason);
	store_submit(impl, &j->plain.job);
}

const struct repo_chat_ops chat_ops = {
	.chat_add = chat_add,
	.chat_list = chat_list,
	.chat_get = chat_get,
	.chat_by_client_id = chat_by_client_id,
	.chat_last_at = chat_last_at,
	.chat_since = chat_since,
	.chat_delete = chat_delete,
	.chat_flag = chat_flag,
	.mute_put = chat_mute_put,
	.mute_delete = chat_mute_delete,
	.mute_get = chat_mute_get,
	.mute_list = chat_mute_list,
};
