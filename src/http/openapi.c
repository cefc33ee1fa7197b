#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "router_private.h"

/* OpenAPI 3.0.3 (https://spec.openapis.org/oas/v3.0.3) out of the table of routes. */

static void put_bounds(
	json_t *schema, const struct route_field *field, const char *min, const char *max)
{
	if (field->min == 0 && field->max == 0)
		return;
	bool whole = field->type != FIELD_NUMBER;
	json_object_set_new(
		schema, min, whole ? json_integer((json_int_t)field->min) : json_real(field->min));
	json_object_set_new(
		schema, max, whole ? json_integer((json_int_t)field->max) : json_real(field->max));
}

static json_t *string_schema(const struct route_field *field)
{
	json_t *schema = json_pack("{s:s}", "type", "string");

	put_bounds(schema, field, "minLength", "maxLength");
	if (!field->words)
		return schema;
	json_t *words = json_array();
	for (const char *const *word = field->words; *word; word++)
		json_array_append_new(words, json_string(*word));
	json_object_set_new(schema, "enum", words);
	return schema;
}

static json_t *type_schema(const struct route_field *field)
{
	json_t *schema = NULL;

	switch (field->type) {
	case FIELD_STRING:
		return string_schema(field);
	case FIELD_INTEGER:
	case FIELD_NUMBER:
		schema = json_pack(
			"{s:s}", "type", field->type == FIELD_INTEGER ? "integer" : "number");
		put_bounds(schema, field, "minimum", "maximum");
		return schema;
	case FIELD_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case FIELD_TIME:
		return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
	case FIELD_UUID:
		return json_pack("{s:s, s:s}", "type", "string", "format", "uuid");
	case FIELD_UUIDS:
		schema = json_pack("{s:s, s:{s:s, s:s}}", "type", "array", "items", "type",
			"string", "format", "uuid");
		break;
	case FIELD_STRINGS:
		schema = json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
		break;
	}
	put_bounds(schema, field, "minItems", "maxItems");
	return schema;
}

static json_t *field_schema(const struct route_field *field)
{
	json_t *schema = type_schema(field);

	if (field->nullable)
		json_object_set_new(schema, "nullable", json_true());
	if (field->text)
		json_object_set_new(schema, "description", json_string(field->text));
	return schema;
}

static json_t *body_schema(const struct route *route)
{
	json_t *properties = json_object(), *required = json_array();

	for (unsigned i = 0; i < route->n_body; i++) {
		json_object_set_new(properties, route->body[i].name, field_schema(&route->body[i]));
		if (route->body[i].required)
			json_array_append_new(required, json_string(route->body[i].name));
	}
	json_t *schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
		"properties", properties);
	/* JSON schema draft 4, which OpenAPI 3.0 follows, has no empty list here. */
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	bool must_come = json_array_size(required) > 0;
	json_decref(required);
	json_t *content = json_pack("{s:{s:o}}", "application/json", "schema", schema);
	if (route->form)
		json_object_set_new(content, "application/x-www-form-urlencoded",
			json_pack("{s:{s:s}}", "schema", "type", "object"));
	return json_pack("{s:b, s:o}", "required", must_come, "content", content);
}

static json_t *idempotency_parameter(void)
{
	return json_pack("{s:s}", "$ref", "#/components/parameters/IdempotencyKey");
}

static json_t *parameters(const struct route *route)
{
	json_t *list = json_array();

	for (const char *at = route->path; (at = strchr(at, '{')); at++) {
		size_t len = strcspn(at + 1, "}");
		json_array_append_new(list,
			json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", at + 1, len, "in", "path",
				"required", 1, "schema", "type", "string"));
	}
	for (unsigned i = 0; i < route->n_query; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:b, s:o}", "name", route->query[i].name, "in",
				"query", "required", route->query[i].required, "schema",
				field_schema(&route->query[i])));
	if (route->method == HTTP_POST && !route->plain)
		json_array_append_new(list, idempotency_parameter());
	return list;
}

static const char *who_text(enum route_who who)
{
	switch (who) {
	case ROUTE_PUBLIC:
		return "public";
	case ROUTE_USER:
		return "user";
	case ROUTE_SELLER:
		return "seller";
	case ROUTE_MODERATOR:
		return "moderator";
	case ROUTE_ADMIN:
		return "admin";
	case ROUTE_INTERNAL:
		return "internal";
	}
	return "";
}

/* "post_streams_id_go_live": a name for generators of clients. */
static json_t *operation_id(const struct route *route)
{
	const char *path = route->path;
	struct buf text = {0};
	json_t *id;

	buf_put_str(&text, http_method_text(route->method));
	if (strncmp(path, "/api/v1", strlen("/api/v1")) == 0)
		path += strlen("/api/v1");
	for (; *path; path++) {
		if (isalnum((unsigned char)*path))
			buf_put_u8(&text, (uint8_t)*path);
		else if (text.data[text.len - 1] != '_')
			buf_put_u8(&text, '_');
	}
	while (text.len && text.data[text.len - 1] == '_')
		text.len--;
	for (size_t i = 0; i < text.len; i++)
		text.data[i] = (uint8_t)tolower(text.data[i]);
	id = json_stringn((const char *)text.data, text.len);
	buf_finish(&text);
	return id;
}

static json_t *operation(const struct route *route)
{
	json_t *o = json_pack("{s:s, s:o, s:s, s:o, s:o}", "summary", route->summary, "operationId",
		operation_id(route), "x-who", who_text(route->who), "parameters", parameters(route),
		"responses", openapi_responses(route));
	if (route->n_body)
		json_object_set_new(o, "requestBody", body_schema(route));
	if (route->alias)
		json_object_set_new(o, "x-alias", json_string(route->alias));
	if (route->plain)
		json_object_set_new(o, "x-plain", json_true());
	if (route->who == ROUTE_PUBLIC || route->who == ROUTE_INTERNAL)
		json_object_set_new(o, "security", json_pack("[{}, {s:[]}]", "bearer"));
	return o;
}

static void add_route(void *arg, const struct route *route)
{
	json_t *paths = arg, *path = json_object_get(paths, route->path);
	char method[16];
	const char *text = http_method_text(route->method);
	size_t i;

	if (!path) {
		path = json_object();
		json_object_set_new(paths, route->path, path);
	}
	for (i = 0; text[i] && i + 1 < sizeof(method); i++)
		method[i] = (char)tolower((unsigned char)text[i]);
	method[i] = '\0';
	json_object_set_new(path, method, operation(route));
}

static json_t *security_schemes(void)
{
	return json_pack("{s:{s:s, s:s, s:s, s:s}}", "bearer", "type", "http", "scheme", "bearer",
		"bearerFormat", "JWT", "description",
		"Claims: sub, name, avatar, roles, neighborhood; exp is required. At the Unix "
		"socket the daemon's own user and root need none.");
}

static json_t *common_parameters(void)
{
	return json_pack("{s:{s:s, s:s, s:b, s:s, s:{s:s, s:i, s:i, s:s}}}", "IdempotencyKey",
		"name", "Idempotency-Key", "in", "header", "required", 0, "description",
		"With a token: the request is done once, and the first answer is given again "
		"(with Idempotency-Replayed: true) to the same request with the same key.",
		"schema", "type", "string", "minLength", 1, "maxLength", 255, "pattern",
		"^[!-~]+$");
}

static json_t *error_schema(void)
{
	json_t *error = json_pack("{s:s, s:b, s:[s,s], s:{s:{s:s}, s:{s:s}, s:{s:s, s:s}}}", "type",
		"object", "additionalProperties", 0, "required", "code", "message", "properties",
		"code", "type", "string", "message", "type", "string", "field", "type", "string",
		"description", "Of the body or the query, or the header that is at fault.");

	return json_pack("{s:s, s:b, s:[s], s:{s:o}}", "type", "object", "additionalProperties", 0,
		"required", "error", "properties", "error", error);
}

static void add_shapes(void *schemas, const struct route *route)
{
	openapi_add_shapes(schemas, route);
}

json_t *router_openapi(const struct router *router)
{
	json_t *paths = json_object(), *schemas = json_object();

	router_each(router, add_route, paths);
	json_object_set_new(schemas, "Error", error_schema());
	router_each(router, add_shapes, schemas);
	return json_pack("{s:s, s:{s:s, s:s}, s:[{s:[]}], s:{s:o, s:o, s:o}, s:o}", "openapi",
		"3.0.3", "info", "title", router->config.title ? router->config.title : "soukd",
		"version", router->config.version ? router->config.version : "0", "security",
		"bearer", "components", "securitySchemes", security_schemes(), "parameters",
		common_parameters(), "schemas", schemas, "paths", paths);
}
