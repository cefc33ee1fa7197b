#include "model/repo_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static struct repo_write *write_create(
	struct repo_front *front, enum repo_write_op op, repo_done done, void *user)
{
	struct repo_write *w = mem_new(struct repo_write);
	list_init(&w->link);
	w->op = op;
	w->now = clock_wall_ms(front->clock);
	w->done = done;
	w->done_user = user;
	return w;
}

static struct repo_write *write_create_for(struct repo_front *front, enum repo_write_op op,
	struct uuid stream_id, repo_done done, void *user)
{
	struct repo_write *w = write_create(front, op, done, user);
	w->stream_id = stream_id;
	return w;
}

static void set_products(
	struct repo_front *front, struct repo_write *w, const struct uuid *ids, size_t n)
{
	w->product_ids = mem_dup(ids, n * sizeof(*ids));
	w->row_ids = mem_alloc(n * sizeof(*ids));
	w->n_products = n;
	for (size_t i = 0; i < n; i++) {
		w->row_ids[i] = uuid_new(front->clock);
	}
}

void repo_write_complete(struct repo_write *w)
{
	if (w->done != NULL) {
		w->done(w->done_user, &w->outcome);
	}
	repo_write_destroy(w);
}

void repo_write_destroy(struct repo_write *w)
{
	user_record_finish(&w->user);
	stream_record_finish(&w->stream);
	stream_record_finish(&w->after);
	product_record_finish(&w->product);
	recording_record_finish(&w->recording);
	free(w->product_ids);
	free(w->row_ids);
	free(w->reason);
	free(w->vod_url);
	free(w->segments);
	free(w);
}

void repo_write_reset(struct repo_write *w)
{
	stream_record_finish(&w->after);
	w->outcome = (struct repo_outcome){.result = REPO_OK};
}

const char *repo_write_text(enum repo_write_op op)
{
	static const char *const texts[WRITE_OPS] = {
		[WRITE_USER_PUT] = "user_put",
		[WRITE_USER_SET] = "user_set",
		[WRITE_STREAM_CREATE] = "stream_create",
		[WRITE_STREAM_ATTACH] = "stream_attach",
		[WRITE_STREAM_GO_LIVE] = "stream_go_live",
		[WRITE_STREAM_ROTATE_KEY] = "stream_rotate_key",
		[WRITE_STREAM_END] = "stream_end",
		[WRITE_STREAM_CANCEL] = "stream_cancel",
		[WRITE_STREAM_DELETE] = "stream_delete",
		[WRITE_PRODUCT_CREATE] = "product_create",
		[WRITE_RECORDING_OPEN] = "recording_open",
		[WRITE_RECORDING_FINISH] = "recording_finish",
		[WRITE_RECORDING_DELETE] = "recording_delete",
	};
	return texts[op];
}

void repo_front_user_put(void *impl, const struct user_record *u, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = write_create(front, WRITE_USER_PUT, done, user);
	user_record_copy(&w->user, u);
	front->submit(front, w);
}

static struct repo_write *user_set_create(struct repo_front *front, const struct user_record *u,
	unsigned fields, repo_done done, void *user)
{
	struct repo_write *w = write_create(front, WRITE_USER_SET, done, user);
	const struct user_record set = {.id = u->id,
		.name = fields & USER_NAME ? u->name : NULL,
		.avatar = fields & USER_AVATAR ? u->avatar : NULL,
		.neighborhood = fields & USER_NEIGHBORHOOD ? u->neighborhood : NULL,
		.roles = fields & USER_ROLES ? u->roles : 0,
		.created_at = w->now,
		.updated_at = w->now};
	user_record_copy(&w->user, &set);
	w->user_fields = fields;
	return w;
}

void repo_front_user_set(
	void *impl, const struct user_record *u, unsigned fields, repo_done done, void *user)
{
	struct repo_front *front = impl;
	front->submit(front, user_set_create(front, u, fields, done, user));
}

void repo_front_user_note(
	void *impl, const struct user_record *u, unsigned fields, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = user_set_create(front, u, fields, done, user);
	w->unhurried = true;
	front->submit(front, w);
}

void repo_front_stream_create(void *impl, const struct stream_record *s,
	const struct uuid *product_ids, size_t n, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = write_create_for(front, WRITE_STREAM_CREATE, s->id, done, user);
	stream_record_copy(&w->stream, s);
	set_products(front, w, product_ids, n);
	front->submit(front, w);
}

void repo_front_stream_attach(void *impl, struct uuid stream_id, const struct uuid *product_ids,
	size_t n, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = write_create_for(front, WRITE_STREAM_ATTACH, stream_id, done, user);
	set_products(front, w, product_ids, n);
	front->submit(front, w);
}

void repo_front_stream_go_live(void *impl, struct uuid id, uint64_t started_at,
	const uint8_t hash[STREAM_KEY_HASH_SIZE], bool need_products, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = write_create_for(front, WRITE_STREAM_GO_LIVE, id, done, user);
	w->at = started_at;
	w->need_products = need_products;
	memcpy(w->key_hash, hash, sizeof(w->key_hash));
	front->submit(front, w);
}

void repo_front_stream_rotate_key(void *impl, struct uuid id,
	const uint8_t hash[STREAM_KEY_HASH_SIZE], repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = write_create_for(front, WRITE_STREAM_ROTATE_KEY, id, done, user);
	memcpy(w->key_hash, hash, sizeof(w->key_hash));
	front->submit(front, w);
}

void repo_front_stream_end(void *impl, struct uuid id, uint64_t ended_at, const char *reason,
	const struct repo_stats *stats, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = write_create_for(front, WRITE_STREAM_END, id, done, user);
	w->at = ended_at;
	w->reason = mem_strdup(reason);
	w->has_stats = stats != NULL;
	if (stats != NULL) {
		w->stats = *stats;
	}
	front->submit(front, w);
}

void repo_front_stream_cancel(void *impl, struct uuid id, repo_done done, void *user)
{
	struct repo_front *front = impl;
	front->submit(front, write_create_for(front, WRITE_STREAM_CANCEL, id, done, user));
}

void repo_front_stream_delete(void *impl, struct uuid id, repo_done done, void *user)
{
	struct repo_front *front = impl;
	front->submit(front, write_create_for(front, WRITE_STREAM_DELETE, id, done, user));
}

void repo_front_product_create(
	void *impl, const struct product_record *p, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w = write_create(front, WRITE_PRODUCT_CREATE, done, user);
	product_record_copy(&w->product, p);
	front->submit(front, w);
}

void repo_front_recording_open(
	void *impl, const struct recording_record *r, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w =
		write_create_for(front, WRITE_RECORDING_OPEN, r->stream_id, done, user);
	recording_record_copy(&w->recording, r);
	front->submit(front, w);
}

void repo_front_recording_finish(void *impl, const struct recording_record *r, const char *vod_url,
	const struct segment_record *segments, size_t n, repo_done done, void *user)
{
	struct repo_front *front = impl;
	struct repo_write *w =
		write_create_for(front, WRITE_RECORDING_FINISH, r->stream_id, done, user);
	recording_record_copy(&w->recording, r);
	w->vod_url = mem_strdup(vod_url);
	w->segments = mem_dup(segments, n * sizeof(*segments));
	w->n_segments = n;
	front->submit(front, w);
}

void repo_front_recording_delete(void *impl, struct uuid stream_id, repo_done done, void *user)
{
	struct repo_front *front = impl;
	front->submit(
		front, write_create_for(front, WRITE_RECORDING_DELETE, stream_id, done, user));
}
