#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/repo_cursor.h"
#include "tables.h"

/*
 * How many rows a page looks at. A filter without an index (words, neighborhood, a status other
 * than live) may pass few of them; the page then ends early with a cursor, so that no read takes
 * long.
 */
#define WINDOW 500

/*
 * The text depends on which filters are given, so that the planner sees what it can use: a seller
 * or a category has an index in the order of the list, and the cursor is a seek in any of them.
 * What has no index is a result column, tested row by row. The texts are few and stay prepared.
 */
static const char *make_sql(struct buf *sql, const struct repo_stream_filter *f)
{
	buf_put_str(sql, "SELECT 1");
	if (f->status >= 0 && f->status != STREAM_LIVE) {
		buf_put_str(sql, " AND s.status = ?");
	}
	if (f->neighborhood != NULL) {
		buf_put_str(sql,
			" AND EXISTS (SELECT 1 FROM users u"
			" WHERE u.id = s.seller_id AND u.neighborhood = ?)");
	}
	if (f->text != NULL) {
		buf_put_str(sql,
			" AND (instr(lower(s.title), lower(?)) > 0"
			" OR instr(lower(coalesce(s.description, '')), lower(?)) > 0)");
	}
	buf_printf(sql, ", s.is_live, s.id, %s FROM streams s WHERE 1", streams_columns);
	if (f->status == STREAM_LIVE) {
		buf_put_str(sql, " AND s.is_live = 1");
	}
	if (f->seller_id != NULL) {
		buf_put_str(sql, " AND s.seller_id = ?");
	}
	if (f->category != NULL) {
		buf_put_str(sql, " AND s.category = ?");
	}
	if (f->cursor != NULL) {
		buf_put_str(sql, " AND (s.is_live, s.id) < (?, ?)");
	}
	buf_put_str(sql, " ORDER BY s.is_live DESC, s.id DESC");
	return buf_text(sql);
}

static void bind(
	struct stmt *s, const struct repo_stream_filter *f, const struct repo_cursor *after)
{
	if (f->status >= 0 && f->status != STREAM_LIVE) {
		stmt_text(s, stream_status_text((enum stream_status)f->status));
	}
	if (f->neighborhood != NULL) {
		stmt_text(s, f->neighborhood);
	}
	if (f->text != NULL) {
		stmt_text(s, f->text);
		stmt_text(s, f->text);
	}
	if (f->seller_id != NULL) {
		stmt_text(s, f->seller_id);
	}
	if (f->category != NULL) {
		stmt_text(s, f->category);
	}
	if (f->cursor != NULL) {
		stmt_int(s, after->rank);
		stmt_uuid(s, after->id);
	}
}

/* Reads rows into the page until it is full, the window is spent or there are no more. */
static void fill(struct stmt *s, unsigned limit, struct repo_stream_page *out)
{
	struct repo_cursor last = {0};
	for (unsigned seen = 0; stmt_step(s); seen++) {
		if (out->n == limit || seen == WINDOW) {
			out->next_cursor = repo_cursor_text(last);
			return;
		}
		bool matches = stmt_col_bool(s);
		last.rank = stmt_col_bool(s);
		last.id = stmt_col_uuid(s);
		if (matches) {
			streams_read_row(s, &out->rows[out->n++]);
		}
	}
}

enum repo_result streams_list(
	struct db *db, const struct repo_stream_filter *f, struct repo_stream_page *out)
{
	struct repo_cursor after = {0};
	struct buf sql = {0};
	*out = (struct repo_stream_page){0};
	if (f->cursor != NULL && !repo_cursor_parse(f->cursor, &after)) {
		return REPO_NOT_FOUND;
	}
	struct stmt s = stmt_begin(db, make_sql(&sql, f));
	bind(&s, f, &after);
	out->rows = mem_alloc(f->limit * sizeof(*out->rows));
	fill(&s, f->limit, out);
	buf_finish(&sql);
	if (!stmt_end(&s)) {
		repo_stream_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}
