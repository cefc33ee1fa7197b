#pragma once

#include "base/list.h"
#include "model/repo.h"

/*
 * A queued write: the arguments of one write call of struct repo_ops, copied, and its outcome. What
 * the backends of a repo have in common; users of a repo need none of it.
 */
enum repo_write_op {
	WRITE_USER_PUT,
	WRITE_USER_SET,
	WRITE_STREAM_CREATE,
	WRITE_STREAM_ATTACH,
	WRITE_STREAM_GO_LIVE,
	WRITE_STREAM_ROTATE_KEY,
	WRITE_STREAM_END,
	WRITE_STREAM_CANCEL,
	WRITE_STREAM_DELETE,
	WRITE_PRODUCT_CREATE,
	WRITE_RECORDING_OPEN,
	WRITE_RECORDING_FINISH,
	WRITE_RECORDING_DELETE,
	WRITE_OPS, /* how many there are */
};

struct repo_write {
	struct list link; /* the queue's */
	enum repo_write_op op;
	uint64_t now; /* wall clock at the call, ms */
	bool unhurried; /* nobody waits for it */

	struct uuid stream_id; /* of the stream, or of the recording's stream */
	struct user_record user;
	unsigned user_fields; /* enum user_field bits */
	struct stream_record stream;
	struct product_record product;
	struct recording_record recording;
	struct uuid *product_ids, *row_ids; /* row_ids: new ids for rows of stream_products */
	size_t n_products;
	uint64_t at; /* started_at, ended_at */
	uint8_t key_hash[STREAM_KEY_HASH_SIZE];
	bool need_products;
	char *reason, *vod_url;
	bool has_stats;
	struct repo_stats stats;
	struct segment_record *segments;
	size_t n_segments;

	struct repo_outcome outcome;
	struct stream_record after; /* what outcome.stream points to, if anything */
	repo_done done;
	void *done_user;
};

/* Calls done, then destroys. */
void repo_write_complete(struct repo_write *w);
void repo_write_destroy(struct repo_write *w);
/* Puts the outcome back to "not yet applied". */
void repo_write_reset(struct repo_write *w);
const char *repo_write_text(enum repo_write_op op);

/*
 * The front of a backend: a repo's impl that begins with one may use the functions below in its
 * vtable. submit takes over the write and completes it later, never inside the call.
 */
struct repo_front {
	const struct clock *clock;
	void (*submit)(struct repo_front *front, struct repo_write *w);
};

void repo_front_user_put(void *impl, const struct user_record *u, repo_done done, void *user);
void repo_front_user_set(
	void *impl, const struct user_record *u, unsigned fields, repo_done done, void *user);
void repo_front_user_note(
	void *impl, const struct user_record *u, unsigned fields, repo_done done, void *user);
void repo_front_stream_create(void *impl, const struct stream_record *s,
	const struct uuid *product_ids, size_t n, repo_done done, void *user);
void repo_front_stream_attach(void *impl, struct uuid stream_id, const struct uuid *product_ids,
	size_t n, repo_done done, void *user);
void repo_front_stream_go_live(void *impl, struct uuid id, uint64_t started_at,
	const uint8_t hash[STREAM_KEY_HASH_SIZE], bool need_products, repo_done done, void *user);
void repo_front_stream_rotate_key(void *impl, struct uuid id,
	const uint8_t hash[STREAM_KEY_HASH_SIZE], repo_done done, void *user);
void repo_front_stream_end(void *impl, struct uuid id, uint64_t ended_at, const char *reason,
	const struct repo_stats *stats, repo_done done, void *user);
void repo_front_stream_cancel(void *impl, struct uuid id, repo_done done, void *user);
void repo_front_stream_delete(void *impl, struct uuid id, repo_done done, void *user);
void repo_front_product_create(
	void *impl, const struct product_record *p, repo_done done, void *user);
void repo_front_recording_open(
	void *impl, const struct recording_record *r, repo_done done, void *user);
void repo_front_recording_finish(void *impl, const struct recording_record *r, const char *vod_url,
	const struct segment_record *segments, size_t n, repo_done done, void *user);
void repo_front_recording_delete(void *impl, struct uuid stream_id, repo_done done, void *user);
