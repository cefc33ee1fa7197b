#include "api_internal.h"
#include "base/mem.h"
#include "model/outbox.h"

/* What the platform's backend and phones have not been told yet. */

static json_t *entry_json(const struct outbox_record *e)
{
	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:i}", "id", api_id(e->id), "kind",
		outbox_kind_text(e->kind), "event", e->event, "state",
		e->next_at ? "waiting" : "given_up", "attempts", (int)e->attempts);

	/* A device's token is a capability: it is not shown. */
	json_object_set_new(
		o, "streamId", api_text_or_null(e->kind == OUTBOX_WEBHOOK ? e->target : NULL));
	json_object_set_new(o, "lastError", api_text_or_null(e->last_error));
	json_object_set_new(o, "createdAt", api_time_or_null(e->created_at));
	json_object_set_new(o, "nextAt", api_time_or_null(e->next_at));
	return o;
}

static void list(void *user, struct http_request *r)
{
	const struct repo *repo = &((const struct api *)user)->config.repo;
	uint32_t waiting, given_up;
	struct outbox_list entries;
	json_t *items = json_array();

	if (repo->outbox->outbox_list(repo->impl, router_limit(r), &entries) != REPO_OK ||
		repo->outbox->outbox_counts(repo->impl, &waiting, &given_up) != REPO_OK) {
		outbox_list_finish(&entries);
		json_decref(items);
		api_reply_unreadable(r);
		return;
	}
	for (size_t i = 0; i < entries.n; i++)
		json_array_append_new(items, entry_json(&entries.rows[i]));
	outbox_list_finish(&entries);
	reply_data(r, 200,
		json_pack("{s:I, s:I, s:o}", "waiting", (json_int_t)waiting, "givenUp",
			(json_int_t)given_up, "entries", items));
}

static void on_retried(void *user, enum repo_result result, uint32_t n)
{
	struct api_call *c = user;

	if (result == REPO_OK)
		api_call_answer(c, 200, json_pack("{s:I}", "retried", (json_int_t)n));
	else
		api_call_unavailable(c);
}

static void retry(void *user, struct http_request *r)
{
	struct api *a = user;

	a->config.repo.outbox->outbox_retry(
		a->config.repo.impl, on_retried, api_call_create(a, r, NULL));
}

static const struct route_field list_query[] = {
	{"limit", FIELD_INTEGER, .min = 1, .max = 100, .text = "Entries shown; default 20."},
};

static const struct shape_field entry_fields[] = {
	{"id", SHAPE_UUID, .text = "The same through all repeats."},
	{"kind", SHAPE_TEXT, .text = "webhook or push."},
	{"event", SHAPE_TEXT},
	{"state", SHAPE_TEXT, .text = "waiting or given_up."},
	{"attempts", SHAPE_INTEGER, .text = "That failed."},
	{"streamId", SHAPE_UUID, .nullable = true, .text = "Of webhooks about a stream."},
	{"lastError", SHAPE_TEXT, .nullable = true},
	{"createdAt", SHAPE_TIME},
	{"nextAt", SHAPE_TIME, .nullable = true, .text = "Null: given up."},
};
static const struct shape entry_shape = {"OutboxEntry", entry_fields, API_COUNT(entry_fields)};

static const struct shape_field list_fields[] = {
	{"waiting", SHAPE_INTEGER, .text = "Entries that are to be delivered."},
	{"givenUp", SHAPE_INTEGER, .text = "Entries that wait for the operator."},
	{"entries", SHAPE_LIST, .of = &entry_shape, .text = "The newest."},
};
static const struct shape list_shape = {"Outbox", list_fields, API_COUNT(list_fields)};

static const struct shape_field retry_fields[] = {
	{"retried", SHAPE_INTEGER, .text = "How many are sent again."},
};
static const struct shape retry_shape = {"OutboxRetry", retry_fields, API_COUNT(retry_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/outbox", ROUTE_ADMIN,
		"Webhooks and push messages that are not delivered yet.", .query = list_query,
		.n_query = API_COUNT(list_query), .answer = "Counts and the newest entries.",
		.shape = &list_shape, .errors = "503 unavailable", .handler = list},
	{HTTP_POST, "/api/v1/admin/outbox/retry", ROUTE_ADMIN, "Send again what was given up.",
		.answer = "How many.", .shape = &retry_shape, .errors = "503 unavailable",
		.handler = retry},
};

void api_admin_outbox_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
