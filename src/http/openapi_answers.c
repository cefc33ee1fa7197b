#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "router_private.h"

/* The answers of a route: the shape of its success, and every code that it may refuse with. */

static json_t *reference(const char *schema)
{
	char text[128];

	snprintf(text, sizeof(text), "#/components/schemas/%s", schema);
	return json_pack("{s:s}", "$ref", text);
}

static json_t *type_of(const char *type, const char *format)
{
	json_t *schema = json_pack("{s:s}", "type", type);

	if (format)
		json_object_set_new(schema, "format", json_string(format));
	return schema;
}

static json_t *list_of(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *value_schema(const struct shape_field *field)
{
	switch (field->type) {
	case SHAPE_TEXT:
		return type_of("string", NULL);
	case SHAPE_INTEGER:
		return type_of("integer", NULL);
	case SHAPE_NUMBER:
		return type_of("number", NULL);
	case SHAPE_BOOL:
		return type_of("boolean", NULL);
	case SHAPE_TIME:
		return type_of("string", "date-time");
	case SHAPE_UUID:
		return type_of("string", "uuid");
	case SHAPE_OBJECT:
		return reference(field->of->name);
	case SHAPE_LIST:
		return list_of(field->of ? reference(field->of->name) : type_of("string", NULL));
	case SHAPE_COUNTS:
		return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type",
			"integer");
	case SHAPE_ANY:
		return json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 1);
	}
	return NULL;
}

/* A reference takes no neighbours in OpenAPI 3.0: it goes into an allOf that has them. */
static json_t *field_schema(const struct shape_field *field)
{
	json_t *schema = value_schema(field);

	if (!field->nullable && !field->text)
		return schema;
	if (field->type == SHAPE_OBJECT)
		schema = json_pack("{s:[o]}", "allOf", schema);
	if (field->nullable)
		json_object_set_new(schema, "nullable", json_true());
	if (field->text)
		json_object_set_new(schema, "description", json_string(field->text));
	return schema;
}

static void add_fields(json_t *properties, json_t *required, const struct shape *shape)
{
	for (unsigned i = 0; shape && i < shape->n; i++) {
		const struct shape_field *field = &shape->fields[i];

		json_object_set_new(properties, field->name, field_schema(field));
		if (!field->optional)
			json_array_append_new(required, json_string(field->name));
	}
}

static json_t *shape_schema(const struct shape *shape)
{
	json_t *properties = json_object(), *required = json_array(), *schema;

	add_fields(properties, required, shape);
	schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
		"properties", properties);
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}

static void add_shape(json_t *schemas, const struct shape *shape)
{
	if (!shape || json_object_get(schemas, shape->name))
		return;
	json_object_set_new(schemas, shape->name, shape_schema(shape));
	for (unsigned i = 0; i < shape->n; i++)
		add_shape(schemas, shape->fields[i].of);
}

void openapi_add_shapes(json_t *schemas, const struct route *route)
{
	add_shape(schemas, route->shape);
	for (unsigned i = 0; route->page && i < route->page->n; i++)
		add_shape(schemas, route->page->fields[i].of);
}

static json_t *envelope(const struct route *route)
{
	json_t *data = route->shape ? reference(route->shape->name) : json_object();
	json_t *properties, *required = json_pack("[s]", "data");

	if (route->plain) {
		json_decref(required);
		return data;
	}
	properties = json_pack("{s:o}", "data", route->list ? list_of(data) : data);
	if (route->list) {
		json_object_set_new(properties, "nextCursor",
			json_pack("{s:s, s:b}", "type", "string", "nullable", 1));
		json_array_append_new(required, json_string("nextCursor"));
		add_fields(properties, required, route->page);
	}
	return json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0,
		"properties", properties, "required", required);
}

static json_t *success(const struct route *route)
{
	json_t *answer = json_pack("{s:s}", "description", route->answer ? route->answer : "Done.");

	if (route->status == 204 || (route->plain && !route->shape))
		return answer;
	json_object_set_new(answer, "content",
		json_pack("{s:{s:o}}", "application/json", "schema", envelope(route)));
	return answer;
}

/* One code more under its status; the description lists them. */
static void add_code(json_t *responses, const char *status, const char *code)
{
	json_t *response = json_object_get(responses, status), *codes;

	if (!response) {
		response = json_pack("{s:s, s:[], s:{s:{s:o}}}", "description", "", "x-codes",
			"content", "application/json", "schema", reference("Error"));
		json_object_set_new(responses, status, response);
	}
	codes = json_object_get(response, "x-codes");
	/* Of a status that is a success as well there is no such list. */
	if (!codes)
		return;
	const char *so_far = json_string_value(json_object_get(response, "description"));
	size_t i;
	json_t *known;
	json_array_foreach(codes, i, known) if (text_eq(json_string_value(known), code)) return;
	json_object_set_new(
		response, "description", json_sprintf("%s%s%s", so_far, *so_far ? ", " : "", code));
	json_array_append_new(codes, json_string(code));
}

/* "404 stream_not_found, 409 stream_not_live" */
static void add_listed(json_t *responses, const char *errors)
{
	char status[4], code[64];
	int len;

	while (errors && sscanf(errors, " %3[0-9] %63[a-z0-9_]%n", status, code, &len) == 2) {
		add_code(responses, status, code);
		errors += len;
		errors += *errors == ',';
	}
}

static void add_token_errors(json_t *responses, const struct route *route)
{
	if (route->who != ROUTE_PUBLIC && route->who != ROUTE_INTERNAL)
		add_code(responses, "401", "unauthorized");
	add_code(responses, "401", "token_invalid");
	add_code(responses, "401", "token_expired");
	add_code(responses, "401", "token_not_yet_valid");
	if (route->who != ROUTE_PUBLIC)
		add_code(responses, "403", "forbidden");
	add_code(responses, "403", "banned");
}

static void add_body_errors(json_t *responses, const struct route *route)
{
	add_code(responses, "400", "malformed_json");
	add_code(responses, "400", "wrong_type");
	add_code(responses, "413", "body_too_large");
	add_code(responses, "415", "unsupported_media_type");
	if (route->method != HTTP_DELETE)
		add_code(responses, "411", "length_required");
}

static void add_field_errors(
	json_t *responses, const struct route_field *fields, unsigned n, bool is_query)
{
	for (unsigned i = 0; i < n; i++) {
		add_code(responses, "422", fields[i].required ? "missing_field" : "unknown_field");
		if (fields[i].min != 0 || fields[i].max != 0)
			add_code(responses, "422", "out_of_range");
		if (fields[i].words || fields[i].type == FIELD_UUID ||
			fields[i].type == FIELD_UUIDS || fields[i].type == FIELD_STRINGS ||
			fields[i].type == FIELD_TIME || is_query)
			add_code(responses, "422", "invalid_value");
		add_code(responses, "400", "wrong_type");
	}
}

static void add_key_errors(json_t *responses)
{
	add_code(responses, "409", "idempotency_in_progress");
	add_code(responses, "409", "idempotency_unfinished");
	add_code(responses, "409", "too_many_keys");
	add_code(responses, "422", "idempotency_key_reused");
	add_code(responses, "422", "invalid_value");
}

static void add_errors(json_t *responses, const struct route *route)
{
	if (!route->plain) {
		add_code(responses, "422", "unknown_field");
		add_field_errors(responses, route->query, route->n_query, true);
	}
	add_field_errors(responses, route->body, route->n_body, false);
	add_token_errors(responses, route);
	add_code(responses, "400", "bad_request");
	add_code(responses, "431", "headers_too_large");
	if (strchr(route->path, '{') && !route->plain)
		add_code(responses, "404", "not_found");
	if (route->method != HTTP_GET)
		add_body_errors(responses, route);
	if (route->method == HTTP_POST && !route->plain)
		add_key_errors(responses);
	if (!route->unlimited)
		add_code(responses, "429", "rate_limited");
	if (!route->plain && route->who != ROUTE_ADMIN)
		add_code(responses, "503", "draining");
	if (!route->plain)
		add_code(responses, "503", "unavailable");
}

/* What is not in the envelope has the shape of its success also where it fails (readiness). */
static void add_plain(json_t *responses, const struct route *route)
{
	const char *errors = route->errors;
	char status[4], code[64];
	int len;

	while (errors && sscanf(errors, " %3[0-9] %63[a-z0-9_]%n", status, code, &len) == 2) {
		json_t *response = success(route);

		json_object_set_new(response, "description", json_string(code));
		json_object_set_new(responses, status, response);
		errors += len;
		errors += *errors == ',';
	}
}

json_t *openapi_responses(const struct route *route)
{
	json_t *responses = json_object();
	char status[8];

	snprintf(status, sizeof(status), "%d", route->status ? route->status : 200);
	json_object_set_new(responses, status, success(route));
	add_errors(responses, route);
	if (route->plain)
		add_plain(responses, route);
	else
		add_listed(responses, route->errors);
	return responses;
}
