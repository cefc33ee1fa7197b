#include <stdlib.h>
#include <string.h>

#include "api_people.h"
#include "state/inbox.h"

static json_t *id_or_null(struct uuid id)
{
	return uuid_is_none(id) ? json_null() : api_id(id);
}

static json_t *notification_json(const struct notification_record *n)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:b, s:o, s:o}", "id", api_id(n->id), "type",
		n->type, "title", n->title, "body", api_text_or_null(n->body), "streamId",
		id_or_null(n->stream_id), "isRead", n->read_at != 0, "createdAt",
		api_time_or_null(n->created_at), "readAt", api_time_or_null(n->read_at));
}

static json_t *items_json(const struct repo_notification_page *page)
{
	json_t *items = json_array();

	for (size_t i = 0; i < page->n; i++)
		json_array_append_new(items, notification_json(&page->rows[i]));
	return items;
}

/* A page, with what is unread in all beside its cursor. */
static void on_listed(void *user, bool ok, uint32_t unread)
{
	struct api_call *c = user;

	if (!ok) {
		api_call_unavailable(c);
		return;
	}
	json_object_set_new(c->draft, "unreadCount", json_integer(unread));
	api_call_whole(c, json_incref(c->draft));
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct repo *repo = &a->config.repo;
	const char *id = router_identity(r)->user_id;
	struct repo_notification_page page = {0};
	struct api_arg unread_room, cursor_room;
	bool unread_only = strcmp(api_arg(r, "unread", &unread_room), "true") == 0;
	enum repo_result result = repo->people->notification_list(
		repo->impl, id, unread_only, router_limit(r), api_cursor(r, &cursor_room), &page);
	struct api_call *c;

	if (result != REPO_OK) {
		api_reply_list_fault(r, result);
		return;
	}
	c = api_call_create(a, r, NULL);
	c->draft =
		json_pack("{s:o, s:s?}", "data", items_json(&page), "nextCursor", page.next_cursor);
	repo_notification_page_finish(&page);
	inbox_unread(a->config.inbox, id, on_listed, c);
}

static void on_read(void *user, bool ok, uint32_t unread)
{
	struct api_call *c = user;

	if (ok)
		api_call_answer(c, 200, json_pack("{s:I}", "unreadCount", (json_int_t)unread));
	else
		api_call_unavailable(c);
}

static void mark_read(void *user, struct http_request *r)
{
	struct api *a = user;
	bool all = router_bool(r, "all", false), some = router_given(r, "ids");
	struct inbox_reading what = {.user_id = router_identity(r)->user_id};
	struct uuid *ids;

	if (all == some) {
		reply_error(r, 422, all ? "invalid_value" : "missing_field",
			"Give ids, or all: true.", "ids");
		return;
	}
	what.n = api_body_ids(r, "ids", &ids);
	what.ids = ids;
	inbox_read(a->config.inbox, &what, on_read, api_call_create(a, r, NULL));
	free(ids);
}

static json_t *device_json(const struct device_record *d)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:o}", "id", api_id(d->id), "platform",
		device_platform_text(d->platform), "token", d->token, "createdAt",
		api_time_or_null(d->created_at), "updatedAt", api_time_or_null(d->updated_at));
}

static void list_devices(void *user, struct http_request *r)
{
	const struct repo *repo = &((struct api *)user)->config.repo;
	struct repo_device_list devices;
	json_t *items;

	if (repo->people->device_list(repo->impl, router_identity(r)->user_id, &devices) !=
		REPO_OK) {
		api_reply_unreadable(r);
		return;
	}
	items = json_array();
	for (size_t i = 0; i < devices.n; i++)
		json_array_append_new(items, device_json(&devices.rows[i]));
	reply_page(r, items, NULL);
	repo_device_list_finish(&devices);
}

/* The device as it was stored. */
static void answer_device(struct api_call *c, struct uuid id)
{
	const struct repo *repo = &c->api->config.repo;
	struct repo_device_list devices;
	json_t *o = NULL;

	repo->people->device_list(repo->impl, router_identity(c->request)->user_id, &devices);
	for (size_t i = 0; i < devices.n && !o; i++)
		if (uuid_eq(devices.rows[i].id, id))
			o = device_json(&devices.rows[i]);
	repo_device_list_finish(&devices);
	if (o)
		api_call_answer(c, 201, o);
	else
		api_call_unavailable(c);
}

static void on_device(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;

	if (outcome->result == REPO_WRONG_STATE)
		api_call_fail(c, 409, "too_many_devices",
			"There are 20 devices already: delete one.", NULL);
	else if (!c->request || outcome->result != REPO_OK)
		api_call_unavailable(c);
	else
		answer_device(c, outcome->detail);
}

static void put_device(void *user, struct http_request *r)
{
	struct api *a = user;
	struct device_record d = {
		.user_id = router_identity(r)->user_id,
		.token = (char *)router_text(r, "token", NULL),
	};

	device_platform_parse(router_text(r, "platform", "web"), &d.platform);
	a->config.repo.people->device_put(
		a->config.repo.impl, &d, on_device, api_call_create(a, r, NULL));
}

static void on_device_deleted(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;

	if (outcome->result == REPO_OK)
		api_call_answer(
			c, 200, json_pack("{s:o, s:s}", "id", api_id(c->id), "status", "deleted"));
	else if (outcome->result == REPO_NOT_FOUND)
		api_call_fail(c, 404, "device_not_found", "You have no such device.", NULL);
	else
		api_call_unavailable(c);
}

static void delete_device(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_call *c;
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	c = api_call_create(a, r, NULL);
	c->id = id;
	a->config.repo.people->device_remove(
		a->config.repo.impl, router_identity(r)->user_id, id, on_device_deleted, c);
}

static const char *const platforms[] = {"android", "ios", "web", NULL};

static const struct route_field list_query[] = {
	{"unread", FIELD_BOOL, .text = "true: only those that are unread."},
	API_PAGE_FIELDS,
};

static const struct route_field read_fields[] = {
	{"ids", FIELD_UUIDS, .min = 1, .max = INBOX_READ_MAX,
		.text = "Or all; others' ids do nothing."},
	{"all", FIELD_BOOL},
};

static const struct route_field device_fields[] = {
	{"platform", FIELD_STRING, .required = true, .words = platforms},
	{"token", FIELD_STRING, .required = true, .min = 1, .max = 1000,
		.text = "Of the push service."},
};

static const struct shape_field notification_fields[] = {
	{"id", SHAPE_UUID},
	{"type", SHAPE_TEXT, .text = "stream_live"},
	{"title", SHAPE_TEXT},
	{"body", SHAPE_TEXT, .nullable = true},
	{"streamId", SHAPE_UUID, .nullable = true},
	{"isRead", SHAPE_BOOL},
	{"createdAt", SHAPE_TIME},
	{"readAt", SHAPE_TIME, .nullable = true},
};
static const struct shape notification_shape = {
	"Notification", notification_fields, API_COUNT(notification_fields)};

static const struct shape_field unread_fields[] = {{"unreadCount", SHAPE_INTEGER}};
static const struct shape unread_shape = {
	"UnreadNotifications", unread_fields, API_COUNT(unread_fields)};

static const struct shape_field device_shape_fields[] = {
	{"id", SHAPE_UUID},
	{"platform", SHAPE_TEXT},
	{"token", SHAPE_TEXT},
	{"createdAt", SHAPE_TIME},
	{"updatedAt", SHAPE_TIME},
};
static const struct shape device_shape = {
	"Device", device_shape_fields, API_COUNT(device_shape_fields)};

static const struct shape_field deleted_fields[] = {
	{"id", SHAPE_UUID},
	{"status", SHAPE_TEXT, .text = "deleted"},
};
static const struct shape deleted_shape = {
	"DeviceDeleted", deleted_fields, API_COUNT(deleted_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/notifications", ROUTE_USER, "The caller's notifications, newest first.",
		.query = list_query, .n_query = API_COUNT(list_query), .list = true,
		.answer = "Notifications.", .shape = &notification_shape, .page = &unread_shape,
		.errors = "422 invalid_cursor", .handler = list},
	{HTTP_POST, "/api/v1/notifications/read", ROUTE_USER,
		"Mark notifications as read: ids, or all.", .body = read_fields,
		.n_body = API_COUNT(read_fields), .answer = "unreadCount.", .shape = &unread_shape,
		.errors = "422 missing_field, 422 invalid_value", .handler = mark_read},
	{HTTP_POST, "/api/v1/devices", ROUTE_USER,
		"Register a device for push; a token that another user had moves here.",
		.body = device_fields, .n_body = API_COUNT(device_fields), .status = 201,
		.answer = "The device.", .shape = &device_shape, .errors = "409 too_many_devices",
		.handler = put_device},
	{HTTP_GET, "/api/v1/devices", ROUTE_USER, "The caller's devices.", .list = true,
		.answer = "Devices.", .shape = &device_shape, .handler = list_devices},
	{HTTP_DELETE, "/api/v1/devices/{id}", ROUTE_USER, "Push no more to a device.",
		.answer = "id and status.", .shape = &deleted_shape,
		.errors = "404 device_not_found", .handler = delete_device},
};

void api_notifications_routes(struct api *a)
{
	if (a->config.repo.people)
		router_add(a->config.router, routes, API_COUNT(routes), a);
}
