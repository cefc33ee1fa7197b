#include "model/repo_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "memory_rows.h"
#include "model/repo_cursor.h"

struct user_row *memory_user(struct repo_memory *m, const char *id)
{
	struct user_row *row;
	list_for_each (row, &m->users, link) {
		if (strcmp(row->r.id, id) == 0) {
			return row;
		}
	}
	return NULL;
}

struct stream_row *memory_stream(struct repo_memory *m, struct uuid id)
{
	struct stream_row *row;
	list_for_each (row, &m->streams, link) {
		if (uuid_eq(row->r.id, id)) {
			return row;
		}
	}
	return NULL;
}

struct product_row *memory_product(struct repo_memory *m, struct uuid id)
{
	struct product_row *row;
	list_for_each (row, &m->products, link) {
		if (uuid_eq(row->r.id, id)) {
			return row;
		}
	}
	return NULL;
}

struct recording_row *memory_recording(struct repo_memory *m, struct uuid stream_id)
{
	struct recording_row *row;
	list_for_each (row, &m->recordings, link) {
		if (uuid_eq(row->r.stream_id, stream_id)) {
			return row;
		}
	}
	return NULL;
}

struct stream_row *memory_stream_by_key(
	struct repo_memory *m, const uint8_t hash[STREAM_KEY_HASH_SIZE])
{
	struct stream_row *row;
	list_for_each (row, &m->streams, link) {
		if (row->r.has_key && memcmp(row->r.key_hash, hash, STREAM_KEY_HASH_SIZE) == 0) {
			return row;
		}
	}
	return NULL;
}

bool memory_key_retired(struct repo_memory *m, const uint8_t hash[STREAM_KEY_HASH_SIZE])
{
	const struct retired_row *row;
	list_for_each (row, &m->retired, link) {
		if (memcmp(row->hash, hash, STREAM_KEY_HASH_SIZE) == 0) {
			return true;
		}
	}
	return false;
}

void memory_attached_destroy(struct attached_row *row)
{
	list_remove(&row->link);
	stream_product_record_finish(&row->r);
	free(row);
}

void memory_recording_destroy(struct recording_row *row)
{
	list_remove(&row->link);
	recording_record_finish(&row->r);
	free(row->segments);
	free(row);
}

void memory_stream_destroy(struct repo_memory *m, struct stream_row *row)
{
	struct attached_row *attached, *next_attached;
	struct retired_row *retired, *next_retired;
	struct recording_row *recording = memory_recording(m, row->r.id);

	list_for_each_safe (attached, next_attached, &m->attached, link) {
		if (uuid_eq(attached->r.stream_id, row->r.id)) {
			memory_attached_destroy(attached);
		}
	}
	list_for_each_safe (retired, next_retired, &m->retired, link) {
		if (uuid_eq(retired->stream_id, row->r.id)) {
			list_remove(&retired->link);
			free(retired);
		}
	}
	if (recording != NULL) {
		memory_recording_destroy(recording);
	}
	list_remove(&row->link);
	stream_record_finish(&row->r);
	free(row);
}

static enum repo_result user_get(void *impl, const char *id, struct user_record *out)
{
	const struct user_row *row = memory_user(impl, id);
	*out = (struct user_record){0};
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	user_record_copy(out, &row->r);
	return REPO_OK;
}

static enum repo_result stream_get(void *impl, struct uuid id, struct stream_record *out)
{
	const struct stream_row *row = memory_stream(impl, id);
	*out = (struct stream_record){0};
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	stream_record_copy(out, &row->r);
	return REPO_OK;
}

static enum repo_result stream_by_key(
	void *impl, const uint8_t hash[STREAM_KEY_HASH_SIZE], struct stream_record *out)
{
	const struct stream_row *row = memory_stream_by_key(impl, hash);
	*out = (struct stream_record){0};
	if (row == NULL) {
		return memory_key_retired(impl, hash) ? REPO_WRONG_STATE : REPO_NOT_FOUND;
	}
	stream_record_copy(out, &row->r);
	return REPO_OK;
}

static bool equals_if_given(const char *wanted, const char *is)
{
	return wanted == NULL || (is != NULL && strcmp(wanted, is) == 0);
}

static bool contains(const char *text, const char *word)
{
	return text != NULL && strcasestr(text, word) != NULL;
}

static bool matches(
	struct repo_memory *m, const struct repo_stream_filter *f, const struct stream_record *s)
{
	const struct user_row *seller = memory_user(m, s->seller_id);
	return (f->status < 0 || (int)s->status == f->status) &&
		equals_if_given(f->category, s->category) &&
		equals_if_given(f->seller_id, s->seller_id) &&
		equals_if_given(f->neighborhood, seller->r.neighborhood) &&
		(f->text == NULL || contains(s->title, f->text) ||
			contains(s->description, f->text));
}

static struct repo_cursor stream_cursor(const struct stream_record *s)
{
	return (struct repo_cursor){s->status == STREAM_LIVE, s->id};
}

static int compare_streams(const void *a, const void *b)
{
	return repo_cursor_order(stream_cursor(a), stream_cursor(b));
}

static enum repo_result stream_list(
	void *impl, const struct repo_stream_filter *f, struct repo_stream_page *out)
{
	struct repo_memory *m = impl;
	struct repo_cursor after;
	const struct stream_row *row;
	*out = (struct repo_stream_page){0};
	if (f->cursor != NULL && !repo_cursor_parse(f->cursor, &after)) {
		return REPO_NOT_FOUND;
	}
	list_for_each (row, &m->streams, link) {
		if (matches(m, f, &row->r) &&
			(f->cursor == NULL ||
				repo_cursor_order(after, stream_cursor(&row->r)) < 0)) {
			out->rows = mem_realloc(out->rows, (out->n + 1) * sizeof(*out->rows));
			stream_record_copy(&out->rows[out->n++], &row->r);
		}
	}
	if (out->n > 0) {
		qsort(out->rows, out->n, sizeof(*out->rows), compare_streams);
	}
	if (out->n > f->limit) {
		out->next_cursor = repo_cursor_text(stream_cursor(&out->rows[f->limit - 1]));
		while (out->n > f->limit) {
			stream_record_finish(&out->rows[--out->n]);
		}
	}
	return REPO_OK;
}

static enum repo_result product_get(void *impl, struct uuid id, struct product_record *out)
{
	const struct product_row *row = memory_product(impl, id);
	*out = (struct product_record){0};
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	product_record_copy(out, &row->r);
	return REPO_OK;
}

static int compare_products(const void *a, const void *b)
{
	const struct product_record *x = a, *y = b;
	return repo_cursor_order((struct repo_cursor){0, x->id}, (struct repo_cursor){0, y->id});
}

static enum repo_result product_list(void *impl, const char *seller_id, unsigned limit,
	const char *cursor, struct repo_product_page *out)
{
	struct repo_memory *m = impl;
	struct repo_cursor after;
	const struct product_row *row;
	*out = (struct repo_product_page){0};
	if (cursor != NULL && !repo_cursor_parse(cursor, &after)) {
		return REPO_NOT_FOUND;
	}
	list_for_each (row, &m->products, link) {
		struct repo_cursor here = {0, row->r.id};
		if (equals_if_given(seller_id, row->r.seller_id) &&
			(cursor == NULL || repo_cursor_order(after, here) < 0)) {
			out->rows = mem_realloc(out->rows, (out->n + 1) * sizeof(*out->rows));
			product_record_copy(&out->rows[out->n++], &row->r);
		}
	}
	if (out->n > 0) {
		qsort(out->rows, out->n, sizeof(*out->rows), compare_products);
	}
	if (out->n > limit) {
		out->next_cursor =
			repo_cursor_text((struct repo_cursor){0, out->rows[limit - 1].id});
		while (out->n > limit) {
			product_record_finish(&out->rows[--out->n]);
		}
	}
	return REPO_OK;
}

static enum repo_result stream_products(
	void *impl, struct uuid stream_id, struct stream_product_record **out, size_t *n)
{
	struct repo_memory *m = impl;
	const struct attached_row *row;
	*out = NULL;
	*n = 0;
	list_for_each (row, &m->attached, link) {
		if (!uuid_eq(row->r.stream_id, stream_id)) {
			continue;
		}
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		struct stream_product_record *copy = &(*out)[(*n)++];
		*copy = row->r;
		product_record_copy(&copy->product, &memory_product(m, row->r.product.id)->r);
	}
	return REPO_OK;
}

static enum repo_result recording_get(
	void *impl, struct uuid stream_id, struct recording_record *out)
{
	const struct recording_row *row = memory_recording(impl, stream_id);
	*out = (struct recording_record){0};
	if (row == NULL) {
		return REPO_NOT_FOUND;
	}
	recording_record_copy(out, &row->r);
	return REPO_OK;
}

static int compare_recordings(const void *a, const void *b)
{
	const struct recording_record *x = a, *y = b;
	return memcmp(y->stream_id.bytes, x->stream_id.bytes, sizeof(x->stream_id.bytes));
}

static enum repo_result recording_list(void *impl, int state, unsigned limit, unsigned offset,
	struct recording_record **out, size_t *n)
{
	struct repo_memory *m = impl;
	const struct recording_row *row;
	struct recording_record *all = NULL;
	size_t n_all = 0;
	list_for_each (row, &m->recordings, link) {
		if (state < 0 || (int)row->r.state == state) {
			all = mem_realloc(all, (n_all + 1) * sizeof(*all));
			all[n_all++] = row->r;
		}
	}
	if (n_all > 0) {
		qsort(all, n_all, sizeof(*all), compare_recordings);
	}
	*out = NULL;
	*n = 0;
	for (size_t i = offset; i < n_all && *n < limit; i++) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		recording_record_copy(&(*out)[(*n)++], &all[i]);
	}
	free(all);
	return REPO_OK;
}

static enum repo_result segment_list(void *impl, struct uuid stream_id, uint64_t from,
	unsigned limit, struct segment_record **out, size_t *n)
{
	const struct recording_row *row = memory_recording(impl, stream_id);
	*out = NULL;
	*n = 0;
	for (size_t i = 0; row != NULL && i < row->n_segments && *n < limit; i++) {
		if (row->segments[i].sequence >= from) {
			*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
			(*out)[(*n)++] = row->segments[i];
		}
	}
	return REPO_OK;
}

static const struct repo_ops ops = {
	.user_get = user_get,
	.user_put = repo_front_user_put,
	.user_set = repo_front_user_set,
	.user_note = repo_front_user_note,
	.stream_get = stream_get,
	.stream_by_key = stream_by_key,
	.stream_list = stream_list,
	.stream_create = repo_front_stream_create,
	.stream_attach = repo_front_stream_attach,
	.stream_go_live = repo_front_stream_go_live,
	.stream_rotate_key = repo_front_stream_rotate_key,
	.stream_end = repo_front_stream_end,
	.stream_cancel = repo_front_stream_cancel,
	.stream_delete = repo_front_stream_delete,
	.product_get = product_get,
	.product_list = product_list,
	.product_create = repo_front_product_create,
	.stream_products = stream_products,
	.recording_get = recording_get,
	.recording_list = recording_list,
	.segment_list = segment_list,
	.recording_open = repo_front_recording_open,
	.recording_finish = repo_front_recording_finish,
	.recording_delete = repo_front_recording_delete,
};

static void submit(struct repo_front *front, struct repo_write *w)
{
	struct repo_memory *m = container_of(front, struct repo_memory, front);
	list_append(&m->queue, &w->link);
}

struct repo_memory *repo_memory_create(const struct clock *clock)
{
	struct repo_memory *m = mem_new(struct repo_memory);
	m->front = (struct repo_front){.clock = clock, .submit = submit};
	list_init(&m->queue);
	list_init(&m->users);
	list_init(&m->streams);
	list_init(&m->products);
	list_init(&m->attached);
	list_init(&m->recordings);
	list_init(&m->retired);
	return m;
}

static void destroy_rows(struct repo_memory *m)
{
	struct stream_row *stream, *next_stream;
	struct product_row *product, *next_product;
	struct user_row *user, *next_user;
	list_for_each_safe (stream, next_stream, &m->streams, link) {
		memory_stream_destroy(m, stream);
	}
	list_for_each_safe (product, next_product, &m->products, link) {
		product_record_finish(&product->r);
		free(product);
	}
	list_for_each_safe (user, next_user, &m->users, link) {
		user_record_finish(&user->r);
		free(user);
	}
}

void repo_memory_destroy(struct repo_memory *m)
{
	struct repo_write *w, *next;
	if (m == NULL) {
		return;
	}
	list_for_each_safe (w, next, &m->queue, link) {
		repo_write_destroy(w);
	}
	destroy_rows(m);
	free(m);
}

struct repo repo_memory_repo(struct repo_memory *m)
{
	return (struct repo){.ops = &ops, .impl = m};
}

size_t repo_memory_run(struct repo_memory *m)
{
	size_t n = 0;
	for (; !list_empty(&m->queue); n++) {
		struct repo_write *w = container_of(m->queue.next, struct repo_write, link);
		list_remove(&w->link);
		if (m->to_fail > 0) {
			m->to_fail--;
			repo_write_reset(w);
			w->outcome.result = REPO_FAILED;
		} else {
			memory_apply(m, w);
		}
		repo_write_complete(w);
	}
	return n;
}

void repo_memory_fail(struct repo_memory *m, unsigned n)
{
	m->to_fail += n;
}
