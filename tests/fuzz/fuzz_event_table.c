#include <stdlib.h>
#include <string.h>

#include "all_events.h"
#include "base/buf.h"
#include "base/must.h"
#include "fuzz.h"
#include "json_private.h"

/*
 * Payloads made from the table itself: each field of each event is absent, null, right, at or just
 * over a bound, or something else, as the input says, so that the verdict is known beforehand.
 */
#define COPIES_MAX 5000 /* of a text without a bound of its own */

struct input {
	const uint8_t *data;
	size_t size, pos;
};

/* The bytes again and again, one more each time. */
static unsigned next(struct input *in)
{
	size_t at = in->pos++;

	return in->size ? in->data[at % in->size] + (unsigned)(at / in->size) : 0;
}

static json_t *text_of(unsigned n, unsigned kind)
{
	static const char *const letters[] = {"a", "\xc3\xa4", "\xf0\x9f\x92\x8e", "\xe2\x80\x8d"};
	struct buf text = {0};
	json_t *v;

	while (n--)
		buf_put_str(&text, letters[kind % 4]);
	v = json_string(buf_text(&text));
	buf_finish(&text);
	return v;
}

static json_t *uuid_of(unsigned kind)
{
	return json_sprintf("0190a5b0-7c1f-7%03x-8000-0123456789AB", kind & 0xfff);
}

static json_t *array_of(const struct event_field *f, unsigned n, struct input *in)
{
	json_t *list = json_array();

	while (n--)
		json_array_append_new(list,
			f->type == EVENT_UUIDS ? uuid_of(next(in))
					       : text_of(1 + next(in) % EVENT_ITEM_MAX, next(in)));
	return list;
}

static const char *word_of(const struct event_field *f, unsigned kind)
{
	unsigned n = 0;

	while (f->words[n])
		n++;
	return f->words[kind % n];
}

static bool has_bounds(const struct event_field *f)
{
	return f->min != 0 || f->max != 0;
}

static json_t *number_of(const struct event_field *f, double v)
{
	return f->type == EVENT_INTEGER ? json_integer((json_int_t)v) : json_real(v);
}

static json_t *right(const struct event_field *f, struct input *in)
{
	bool most = next(in) & 1;

	switch (f->type) {
	case EVENT_TEXT:
		if (f->words)
			return json_string(word_of(f, next(in)));
		return text_of(!most	     ? (unsigned)f->min
				: f->max > 0 ? (unsigned)f->max
					     : COPIES_MAX,
			next(in));
	case EVENT_UUID:
		return uuid_of(next(in));
	case EVENT_INTEGER:
	case EVENT_NUMBER:
		return number_of(f, has_bounds(f) ? (most ? f->max : f->min) : next(in));
	case EVENT_BOOL:
		return json_boolean(most);
	case EVENT_TEXTS:
	case EVENT_UUIDS:
		return array_of(f, (unsigned)(most ? f->max : f->min), in);
	}
	return NULL;
}

static json_t *wrong_by_type(const struct event_field *f, unsigned kind)
{
	bool is_number = f->type == EVENT_INTEGER || f->type == EVENT_NUMBER;

	switch (kind % 5) {
	case 0:
		return json_object();
	case 1:
		return f->type == EVENT_TEXTS || f->type == EVENT_UUIDS ? json_true()
									: json_array();
	case 2:
		return is_number ? json_string("1") : json_integer(1);
	case 3:
		return f->type == EVENT_BOOL ? json_string("true") : json_false();
	default:
		return f->type == EVENT_NUMBER ? json_string("0.5") : json_real(0.5);
	}
}

/* NULL: it has no bound that can be overstepped. */
static json_t *over_bound(const struct event_field *f, struct input *in)
{
	bool below = next(in) & 1;

	switch (f->type) {
	case EVENT_TEXT:
		if (f->words)
			return json_sprintf("%s ", word_of(f, next(in)));
		if (below && f->min > 0)
			return text_of((unsigned)f->min - 1, next(in));
		return f->max > 0 ? text_of((unsigned)f->max + 1, next(in)) : NULL;
	case EVENT_INTEGER:
	case EVENT_NUMBER:
		if (!has_bounds(f))
			return NULL;
		return number_of(f, below ? f->min - 1 : f->max + 1);
	case EVENT_UUID:
		return json_string("0190a5b0-7c1f-7000-8000-0123456789a");
	case EVENT_TEXTS:
	case EVENT_UUIDS:
		if (below && f->min > 0)
			return array_of(f, (unsigned)f->min - 1, in);
		return array_of(f, (unsigned)f->max + 1, in);
	case EVENT_BOOL:
		break;
	}
	return NULL;
}

/* Sets a value or none; whether it is one that the field allows. */
static bool put_field(json_t *data, const struct event_field *f, struct input *in)
{
	unsigned how = next(in) % 8;
	json_t *v;

	if (how == 0)
		return !f->required;
	if (how == 1) {
		json_object_set_new(data, f->name, json_null());
		return !f->required;
	}
	if (how == 2) {
		json_object_set_new(data, f->name, wrong_by_type(f, next(in)));
		return false;
	}
	v = how == 3 ? over_bound(f, in) : NULL;
	json_object_set_new(data, f->name, v ? v : right(f, in));
	return !v;
}

/* What a client sends of it is what the handler gets. */
static void check_way(const struct event_spec *spec, json_t *data)
{
	json_t *root = json_pack("{s:s, s:O}", "event", spec->name, "data", data);
	char *text = json_dumps(root, JSON_COMPACT);
	struct json_message m;

	must(!json_framing_plain.parse((const uint8_t *)text, strlen(text), &m));
	must(strcmp(m.event, spec->name) == 0 && json_equal(m.data, data));
	json_decref(m.root);
	json_decref(root);
	free(text);
}

static void check(void *arg, const struct event_spec *spec)
{
	json_t *data = json_object();
	char why[160] = "";
	bool fits = true;

	for (size_t i = 0; i < spec->n_fields; i++)
		fits &= put_field(data, &spec->fields[i], arg);
	must(event_check(spec, data, why, sizeof(why)) == fits);
	must(fits || (why[0] && why[strlen(why) - 1] == '.'));
	check_way(spec, data);
	json_decref(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.data = data, .size = size};

	events_each(all_events(), check, &in);
	return 0;
}
