#pragma once

#include "db.h"
#include "model/repo_write.h"
#include "stmt.h"

/*
 * The table families. Reads are those of struct repo_ops on a connection; writes run inside a
 * transaction of the writer, set outcome.detail, and return the result: anything but REPO_OK has
 * the caller undo what they did.
 */
enum repo_result users_get(struct db *db, const char *id, struct user_record *out);
enum repo_result users_put(struct db *db, struct repo_write *w);
enum repo_result users_set(struct db *db, struct repo_write *w);
enum repo_result users_exists(struct db *db, const char *id); /* OK, NOT_FOUND, FAILED */

enum repo_result streams_get(struct db *db, struct uuid id, struct stream_record *out);
enum repo_result streams_by_key(
	struct db *db, const uint8_t hash[STREAM_KEY_HASH_SIZE], struct stream_record *out);
enum repo_result streams_list(
	struct db *db, const struct repo_stream_filter *f, struct repo_stream_page *out);
enum repo_result streams_create(struct db *db, struct repo_write *w);
enum repo_result streams_attach(struct db *db, struct repo_write *w);
enum repo_result streams_go_live(struct db *db, struct repo_write *w);
enum repo_result streams_rotate_key(struct db *db, struct repo_write *w);
enum repo_result streams_end(struct db *db, struct repo_write *w);
enum repo_result streams_cancel(struct db *db, struct repo_write *w);
enum repo_result streams_delete(struct db *db, struct repo_write *w);
/* The columns of a stream in the order that streams_read_row takes them. */
extern const char streams_columns[];
void streams_read_row(struct stmt *s, struct stream_record *out);
/* OK, NOT_FOUND or FAILED. */
enum repo_result streams_status(struct db *db, struct uuid id, enum stream_status *status);

enum repo_result products_get(struct db *db, struct uuid id, struct product_record *out);
enum repo_result products_list(struct db *db, const char *seller_id, unsigned limit,
	const char *cursor, struct repo_product_page *out);
enum repo_result products_create(struct db *db, struct repo_write *w);
enum repo_result products_of_stream(
	struct db *db, struct uuid stream_id, struct stream_product_record **out, size_t *n);
/* NO_SUCH_PRODUCT if it is not in the stream. */
enum repo_result products_in_stream(struct db *db, struct uuid stream_id, struct uuid product_id,
	struct stream_product_record *out);
/* Attaches w's products to w's stream, which is the seller's. */
enum repo_result products_attach(struct db *db, struct repo_write *w, const char *seller_id);
bool products_count(struct db *db, struct uuid stream_id, uint32_t *count);

enum repo_result recordings_get(struct db *db, struct uuid stream_id, struct recording_record *out);
enum repo_result recordings_list(struct db *db, int state, unsigned limit, unsigned offset,
	struct recording_record **out, size_t *n);
enum repo_result recordings_segments(struct db *db, struct uuid stream_id, uint64_t from,
	unsigned limit, struct segment_record **out, size_t *n);
enum repo_result recordings_open(struct db *db, struct repo_write *w);
enum repo_result recordings_finish(struct db *db, struct repo_write *w);
enum repo_result recordings_delete(struct db *db, struct repo_write *w);
