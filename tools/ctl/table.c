#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define GAP 2
#define FLEXIBLE_MIN 8

struct table {
	struct table_column *columns;
	size_t n_columns;
	char **cells;
	size_t n_cells, cap;
};

struct table *table_create(const struct table_column *columns, size_t n)
{
	struct table *t = mem_new(struct table);
	t->columns = mem_dup(columns, n * sizeof(*columns));
	t->n_columns = n;
	return t;
}

void table_destroy(struct table **t)
{
	if (*t == NULL) {
		return;
	}
	for (size_t i = 0; i < (*t)->n_cells; i++) {
		free((*t)->cells[i]);
	}
	free((*t)->cells);
	free((*t)->columns);
	free(*t);
	*t = NULL;
}

void table_put(struct table *t, const char *text)
{
	if (t->n_cells == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = mem_realloc(t->cells, t->cap * sizeof(*t->cells));
	}
	t->cells[t->n_cells++] = mem_strdup(text != NULL && text[0] != '\0' ? text : "-");
}

static void measure(const struct table *t, size_t *widths)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		widths[i] = text_columns(t->columns[i].title);
	}
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t w = text_columns(t->cells[i]);
		if (w > widths[i % t->n_columns]) {
			widths[i % t->n_columns] = w;
		}
	}
}

/* Takes what is too much from the flexible column. */
static void shrink(const struct table *t, size_t *widths, unsigned width)
{
	size_t total = (t->n_columns - 1) * GAP;
	for (size_t i = 0; i < t->n_columns; i++) {
		total += widths[i];
	}
	for (size_t i = 0; i < t->n_columns && total > width; i++) {
		if (t->columns[i].flexible && widths[i] > FLEXIBLE_MIN) {
			size_t most = widths[i] - FLEXIBLE_MIN, over = total - width;
			widths[i] -= over < most ? over : most;
		}
	}
}

static void write_cell(
	const struct table *t, size_t column, const char *text, size_t width, struct buf *out)
{
	struct buf fitted = {0};
	text_fit(text, width, &fitted);
	size_t pad = width - text_columns(buf_text(&fitted));
	bool right = t->columns[column].right, last = column + 1 == t->n_columns;
	buf_printf(out, "%*s%s%*s", right ? (int)pad : 0, "", buf_text(&fitted),
		right || last ? 0 : (int)pad, "");
	buf_put_str(out, last ? "\n" : "  ");
	buf_finish(&fitted);
}

void table_write(struct table *t, unsigned width, struct buf *out)
{
	while (t->n_cells % t->n_columns != 0) {
		table_put(t, NULL);
	}
	size_t *widths = mem_zalloc(t->n_columns * sizeof(*widths));
	measure(t, widths);
	if (width > 0) {
		shrink(t, widths, width);
	}
	for (size_t i = 0; i < t->n_columns; i++) {
		write_cell(t, i, t->columns[i].title, widths[i], out);
	}
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t column = i % t->n_columns;
		write_cell(t, column, t->cells[i], widths[column], out);
	}
	free(widths);
}
