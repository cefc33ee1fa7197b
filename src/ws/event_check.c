#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ws/events.h"

static bool text_fits(const struct event_field *f, const char *text)
{
	size_t n = text_utf8_count(text);

	if (f->words) {
		for (size_t i = 0; f->words[i]; i++)
			if (strcmp(f->words[i], text) == 0)
				return true;
		return false;
	}
	return (double)n >= f->min && (f->max == 0 || (double)n <= f->max);
}

static bool number_fits(const struct event_field *f, double v)
{
	return isfinite(v) && ((f->min == 0 && f->max == 0) || (v >= f->min && v <= f->max));
}

static bool item_fits(const struct event_field *f, const json_t *v)
{
	const char *text = json_string_value(v);
	struct uuid id;
	size_t n = text ? text_utf8_count(text) : 0;

	return f->type == EVENT_UUIDS ? text && uuid_parse(text, &id)
				      : n >= 1 && n <= EVENT_ITEM_MAX;
}

static bool items_fit(const struct event_field *f, const json_t *v)
{
	double n = (double)json_array_size(v);
	const json_t *item;
	size_t i;

	if (!json_is_array(v) || n < f->min || n > f->max)
		return false;
	json_array_foreach(v, i, item) if (!item_fits(f, item)) return false;
	return true;
}

static bool fits(const struct event_field *f, const json_t *v)
{
	struct uuid id;

	switch (f->type) {
	case EVENT_TEXT:
		return json_is_string(v) && text_fits(f, json_string_value(v));
	case EVENT_UUID:
		return json_is_string(v) && uuid_parse(json_string_value(v), &id);
	case EVENT_INTEGER:
		return json_is_integer(v) && number_fits(f, (double)json_integer_value(v));
	case EVENT_NUMBER:
		return json_is_number(v) && number_fits(f, json_number_value(v));
	case EVENT_BOOL:
		return json_is_boolean(v);
	case EVENT_TEXTS:
	case EVENT_UUIDS:
		return items_fit(f, v);
	}
	return false;
}

static void say_bounds(const struct event_field *f, char *why, size_t size)
{
	const char *unit = f->type == EVENT_TEXT ? " characters" : "";

	if (f->min == 0 && f->max == 0)
		snprintf(why, size, "%s is not of the right type.", f->name);
	else
		snprintf(why, size, "%s must be %.0f to %.0f%s.", f->name, f->min, f->max, unit);
}

static void say(const struct event_field *f, char *why, size_t size)
{
	switch (f->type) {
	case EVENT_UUID:
		snprintf(why, size, "%s must be a UUID.", f->name);
		return;
	case EVENT_BOOL:
		snprintf(why, size, "%s must be true or false.", f->name);
		return;
	case EVENT_TEXT:
		if (f->words) {
			snprintf(why, size, "%s is none of the words that it may be.", f->name);
			return;
		}
		say_bounds(f, why, size);
		return;
	case EVENT_INTEGER:
	case EVENT_NUMBER:
		say_bounds(f, why, size);
		return;
	case EVENT_TEXTS:
		snprintf(why, size, "%s must be an array of %.0f to %.0f texts.", f->name, f->min,
			f->max);
		return;
	case EVENT_UUIDS:
		snprintf(why, size, "%s must be an array of %.0f to %.0f UUIDs.", f->name, f->min,
			f->max);
		return;
	}
}

bool event_check(const struct event_spec *spec, const json_t *data, char *why, size_t size)
{
	if (!json_is_object(data)) {
		snprintf(why, size, "The payload must be an object.");
		return false;
	}
	for (size_t i = 0; i < spec->n_fields; i++) {
		const struct event_field *f = &spec->fields[i];
		const json_t *v = json_object_get(data, f->name);
		bool absent = !v || json_is_null(v);
		if (absent && !f->required)
			continue;
		if (absent) {
			snprintf(why, size, "%s is missing.", f->name);
			return false;
		}
		if (!fits(f, v)) {
			say(f, why, size);
			return false;
		}
	}
	return true;
}
