#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bucket.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/reply.h"
#include "http/router.h"
#include "server_support.h"

static const char *const colours[] = {"red", "green", NULL};

static const struct route_field fields[] = {
	{.name = "title", .type = FIELD_STRING, .required = true, .min = 1, .max = 5},
	{.name = "colour", .type = FIELD_STRING, .words = colours},
	{.name = "count", .type = FIELD_INTEGER, .min = 5, .max = 240},
	{.name = "x", .type = FIELD_NUMBER, .min = 0, .max = 1},
	{.name = "on", .type = FIELD_BOOL},
	{.name = "at", .type = FIELD_TIME, .nullable = true},
	{.name = "id", .type = FIELD_UUID},
	{.name = "ids", .type = FIELD_UUIDS, .min = 1, .max = 2},
	{.name = "tags", .type = FIELD_STRINGS},
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))
#define UUID_A "0190b5a0-7c3e-7abc-8def-0123456789ab"

static void bodies_are_checked(void **state)
{
	static const struct {
		const char *body;
		int status; /* 0: good */
		const char *code, *field;
	} cases[] = {
		{"{\"title\":\"a\"}", 0, NULL, NULL},
		{"{\"title\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", 0, NULL, NULL},
		{"{\"title\":\"abcdef\"}", 422, "out_of_range", "title"},
		{"{\"title\":\"\"}", 422, "out_of_range", "title"},
		{"{\"title\":1}", 400, "wrong_type", "title"},
		{"{\"title\":null}", 400, "wrong_type", "title"},
		{"{}", 422, "missing_field", "title"},
		{"", 422, "missing_field", "title"},
		{"{\"title\":\"a\",\"titel\":\"b\"}", 422, "unknown_field", "titel"},
		{"{\"title\":\"a\",\"title\":\"b\"}", 400, "malformed_json", ""},
		{"{\"title\":\"a\",}", 400, "malformed_json", ""},
		{"{\"title\":\"a\"} x", 400, "malformed_json", ""},
		{"{\"title\":\"\xff\"}", 400, "malformed_json", ""},
		{"{\"title\":\"a\\u0000\"}", 400, "malformed_json", ""},
		{"[]", 400, "wrong_type", ""},
		{"\"title\"", 400, "malformed_json", ""},
		{"{\"title\":\"a\",\"colour\":\"red\"}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"colour\":\"blue\"}", 422, "invalid_value", "colour"},
		{"{\"title\":\"a\",\"count\":5}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"count\":240}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"count\":4}", 422, "out_of_range", "count"},
		{"{\"title\":\"a\",\"count\":241}", 422, "out_of_range", "count"},
		{"{\"title\":\"a\",\"count\":5.5}", 400, "wrong_type", "count"},
		{"{\"title\":\"a\",\"count\":\"5\"}", 400, "wrong_type", "count"},
		{"{\"title\":\"a\",\"x\":0.5}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"x\":1}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"x\":1.01}", 422, "out_of_range", "x"},
		{"{\"title\":\"a\",\"on\":true}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"on\":1}", 400, "wrong_type", "on"},
		{"{\"title\":\"a\",\"at\":null}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"at\":\"2026-01-31T12:00:00Z\"}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"at\":\"tomorrow\"}", 422, "invalid_value", "at"},
		{"{\"title\":\"a\",\"id\":\"" UUID_A "\"}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"id\":\"x\"}", 422, "invalid_value", "id"},
		{"{\"title\":\"a\",\"ids\":[\"" UUID_A "\"]}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"ids\":[]}", 422, "out_of_range", "ids"},
		{"{\"title\":\"a\",\"ids\":[1]}", 400, "wrong_type", "ids"},
		{"{\"title\":\"a\",\"ids\":[\"x\"]}", 422, "invalid_value", "ids"},
		{"{\"title\":\"a\",\"ids\":{}}", 400, "wrong_type", "ids"},
		{"{\"title\":\"a\",\"tags\":[\"x\",\"y\"]}", 0, NULL, NULL},
		{"{\"title\":\"a\",\"tags\":null}", 400, "wrong_type", "tags"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct route_fault fault = {0};
		json_t *body;
		bool ok = route_check_body(fields, N_FIELDS, "application/json", cases[i].body,
			strlen(cases[i].body), &body, &fault);
		if (ok != !cases[i].status || (!ok && fault.status != cases[i].status))
			fail_msg("%s: %d %s", cases[i].body, fault.status, fault.code);
		json_decref(body);
		if (ok)
			continue;
		assert_string_equal(fault.code, cases[i].code);
		assert_string_equal(fault.field, cases[i].field);
		assert_true(fault.message[0]);
	}
}

static void content_types_are_checked(void **state)
{
	static const struct {
		const char *type;
		bool good;
	} cases[] = {
		{"application/json", true},
		{"application/json; charset=utf-8", true},
		{"Application/JSON", true},
		{"application/jsonp", false},
		{"text/plain", false},
		{"", false},
		{NULL, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct route_fault fault = {0};
		json_t *body;
		bool ok = route_check_body(
			fields, N_FIELDS, cases[i].type, "{\"title\":\"a\"}", 13, &body, &fault);
		assert_int_equal(ok, cases[i].good);
		assert_int_equal(fault.status, ok ? 0 : 415);
		json_decref(body);
	}
	struct route_fault fault;
	json_t *body;
	assert_true(route_check_body(NULL, 0, NULL, "", 0, &body, &fault));
	assert_int_equal(json_object_size(body), 0);
	json_decref(body);
}

static void forms_become_objects(void **state)
{
	static const struct {
		const char *form;
		int status; /* 0: good */
		const char *title;
	} cases[] = {
		{"title=a", 0, "a"},
		{"call=publish&title=a%20b&addr=1.2.3.4", 0, "a b"},
		{"title=a&title=b", 0, "a"},
		{"&&title=a+b&", 0, "a b"},
		{"title=a&count=7&on=yes", 0, "a"}, /* fields that are no text: ignored */
		{"%zz=1&=&x&title=a", 0, "a"},
		{"title=a=b", 0, "a=b"},
		{"title=", 422, NULL},
		{"title", 422, NULL},
		{"title=abcdef", 422, NULL},
		{"title=%ff", 422, NULL},
		{"title=a%00b", 422, NULL},
		{"title=a&colour=blue", 422, NULL},
		{"titel=a", 422, NULL},
		{"", 422, NULL},
	};
	static const char type[] = "application/x-www-form-urlencoded; charset=utf-8";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct route_fault fault = {0};
		json_t *body;
		bool ok = route_check_form(fields, N_FIELDS, type, cases[i].form,
			strlen(cases[i].form), &body, &fault);
		if (fault.status != cases[i].status || ok != (cases[i].title != NULL))
			fail_msg("%s: %d %s", cases[i].form, fault.status, fault.message);
		if (ok) {
			assert_string_equal(
				json_string_value(json_object_get(body, "title")), cases[i].title);
			assert_int_equal(json_object_size(body), 1);
		}
		json_decref(body);
	}
}

static void where_forms_are_taken_so_is_json(void **state)
{
	struct route_fault fault = {0};
	json_t *body;
	assert_true(route_check_form(
		fields, N_FIELDS, "application/json", "{\"title\":\"a\"}", 13, &body, &fault));
	json_decref(body);
	assert_false(route_check_form(fields, N_FIELDS, "text/plain", "title=a", 7, &body, &fault));
	assert_int_equal(fault.status, 415);
	assert_false(route_check_body(fields, N_FIELDS, "application/x-www-form-urlencoded",
		"title=a", 7, &body, &fault));
	assert_int_equal(fault.status, 415);
}

static void long_unknown_names_are_cut_at_a_character(void **state)
{
	char body[256];
	struct route_fault fault;
	json_t *out;
	size_t at = (size_t)snprintf(body, sizeof(body), "{\"a");
	for (int i = 0; i < 50; i++)
		at += (size_t)snprintf(body + at, sizeof(body) - at, "\xc3\xa9");
	at += (size_t)snprintf(body + at, sizeof(body) - at, "\":1}");
	assert_false(route_check_body(NULL, 0, "application/json", body, at, &out, &fault));
	assert_string_equal(fault.code, "unknown_field");
	assert_true(text_utf8_valid(fault.field, strlen(fault.field)));
}

static void queries_are_checked(void **state)
{
	static const struct route_field query[] = {
		{.name = "limit", .type = FIELD_INTEGER, .min = 1, .max = 100},
		{.name = "status", .type = FIELD_STRING, .words = colours},
		{.name = "q", .type = FIELD_STRING, .max = 10},
		{.name = "deep", .type = FIELD_BOOL},
	};
	static const struct {
		const char *query;
		int status;
		const char *field;
	} cases[] = {
		{"", 0, ""},
		{"limit=5&status=red&q=a%20b", 0, ""},
		{"&&limit=1&", 0, ""},
		{"limit=0", 422, "limit"},
		{"limit=101", 422, "limit"},
		{"limit=x", 400, "limit"},
		{"limit=", 400, "limit"},
		{"limit=1.5", 400, "limit"},
		{"limit=nan", 400, "limit"},
		{"status=blue", 422, "status"},
		{"q=12345678901", 422, "q"},
		{"q=%ff", 422, "q"},
		{"q", 0, ""},
		{"deep=true", 0, ""},
		{"deep=1", 400, "deep"},
		{"limti=5", 422, "limti"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct route_fault fault = {.status = 0};
		bool ok = route_check_query(query, 4, cases[i].query, &fault);
		if (ok != !cases[i].status || (!ok && fault.status != cases[i].status))
			fail_msg("%s: %d", cases[i].query, fault.status);
		assert_string_equal(fault.field, cases[i].field);
	}
}

static void paths_are_matched(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool match;
		const char *first, *second;
	} cases[] = {
		{"/a", "/a", true, NULL, NULL},
		{"/a", "/a/", false, NULL, NULL},
		{"/a", "/ab", false, NULL, NULL},
		{"/a", "/", false, NULL, NULL},
		{"/a/{id}", "/a/7", true, "7", NULL},
		{"/a/{id}", "/a/", false, NULL, NULL},
		{"/a/{id}", "/a", false, NULL, NULL},
		{"/a/{id}", "/a/7/b", false, NULL, NULL},
		{"/a/{id}/b/{pid}", "/a/7/b/8 9", true, "7", "8 9"},
		{"/a/{id}/b", "/a/7/c", false, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char scratch[64];
		const char *values[ROUTE_PARAMS];
		bool match = route_match(
			cases[i].pattern, cases[i].path, scratch, sizeof(scratch), values);
		if (match != cases[i].match)
			fail_msg("%s %s", cases[i].pattern, cases[i].path);
		if (!match)
			continue;
		assert_true(text_eq(values[0], cases[i].first));
		assert_true(text_eq(values[1], cases[i].second));
	}
	char small[4];
	const char *values[ROUTE_PARAMS];
	assert_false(route_match("/{id}", "/12345", small, sizeof(small), values));
}

static void buckets_fill_and_forget(void **state)
{
	struct buckets *b = buckets_create(2, 3, 2);
	uint64_t wait;
	for (int i = 0; i < 3; i++)
		assert_true(buckets_take(b, "a", 0, &wait));
	assert_false(buckets_take(b, "a", 0, &wait));
	assert_int_equal(wait, 500000);
	assert_true(buckets_take(b, "b", 0, &wait));
	/* Further names share what is left of one bucket. */
	for (int i = 0; i < 3; i++)
		assert_true(buckets_take(b, i % 2 ? "c" : "d", 0, &wait));
	assert_false(buckets_take(b, "e", 0, &wait));
	assert_false(buckets_take(b, "a", 499999, &wait));
	assert_true(buckets_take(b, "a", 500000, &wait));
	/* Full again, so forgotten: there is room for others. */
	for (int i = 0; i < 3; i++)
		assert_true(buckets_take(b, "f", 10000000, &wait));
	assert_true(buckets_take(b, "g", 10000000, &wait));
	buckets_configure(b, 0, 0);
	for (int i = 0; i < 9; i++)
		assert_true(buckets_take(b, "f", 10000000, &wait));
	buckets_destroy(&b);
}

/* The whole way, over a socket. */

static void get_thing(void *user, struct http_request *r)
{
	const struct identity *who = router_identity(r);
	reply_data(r, 200,
		json_pack("{s:s, s:s?}", "id", router_param(r, "id"), "user",
			who ? who->user_id : NULL));
}

static void post_thing(void *user, struct http_request *r)
{
	reply_data(r, 201, json_pack("{s:s}", "title", router_text(r, "title", "")));
}

static void list_things(void *user, struct http_request *r)
{
	json_t *items = json_array();
	json_array_append_new(items, json_integer(router_limit(r)));
	reply_page(r, items, "next");
}

static const struct route_field list_query[] = {
	{.name = "limit", .type = FIELD_INTEGER, .min = 1, .max = 100},
};

static const struct route routes[] = {
	{.method = HTTP_GET,
		.path = "/api/things",
		.summary = "List.",
		.query = list_query,
		.n_query = 1,
		.list = true,
		.handler = list_things},
	{.method = HTTP_POST,
		.path = "/api/things",
		.who = ROUTE_SELLER,
		.summary = "Make.",
		.body = fields,
		.n_body = N_FIELDS,
		.status = 201,
		.handler = post_thing},
	{.method = HTTP_GET,
		.path = "/api/things/{id}",
		.alias = "/things/{id}/here",
		.summary = "One.",
		.handler = get_thing},
	{.method = HTTP_POST,
		.path = "/api/inside",
		.who = ROUTE_INTERNAL,
		.summary = "For other servers.",
		.body = fields,
		.n_body = N_FIELDS,
		.form = true,
		.handler = post_thing},
	{.method = HTTP_DELETE,
		.path = "/api/things/{id}",
		.who = ROUTE_ADMIN,
		.summary = "Delete.",
		.handler = get_thing},
};

/* "Bearer NAME:ROLES" is anybody; "Bearer bad" is nobody. */
static enum auth_result fake_identify(
	void *user, const struct auth_peer *peer, struct identity *out, const char **why)
{
	const char *text = peer->authorization;

	*why = "No.";
	if (!text)
		return AUTH_MISSING;
	if (strcmp(text, "Bearer bad") == 0)
		return AUTH_INVALID;
	*out = (struct identity){.user_id = mem_strdup("me")};
	out->roles = (unsigned)strtoul(text + strlen("Bearer "), NULL, 10);
	return AUTH_OK;
}

static void route_it(void *user, struct http_request *r)
{
	router_handle(*(struct router **)user, r);
}

struct world {
	struct fixture f;
	struct router *router;
	struct client c;
};

static void world_start_with(struct world *w, const char *internal_from)
{
	fixture_start(&w->f, route_it, &w->router);
	w->router = router_create(&(struct router_config){.loop = w->f.loop,
		.identify = fake_identify,
		.address_rate = 1,
		.address_burst = 20,
		.internal_from = internal_from});
	router_add(w->router, routes, sizeof(routes) / sizeof(routes[0]), NULL);
	client_open(&w->c, &w->f);
}

static void world_start(struct world *w)
{
	world_start_with(w, NULL);
}

static void world_stop(struct world *w)
{
	client_close(&w->c);
	fixture_stop(&w->f);
	router_destroy(&w->router);
}

static void ask(
	struct world *w, const char *line, const char *headers, const char *body, struct answer *a)
{
	char text[1024];
	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s",
		line, headers, strlen(body), body);
	client_send(&w->c, text);
	client_read(&w->c, a, strncmp(line, "HEAD", 4) != 0);
}

static void requests_are_routed(void **state)
{
#define TYPE "Content-Type: application/json\r\n"
#define SELLER "Authorization: Bearer 1\r\n"
#define BUYER "Authorization: Bearer 2\r\n"
#define ADMIN "Authorization: Bearer 8\r\n"
	static const struct {
		const char *line, *headers, *body;
		int status;
		const char *has; /* in head or body */
	} cases[] = {
		{"GET /api/things/7", "", "", 200, "{\"data\":{\"id\":\"7\",\"user\":null}}"},
		{"GET /api/things/7", BUYER, "", 200, "\"user\":\"me\""},
		{"GET /api/things/7", "Authorization: Bearer bad\r\n", "", 401,
			"www-authenticate: "},
		{"HEAD /api/things/7", "", "", 200, "content-length: 31"},
		{"GET /api/things?limit=7", "", "", 200, "{\"data\":[7],\"nextCursor\":\"next\"}"},
		{"GET /api/things?limit=x", "", "", 400, "\"field\":\"limit\""},
		{"GET /api/things?cursr=x", "", "", 422, "unknown_field"},
		{"GET /api/nothing", "", "", 404, "\"code\":\"not_found\""},
		{"PATCH /api/things", "", "", 405, "allow: OPTIONS, GET, HEAD, POST\r\n"},
		{"OPTIONS /api/things", "", "", 204, "access-control-allow-methods: OPTIONS, GET"},
		{"POST /api/things", TYPE, "{\"title\":\"a\"}", 401, "\"code\":\"unauthorized\""},
		{"POST /api/things", TYPE BUYER, "{\"title\":\"a\"}", 403,
			"\"code\":\"forbidden\""},
		{"POST /api/things", TYPE SELLER, "{\"title\":\"a\"}", 201,
			"{\"data\":{\"title\":\"a\"}}"},
		{"POST /api/things", TYPE ADMIN, "{\"title\":\"a\"}", 201, "x-request-id: "},
		{"POST /api/things", TYPE SELLER, "{", 400, "malformed_json"},
		{"POST /api/things", SELLER, "{\"title\":\"a\"}", 415, "unsupported_media_type"},
		{"GET /things/7/here", "", "", 200, "{\"data\":{\"id\":\"7\",\"user\":null}}"},
		{"POST /things/7/here", "", "", 405, "allow: OPTIONS, GET, HEAD\r\n"},
		{"GET /things/7/there", "", "", 404, "not_found"},
		{"POST /api/inside", TYPE, "{\"title\":\"a\"}", 403, "forbidden"},
		{"POST /api/inside", TYPE SELLER, "{\"title\":\"a\"}", 403, "forbidden"},
		{"POST /api/inside", TYPE ADMIN, "{\"title\":\"a\"}", 201, "\"title\":\"a\""},
		{"DELETE /api/things/7", SELLER, "", 403, "forbidden"},
		{"DELETE /api/things/7", ADMIN, "", 200, "\"id\":\"7\""},
	};
	struct world w;
	world_start(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a;
		ask(&w, cases[i].line, cases[i].headers, cases[i].body, &a);
		if (a.status != cases[i].status)
			fail_msg("%s: %d %s", cases[i].line, a.status, buf_text(&a.body));
		if (!answer_has(&a, cases[i].has) && !strstr(buf_text(&a.body), cases[i].has))
			fail_msg("%s: %s%s", cases[i].line, a.head, buf_text(&a.body));
		answer_finish(&a);
	}
	world_stop(&w);
}

static void inside_is_by_address(void **state)
{
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
	static const struct {
		const char *from;
		int status;
	} cases[] = {
		{"127.0.0.1", 201},
		{"10.0.0.1, 127.0.0.1,::1", 201},
		{"127.0.0.10,27.0.0.1", 403},
		{" , ,", 403},
		{"", 403},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct answer a;
		world_start_with(&w, cases[i].from);
		ask(&w, "POST /api/inside", FORM, "call=publish&title=a", &a);
		assert_int_equal(a.status, cases[i].status);
		answer_finish(&a);
		ask(&w, "POST /api/inside", FORM "Authorization: Bearer bad\r\n", "title=a", &a);
		assert_int_equal(a.status, 401);
		answer_finish(&a);
		world_stop(&w);
	}
}

static void too_many_requests_wait(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	for (int i = 0; i < 20; i++) {
		ask(&w, "GET /api/things/7", "", "", &a);
		assert_int_equal(a.status, 200);
		answer_finish(&a);
	}
	ask(&w, "GET /api/things/7", "", "", &a);
	assert_int_equal(a.status, 429);
	assert_true(answer_has(&a, "\r\nretry-after: 1\r\n"));
	answer_finish(&a);
	ask(&w, "GET /api/things/7", BUYER, "", &a);
	assert_int_equal(a.status, 200);
	answer_finish(&a);
	clock_manual_advance(&w.f.clock, 1000001);
	ask(&w, "GET /api/things/7", "", "", &a);
	assert_int_equal(a.status, 200);
	answer_finish(&a);
	world_stop(&w);
}

static void document_names_every_route(void **state)
{
	struct world w;
	world_start(&w);
	json_t *document = router_openapi(w.router);
	assert_non_null(document);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		json_t *path = json_object_get(json_object_get(document, "paths"), routes[i].path);
		char method[16] = "";
		const char *text = http_method_text(routes[i].method);
		for (size_t j = 0; text[j]; j++)
			method[j] = (char)(text[j] + 32);
		json_t *operation = json_object_get(path, method);
		assert_non_null(operation);
		assert_non_null(json_object_get(operation, "responses"));
	}
	json_t *schema = json_object_get(
		json_object_get(
			json_object_get(
				json_object_get(
					json_object_get(
						json_object_get(
							json_object_get(
								json_object_get(document, "paths"),
								"/api/things"),
							"post"),
						"requestBody"),
					"content"),
				"application/json"),
			"schema"),
		"properties");
	assert_int_equal(json_object_size(schema), N_FIELDS);
	json_decref(document);
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_checked),
		cmocka_unit_test(content_types_are_checked),
		cmocka_unit_test(forms_become_objects),
		cmocka_unit_test(where_forms_are_taken_so_is_json),
		cmocka_unit_test(long_unknown_names_are_cut_at_a_character),
		cmocka_unit_test(queries_are_checked),
		cmocka_unit_test(paths_are_matched),
		cmocka_unit_test(buckets_fill_and_forget),
		cmocka_unit_test(requests_are_routed),
		cmocka_unit_test(inside_is_by_address),
		cmocka_unit_test(too_many_requests_wait),
		cmocka_unit_test(document_names_every_route),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
