#pragma once

#include "model/repo_write.h"

/* The tables of the memory twin: lists of rows, in the order of insertion. */
struct repo_memory {
	struct repo_front front; /* first: the vtable's impl is one */
	struct list queue; /* struct repo_write */
	unsigned to_fail;
	struct list users, streams, products, attached, recordings, retired;
};

struct user_row {
	struct list link;
	struct user_record r;
};

struct stream_row {
	struct list link;
	struct stream_record r;
};

struct product_row {
	struct list link;
	struct product_record r;
};

struct attached_row {
	struct list link;
	struct stream_product_record r; /* of the product only the id; the rest is in its row */
};

struct recording_row {
	struct list link;
	struct recording_record r;
	struct segment_record *segments;
	size_t n_segments;
};

struct retired_row {
	struct list link;
	struct uuid stream_id;
	uint8_t hash[STREAM_KEY_HASH_SIZE];
};

struct user_row *memory_user(struct repo_memory *m, const char *id);
struct stream_row *memory_stream(struct repo_memory *m, struct uuid id);
struct product_row *memory_product(struct repo_memory *m, struct uuid id);
struct recording_row *memory_recording(struct repo_memory *m, struct uuid stream_id);
struct stream_row *memory_stream_by_key(
	struct repo_memory *m, const uint8_t hash[STREAM_KEY_HASH_SIZE]);
bool memory_key_retired(struct repo_memory *m, const uint8_t hash[STREAM_KEY_HASH_SIZE]);

void memory_attached_destroy(struct attached_row *row);
void memory_recording_destroy(struct recording_row *row);
void memory_stream_destroy(struct repo_memory *m, struct stream_row *row); /* cascades */

/* Carries out a write and sets its outcome. */
void memory_apply(struct repo_memory *m, struct repo_write *w);
