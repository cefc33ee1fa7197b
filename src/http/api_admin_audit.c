#include <string.h>

#include "api_internal.h"
#include "base/text.h"
#include "model/ledger.h"

static json_t *record_json(const struct audit_record *r)
{
	json_t *detail = r->detail ? json_loads(r->detail, 0, NULL) : NULL;

	return json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)r->id, "at",
		api_time_or_null(r->at), "actor", r->actor, "action", r->action, "target",
		api_text_or_null(r->target), "detail", detail ? detail : json_null(), "address",
		api_text_or_null(r->address), "requestId", api_text_or_null(r->request_id));
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_arg actor_room, cursor_room;
	const char *actor = api_arg(r, "actor", &actor_room);
	const char *cursor = api_arg(r, "cursor", &cursor_room);
	struct repo_audit_page page;
	uint64_t number;
	json_t *items;

	if (*cursor && !text_u64(cursor, 1, INT64_MAX, &number)) {
		reply_error(r, 422, "invalid_cursor", "The cursor is not one of ours.", "cursor");
		return;
	}
	if (a->config.repo.ledger->audit_list(a->config.repo.impl, *actor ? actor : NULL,
		    router_limit(r), *cursor ? cursor : NULL, &page) != REPO_OK) {
		api_reply_unreadable(r);
		return;
	}
	items = json_array();
	for (size_t i = 0; i < page.n; i++)
		json_array_append_new(items, record_json(&page.rows[i]));
	reply_page(r, items, page.next_cursor);
	repo_audit_page_finish(&page);
}

static const struct shape_field detail_fields[] = {
	{"status", SHAPE_INTEGER, .text = "Of the answer."},
	{"uid", SHAPE_INTEGER, .optional = true, .text = "Of the peer at the Unix socket."},
	{"as", SHAPE_TEXT, .optional = true, .text = "In whose name: a user's id."},
	{"body", SHAPE_ANY, .optional = true,
		.text = "Fields of the request, shortened, without secrets."},
};
static const struct shape detail = {"AuditDetail", detail_fields, API_COUNT(detail_fields)};

static const struct shape_field record_fields[] = {
	{"id", SHAPE_INTEGER},
	{"at", SHAPE_TIME},
	{"actor", SHAPE_TEXT, .text = "A user's id."},
	{"action", SHAPE_TEXT, .text = "Method and path of the route."},
	{"target", SHAPE_TEXT, .nullable = true, .text = "What the braces of the path stand for."},
	{"detail", SHAPE_OBJECT, .nullable = true, .of = &detail},
	{"address", SHAPE_TEXT, .nullable = true},
	{"requestId", SHAPE_TEXT, .nullable = true},
};
static const struct shape record = {"AuditRecord", record_fields, API_COUNT(record_fields)};

static const struct route_field list_query[] = {
	{"actor", FIELD_STRING, .min = 1, .max = USER_ID_MAX, .text = "A user's id."},
	{"limit", FIELD_INTEGER, .min = 1, .max = 100},
	{"cursor", FIELD_STRING, .min = 1, .max = 20},
};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/audit", ROUTE_ADMIN,
		"What admins, moderators and the operator did, newest first.", .query = list_query,
		.n_query = API_COUNT(list_query), .list = true, .answer = "Records.",
		.shape = &record, .errors = "422 invalid_cursor", .handler = list},
};

void api_admin_audit_routes(struct api *a)
{
	if (a->config.repo.ledger)
		router_add(a->config.router, routes, API_COUNT(routes), a);
}
