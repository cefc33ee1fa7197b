#include "fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "table.h"

const json_t *field_member(const json_t *object, const char *member)
{
	if (member[0] == '\0') {
		return object;
	}
	const char *dot = strchr(member, '.');
	if (dot == NULL) {
		return json_object_get(object, member);
	}
	char *first = mem_strndup(member, (size_t)(dot - member));
	const json_t *inner = json_object_get(object, first);
	free(first);
	return field_member(inner, dot + 1);
}

const char *field_string(const json_t *object, const char *member)
{
	const char *text = json_string_value(field_member(object, member));
	return text != NULL ? text : "";
}

double field_number(const json_t *object, const char *member)
{
	return json_number_value(field_member(object, member));
}

bool field_is_figure(const struct field *f)
{
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_FLEXIBLE:
	case FIELD_TIME:
	case FIELD_YES:
	case FIELD_WORDS:
		return false;
	case FIELD_COUNT:
	case FIELD_FRACTION:
	case FIELD_RATE:
	case FIELD_BYTES:
	case FIELD_SECONDS:
	case FIELD_MILLIS:
	case FIELD_PLACE:
	case FIELD_PICTURE:
		return true;
	}
	return false;
}

/* 2026-01-31T12:00:00.000Z to 2026-01-31 12:00:00Z */
static void write_time(const char *iso, struct buf *out)
{
	if (strlen(iso) == 24) {
		buf_printf(out, "%.10s %.8sZ", iso, iso + 11);
	} else {
		buf_put_str(out, iso);
	}
}

static void write_figure(const struct field *f, double v, struct buf *out)
{
	char text[FIGURE_SIZE] = "";
	uint64_t whole = v > 0 ? (uint64_t)(v + 0.5) : 0;
	switch (f->kind) {
	case FIELD_RATE:
		figure_rate(text, whole);
		break;
	case FIELD_BYTES:
		figure_bytes(text, whole);
		break;
	case FIELD_SECONDS:
		figure_duration(text, whole);
		break;
	case FIELD_MILLIS:
		buf_printf(out, "%.1f ms", v * 1000);
		break;
	case FIELD_FRACTION:
		buf_printf(out, "%.1f", v);
		break;
	case FIELD_PLACE:
		buf_printf(out, "%.7g", v);
		break;
	case FIELD_COUNT:
	case FIELD_TEXT:
	case FIELD_FLEXIBLE:
	case FIELD_TIME:
	case FIELD_YES:
	case FIELD_PICTURE:
	case FIELD_WORDS:
		buf_printf(out, "%.0f", v);
		break;
	}
	buf_put_str(out, text);
}

static void write_words(const json_t *list, struct buf *out)
{
	size_t i;
	const json_t *word;
	json_array_foreach(list, i, word)
	{
		const char *text = json_string_value(word);
		buf_printf(out, "%s%s", i > 0 ? ", " : "", text != NULL ? text : "?");
	}
}

void field_write(const struct field *f, const json_t *object, struct buf *out)
{
	const json_t *v = field_member(object, f->member);
	if (f->kind == FIELD_PICTURE) {
		double width = field_number(v, "width"), height = field_number(v, "height");
		if (width > 0 && height > 0) {
			buf_printf(out, "%.0fx%.0f", width, height);
		}
	} else if (f->kind == FIELD_WORDS) {
		write_words(v, out);
	} else if (json_is_string(v)) {
		if (f->kind == FIELD_TIME) {
			write_time(json_string_value(v), out);
		} else {
			buf_put_str(out, json_string_value(v));
		}
	} else if (json_is_number(v)) {
		write_figure(f, json_number_value(v), out);
	} else if (json_is_boolean(v)) {
		buf_put_str(out, json_is_true(v) ? "yes" : "no");
	}
}
