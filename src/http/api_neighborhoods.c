#include <stdlib.h>

#include "api_people.h"
#include "base/mem.h"

static json_t *neighborhood_json(const struct neighborhood_record *n)
{
	return json_pack("{s:s, s:o, s:f, s:f, s:o, s:o}", "id", n->id, "name",
		api_text_or_null(n->name), "lat", n->lat, "lon", n->lon, "createdAt",
		api_time_or_null(n->created_at), "updatedAt", api_time_or_null(n->updated_at));
}

static void list(void *user, struct http_request *r)
{
	const struct repo *repo = &((struct api *)user)->config.repo;
	struct repo_neighborhood_page page = {0};
	struct api_arg room;
	enum repo_result result = repo->people->neighborhood_list(
		repo->impl, router_limit(r), api_cursor(r, &room), &page);
	json_t *items;

	if (result != REPO_OK) {
		api_reply_list_fault(r, result);
		return;
	}
	items = json_array();
	for (size_t i = 0; i < page.n; i++)
		json_array_append_new(items, neighborhood_json(&page.rows[i]));
	reply_page(r, items, page.next_cursor);
	repo_neighborhood_page_finish(&page);
}

static void show(void *user, struct http_request *r)
{
	const struct repo *repo = &((struct api *)user)->config.repo;
	struct neighborhood_record row;

	switch (repo->people->neighborhood_get(repo->impl, router_param(r, "id"), &row)) {
	case REPO_OK:
		reply_data(r, 200, neighborhood_json(&row));
		neighborhood_record_finish(&row);
		return;
	case REPO_NOT_FOUND:
		reply_error(
			r, 404, "neighborhood_not_found", "There is no such neighbourhood.", NULL);
		return;
	case REPO_WRONG_STATE:
	case REPO_DUPLICATE:
	case REPO_NOT_OWNER:
	case REPO_NO_PRODUCTS:
	case REPO_NO_SUCH_PRODUCT:
	case REPO_FAILED:
		api_reply_unreadable(r);
		return;
	}
}

static void on_stored(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;
	struct neighborhood_record row;
	const struct repo *repo;

	if (!c->request || outcome->result != REPO_OK) {
		api_call_unavailable(c);
		return;
	}
	repo = &c->api->config.repo;
	if (repo->people->neighborhood_get(repo->impl, c->path, &row) != REPO_OK) {
		api_call_unavailable(c);
		return;
	}
	api_call_answer(c, 200, neighborhood_json(&row));
	neighborhood_record_finish(&row);
}

static void put(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct neighborhood_record row = {
		.id = (char *)router_param(r, "id"),
		.name = (char *)router_text(r, "name", NULL),
		.lat = router_number(r, "lat", 0),
		.lon = router_number(r, "lon", 0),
	};
	struct api_call *c;

	if (!api_word_is_good(row.id, API_NEIGHBORHOOD_MAX)) {
		reply_error(r, 422, "out_of_range", "An id has 1 to 120 characters.", "id");
		return;
	}
	c = api_call_create(a, r, NULL);
	c->path = mem_strdup(row.id);
	a->config.repo.people->neighborhood_put(a->config.repo.impl, &row, on_stored, c);
}

static void on_deleted(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;

	if (outcome->result == REPO_OK)
		api_call_answer(
			c, 200, json_pack("{s:s, s:s}", "id", c->path, "status", "deleted"));
	else if (outcome->result == REPO_NOT_FOUND)
		api_call_fail(
			c, 404, "neighborhood_not_found", "There is no such neighbourhood.", NULL);
	else
		api_call_unavailable(c);
}

static void delete (void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_call *c = api_call_create(a, r, NULL);

	c->path = mem_strdup(router_param(r, "id"));
	a->config.repo.people->neighborhood_delete(a->config.repo.impl, c->path, on_deleted, c);
}

static const struct route_field list_query[] = {API_PAGE_FIELDS};

static const struct route_field put_fields[] = {
	{"name", FIELD_STRING, .nullable = true, .min = 1, .max = 140},
	{"lat", FIELD_NUMBER, .required = true, .min = -90, .max = 90,
		.text = "Degrees north, WGS 84."},
	{"lon", FIELD_NUMBER, .required = true, .min = -180, .max = 180,
		.text = "Degrees east, WGS 84."},
};

static const struct shape_field neighborhood_fields[] = {
	{"id", SHAPE_TEXT, .text = "The word of the tokens' claim neighborhood."},
	{"name", SHAPE_TEXT, .nullable = true},
	{"lat", SHAPE_NUMBER},
	{"lon", SHAPE_NUMBER},
	{"createdAt", SHAPE_TIME},
	{"updatedAt", SHAPE_TIME},
};
static const struct shape neighborhood_shape = {
	"Neighborhood", neighborhood_fields, API_COUNT(neighborhood_fields)};

static const struct shape_field deleted_fields[] = {
	{"id", SHAPE_TEXT},
	{"status", SHAPE_TEXT, .text = "deleted"},
};
static const struct shape deleted_shape = {
	"NeighborhoodDeleted", deleted_fields, API_COUNT(deleted_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/neighborhoods", ROUTE_PUBLIC, "List neighbourhoods by id.",
		.query = list_query, .n_query = API_COUNT(list_query), .list = true,
		.answer = "Neighbourhoods.", .shape = &neighborhood_shape,
		.errors = "422 invalid_cursor", .handler = list},
	{HTTP_GET, "/api/v1/neighborhoods/{id}", ROUTE_PUBLIC, "A neighbourhood.",
		.answer = "The neighbourhood.", .shape = &neighborhood_shape,
		.errors = "404 neighborhood_not_found", .handler = show},
	{HTTP_PUT, "/api/v1/neighborhoods/{id}", ROUTE_ADMIN,
		"Say where a neighbourhood is; those within 2 km of each other are near.",
		.body = put_fields, .n_body = API_COUNT(put_fields), .answer = "The neighbourhood.",
		.shape = &neighborhood_shape, .handler = put},
	{HTTP_DELETE, "/api/v1/neighborhoods/{id}", ROUTE_ADMIN,
		"Forget a neighbourhood's place; its users keep the word.",
		.answer = "id and status.", .shape = &deleted_shape,
		.errors = "404 neighborhood_not_found", .handler = delete},
};

void api_neighborhoods_routes(struct api *a)
{
	if (a->config.repo.people)
		router_add(a->config.router, routes, API_COUNT(routes), a);
}
