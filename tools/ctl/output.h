#pragma once

#include "ctl.h"
#include "fields.h"
#include "table.h"

/* Prints the table, or `json` with --json; frees the table and takes the reference. */
void output_table(struct ctl *c, struct table **t, json_t *json);
/* A list as a table of these fields, or as JSON; takes the reference. */
void output_list(struct ctl *c, json_t *list, const struct field *fields, size_t n);
/* An object, a line a field; fields without a value are left out. Takes the reference. */
void output_object(struct ctl *c, json_t *object, const struct field *fields, size_t n);
/* The table itself, for one who prints it. */
struct table *output_make_table(const json_t *list, const struct field *fields, size_t n);
/* Columns and rows of the terminal, 0 if stdout is none. */
unsigned output_width(void);
unsigned output_height(void);

#define OUTPUT_COUNT(array) (sizeof(array) / sizeof((array)[0]))
