#pragma once

#include "model/chat.h"
#include "store_private.h"

/* What the files of the chat family share. */
extern const struct repo_chat_ops chat_ops;

/* chat_read.c */
/* Takes the one row that a bound statement of these columns gives. */
#define CHAT_COLUMNS \
	"id, stream_id, user_id, username, avatar, message, client_id, created_at, deleted_at"
struct stmt;
enum repo_result chat_read_one(struct stmt *s, struct chat_record *out);
enum repo_result chat_get(void *impl, struct uuid id, struct chat_record *out);
enum repo_result chat_list(void *impl, struct uuid stream_id, struct uuid before, unsigned limit,
	struct repo_chat_page *out);
enum repo_result chat_by_client_id(void *impl, struct uuid stream_id, const char *user_id,
	const char *client_id, struct chat_record *out);
enum repo_result chat_last_at(
	void *impl, struct uuid stream_id, const char *user_id, uint64_t *at_ms);
enum repo_result chat_since(void *impl, struct uuid stream_id, struct uuid after, unsigned limit,
	struct repo_chat_news *out);

/* chat_mutes.c */
void chat_mute_put(void *impl, const struct mute_record *m, repo_done done, void *user);
void chat_mute_delete(
	void *impl, struct uuid stream_id, const char *user_id, repo_done done, void *user);
enum repo_result chat_mute_get(void *impl, struct uuid stream_id, const char *user_id,
	uint64_t now_ms, struct mute_record *out);
enum repo_result chat_mute_list(
	void *impl, struct uuid stream_id, uint64_t now_ms, struct repo_mute_list *out);

/* OK, NOT_FOUND or FAILED. */
enum repo_result chat_stream_exists(struct db *db, struct uuid stream_id);
