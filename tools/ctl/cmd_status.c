#include "client.h"
#include "output.h"

static const struct field status_fields[] = {
	{"Version", "version"},
	{"Process", "pid", FIELD_COUNT},
	{"Started", "startedAt", FIELD_TIME},
	{"Running for", "uptime", FIELD_SECONDS},
	{"Draining", "draining", FIELD_YES},
	{"Publishers", "publishers", FIELD_COUNT},
	{"Streams live", "streams.live", FIELD_COUNT},
	{"  waiting", "streams.waiting", FIELD_COUNT},
	{"  publishing", "streams.publishing", FIELD_COUNT},
	{"  interrupted", "streams.interrupted", FIELD_COUNT},
	{"  finishing", "streams.finishing", FIELD_COUNT},
	{"HTTP connections", "connections.http", FIELD_COUNT},
	{"RTMP connections", "connections.rtmp", FIELD_COUNT},
	{"Loop lag (p99)", "loopLagP99", FIELD_MILLIS},
	{"Store healthy", "store.healthy", FIELD_YES},
	{"  writes waiting", "store.queue", FIELD_COUNT},
	{"Media folder", "disk.root"},
	{"  free", "disk.free", FIELD_BYTES},
	{"  enough", "disk.ok", FIELD_YES},
	{"Memory", "memory.rss", FIELD_BYTES},
	{"  live windows", "memory.windows", FIELD_BYTES},
};

static const struct field drain_fields[] = {{"Draining", "draining"}};

static const struct field limit_fields[] = {
	{"LIMIT", "name"},
	{"AT MOST", "limit", FIELD_COUNT},
	{"USED", "used", FIELD_COUNT},
};

enum ctl_exit status_run(struct ctl *c)
{
	json_t *answer;
	enum ctl_exit result = client_call(c, "GET", "/api/v1/admin/status", NULL, &answer);
	if (result == CTL_OK) {
		output_object(c, answer, status_fields, OUTPUT_COUNT(status_fields));
	}
	return result;
}

enum ctl_exit drain_run(struct ctl *c)
{
	json_t *answer;
	enum ctl_exit result = client_call(c, "POST", "/api/v1/admin/drain", NULL, &answer);
	if (result == CTL_OK) {
		output_object(c, answer, drain_fields, OUTPUT_COUNT(drain_fields));
	}
	return result;
}

enum ctl_exit limits_run(struct ctl *c)
{
	json_t *answer;
	enum ctl_exit result = client_call(c, "GET", "/api/v1/admin/limits", NULL, &answer);
	if (result == CTL_OK) {
		json_t *list = json_incref(json_object_get(answer, "limits"));
		output_list(c, list, limit_fields, OUTPUT_COUNT(limit_fields));
		json_decref(answer);
	}
	return result;
}
