#include <stdlib.h>

#include "act.h"
#include "calls.h"
#include "client.h"
#include "output.h"

static const struct call_field create_body[] = {
	{"seller", "seller_id"},
	{"title", "title"},
	{"description", "description"},
	{"category", "category"},
	{"audience", "audience"},
	{"duration", "estimated_duration", CALL_INTEGER},
	{"product", "product_ids", CALL_LIST},
	{"at", "scheduled_at"},
	{"no-notify", "notify_followers", CALL_SWITCH_OFF},
	{"notify-neighborhood", "notify_neighborhood", CALL_SWITCH},
	{"no-chat", "enable_chat", CALL_SWITCH_OFF},
	{"no-comments", "enable_comments", CALL_SWITCH_OFF},
	{"no-record", "record_stream", CALL_SWITCH_OFF},
	{"live", "live", CALL_SWITCH},
	{0},
};

static enum ctl_exit post(struct ctl *c, const char *path, const struct call_field *fields,
	const struct field *shown, size_t n)
{
	json_t *body = json_object(), *answer;
	enum ctl_exit result = CTL_USAGE;
	if (call_fill(c, fields, body)) {
		result = client_call(c, "POST", path, body, &answer);
	}
	json_decref(body);
	if (result == CTL_OK) {
		output_object(c, answer, shown, n);
	}
	return result;
}

enum ctl_exit streams_create_run(struct ctl *c)
{
	return post(c, "/api/v1/admin/streams", create_body, calls_access_fields,
		OUTPUT_COUNT(calls_access_fields));
}

enum ctl_exit streams_go_live_run(struct ctl *c)
{
	static const struct call_field vouched[] = {{0}};
	static const struct call_field checked[] = {{"checklist", "camera_ready", CALL_SWITCH},
		{"checklist", "checklist_complete", CALL_SWITCH}, {0}};
	static const struct field fields[] = {
		{"Stream", "streamId"},
		{"Status", "status"},
		{"RTMP server", "rtmpUrl"},
		{"Stream key", "streamKey"},
		{"HLS", "hlsUrl"},
		{"Watch", "watchUrl"},
		{"Notified", "notificationsSent", FIELD_COUNT},
	};
	bool as_seller = args_has(&c->args, "checklist");
	char *path = client_path(
		as_seller ? "/api/v1/streams/{0}/go-live" : "/api/v1/admin/streams/{0}/go-live",
		c->args.operands, 1);
	enum ctl_exit result = path == NULL ? CTL_FAILED : CTL_OK;
	if (result == CTL_OK && as_seller) {
		result = act_as_seller_of(c, "/api/v1/streams/{0}", c->args.operands[0]);
	}
	if (result == CTL_OK) {
		result = post(c, path, as_seller ? checked : vouched, fields, OUTPUT_COUNT(fields));
	}
	free(path);
	return result;
}
