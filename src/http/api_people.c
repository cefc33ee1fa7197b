#include "api_people.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

bool api_word_is_good(const char *word, size_t max)
{
	return *word && text_utf8_valid(word, strlen(word)) && text_utf8_count(word) <= max;
}

const char *api_cursor(const struct http_request *r, struct api_arg *room)
{
	const char *text = api_arg(r, "cursor", room);

	return *text ? text : NULL;
}

void api_reply_list_fault(struct http_request *r, enum repo_result result)
{
	if (result == REPO_NOT_FOUND)
		reply_error(r, 422, "invalid_cursor", "The cursor is not one of ours.", "cursor");
	else
		api_reply_unreadable(r);
}

void api_reply_no_user(struct http_request *r, enum repo_result result)
{
	if (result == REPO_NOT_FOUND)
		reply_error(r, 404, "user_not_found", "There is no such user.", NULL);
	else
		api_reply_unreadable(r);
}

static json_t *roles_json(unsigned roles)
{
	char text[64], *rest = text, *role;
	json_t *list = json_array();

	user_roles_text(roles, text, sizeof(text));
	while (*text && (role = strsep(&rest, ",")))
		json_array_append_new(list, json_string(role));
	return list;
}

static json_t *user_json(const struct api *a, const struct user_record *u)
{
	const struct repo *repo = &a->config.repo;
	uint32_t followers, following;

	repo->people->follow_counts(repo->impl, u->id, &followers, &following);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I}", "id", u->id, "name",
		api_text_or_null(u->name), "avatar", api_text_or_null(u->avatar), "neighborhood",
		api_text_or_null(u->neighborhood), "roles", roles_json(u->roles), "followers",
		(json_int_t)followers, "following", (json_int_t)following);
}

/* The same as one caller sees it. */
static json_t *user_json_for(
	const struct api *a, const struct identity *caller, const struct user_record *u)
{
	const struct repo *repo = &a->config.repo;
	json_t *o = user_json(a, u);

	if (caller && !caller->is_local)
		json_object_set_new(o, "isFollowing",
			json_boolean(repo->people->is_following(
					     repo->impl, caller->user_id, u->id) == REPO_OK));
	return o;
}

static void reply_users(const struct api *a, struct http_request *r, enum repo_result result,
	struct repo_user_page *page)
{
	json_t *items;

	if (result != REPO_OK) {
		api_reply_list_fault(r, result);
		return;
	}
	items = json_array();
	for (size_t i = 0; i < page->n; i++)
		json_array_append_new(items, user_json(a, &page->rows[i]));
	reply_page(r, items, page->next_cursor);
	repo_user_page_finish(page);
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_arg text_room, role_room, cursor_room;
	const char *text = api_arg(r, "q", &text_room);
	struct repo_user_page page = {0};
	unsigned role = 0;

	user_role_parse(api_arg(r, "role", &role_room), &role);
	reply_users(a, r,
		a->config.repo.people->user_list(a->config.repo.impl, *text ? text : NULL, role,
			router_limit(r), api_cursor(r, &cursor_room), &page),
		&page);
}

static void show(void *user, struct http_request *r)
{
	struct api *a = user;
	struct user_record row;
	enum repo_result result =
		a->config.repo.ops->user_get(a->config.repo.impl, router_param(r, "id"), &row);

	if (result != REPO_OK) {
		api_reply_no_user(r, result);
		return;
	}
	reply_data(r, 200, user_json_for(a, router_identity(r), &row));
	user_record_finish(&row);
}

/* Bits of enum user_field; false, with the answer given, if a value will not do. */
static bool read_user(struct http_request *r, struct user_record *out, unsigned *fields)
{
	json_t *body = router_body(r), *role;
	size_t i;

	*out = (struct user_record){
		.id = (char *)router_param(r, "id"),
		.name = (char *)router_text(r, "name", NULL),
		.avatar = (char *)router_text(r, "avatar", NULL),
		.neighborhood = (char *)router_text(r, "neighborhood", NULL),
	};
	*fields = (json_object_get(body, "name") ? USER_NAME : 0) |
		(json_object_get(body, "avatar") ? USER_AVATAR : 0) |
		(json_object_get(body, "neighborhood") ? USER_NEIGHBORHOOD : 0) |
		(json_object_get(body, "roles") ? USER_ROLES : 0);
	if (!api_word_is_good(out->id, USER_ID_MAX)) {
		reply_error(r, 422, "out_of_range", "An id has 1 to 128 characters.", "id");
		return false;
	}
	json_array_foreach(json_object_get(body, "roles"), i, role)
	{
		if (user_role_parse(json_string_value(role), &out->roles))
			continue;
		reply_error(r, 422, "invalid_value",
			"roles are seller, buyer, moderator and admin.", "roles");
		return false;
	}
	return true;
}

static void on_stored(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;
	struct user_record row;
	const struct repo *repo;

	if (!c->request || outcome->result != REPO_OK) {
		api_call_unavailable(c);
		return;
	}
	repo = &c->api->config.repo;
	if (repo->ops->user_get(repo->impl, c->path, &row) != REPO_OK) {
		api_call_unavailable(c);
		return;
	}
	api_call_answer(c, 200, user_json_for(c->api, router_identity(c->request), &row));
	user_record_finish(&row);
}

static void put(void *user, struct http_request *r)
{
	struct api *a = user;
	struct user_record row;
	struct api_call *c;
	unsigned fields;

	if (!read_user(r, &row, &fields))
		return;
	c = api_call_create(a, r, NULL);
	c->path = mem_strdup(row.id);
	a->config.repo.ops->user_set(a->config.repo.impl, &row, fields, on_stored, c);
}

/* What the caller is to a seller now. */
static void answer_follow(struct api_call *c)
{
	const struct repo *repo = &c->api->config.repo;
	const char *caller = router_identity(c->request)->user_id;
	uint32_t followers, following;

	repo->people->follow_counts(repo->impl, c->path, &followers, &following);
	api_call_answer(c, 200,
		json_pack("{s:s, s:b, s:I}", "userId", c->path, "isFollowing",
			repo->people->is_following(repo->impl, caller, c->path) == REPO_OK,
			"followers", (json_int_t)followers));
}

static void on_follow(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;

	switch (outcome->result) {
	case REPO_OK:
		break;
	case REPO_NOT_FOUND:
		api_call_fail(c, 404, "user_not_found", "There is no such user.", NULL);
		return;
	case REPO_WRONG_STATE:
		api_call_fail(c, 422, "cannot_follow_yourself", "Nobody follows himself.", NULL);
		return;
	case REPO_DUPLICATE:
	case REPO_NOT_OWNER:
	case REPO_NO_PRODUCTS:
	case REPO_NO_SUCH_PRODUCT:
	case REPO_FAILED:
		api_call_unavailable(c);
		return;
	}
	if (c->request)
		answer_follow(c);
	else
		api_call_unavailable(c);
}

static struct api_call *follow_call(struct api *a, struct http_request *r)
{
	struct api_call *c = api_call_create(a, r, NULL);

	c->path = mem_strdup(router_param(r, "id"));
	return c;
}

static void follow(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_call *c = follow_call(a, r);

	a->config.repo.people->follow(
		a->config.repo.impl, router_identity(r)->user_id, c->path, on_follow, c);
}

static void unfollow(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_call *c = follow_call(a, r);

	a->config.repo.people->unfollow(
		a->config.repo.impl, router_identity(r)->user_id, c->path, on_follow, c);
}

/* False, with the answer given, if there is no such user. */
static bool user_exists(struct api *a, struct http_request *r, const char *id)
{
	struct user_record row;
	enum repo_result result = a->config.repo.ops->user_get(a->config.repo.impl, id, &row);

	if (result != REPO_OK)
		api_reply_no_user(r, result);
	user_record_finish(&row);
	return result == REPO_OK;
}

static void followers(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *id = router_param(r, "id");
	struct api_arg room;
	struct repo_user_page page = {0};

	if (user_exists(a, r, id))
		reply_users(a, r,
			a->config.repo.people->followers(a->config.repo.impl, id, router_limit(r),
				api_cursor(r, &room), &page),
			&page);
}

static void following(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *id = router_param(r, "id");
	struct api_arg room;
	struct repo_user_page page = {0};

	if (user_exists(a, r, id))
		reply_users(a, r,
			a->config.repo.people->following(a->config.repo.impl, id, router_limit(r),
				api_cursor(r, &room), &page),
			&page);
}

static const char *const roles[] = {"seller", "buyer", "moderator", "admin", NULL};

static const struct route_field list_query[] = {
	{"q", FIELD_STRING, .min = 1, .max = 100, .text = "In the id or the name."},
	{"role", FIELD_STRING, .words = roles},
	API_PAGE_FIELDS,
};

static const struct route_field page_query[] = {API_PAGE_FIELDS};

static const struct route_field put_fields[] = {
	{"name", FIELD_STRING, .nullable = true, .min = 1, .max = 140},
	{"avatar", FIELD_STRING, .nullable = true, .min = 1, .max = 2000},
	{"neighborhood", FIELD_STRING, .nullable = true, .min = 1, .max = API_NEIGHBORHOOD_MAX,
		.text = "The word of a neighbourhood."},
	{"roles", FIELD_STRINGS, .nullable = true, .max = 4,
		.text = "seller, buyer, moderator, admin."},
};

static const struct shape_field user_fields[] = {
	{"id", SHAPE_TEXT, .text = "The sub of the user's tokens."},
	{"name", SHAPE_TEXT, .nullable = true},
	{"avatar", SHAPE_TEXT, .nullable = true},
	{"neighborhood", SHAPE_TEXT, .nullable = true},
	{"roles", SHAPE_LIST},
	{"followers", SHAPE_INTEGER},
	{"following", SHAPE_INTEGER},
	{"isFollowing", SHAPE_BOOL, .optional = true,
		.text = "Whether the caller follows this user; absent in lists and without a "
			"token."},
};
static const struct shape user_shape = {"User", user_fields, API_COUNT(user_fields)};

static const struct shape_field follow_fields[] = {
	{"userId", SHAPE_TEXT},
	{"isFollowing", SHAPE_BOOL},
	{"followers", SHAPE_INTEGER, .text = "How many the user has now."},
};
static const struct shape follow_shape = {"Follow", follow_fields, API_COUNT(follow_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/users", ROUTE_ADMIN, "List users by id.", .query = list_query,
		.n_query = API_COUNT(list_query), .list = true, .answer = "Users.",
		.shape = &user_shape, .errors = "422 invalid_cursor", .handler = list},
	{HTTP_GET, "/api/v1/users/{id}", ROUTE_PUBLIC, "A user.", .answer = "The user.",
		.shape = &user_shape, .errors = "404 user_not_found", .handler = show},
	{HTTP_PUT, "/api/v1/users/{id}", ROUTE_ADMIN,
		"Set fields of a user, or make one: what is not given stays, null clears.",
		.body = put_fields, .n_body = API_COUNT(put_fields), .answer = "The user.",
		.shape = &user_shape, .handler = put},
	{HTTP_PUT, "/api/v1/users/{id}/follow", ROUTE_USER, "Follow a user; twice is as once.",
		.answer = "userId, isFollowing and followers.", .shape = &follow_shape,
		.errors = "404 user_not_found, 422 cannot_follow_yourself", .handler = follow},
	{HTTP_DELETE, "/api/v1/users/{id}/follow", ROUTE_USER, "Follow a user no more.",
		.answer = "userId, isFollowing and followers.", .shape = &follow_shape,
		.errors = "404 user_not_found", .handler = unfollow},
	{HTTP_GET, "/api/v1/users/{id}/followers", ROUTE_PUBLIC, "Who follows a user, by id.",
		.query = page_query, .n_query = API_COUNT(page_query), .list = true,
		.answer = "Users.", .shape = &user_shape,
		.errors = "404 user_not_found, 422 invalid_cursor", .handler = followers},
	{HTTP_GET, "/api/v1/users/{id}/following", ROUTE_PUBLIC, "Whom a user follows, by id.",
		.query = page_query, .n_query = API_COUNT(page_query), .list = true,
		.answer = "Users.", .shape = &user_shape,
		.errors = "404 user_not_found, 422 invalid_cursor", .handler = following},
};

void api_people_routes(struct api *a)
{
	if (a->config.repo.people)
		router_add(a->config.router, routes, API_COUNT(routes), a);
}
