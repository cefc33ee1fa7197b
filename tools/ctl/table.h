#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Tables and figures for people. Widths are terminal columns, not bytes or code points. */
struct table;

struct table_column {
	const char *title;
	bool right; /* figures */
	bool flexible; /* is cut when the table is wider than the terminal; at most one */
};

/* The columns are copied, their titles borrowed for the table's life. */
struct table *table_create(const struct table_column *columns, size_t n);
void table_destroy(struct table **t); /* nulls; *t may be NULL */
/* The next cell, row by row; copied. NULL and "" print as "-". */
void table_put(struct table *t, const char *text);
/* width: columns of the terminal, 0: unbounded. A last row that is not full is filled up. */
void table_write(struct table *t, unsigned width, struct buf *out);

/*
 * Columns that a UTF-8 text takes: 2 for East Asian wide characters and emoji, 0 for combining
 * marks (Unicode TR 11). A byte that is not UTF-8 counts 1.
 */
size_t text_columns(const char *s);
/* Appends the text, control characters as '?', cut with an ellipsis to at most `columns`. */
void text_fit(const char *s, size_t columns, struct buf *out);

/* "2.66 Mbit/s", "1.2 GiB", "1:02:03"; static width is the caller's business. */
#define FIGURE_SIZE 32
void figure_rate(char out[static FIGURE_SIZE], uint64_t bits_per_second);
void figure_bytes(char out[static FIGURE_SIZE], uint64_t bytes);
void figure_duration(char out[static FIGURE_SIZE], uint64_t seconds);
