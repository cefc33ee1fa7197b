#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "http/router.h"

#define ARG_SIZE 2048

static bool fault_set(struct route_fault *f, int status, const char *code, const char *field,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Always false, so that a check can end with it. */
static bool fault_set(struct route_fault *f, int status, const char *code, const char *field,
	const char *format, ...)
{
	va_list args;

	f->status = status;
	f->code = code;
	/* A peer's field name may be longer, or no text at all: cut at a whole character. */
	text_copy(f->field, sizeof(f->field), field ? field : "");
	while (f->field[0] && !text_utf8_valid(f->field, strlen(f->field)))
		f->field[strlen(f->field) - 1] = '\0';
	va_start(args, format);
	vsnprintf(f->message, sizeof(f->message), format, args);
	va_end(args);
	return false;
}

static bool wrong_type(const struct route_field *field, const char *want, struct route_fault *f)
{
	return fault_set(f, 400, "wrong_type", field->name, "%s must be %s.", field->name, want);
}

static bool invalid(const struct route_field *field, const char *want, struct route_fault *f)
{
	return fault_set(f, 422, "invalid_value", field->name, "%s must be %s.", field->name, want);
}

static bool check_bounds(
	const struct route_field *field, double value, const char *unit, struct route_fault *f)
{
	if (field->min == 0 && field->max == 0)
		return true;
	if (value >= field->min && value <= field->max)
		return true;
	return fault_set(f, 422, "out_of_range", field->name, "%s must be from %g to %g%s.",
		field->name, field->min, field->max, unit);
}

static bool check_words(const struct route_field *field, const char *text, struct route_fault *f)
{
	char list[128] = "";
	size_t at = 0;

	if (!field->words)
		return true;
	for (const char *const *word = field->words; *word; word++) {
		if (strcmp(*word, text) == 0)
			return true;
		if (at < sizeof(list))
			at += (size_t)snprintf(
				list + at, sizeof(list) - at, "%s%s", at ? ", " : "", *word);
	}
	return fault_set(
		f, 422, "invalid_value", field->name, "%s must be one of %s.", field->name, list);
}

static bool check_string(const struct route_field *field, const char *text, struct route_fault *f)
{
	uint64_t time;
	struct uuid id;

	switch (field->type) {
	case FIELD_TIME:
		return text_time_parse(text, &time) || invalid(field, "an ISO 8601 time", f);
	case FIELD_UUID:
		return uuid_parse(text, &id) || invalid(field, "a UUID", f);
	case FIELD_STRING:
	case FIELD_INTEGER:
	case FIELD_NUMBER:
	case FIELD_BOOL:
	case FIELD_UUIDS:
	case FIELD_STRINGS:
		break;
	}
	return check_words(field, text, f) &&
		check_bounds(field, (double)text_utf8_count(text), " characters", f);
}

static bool check_array(const struct route_field *field, json_t *value, struct route_fault *f)
{
	size_t i;
	json_t *item;
	struct uuid id;

	if (!json_is_array(value))
		return wrong_type(field, "an array", f);
	json_array_foreach(value, i, item)
	{
		if (!json_is_string(item))
			return wrong_type(field, "an array of strings", f);
		if (field->type == FIELD_UUIDS && !uuid_parse(json_string_value(item), &id))
			return invalid(field, "an array of UUIDs", f);
	}
	return check_bounds(field, (double)json_array_size(value), " elements", f);
}

static bool check_value(const struct route_field *field, json_t *value, struct route_fault *f)
{
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_TIME:
	case FIELD_UUID:
		if (!json_is_string(value))
			return wrong_type(field, "a string", f);
		return check_string(field, json_string_value(value), f);
	case FIELD_INTEGER:
		if (!json_is_integer(value))
			return wrong_type(field, "a whole number", f);
		return check_bounds(field, (double)json_integer_value(value), "", f);
	case FIELD_NUMBER:
		if (!json_is_number(value))
			return wrong_type(field, "a number", f);
		return check_bounds(field, json_number_value(value), "", f);
	case FIELD_BOOL:
		return json_is_boolean(value) || wrong_type(field, "true or false", f);
	case FIELD_UUIDS:
	case FIELD_STRINGS:
		return check_array(field, value, f);
	}
	return false;
}

static const struct route_field *field_find(
	const struct route_field *fields, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static bool unknown_field(const char *name, struct route_fault *f)
{
	return fault_set(f, 422, "unknown_field", name, "There is no such field here.");
}

static bool check_object(
	const struct route_field *fields, unsigned n, json_t *object, struct route_fault *f)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		const struct route_field *field = field_find(fields, n, name);
		if (!field)
			return unknown_field(name, f);
		if (json_is_null(value) && field->nullable)
			continue;
		if (!check_value(field, value, f))
			return false;
	}
	for (unsigned i = 0; i < n; i++) {
		value = json_object_get(object, fields[i].name);
		if (fields[i].required && (!value || json_is_null(value)))
			return fault_set(f, 422, "missing_field", fields[i].name, "%s is required.",
				fields[i].name);
	}
	return true;
}

static bool has_type(const char *content_type, const char *want)
{
	size_t len;

	if (!content_type)
		return false;
	len = strcspn(content_type, "; \t");
	return len == strlen(want) && strncasecmp(content_type, want, len) == 0;
}

bool route_check_body(const struct route_field *fields, unsigned n, const char *content_type,
	const void *body, size_t len, json_t **out, struct route_fault *fault)
{
	json_error_t error;

	*out = NULL;
	if (len && !has_type(content_type, "application/json"))
		return fault_set(fault, 415, "unsupported_media_type", NULL,
			"The body must be application/json.");
	json_t *object =
		len ? json_loadb(body, len, JSON_REJECT_DUPLICATES, &error) : json_object();
	if (!object)
		return fault_set(fault, 400, "malformed_json", NULL,
			"The body is not JSON: line %d, column %d.", error.line, error.column);
	if (!json_is_object(object)) {
		json_decref(object);
		return fault_set(fault, 400, "wrong_type", NULL, "The body must be an object.");
	}
	if (!check_object(fields, n, object, fault)) {
		json_decref(object);
		return false;
	}
	*out = object;
	return true;
}

/* False as well if it is not UTF-8. */
static bool decode(const char *text, size_t len, char *out, size_t size)
{
	return text_form_decode(text, len, out, size) && text_utf8_valid(out, strlen(out));
}

static bool is_text(const struct route_field *field)
{
	return field->type == FIELD_STRING || field->type == FIELD_TIME ||
		field->type == FIELD_UUID;
}

/* One pair of a form into the object, if it is one of the text fields; the first counts. */
static bool take_pair(const struct route_field *fields, unsigned n, const char *pair, size_t len,
	json_t *object, struct route_fault *f)
{
	char name[64], value[ARG_SIZE];
	const char *equals = memchr(pair, '=', len);
	size_t name_len = equals ? (size_t)(equals - pair) : len;
	size_t skip = equals ? name_len + 1 : len;

	if (!decode(pair, name_len, name, sizeof(name)))
		return true;
	const struct route_field *field = field_find(fields, n, name);
	if (!field || !is_text(field) || json_object_get(object, name))
		return true;
	if (!decode(pair + skip, len - skip, value, sizeof(value)))
		return invalid(field, "shorter, and UTF-8", f);
	json_object_set_new(object, name, json_string(value));
	return true;
}

static bool take_form(const struct route_field *fields, unsigned n, const char *form, size_t len,
	json_t *object, struct route_fault *f)
{
	const char *end = form + len;

	while (form < end) {
		const char *ampersand = memchr(form, '&', (size_t)(end - form));
		const char *stop = ampersand ? ampersand : end;
		if (!take_pair(fields, n, form, (size_t)(stop - form), object, f))
			return false;
		form = ampersand ? ampersand + 1 : end;
	}
	return true;
}

bool route_check_form(const struct route_field *fields, unsigned n, const char *content_type,
	const void *body, size_t len, json_t **out, struct route_fault *fault)
{
	if (!has_type(content_type, "application/x-www-form-urlencoded"))
		return route_check_body(fields, n, content_type, body, len, out, fault);
	*out = json_object();
	if (take_form(fields, n, body, len, *out, fault) && check_object(fields, n, *out, fault))
		return true;
	json_decref(*out);
	*out = NULL;
	return false;
}

static bool check_arg(const struct route_field *field, const char *text, struct route_fault *f)
{
	char *end;

	switch (field->type) {
	case FIELD_INTEGER:
	case FIELD_NUMBER: {
		double value = strtod(text, &end);
		if (end == text || *end || !isfinite(value) ||
			(field->type == FIELD_INTEGER && value != floor(value)))
			return wrong_type(field, "a number", f);
		return check_bounds(field, value, "", f);
	}
	case FIELD_BOOL:
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
			wrong_type(field, "true or false", f);
	case FIELD_STRING:
	case FIELD_TIME:
	case FIELD_UUID:
	case FIELD_UUIDS:
	case FIELD_STRINGS:
		break;
	}
	return check_string(field, text, f);
}

static bool check_pair(const struct route_field *fields, unsigned n, const char *pair, size_t len,
	struct route_fault *f)
{
	char name[64], value[ARG_SIZE];
	size_t name_len = strcspn(pair, "=&");
	size_t skip = name_len < len ? name_len + 1 : name_len;

	if (!decode(pair, name_len, name, sizeof(name))) {
		snprintf(name, sizeof(name), "%.*s", (int)name_len, pair);
		return unknown_field(name, f);
	}
	const struct route_field *field = field_find(fields, n, name);
	if (!field)
		return unknown_field(name, f);
	if (!decode(pair + skip, len - skip, value, sizeof(value)))
		return invalid(field, "shorter, and UTF-8", f);
	return check_arg(field, value, f);
}

bool route_check_query(
	const struct route_field *fields, unsigned n, const char *query, struct route_fault *fault)
{
	while (*query) {
		size_t len = strcspn(query, "&");
		if (len && !check_pair(fields, n, query, len, fault))
			return false;
		query += len + (query[len] == '&');
	}
	return true;
}
