#pragma once

#include "model/repo.h"

/* Chat of streams and who may not write there: a family of the repo (`repo.chat`). */
struct chat_record {
	struct uuid id;
	struct uuid stream_id;
	char *user_id, *username, *avatar; /* as they were when it was written */
	char *message;
	char *client_id; /* the sender's own id of it, NULL: none */
	uint64_t created_at, deleted_at;
};
void chat_record_finish(struct chat_record *r);
void chat_record_copy(struct chat_record *out, const struct chat_record *r);

struct repo_chat_page {
	struct chat_record *rows; /* newest first; deleted ones are left out */
	size_t n;
	char *next_cursor;
};
void repo_chat_page_finish(struct repo_chat_page *p);

struct repo_chat_outcome {
	enum repo_result result;
	/* As stored. After a DUPLICATE (same sender, same client_id): the first one. */
	const struct chat_record *message;
};
typedef void (*repo_chat_done)(void *user, const struct repo_chat_outcome *outcome);

/* What happened in a stream's chat behind a message. */
struct repo_chat_news {
	struct chat_record *rows; /* oldest first; deleted ones are left out */
	size_t n;
	struct uuid *deleted; /* messages up to that one, deleted after it was written */
	size_t n_deleted;
	bool more; /* there is more than was asked for, of either kind */
};
void repo_chat_news_finish(struct repo_chat_news *n);

enum mute_kind { MUTE_WRITING, MUTE_BAN }; /* a banned viewer may not watch or join either */
const char *mute_kind_text(enum mute_kind k); /* mute, ban */
bool mute_kind_parse(const char *text, enum mute_kind *out);

struct mute_record {
	struct uuid stream_id;
	char *user_id;
	enum mute_kind kind;
	uint64_t until; /* ms, 0: for the stream's life */
	char *moderator_id;
	uint64_t created_at;
};
void mute_record_finish(struct mute_record *r);

struct repo_mute_list {
	struct mute_record *rows;
	size_t n;
};
void repo_mute_list_finish(struct repo_mute_list *l);

struct repo_chat_ops {
	/*
	 * id and created_at are the caller's. Also counts in streams.chat_messages_count. Rules of
	 * who may write are the caller's (live/chat.h); WRONG_STATE: since he looked, the stream
	 * has ended, its chat was switched off, or (if heeds_mutes) the sender was muted.
	 * NOT_FOUND: the stream or the user.
	 */
	void (*chat_add)(void *impl, const struct chat_record *m, bool heeds_mutes,
		repo_chat_done done, void *user);
	/* before: id of a message, exclusive; none: the newest. next_cursor is the id to go on
	 * before, as text. */
	enum repo_result (*chat_list)(void *impl, struct uuid stream_id, struct uuid before,
		unsigned limit, struct repo_chat_page *out);
	/* Of a deleted one too. */
	enum repo_result (*chat_get)(void *impl, struct uuid id, struct chat_record *out);
	/* By the sender's own id of it, deleted or not. */
	enum repo_result (*chat_by_client_id)(void *impl, struct uuid stream_id,
		const char *user_id, const char *client_id, struct chat_record *out);
	/* When he last wrote, deleted or not. NOT_FOUND: never. */
	enum repo_result (*chat_last_at)(
		void *impl, struct uuid stream_id, const char *user_id, uint64_t *at_ms);
	/* At most `limit` of each kind. after none: from the beginning, and none of the deleted.
	 * NOT_FOUND: `after` is no message of this stream. */
	enum repo_result (*chat_since)(void *impl, struct uuid stream_id, struct uuid after,
		unsigned limit, struct repo_chat_news *out);
	/* NOT_FOUND: no such message in this stream, or deleted already. */
	void (*chat_delete)(void *impl, struct uuid stream_id, struct uuid id,
		const char *deleted_by, uint64_t deleted_at, repo_done done, void *user);
	/* A message that was refused, for the platform's moderators to hear of: only the outbox
	 * keeps it, if webhooks are configured. reason: "blocked_word", "link". */
	void (*chat_flag)(void *impl, struct uuid stream_id, const char *user_id,
		const char *message, const char *reason, repo_done done, void *user);
	/* A further mute of the same user replaces the one before. NOT_FOUND: no such stream. */
	void (*mute_put)(void *impl, const struct mute_record *m, repo_done done, void *user);
	/* NOT_FOUND: was not muted. */
	void (*mute_delete)(
		void *impl, struct uuid stream_id, const char *user_id, repo_done done, void *user);
	/* Those in force at now_ms. */
	enum repo_result (*mute_get)(void *impl, struct uuid stream_id, const char *user_id,
		uint64_t now_ms, struct mute_record *out);
	enum repo_result (*mute_list)(
		void *impl, struct uuid stream_id, uint64_t now_ms, struct repo_mute_list *out);
};
