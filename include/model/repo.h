#pragma once

#include "model/record.h"

/*
 * The persistence that domain and API rely on. The store implements it over SQLite; a memory twin
 * (model/repo_memory.h) held to the same tests serves the unit tests of what lies above.
 *
 * Reads are synchronous, on the loop thread, bounded to well under a millisecond, and see what was
 * committed. Writes are queued; `done` is called on the loop thread after the commit (never inside
 * the call), with the outcome. All rules that must hold against concurrent writes (status,
 * ownership, uniqueness) are checked inside the write's transaction. Input records are borrowed for
 * the call; what `done` gets is borrowed for its run. A read that does not say REPO_OK leaves *out
 * zeroed. `done` may be NULL.
 */
enum repo_result {
	REPO_OK,
	REPO_NOT_FOUND, /* the row the call is about */
	REPO_WRONG_STATE, /* status forbids it */
	REPO_DUPLICATE, /* unique rule; detail: the id in question */
	REPO_NOT_OWNER, /* a product of another seller; detail: its id */
	REPO_NO_PRODUCTS,
	REPO_NO_SUCH_PRODUCT, /* detail: its id */
	REPO_FAILED, /* disk full, I/O error: logged by the store */
};
const char *repo_result_text(enum repo_result r);

struct repo_outcome {
	enum repo_result result;
	struct uuid detail; /* see repo_result */
	const struct stream_record *stream; /* stream writes: the row after the write, else NULL */
	uint32_t product_count; /* stream writes: products attached after the write */
	uint32_t notifications; /* go_live: how many were written */
};

typedef void (*repo_done)(void *user, const struct repo_outcome *outcome);

struct repo_stream_filter {
	int status; /* enum stream_status, or -1 */
	const char *category, *neighborhood, *seller_id, *text; /* NULL: any */
	unsigned limit; /* 1..100 */
	const char *cursor; /* from the page before, or NULL */
};

struct repo_stream_page {
	struct stream_record *rows;
	size_t n;
	char *next_cursor; /* NULL: the last page */
};
void repo_stream_page_finish(struct repo_stream_page *p);

struct repo_product_page {
	struct product_record *rows;
	size_t n;
	char *next_cursor;
};
void repo_product_page_finish(struct repo_product_page *p);

struct repo_stats {
	uint32_t peak_viewers, unique_viewers, total_likes, chat_messages_count, average_watch_time;
};

struct repo_people_ops;
struct repo_sales_ops;
struct repo_chat_ops;
struct repo_insight_ops;
struct repo_ledger_ops;
struct repo_outbox_ops;
struct repo_ban_ops;
struct repo_uploads_ops;

/* The families beside `ops` have headers of their own; the memory twin has none of them (tests take
 * the store in memory, "sqlite::memory:"). All have the same impl as their first argument. */
struct repo {
	const struct repo_ops *ops;
	const struct repo_people_ops *people; /* model/people.h */
	const struct repo_sales_ops *sales; /* model/sales.h */
	const struct repo_chat_ops *chat; /* model/chat.h */
	const struct repo_insight_ops *insight; /* model/insight.h */
	const struct repo_ledger_ops *ledger; /* model/ledger.h */
	const struct repo_outbox_ops *outbox; /* model/outbox.h */
	const struct repo_ban_ops *bans; /* model/bans.h */
	const struct repo_uploads_ops *uploads; /* model/uploads.h */
	void *impl;
};

/* What a write of a user is about. */
enum user_field { USER_NAME = 1, USER_AVATAR = 2, USER_NEIGHBORHOOD = 4, USER_ROLES = 8 };

/* Every call takes the repo first; results of reads are owned by the caller (*_finish). */
struct repo_ops {
	/* users: stored from token claims at first sight, refreshed when they change */
	enum repo_result (*user_get)(void *impl, const char *id, struct user_record *out);
	void (*user_put)(void *impl, const struct user_record *u, repo_done done, void *user);
	/*
	 * Sets these fields (bits of enum user_field) and leaves the others as they are stored; a
	 * user who is not stored yet is made. Times are the store's.
	 */
	void (*user_set)(void *impl, const struct user_record *u, unsigned fields, repo_done done,
		void *user);
	/*
	 * The same where nobody waits for it: it may be stored some milliseconds later, together
	 * with others, but before whatever is written after it.
	 */
	void (*user_note)(void *impl, const struct user_record *u, unsigned fields, repo_done done,
		void *user);

	/* streams */
	enum repo_result (*stream_get)(void *impl, struct uuid id, struct stream_record *out);
	/* The stream that has this key, whatever its status (ended ones keep theirs, to say why).
	 */
	enum repo_result (*stream_by_key)(
		void *impl, const uint8_t hash[STREAM_KEY_HASH_SIZE], struct stream_record *out);
	/* Live ones first, then the newest. NOT_FOUND: the cursor is none of ours. */
	enum repo_result (*stream_list)(
		void *impl, const struct repo_stream_filter *f, struct repo_stream_page *out);
	/*
	 * NOT_OWNER, NO_SUCH_PRODUCT, DUPLICATE for product_ids; DUPLICATE with the stream's own id
	 * if that or its key exists; NOT_FOUND without its seller.
	 */
	void (*stream_create)(void *impl, const struct stream_record *s,
		const struct uuid *product_ids, size_t n, repo_done done, void *user);
	/* Only while scheduled; all of them or none. Errors as for stream_create. */
	void (*stream_attach)(void *impl, struct uuid stream_id, const struct uuid *product_ids,
		size_t n, repo_done done, void *user);
	/* scheduled → live; NO_PRODUCTS if need_products and there is none. */
	void (*stream_go_live)(void *impl, struct uuid id, uint64_t started_at,
		const uint8_t hash[STREAM_KEY_HASH_SIZE], bool need_products, repo_done done,
		void *user);
	/* While scheduled or live; the old key is refused (as "rotated") from the commit on. */
	void (*stream_rotate_key)(void *impl, struct uuid id,
		const uint8_t hash[STREAM_KEY_HASH_SIZE], repo_done done, void *user);
	/* live → ended */
	void (*stream_end)(void *impl, struct uuid id, uint64_t ended_at, const char *reason,
		const struct repo_stats *stats, repo_done done, void *user);
	/* scheduled → cancelled */
	void (*stream_cancel)(void *impl, struct uuid id, repo_done done, void *user);
	/* Removes an ended or cancelled one with all that hangs on it (rows; files are the
	 * caller's). */
	void (*stream_delete)(void *impl, struct uuid id, repo_done done, void *user);

	/* products */
	enum repo_result (*product_get)(void *impl, struct uuid id, struct product_record *out);
	/* Newest first; seller_id NULL: of all. NOT_FOUND: the cursor is none of ours. */
	enum repo_result (*product_list)(void *impl, const char *seller_id, unsigned limit,
		const char *cursor, struct repo_product_page *out);
	/* NOT_FOUND without its seller. */
	void (*product_create)(
		void *impl, const struct product_record *p, repo_done done, void *user);
	/* The products of a stream in the order of attaching; *out is an array for the caller. */
	enum repo_result (*stream_products)(
		void *impl, struct uuid stream_id, struct stream_product_record **out, size_t *n);

	/* recordings */
	enum repo_result (*recording_get)(
		void *impl, struct uuid stream_id, struct recording_record *out);
	/* Newest first; state -1: any. *out is an array for the caller. */
	enum repo_result (*recording_list)(void *impl, int state, unsigned limit, unsigned offset,
		struct recording_record **out, size_t *n);
	/*
	 * A segment list by sequence, of those with a sequence of `from` or more; *out is an array
	 * for the caller.
	 */
	enum repo_result (*segment_list)(void *impl, struct uuid stream_id, uint64_t from,
		unsigned limit, struct segment_record **out, size_t *n);
	/*
	 * Opens, or opens again (after a crash or a failure, or where a drain had finished what
	 * there was). NOT_FOUND without the stream, WRONG_STATE once it is deleted.
	 */
	void (*recording_open)(
		void *impl, const struct recording_record *r, repo_done done, void *user);
	/* Also sets the stream's vod_url and, unless it has another, its thumbnail_url to the
	 * poster, and replaces its rows in `segments`, in one transaction. */
	void (*recording_finish)(void *impl, const struct recording_record *r, const char *vod_url,
		const struct segment_record *segments, size_t n, repo_done done, void *user);
	/* RECORDING_DELETED, vod_url and a poster's thumbnail_url NULL, segments gone. WRONG_STATE
	 * while it is open. */
	void (*recording_delete)(void *impl, struct uuid stream_id, repo_done done, void *user);
};
