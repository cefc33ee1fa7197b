#pragma once

#include "model/chat.h"
#include "store_private.h"

/* What the two files of the chat family share. */
extern const struct repo_chat_ops chat_ops;

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
