#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/process.h"

static uint64_t figure(const struct api *a, const char *name)
{
	return metric_count(metrics_find(loop_metrics(a->config.loop), name, NULL));
}

static json_t *loop_lag(const struct api *a)
{
	double lag;

	if (!metric_quantile(
		    metrics_find(loop_metrics(a->config.loop), "souk_loop_lag_seconds", NULL), 0.99,
		    &lag) ||
		isinf(lag))
		return json_null();
	return json_real(lag);
}

static json_t *streams_json(const struct api *a, uint64_t *windows)
{
	static const char *const names[] = {"waiting", "publishing", "interrupted", "finishing"};
	struct live_registry *registry = a->config.registry;
	struct live_stream *s = NULL;
	json_int_t n[4] = {0};
	json_t *o;

	*windows = 0;
	while ((s = live_registry_next(registry, s))) {
		struct live_stats stats;

		live_stream_stats(s, &stats);
		*windows += stats.window_memory;
		n[live_stream_state(s)]++;
	}
	o = json_pack("{s:I}", "live", n[LIVE_WAITING] + n[LIVE_PUBLISHING] + n[LIVE_INTERRUPTED]);
	for (size_t i = 0; i < 4; i++)
		json_object_set_new(o, names[i], json_integer(n[i]));
	return o;
}

static json_t *disk_json(const struct api *a)
{
	struct api_disk d;

	api_disk_of(a, &d);
	return json_pack("{s:s?, s:I, s:I, s:I, s:b}", "root", a->config.media_root, "free",
		(json_int_t)d.free, "total", (json_int_t)d.total, "minFree",
		(json_int_t)a->config.min_free, "ok", d.writable && d.free >= a->config.min_free);
}

static void status(void *user, struct http_request *r)
{
	const struct api *a = user;
	const struct api_host *h = &a->config.host;
	uint64_t windows, up_us = loop_now_us(a->config.loop) - a->started_mono_us;
	json_t *streams = streams_json(a, &windows);
	json_t *o = json_pack("{s:s, s:i, s:o, s:I, s:b, s:{s:I, s:I}}", "version",
		a->config.version, "pid", (int)getpid(), "startedAt",
		api_time_or_null(a->started_wall_ms), "uptime", (json_int_t)(up_us / 1000000),
		"draining", h->draining && h->draining(h->user), "connections", "http",
		(json_int_t)figure(a, "souk_http_connections"), "rtmp",
		(json_int_t)figure(a, "souk_rtmp_connections"));

	json_object_set_new(o, "publishers",
		json_integer((json_int_t)live_registry_publishers(a->config.registry)));
	json_object_set_new(o, "streams", streams);
	json_object_set_new(o, "loopLagP99", loop_lag(a));
	json_object_set_new(o, "store",
		json_pack("{s:b, s:I}", "healthy", !h->store_healthy || h->store_healthy(h->user),
			"queue", (json_int_t)figure(a, "souk_store_queue_depth")));
	json_object_set_new(o, "disk", disk_json(a));
	json_object_set_new(o, "memory",
		json_pack("{s:I, s:I}", "rss", (json_int_t)process_memory(), "windows",
			(json_int_t)windows));
	reply_data(r, 200, o);
}

static void reply_impossible(struct http_request *r)
{
	reply_error(r, 503, "unavailable", "This process cannot do that.", NULL);
}

static void on_backup(void *arg, const char *error)
{
	struct api_call *c = arg;
	struct stat st = {0};

	if (error) {
		api_call_fail(c, 409, "backup_failed", error, "path");
		return;
	}
	stat(c->path, &st);
	api_call_answer(
		c, 200, json_pack("{s:s, s:I}", "path", c->path, "bytes", (json_int_t)st.st_size));
}

static void backup(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *path = router_text(r, "path", "");
	struct api_call *c;

	if (!a->config.host.backup) {
		reply_impossible(r);
		return;
	}
	if (path[0] != '/') {
		reply_error(r, 422, "invalid_value", "path must be absolute.", "path");
		return;
	}
	c = api_call_create(a, r, NULL);
	c->path = mem_strdup(path);
	a->config.host.backup(a->config.host.user, c->path, on_backup, c);
}

/* The lines of a text as an array. */
static json_t *lines_json(const char *text)
{
	json_t *list = json_array();

	while (text && *text) {
		size_t len = strcspn(text, "\n");

		if (len)
			json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == '\n');
	}
	return list;
}

static void on_check(void *arg, const char *problems)
{
	api_call_answer(arg, 200,
		json_pack("{s:b, s:o}", "ok", problems == NULL, "problems", lines_json(problems)));
}

static void check(void *user, struct http_request *r)
{
	struct api *a = user;

	if (a->config.host.check)
		a->config.host.check(a->config.host.user, on_check, api_call_create(a, r, NULL));
	else
		reply_impossible(r);
}

static void add_value(void *arg, const struct api_value *v)
{
	const char *shown = v->secret && v->value ? "***" : v->value;

	json_array_append_new(arg,
		json_pack("{s:s, s:s, s:s?, s:s?, s:b}", "section", v->section, "key", v->key,
			"value", shown, "origin", v->origin, "reload", v->reload));
}

static void config(void *user, struct http_request *r)
{
	const struct api *a = user;
	json_t *values = json_array();

	if (a->config.host.config)
		a->config.host.config(a->config.host.user, add_value, values);
	reply_data(
		r, 200, json_pack("{s:s?, s:o}", "path", a->config.config_path, "values", values));
}

struct reloaded {
	json_t *changed, *need_restart;
};

static void add_changed(void *arg, const char *key, bool in_force)
{
	struct reloaded *d = arg;

	json_array_append_new(in_force ? d->changed : d->need_restart, json_string(key));
}

static void reload(void *user, struct http_request *r)
{
	const struct api *a = user;
	struct reloaded d = {json_array(), json_array()};
	struct buf errors = {0};
	json_t *o = json_pack("{s:o, s:o}", "changed", d.changed, "needRestart", d.need_restart);

	if (!a->config.host.reload)
		reply_impossible(r);
	else if (!a->config.host.reload(a->config.host.user, add_changed, &d, &errors))
		reply_error(r, 422, "bad_config", buf_text(&errors), NULL);
	else
		reply_data(r, 200, json_incref(o));
	json_decref(o);
	buf_finish(&errors);
}

static void drain(void *user, struct http_request *r)
{
	const struct api *a = user;

	if (!a->config.host.drain) {
		reply_impossible(r);
		return;
	}
	a->config.host.drain(a->config.host.user);
	reply_data(r, 200, json_pack("{s:b}", "draining", 1));
}

struct limits {
	const struct api *api;
	json_t *list;
};

static void add_limit(void *arg, const struct api_limit *limit)
{
	struct limits *l = arg;
	struct metric *used = limit->gauge
		? metrics_find(loop_metrics(l->api->config.loop), limit->gauge, NULL)
		: NULL;

	uint64_t now = limit->used ? *limit->used : metric_count(used);

	json_array_append_new(l->list,
		json_pack("{s:s, s:o, s:o}", "name", limit->name, "limit",
			limit->limit ? json_integer((json_int_t)limit->limit) : json_null(), "used",
			used || limit->used ? json_integer((json_int_t)now) : json_null()));
}

static void limits(void *user, struct http_request *r)
{
	const struct api *a = user;
	struct limits l = {a, json_array()};

	if (a->config.host.limits)
		a->config.host.limits(a->config.host.user, add_limit, &l);
	reply_data(r, 200, json_pack("{s:o}", "limits", l.list));
}

static const struct route_field backup_fields[] = {
	{"path", FIELD_STRING, .required = true, .min = 1, .max = 4000,
		.text = "Absolute, of a file that does not exist."},
};

static const struct shape_field connections_fields[] = {
	{"http", SHAPE_INTEGER},
	{"rtmp", SHAPE_INTEGER},
};
static const struct shape connections_shape = {
	"ConnectionCounts", connections_fields, API_COUNT(connections_fields)};

static const struct shape_field streams_fields[] = {
	{"live", SHAPE_INTEGER},
	{"waiting", SHAPE_INTEGER},
	{"publishing", SHAPE_INTEGER},
	{"interrupted", SHAPE_INTEGER},
	{"finishing", SHAPE_INTEGER},
};
static const struct shape streams_shape = {
	"StreamCounts", streams_fields, API_COUNT(streams_fields)};

static const struct shape_field store_fields[] = {
	{"healthy", SHAPE_BOOL},
	{"queue", SHAPE_INTEGER},
};
static const struct shape store_shape = {"StoreStatus", store_fields, API_COUNT(store_fields)};

static const struct shape_field disk_fields[] = {
	{"root", SHAPE_TEXT, .nullable = true},
	{"free", SHAPE_INTEGER, .text = "Bytes."},
	{"total", SHAPE_INTEGER, .text = "Bytes."},
	{"minFree", SHAPE_INTEGER, .text = "Bytes."},
	{"ok", SHAPE_BOOL},
};
static const struct shape disk_shape = {"DiskStatus", disk_fields, API_COUNT(disk_fields)};

static const struct shape_field memory_fields[] = {
	{"rss", SHAPE_INTEGER, .text = "Bytes."},
	{"windows", SHAPE_INTEGER, .text = "Bytes of media."},
};
static const struct shape memory_shape = {"MemoryStatus", memory_fields, API_COUNT(memory_fields)};

static const struct shape_field status_fields[] = {
	{"version", SHAPE_TEXT},
	{"pid", SHAPE_INTEGER},
	{"startedAt", SHAPE_TIME},
	{"uptime", SHAPE_INTEGER, .text = "Seconds."},
	{"draining", SHAPE_BOOL},
	{"connections", SHAPE_OBJECT, .of = &connections_shape},
	{"publishers", SHAPE_INTEGER},
	{"streams", SHAPE_OBJECT, .of = &streams_shape},
	{"loopLagP99", SHAPE_NUMBER, .nullable = true, .text = "Seconds."},
	{"store", SHAPE_OBJECT, .of = &store_shape},
	{"disk", SHAPE_OBJECT, .of = &disk_shape},
	{"memory", SHAPE_OBJECT, .of = &memory_shape},
};
static const struct shape status_shape = {"Status", status_fields, API_COUNT(status_fields)};

static const struct shape_field backed_fields[] = {
	{"path", SHAPE_TEXT},
	{"bytes", SHAPE_INTEGER},
};
static const struct shape backup_shape = {"Backup", backed_fields, API_COUNT(backed_fields)};

static const struct shape_field check_fields[] = {
	{"ok", SHAPE_BOOL},
	{"problems", SHAPE_LIST},
};
static const struct shape check_shape = {"StoreCheck", check_fields, API_COUNT(check_fields)};

static const struct shape_field value_fields[] = {
	{"section", SHAPE_TEXT},
	{"key", SHAPE_TEXT},
	{"value", SHAPE_TEXT, .nullable = true, .text = "Secrets are ***."},
	{"origin", SHAPE_TEXT, .nullable = true},
	{"reload", SHAPE_BOOL},
};
static const struct shape value_shape = {"Setting", value_fields, API_COUNT(value_fields)};

static const struct shape_field config_fields[] = {
	{"path", SHAPE_TEXT, .nullable = true},
	{"values", SHAPE_LIST, .of = &value_shape},
};
static const struct shape config_shape = {"Config", config_fields, API_COUNT(config_fields)};

static const struct shape_field reload_fields[] = {
	{"changed", SHAPE_LIST},
	{"needRestart", SHAPE_LIST},
};
static const struct shape reload_shape = {"Reloaded", reload_fields, API_COUNT(reload_fields)};

static const struct shape_field drain_fields[] = {{"draining", SHAPE_BOOL}};
static const struct shape drain_shape = {"Draining", drain_fields, API_COUNT(drain_fields)};

static const struct shape_field limit_fields[] = {
	{"name", SHAPE_TEXT},
	{"limit", SHAPE_INTEGER, .nullable = true, .text = "null: none."},
	{"used", SHAPE_INTEGER, .nullable = true, .text = "null: nothing counts it."},
};
static const struct shape limit_shape = {"Limit", limit_fields, API_COUNT(limit_fields)};

static const struct shape_field limits_fields[] = {{"limits", SHAPE_LIST, .of = &limit_shape}};
static const struct shape limits_shape = {"Limits", limits_fields, API_COUNT(limits_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/status", ROUTE_ADMIN, "How the daemon is.",
		.answer = "version, pid, uptime, connections, publishers, streams, loopLagP99, "
			  "store, disk and memory.",
		.shape = &status_shape, .handler = status},
	{HTTP_POST, "/api/v1/admin/backup", ROUTE_ADMIN, "Copy the database to a new file.",
		.body = backup_fields, .n_body = API_COUNT(backup_fields),
		.answer = "path and bytes.", .shape = &backup_shape,
		.errors = "409 backup_failed, 422 invalid_value", .handler = backup},
	{HTTP_POST, "/api/v1/admin/check", ROUTE_ADMIN, "Check the database.",
		.answer = "ok and problems.", .shape = &check_shape, .handler = check},
	{HTTP_GET, "/api/v1/admin/config", ROUTE_ADMIN, "The configuration that is in force.",
		.answer = "path and values.", .shape = &config_shape, .handler = config},
	{HTTP_POST, "/api/v1/admin/reload", ROUTE_ADMIN, "Read the configuration again.",
		.answer = "changed and needRestart.", .shape = &reload_shape,
		.errors = "422 bad_config", .handler = reload},
	{HTTP_POST, "/api/v1/admin/drain", ROUTE_ADMIN, "Finish what is under way and stop.",
		.answer = "draining.", .shape = &drain_shape, .handler = drain},
	{HTTP_GET, "/api/v1/admin/limits", ROUTE_ADMIN, "Limits and what is used of them.",
		.answer = "limits.", .shape = &limits_shape, .handler = limits},
};

void api_admin_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
