#include <string.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "state/presence.h"

/* Who is there. The socket layer keeps it; an app without a socket says so by PUT. */

static json_t *presence_json(const char *user_id, enum presence_status status)
{
	return json_pack("{s:s, s:s}", "userId", user_id, "status", presence_status_text(status));
}

static void answer_lost(struct api_call *c)
{
	api_call_fail(c, 503, "unavailable", "The state cannot be reached now.", NULL);
}

static void on_got(void *user, const enum presence_status *statuses, size_t n)
{
	struct api_call *c = user;

	if (statuses)
		api_call_answer(c, 200, presence_json(c->path, statuses[0]));
	else
		answer_lost(c);
}

/* Any text may be a user's id; one that nobody has is offline. */
static void show(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_call *c = api_call_create(a, r, NULL);

	c->path = mem_strdup(router_param(r, "id"));
	presence_get(a->config.presence, (const char *const *)&c->path, 1, on_got, c);
}

static void on_batch(void *user, const enum presence_status *statuses, size_t n)
{
	struct api_call *c = user;
	json_t *items = json_array();

	for (size_t i = 0; statuses && i < n; i++)
		json_array_append_new(items,
			presence_json(json_string_value(json_array_get(c->draft, i)), statuses[i]));
	if (!statuses) {
		json_decref(items);
		answer_lost(c);
		return;
	}
	api_call_page(c, items, NULL);
}

static void batch(void *user, struct http_request *r)
{
	struct api *a = user;
	json_t *ids = json_object_get(router_body(r), "user_ids");
	const char *texts[PRESENCE_BATCH_MAX];
	size_t n = json_array_size(ids);
	struct api_call *c = api_call_create(a, r, NULL);

	c->draft = json_incref(ids);
	for (size_t i = 0; i < n; i++)
		texts[i] = json_string_value(json_array_get(ids, i));
	presence_get(a->config.presence, texts, n, on_batch, c);
}

static void on_set(void *user, bool ok, bool changed)
{
	struct api_call *c = user;

	if (ok)
		api_call_answer(c, 200, json_incref(c->draft));
	else
		answer_lost(c);
}

static void set(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *id = router_param(r, "id");
	enum presence_status status = PRESENCE_OFFLINE;
	struct api_call *c;

	if (!text_eq(id, router_identity(r)->user_id)) {
		reply_error(r, 403, "forbidden", "Everybody speaks for themselves.", NULL);
		return;
	}
	presence_status_parse(router_text(r, "status", ""), &status);
	c = api_call_create(a, r, NULL);
	c->draft = presence_json(id, status);
	presence_set(a->config.presence, id, status, on_set, c);
}

static const char *const statuses[] = {"online", "away", "offline", NULL};

static const struct route_field set_fields[] = {
	{"status", FIELD_STRING, .required = true, .words = statuses},
};

static const struct route_field batch_fields[] = {
	{"user_ids", FIELD_STRINGS, .required = true, .min = 1, .max = PRESENCE_BATCH_MAX},
};

static const struct shape_field presence_fields[] = {
	{"userId", SHAPE_TEXT},
	{"status", SHAPE_TEXT, .text = "online, away or offline."},
};
static const struct shape presence_shape = {
	"Presence", presence_fields, API_COUNT(presence_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/users/{id}/presence", ROUTE_PUBLIC, "Whether a user is there.",
		.alias = "/api/users/{id}/presence", .answer = "The user's presence.",
		.shape = &presence_shape, .errors = "503 unavailable", .handler = show},
	{HTTP_PUT, "/api/v1/users/{id}/presence", ROUTE_USER,
		"Say for the next five minutes that one is there oneself.",
		.alias = "/api/users/{id}/presence", .body = set_fields,
		.n_body = API_COUNT(set_fields), .answer = "The user's presence.",
		.shape = &presence_shape, .errors = "403 forbidden, 503 unavailable",
		.handler = set},
	{HTTP_POST, "/api/v1/presence/batch", ROUTE_USER, "Which of these users are there.",
		.body = batch_fields, .n_body = API_COUNT(batch_fields), .list = true,
		.answer = "Presences, in the order of the question.", .shape = &presence_shape,
		.errors = "503 unavailable", .handler = batch},
};

void api_presence_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
