#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "fuzz.h"
#include "http/router.h"

static const char *const words[] = {"one", "two", NULL};
static const struct route_field fields[] = {
	{.name = "title", .type = FIELD_STRING, .required = true, .min = 1, .max = 20},
	{.name = "word", .type = FIELD_STRING, .words = words},
	{.name = "count", .type = FIELD_INTEGER, .min = 1, .max = 100},
	{.name = "x", .type = FIELD_NUMBER, .max = 1},
	{.name = "on", .type = FIELD_BOOL},
	{.name = "at", .type = FIELD_TIME, .nullable = true},
	{.name = "id", .type = FIELD_UUID},
	{.name = "ids", .type = FIELD_UUIDS, .max = 3},
	{.name = "tags", .type = FIELD_STRINGS},
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static void check_fault(const struct route_fault *fault)
{
	must(fault->status >= 400 && fault->status < 500);
	must(fault->code && fault->message[0]);
	must(text_utf8_valid(fault->field, strlen(fault->field)));
}

static void check_body(const uint8_t *data, size_t size)
{
	struct route_fault fault = {0};
	json_t *body;

	if (route_check_body(fields, N_FIELDS, "application/json", data, size, &body, &fault)) {
		must(json_is_string(json_object_get(body, "title")));
		json_decref(body);
	} else {
		must(!body);
		check_fault(&fault);
	}
}

static void check_form(const uint8_t *data, size_t size)
{
	struct route_fault fault = {0};
	json_t *body;

	if (route_check_form(fields, N_FIELDS, "application/x-www-form-urlencoded", data, size,
		    &body, &fault)) {
		must(json_is_string(json_object_get(body, "title")));
		json_decref(body);
	} else {
		must(!body);
		check_fault(&fault);
	}
}

static void check_text(const uint8_t *data, size_t size)
{
	struct route_fault fault = {0};
	const char *values[ROUTE_PARAMS];
	char scratch[64];
	char *text = mem_strndup((const char *)data, size);

	if (!route_check_query(fields, N_FIELDS, text, &fault))
		check_fault(&fault);
	if (route_match("/a/{id}/b/{pid}", text, scratch, sizeof(scratch), values))
		must(values[0] && values[1] && !values[2]);
	free(text);
}

/* The first byte chooses: a body, a form, or a query and a path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] == '{')
		check_body(data, size);
	else if (data[0] == '&')
		check_form(data, size);
	else
		check_text(data + 1, size - 1);
	return 0;
}
