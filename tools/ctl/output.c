#include "output.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

unsigned output_width(void)
{
	struct winsize size;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

unsigned output_height(void)
{
	struct winsize size;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

void output_table(struct ctl *c, struct table **t, json_t *json)
{
	if (c->json) {
		ctl_print_json(json);
	} else {
		struct buf out = {0};
		table_write(*t, output_width(), &out);
		fputs(buf_text(&out), stdout);
		buf_finish(&out);
	}
	table_destroy(t);
	json_decref(json);
}

struct table *output_make_table(const json_t *list, const struct field *fields, size_t n)
{
	struct table_column *columns = mem_zalloc(n * sizeof(*columns));
	for (size_t i = 0; i < n; i++) {
		columns[i].title = fields[i].title;
		columns[i].right = field_is_figure(&fields[i]);
		columns[i].flexible = fields[i].kind == FIELD_FLEXIBLE;
	}
	struct table *t = table_create(columns, n);
	free(columns);
	size_t row;
	const json_t *object;
	json_array_foreach(list, row, object)
	{
		for (size_t i = 0; i < n; i++) {
			struct buf text = {0};
			field_write(&fields[i], object, &text);
			table_put(t, buf_text(&text));
			buf_finish(&text);
		}
	}
	return t;
}

void output_list(struct ctl *c, json_t *list, const struct field *fields, size_t n)
{
	struct table *t = output_make_table(list, fields, n);
	if (!c->json && json_array_size(list) == 0) {
		table_destroy(&t);
		json_decref(list);
		puts("None.");
		return;
	}
	output_table(c, &t, list);
}

static size_t title_width(const struct field *fields, size_t n)
{
	size_t width = 0;
	for (size_t i = 0; i < n; i++) {
		size_t w = text_columns(fields[i].title);
		width = w > width ? w : width;
	}
	return width;
}

void output_object(struct ctl *c, json_t *object, const struct field *fields, size_t n)
{
	if (c->json) {
		ctl_print_json(object);
		json_decref(object);
		return;
	}
	size_t width = title_width(fields, n);
	bool told = false;
	for (size_t i = 0; i < n; i++) {
		struct buf text = {0}, shown = {0};
		field_write(&fields[i], object, &text);
		if (text.len > 0) {
			text_fit(buf_text(&text), SIZE_MAX, &shown);
			printf("%-*s  %s\n", (int)width, fields[i].title, buf_text(&shown));
			told = true;
		}
		buf_finish(&text);
		buf_finish(&shown);
	}
	if (!told) {
		puts("Nothing to tell.");
	}
	json_decref(object);
}
