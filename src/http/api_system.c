#include "api_internal.h"
#include "base/metrics.h"

static void healthz(void *user, struct http_request *r)
{
	reply_json(r, 200, json_pack("{s:s}", "status", "ok"));
}

static json_t *disk_check(const struct api *a, bool *ok)
{
	struct api_disk disk;

	api_disk_of(a, &disk);
	*ok = disk.writable && disk.free >= a->config.min_free;
	return json_pack("{s:b, s:b, s:I, s:I}", "ok", *ok, "writable", disk.writable, "free",
		(json_int_t)disk.free, "minFree", (json_int_t)a->config.min_free);
}

static void readyz(void *user, struct http_request *r)
{
	const struct api *a = user;
	const struct api_host *h = &a->config.host;
	bool store = !h->store_healthy || h->store_healthy(h->user), disk_ok;
	bool draining = h->draining && h->draining(h->user);
	json_t *disk = disk_check(a, &disk_ok);
	bool ready = store && disk_ok && !draining;

	reply_json(r, ready ? 200 : 503,
		json_pack("{s:s, s:{s:{s:b}, s:o, s:{s:b}}}", "status",
			ready ? "ready" : "not_ready", "checks", "store", "ok", store, "disk", disk,
			"accepting", "ok", !draining));
}

static void metrics(void *user, struct http_request *r)
{
	const struct api *a = user;
	struct buf text = {0};

	metrics_write(loop_metrics(a->config.loop), &text);
	http_respond_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&text));
	buf_finish(&text);
}

static void openapi(void *user, struct http_request *r)
{
	const struct api *a = user;

	reply_json(r, 200, router_openapi(a->config.router));
}

static const struct shape_field health_fields[] = {{"status", SHAPE_TEXT}};
static const struct shape health_shape = {"Health", health_fields, API_COUNT(health_fields)};

static const struct shape_field check_fields[] = {{"ok", SHAPE_BOOL}};
static const struct shape check_shape = {"Check", check_fields, API_COUNT(check_fields)};

static const struct shape_field disk_fields[] = {
	{"ok", SHAPE_BOOL},
	{"writable", SHAPE_BOOL},
	{"free", SHAPE_INTEGER, .text = "Bytes."},
	{"minFree", SHAPE_INTEGER, .text = "Bytes."},
};
static const struct shape disk_shape = {"DiskCheck", disk_fields, API_COUNT(disk_fields)};

static const struct shape_field checks_fields[] = {
	{"store", SHAPE_OBJECT, .of = &check_shape},
	{"disk", SHAPE_OBJECT, .of = &disk_shape},
	{"accepting", SHAPE_OBJECT, .of = &check_shape},
};
static const struct shape checks_shape = {"Checks", checks_fields, API_COUNT(checks_fields)};

static const struct shape_field ready_fields[] = {
	{"status", SHAPE_TEXT},
	{"checks", SHAPE_OBJECT, .of = &checks_shape},
};
static const struct shape ready_shape = {"Readiness", ready_fields, API_COUNT(ready_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/healthz", ROUTE_PUBLIC, "The process answers.", .plain = true,
		.unlimited = true, .answer = "status.", .shape = &health_shape, .handler = healthz},
	{HTTP_GET, "/readyz", ROUTE_PUBLIC,
		"Store and disk work and no drain is under way; else 503 with what is wrong.",
		.plain = true, .unlimited = true, .answer = "status and checks.",
		.shape = &ready_shape, .errors = "503 not_ready", .handler = readyz},
	{HTTP_GET, "/metrics", ROUTE_PUBLIC, "Prometheus' text format 0.0.4.", .plain = true,
		.unlimited = true, .answer = "Text.", .handler = metrics},
	{HTTP_GET, "/api/v1/openapi.json", ROUTE_PUBLIC, "This document.", .plain = true,
		.answer = "OpenAPI 3.0.", .handler = openapi},
};

void api_system_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
