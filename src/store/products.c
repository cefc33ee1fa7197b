#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/repo_cursor.h"
#include "tables.h"

#define COLUMNS \
	"p.id, p.seller_id, p.name, p.description, p.image_url, p.url, p.price, p.currency," \
	" p.stock, p.created_at, p.updated_at"

static void read_product(struct stmt *s, struct product_record *out)
{
	*out = (struct product_record){0};
	out->id = stmt_col_uuid(s);
	out->seller_id = stmt_col_text(s);
	out->name = stmt_col_text(s);
	out->description = stmt_col_text(s);
	out->image_url = stmt_col_text(s);
	out->url = stmt_col_text(s);
	out->price = stmt_col_int(s);
	out->currency = stmt_col_text(s);
	out->stock = stmt_col_int_or(s, -1);
	out->created_at = stmt_col_uint(s);
	out->updated_at = stmt_col_uint(s);
}

enum repo_result products_get(struct db *db, struct uuid id, struct product_record *out)
{
	struct stmt s = stmt_begin(db,
		"SELECT " COLUMNS " FROM products p"
		" WHERE p.id = ? AND p.deleted_at IS NULL");
	*out = (struct product_record){0};
	stmt_uuid(&s, id);
	bool found = stmt_step(&s);
	if (found) {
		read_product(&s, out);
	}
	if (!stmt_end(&s)) {
		product_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result products_list(struct db *db, const char *seller_id, unsigned limit,
	const char *cursor, struct repo_product_page *out)
{
	/* The newest possible id, where there is no cursor: the list begins behind it. */
	struct repo_cursor after;
	memset(&after, 0xff, sizeof(after));
	*out = (struct repo_product_page){0};
	if (cursor != NULL && !repo_cursor_parse(cursor, &after)) {
		return REPO_NOT_FOUND;
	}
	struct stmt s = stmt_begin(db,
		seller_id != NULL ? "SELECT " COLUMNS " FROM products p"
				    " WHERE p.id < ? AND p.seller_id = ?"
				    " AND p.deleted_at IS NULL ORDER BY p.id DESC"
				  : "SELECT " COLUMNS " FROM products p WHERE p.id < ?"
				    " AND p.deleted_at IS NULL ORDER BY p.id DESC");
	stmt_uuid(&s, after.id);
	if (seller_id != NULL) {
		stmt_text(&s, seller_id);
	}
	out->rows = mem_alloc(limit * sizeof(*out->rows));
	while (stmt_step(&s)) {
		if (out->n == limit) {
			struct repo_cursor last = {.id = out->rows[limit - 1].id};
			out->next_cursor = repo_cursor_text(last);
			break;
		}
		read_product(&s, &out->rows[out->n++]);
	}
	if (!stmt_end(&s)) {
		repo_product_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

/* OK with the seller's id on the heap, NO_SUCH_PRODUCT or FAILED. */
static enum repo_result get_seller(struct db *db, struct uuid id, char **seller_id)
{
	struct stmt s = stmt_begin(
		db, "SELECT seller_id FROM products WHERE id = ? AND deleted_at IS NULL");
	stmt_uuid(&s, id);
	*seller_id = stmt_step(&s) ? stmt_col_text(&s) : NULL;
	if (!stmt_end(&s)) {
		free(*seller_id);
		return REPO_FAILED;
	}
	return *seller_id != NULL ? REPO_OK : REPO_NO_SUCH_PRODUCT;
}

/* Deleted or not. */
static bool product_exists(struct db *db, struct uuid id, bool *failed)
{
	struct stmt s = stmt_begin(db, "SELECT 1 FROM products WHERE id = ?");
	stmt_uuid(&s, id);
	return stmt_exists(&s, failed);
}

enum repo_result products_create(struct db *db, struct repo_write *w)
{
	const struct product_record *r = &w->product;
	bool failed = false;
	enum repo_result result = users_exists(db, r->seller_id);
	if (result != REPO_OK) {
		return result;
	}
	if (product_exists(db, r->id, &failed)) {
		w->outcome.detail = r->id;
		return REPO_DUPLICATE;
	}
	if (failed) {
		return REPO_FAILED;
	}
	struct stmt s = stmt_begin(db,
		"INSERT INTO products (id, seller_id, name, description, image_url, url, price,"
		" currency, stock, created_at, updated_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	stmt_uuid(&s, r->id);
	stmt_text(&s, r->seller_id);
	stmt_text(&s, r->name);
	stmt_text(&s, r->description);
	stmt_text(&s, r->image_url);
	stmt_text(&s, r->url);
	stmt_int(&s, r->price);
	stmt_text(&s, r->currency);
	stmt_int_unless(&s, r->stock, -1);
	stmt_uint(&s, r->created_at);
	stmt_uint(&s, r->updated_at);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static void read_attached(struct stmt *s, struct stream_product_record *out)
{
	*out = (struct stream_product_record){0};
	read_product(s, &out->product);
	out->id = stmt_col_uuid(s);
	out->stream_id = stmt_col_uuid(s);
	out->has_position = !stmt_col_is_null(s);
	out->x_position = stmt_col_real(s);
	out->y_position = stmt_col_real(s);
	out->timestamp_seconds = stmt_col_int_or(s, -1);
	out->pinned = stmt_col_bool(s);
	out->clicks = stmt_col_u32(s);
	out->views = stmt_col_u32(s);
	out->inquiries = stmt_col_u32(s);
	out->purchases = stmt_col_u32(s);
	out->revenue = stmt_col_int(s);
	out->created_at = stmt_col_uint(s);
	out->updated_at = stmt_col_uint(s);
}

static void free_attached(struct stream_product_record **rows, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		stream_product_record_finish(&(*rows)[i]);
	}
	free(*rows);
	*rows = NULL;
	*n = 0;
}

#define SELECT_ATTACHED \
	"SELECT " COLUMNS ", a.id, a.stream_id, a.x_position, a.y_position," \
	" a.timestamp_seconds, a.pinned, a.clicks, a.views, a.inquiries, a.purchases," \
	" a.revenue, a.created_at, a.updated_at" \
	" FROM stream_products a JOIN products p ON p.id = a.product_id"

enum repo_result products_in_stream(struct db *db, struct uuid stream_id, struct uuid product_id,
	struct stream_product_record *out)
{
	struct stmt s =
		stmt_begin(db, SELECT_ATTACHED " WHERE a.stream_id = ? AND a.product_id = ?");
	*out = (struct stream_product_record){0};
	stmt_uuid(&s, stream_id);
	stmt_uuid(&s, product_id);
	bool found = stmt_step(&s);
	if (found) {
		read_attached(&s, out);
	}
	if (!stmt_end(&s)) {
		stream_product_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NO_SUCH_PRODUCT;
}

enum repo_result products_of_stream(
	struct db *db, struct uuid stream_id, struct stream_product_record **out, size_t *n)
{
	struct stmt s =
		stmt_begin(db, SELECT_ATTACHED " WHERE a.stream_id = ? ORDER BY a.attach_order");
	*out = NULL;
	*n = 0;
	stmt_uuid(&s, stream_id);
	while (stmt_step(&s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		read_attached(&s, &(*out)[(*n)++]);
	}
	if (!stmt_end(&s)) {
		free_attached(out, n);
		return REPO_FAILED;
	}
	return REPO_OK;
}

bool products_count(struct db *db, struct uuid stream_id, uint32_t *count)
{
	struct stmt s = stmt_begin(db, "SELECT count(*) FROM stream_products WHERE stream_id = ?");
	stmt_uuid(&s, stream_id);
	*count = stmt_step(&s) ? stmt_col_u32(&s) : 0;
	return stmt_end(&s);
}

static enum repo_result check_owner(struct db *db, struct uuid product_id, const char *seller_id)
{
	char *owner;
	enum repo_result result = get_seller(db, product_id, &owner);
	if (result == REPO_OK) {
		result = strcmp(owner, seller_id) == 0 ? REPO_OK : REPO_NOT_OWNER;
		free(owner);
	}
	return result;
}

static enum repo_result attach_one(struct db *db, const struct repo_write *w, size_t i)
{
	bool failed = false;
	struct stmt s = stmt_begin(
		db, "SELECT 1 FROM stream_products WHERE stream_id = ? AND product_id = ?");
	stmt_uuid(&s, w->stream_id);
	stmt_uuid(&s, w->product_ids[i]);
	if (stmt_exists(&s, &failed)) {
		return REPO_DUPLICATE;
	}
	s = stmt_begin(db,
		"INSERT INTO stream_products (id, stream_id, product_id, created_at, updated_at)"
		" VALUES (?, ?, ?, ?, ?)");
	stmt_uuid(&s, w->row_ids[i]);
	stmt_uuid(&s, w->stream_id);
	stmt_uuid(&s, w->product_ids[i]);
	stmt_uint(&s, w->now);
	stmt_uint(&s, w->now);
	return stmt_run(&s) && !failed ? REPO_OK : REPO_FAILED;
}

enum repo_result products_attach(struct db *db, struct repo_write *w, const char *seller_id)
{
	for (size_t i = 0; i < w->n_products; i++) {
		enum repo_result result = check_owner(db, w->product_ids[i], seller_id);
		if (result == REPO_OK) {
			result = attach_one(db, w, i);
		}
		if (result != REPO_OK) {
			w->outcome.detail = w->product_ids[i];
			return result;
		}
	}
	return REPO_OK;
}
