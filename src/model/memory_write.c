#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "memory_rows.h"

static uint32_t count_attached(struct repo_memory *m, struct uuid stream_id)
{
	const struct attached_row *row;
	uint32_t n = 0;
	list_for_each (row, &m->attached, link) {
		n += uuid_eq(row->r.stream_id, stream_id);
	}
	return n;
}

static enum repo_result fail_with(struct repo_write *w, enum repo_result result, struct uuid detail)
{
	w->outcome.detail = detail;
	return result;
}

static bool is_attached(struct repo_memory *m, struct uuid stream_id, struct uuid product_id)
{
	const struct attached_row *row;
	list_for_each (row, &m->attached, link) {
		if (uuid_eq(row->r.stream_id, stream_id) &&
			uuid_eq(row->r.product.id, product_id)) {
			return true;
		}
	}
	return false;
}

static bool is_repeated(const struct uuid *ids, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (uuid_eq(ids[k], ids[i])) {
			return true;
		}
	}
	return false;
}

static enum repo_result check_products(
	struct repo_memory *m, struct repo_write *w, const char *seller_id)
{
	for (size_t i = 0; i < w->n_products; i++) {
		struct uuid id = w->product_ids[i];
		const struct product_row *p = memory_product(m, id);
		if (p == NULL) {
			return fail_with(w, REPO_NO_SUCH_PRODUCT, id);
		}
		if (strcmp(p->r.seller_id, seller_id) != 0) {
			return fail_with(w, REPO_NOT_OWNER, id);
		}
		if (is_repeated(w->product_ids, i) || is_attached(m, w->stream_id, id)) {
			return fail_with(w, REPO_DUPLICATE, id);
		}
	}
	return REPO_OK;
}

static void attach_products(struct repo_memory *m, struct repo_write *w)
{
	for (size_t i = 0; i < w->n_products; i++) {
		struct attached_row *row = mem_new(struct attached_row);
		row->r.id = w->row_ids[i];
		row->r.stream_id = w->stream_id;
		row->r.product.id = w->product_ids[i];
		row->r.timestamp_seconds = -1;
		row->r.created_at = w->now;
		row->r.updated_at = w->now;
		list_append(&m->attached, &row->link);
	}
}

static enum repo_result user_put(struct repo_memory *m, struct repo_write *w)
{
	struct user_row *row = memory_user(m, w->user.id);
	uint64_t created_at = w->user.created_at;
	if (row == NULL) {
		row = mem_new(struct user_row);
		list_append(&m->users, &row->link);
	} else {
		created_at = row->r.created_at;
		user_record_finish(&row->r);
	}
	user_record_copy(&row->r, &w->user);
	row->r.created_at = created_at;
	return REPO_OK;
}

static void set_text(char **text, const char *with)
{
	char *copy = mem_strdup(with);
	free(*text);
	*text = copy;
}

static enum repo_result user_set(struct repo_memory *m, struct repo_write *w)
{
	struct user_row *row = memory_user(m, w->user.id);
	if (row == NULL) {
		return user_put(m, w);
	}
	if (w->user_fields & USER_NAME) {
		set_text(&row->r.name, w->user.name);
	}
	if (w->user_fields & USER_AVATAR) {
		set_text(&row->r.avatar, w->user.avatar);
	}
	if (w->user_fields & USER_NEIGHBORHOOD) {
		set_text(&row->r.neighborhood, w->user.neighborhood);
	}
	if (w->user_fields & USER_ROLES) {
		row->r.roles = w->user.roles;
	}
	row->r.updated_at = w->now;
	return REPO_OK;
}

static enum repo_result stream_create(struct repo_memory *m, struct repo_write *w)
{
	if (memory_user(m, w->stream.seller_id) == NULL) {
		return REPO_NOT_FOUND;
	}
	if (memory_stream(m, w->stream_id) != NULL ||
		(w->stream.has_key && memory_stream_by_key(m, w->stream.key_hash) != NULL)) {
		return fail_with(w, REPO_DUPLICATE, w->stream_id);
	}
	enum repo_result result = check_products(m, w, w->stream.seller_id);
	if (result == REPO_OK) {
		struct stream_row *row = mem_new(struct stream_row);
		stream_record_copy(&row->r, &w->stream);
		list_append(&m->streams, &row->link);
		attach_products(m, w);
	}
	return result;
}

/* The stream, if it is there and in the state. */
static enum repo_result expect_stream(struct repo_memory *m, struct repo_write *w,
	enum stream_status status, struct stream_row **out)
{
	*out = memory_stream(m, w->stream_id);
	if (*out == NULL) {
		return REPO_NOT_FOUND;
	}
	return (*out)->r.status == status ? REPO_OK : REPO_WRONG_STATE;
}

static enum repo_result stream_attach(struct repo_memory *m, struct repo_write *w)
{
	struct stream_row *row;
	enum repo_result result = expect_stream(m, w, STREAM_SCHEDULED, &row);
	if (result == REPO_OK) {
		result = check_products(m, w, row->r.seller_id);
	}
	if (result == REPO_OK) {
		attach_products(m, w);
		row->r.updated_at = w->now;
	}
	return result;
}

static void retire_key(struct repo_memory *m, struct stream_row *row)
{
	if (!row->r.has_key) {
		return;
	}
	struct retired_row *retired = mem_new(struct retired_row);
	retired->stream_id = row->r.id;
	memcpy(retired->hash, row->r.key_hash, sizeof(retired->hash));
	list_append(&m->retired, &retired->link);
}

static enum repo_result set_key(struct repo_memory *m, struct repo_write *w, struct stream_row *row)
{
	if (memory_stream_by_key(m, w->key_hash) != NULL || memory_key_retired(m, w->key_hash)) {
		return fail_with(w, REPO_DUPLICATE, w->stream_id);
	}
	retire_key(m, row);
	row->r.has_key = true;
	memcpy(row->r.key_hash, w->key_hash, sizeof(row->r.key_hash));
	row->r.updated_at = w->now;
	return REPO_OK;
}

static enum repo_result stream_go_live(struct repo_memory *m, struct repo_write *w)
{
	struct stream_row *row;
	enum repo_result result = expect_stream(m, w, STREAM_SCHEDULED, &row);
	if (result == REPO_OK && w->need_products && count_attached(m, w->stream_id) == 0) {
		result = REPO_NO_PRODUCTS;
	}
	if (result == REPO_OK) {
		result = set_key(m, w, row);
	}
	if (result == REPO_OK) {
		row->r.status = STREAM_LIVE;
		row->r.started_at = w->at;
	}
	return result;
}

static enum repo_result stream_rotate_key(struct repo_memory *m, struct repo_write *w)
{
	struct stream_row *row = memory_stream(m, w->stream_id);
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	if (row->r.status != STREAM_SCHEDULED && row->r.status != STREAM_LIVE) {
		return REPO_WRONG_STATE;
	}
	return set_key(m, w, row);
}

static enum repo_result stream_end(struct repo_memory *m, struct repo_write *w)
{
	struct stream_row *row;
	enum repo_result result = expect_stream(m, w, STREAM_LIVE, &row);
	if (result != REPO_OK) {
		return result;
	}
	row->r.status = STREAM_ENDED;
	row->r.ended_at = w->at;
	free(row->r.end_reason);
	row->r.end_reason = mem_strdup(w->reason);
	row->r.updated_at = w->now;
	if (w->has_stats) {
		row->r.peak_viewers = w->stats.peak_viewers;
		row->r.unique_viewers = w->stats.unique_viewers;
		row->r.total_likes = w->stats.total_likes;
		row->r.chat_messages_count = w->stats.chat_messages_count;
		row->r.average_watch_time = w->stats.average_watch_time;
	}
	return REPO_OK;
}

static enum repo_result stream_cancel(struct repo_memory *m, struct repo_write *w)
{
	struct stream_row *row;
	enum repo_result result = expect_stream(m, w, STREAM_SCHEDULED, &row);
	if (result == REPO_OK) {
		row->r.status = STREAM_CANCELLED;
		row->r.updated_at = w->now;
	}
	return result;
}

static enum repo_result stream_delete(struct repo_memory *m, struct repo_write *w)
{
	struct stream_row *row = memory_stream(m, w->stream_id);
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	if (row->r.status != STREAM_ENDED && row->r.status != STREAM_CANCELLED) {
		return REPO_WRONG_STATE;
	}
	memory_stream_destroy(m, row);
	return REPO_OK;
}

static enum repo_result product_create(struct repo_memory *m, struct repo_write *w)
{
	if (memory_user(m, w->product.seller_id) == NULL) {
		return REPO_NOT_FOUND;
	}
	if (memory_product(m, w->product.id) != NULL) {
		return fail_with(w, REPO_DUPLICATE, w->product.id);
	}
	struct product_row *row = mem_new(struct product_row);
	product_record_copy(&row->r, &w->product);
	list_append(&m->products, &row->link);
	return REPO_OK;
}

static enum repo_result recording_open(struct repo_memory *m, struct repo_write *w)
{
	struct recording_row *row = memory_recording(m, w->stream_id);
	uint64_t created_at = w->recording.created_at;
	if (memory_stream(m, w->stream_id) == NULL) {
		return REPO_NOT_FOUND;
	}
	if (row == NULL) {
		row = mem_new(struct recording_row);
		list_append(&m->recordings, &row->link);
	} else if (row->r.state != RECORDING_DELETED) {
		created_at = row->r.created_at;
		recording_record_finish(&row->r);
	} else {
		return REPO_WRONG_STATE;
	}
	recording_record_copy(&row->r, &w->recording);
	row->r.state = RECORDING_OPEN;
	row->r.created_at = created_at;
	return REPO_OK;
}

/* A picture that the stream has from elsewhere stays. */
static void set_poster(struct stream_record *r, const struct repo_write *w)
{
	char id[UUID_TEXT_SIZE], poster[80];
	uuid_text(id, w->stream_id);
	snprintf(poster, sizeof(poster), "/vod/%s/poster.jpg", id);
	if (r->thumbnail_url && strcmp(r->thumbnail_url, poster) != 0)
		return;
	free(r->thumbnail_url);
	r->thumbnail_url = w->recording.has_poster ? mem_strdup(poster) : NULL;
}

static void set_vod_url(struct repo_memory *m, struct repo_write *w)
{
	struct stream_row *row = memory_stream(m, w->stream_id);
	free(row->r.vod_url);
	row->r.vod_url = mem_strdup(w->vod_url);
	set_poster(&row->r, w);
	row->r.updated_at = w->now;
}

static void set_segments(struct recording_row *row, const struct segment_record *segments, size_t n)
{
	free(row->segments);
	row->segments = mem_dup(segments, n * sizeof(*segments));
	row->n_segments = n;
}

static enum repo_result recording_finish(struct repo_memory *m, struct repo_write *w)
{
	struct recording_row *row = memory_recording(m, w->stream_id);
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	if (row->r.state == RECORDING_DELETED) {
		return REPO_WRONG_STATE;
	}
	uint64_t created_at = row->r.created_at;
	recording_record_finish(&row->r);
	recording_record_copy(&row->r, &w->recording);
	row->r.created_at = created_at;
	set_segments(row, w->segments, w->n_segments);
	set_vod_url(m, w);
	return REPO_OK;
}

static enum repo_result recording_delete(struct repo_memory *m, struct repo_write *w)
{
	struct recording_row *row = memory_recording(m, w->stream_id);
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	if (row->r.state == RECORDING_OPEN) {
		return REPO_WRONG_STATE;
	}
	row->r.state = RECORDING_DELETED;
	set_segments(row, NULL, 0);
	set_vod_url(m, w);
	return REPO_OK;
}

static void describe_stream(struct repo_memory *m, struct repo_write *w)
{
	const struct stream_row *row = memory_stream(m, w->stream_id);
	if (row != NULL) {
		stream_record_copy(&w->after, &row->r);
		w->outcome.stream = &w->after;
		w->outcome.product_count = count_attached(m, w->stream_id);
	}
}

void memory_apply(struct repo_memory *m, struct repo_write *w)
{
	static enum repo_result (*const ops[WRITE_OPS])(
		struct repo_memory *, struct repo_write *) = {
		[WRITE_USER_PUT] = user_put,
		[WRITE_USER_SET] = user_set,
		[WRITE_STREAM_CREATE] = stream_create,
		[WRITE_STREAM_ATTACH] = stream_attach,
		[WRITE_STREAM_GO_LIVE] = stream_go_live,
		[WRITE_STREAM_ROTATE_KEY] = stream_rotate_key,
		[WRITE_STREAM_END] = stream_end,
		[WRITE_STREAM_CANCEL] = stream_cancel,
		[WRITE_STREAM_DELETE] = stream_delete,
		[WRITE_PRODUCT_CREATE] = product_create,
		[WRITE_RECORDING_OPEN] = recording_open,
		[WRITE_RECORDING_FINISH] = recording_finish,
		[WRITE_RECORDING_DELETE] = recording_delete,
	};
	repo_write_reset(w);
	w->outcome.result = ops[w->op](m, w);
	if (w->outcome.result == REPO_OK) {
		describe_stream(m, w);
	}
}
