#include "calls.h"

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

const struct call call_status = {
	.method = "GET", .path = "/api/v1/admin/status", CALL_FIELDS(status_fields)};

static const struct field drain_fields[] = {{"Draining", "draining"}};

const struct call call_drain = {
	.method = "POST", .path = "/api/v1/admin/drain", CALL_FIELDS(drain_fields)};

static const struct field limit_fields[] = {
	{"LIMIT", "name"},
	{"AT MOST", "limit", FIELD_COUNT},
	{"USED", "used", FIELD_COUNT},
};

const struct call call_limits = {
	.method = "GET",
	.path = "/api/v1/admin/limits",
	.member = "limits",
	CALL_FIELDS(limit_fields),
};

static const struct field reload_fields[] = {
	{"In force", "changed", FIELD_WORDS}, {"Needs a restart", "needRestart", FIELD_WORDS}};

const struct call call_config_reload = {
	.method = "POST", .path = "/api/v1/admin/reload", CALL_FIELDS(reload_fields)};

static const struct field audit_fields[] = {
	{"AT", "at", FIELD_TIME},
	{"WHO", "actor"},
	{"DID", "action", FIELD_FLEXIBLE},
	{"TO", "target"},
	{"AS", "detail.as"},
	{"STATUS", "detail.status", FIELD_COUNT},
	{"FROM", "address"},
};

static const struct call_field audit_query[] = {{"actor", "actor"}, {0}};

const struct call call_audit = {
	.method = "GET",
	.path = "/api/v1/admin/audit",
	.query = audit_query,
	.is_list = true,
	CALL_FIELDS(audit_fields),
};

/* Connections */

static const struct field connection_fields[] = {
	{"ID", "id"},
	{"KIND", "kind"},
	{"ADDRESS", "address"},
	{"SINCE", "connectedAt", FIELD_TIME},
	{"TLS", "tls", FIELD_YES},
	{"RECEIVED", "bytes", FIELD_BYTES},
	{"STREAM", "streamId"},
};

static const struct call_field connection_query[] = {
	{"kind", "kind"}, {"address", "address"}, {"limit", "limit"}, {0}};

const struct call call_connections_list = {
	.method = "GET",
	.path = "/api/v1/admin/connections",
	.query = connection_query,
	.member = "connections",
	.is_whole = true,
	CALL_FIELDS(connection_fields),
};

const struct call call_connections_close = {
	.method = "POST", .path = "/api/v1/admin/connections/{0}/close", .said = "It is closed."};

/* Sockets */

static const struct field socket_fields[] = {
	{"ID", "id"},
	{"FRAMING", "framing"},
	{"USER", "userId"},
	{"NAME", "username", FIELD_FLEXIBLE},
	{"ADDRESS", "address"},
	{"ROOMS", "rooms", FIELD_COUNT},
	{"QUEUED", "queued", FIELD_BYTES},
	{"SINCE", "connectedAt", FIELD_TIME},
	{"SEEN", "lastSeenAt", FIELD_TIME},
};

static const struct call_field socket_query[] = {{"stream", "stream"}, {"user", "user"},
	{"address", "address"}, {"framing", "framing"}, {"limit", "limit"}, {0}};

const struct call call_sockets_list = {
	.method = "GET",
	.path = "/api/v1/admin/sockets",
	.query = socket_query,
	.member = "sockets",
	.is_whole = true,
	CALL_FIELDS(socket_fields),
};

const struct call call_sockets_close = {
	.method = "POST", .path = "/api/v1/admin/sockets/{0}/close", .said = "It is closed."};

/* Bans */

static const struct field ban_list_fields[] = {
	{"KIND", "kind"},
	{"WHOM", "subject"},
	{"UNTIL", "until", FIELD_TIME},
	{"BY", "actor"},
	{"SINCE", "createdAt", FIELD_TIME},
	{"REASON", "reason", FIELD_FLEXIBLE},
};

static const struct field ban_fields[] = {
	{"Kind", "kind"},
	{"Whom", "subject"},
	{"Until", "until", FIELD_TIME},
	{"By", "actor"},
	{"Since", "createdAt", FIELD_TIME},
	{"Reason", "reason"},
};

static const struct call_field ban_body[] = {
	{"0", "kind", CALL_OPERAND},
	{"1", "subject", CALL_OPERAND},
	{"for", "seconds", CALL_SECONDS},
	{"reason", "reason"},
	{0},
};

static const struct call_field lift_query[] = {
	{"0", "kind", CALL_OPERAND}, {"1", "subject", CALL_OPERAND}, {0}};

const struct call call_bans_list = {
	.method = "GET", .path = "/api/v1/admin/bans", CALL_FIELDS(ban_list_fields)};

const struct call call_bans_add = {
	.method = "POST", .path = "/api/v1/admin/bans", .body = ban_body, CALL_FIELDS(ban_fields)};

const struct call call_bans_lift = {.method = "DELETE",
	.path = "/api/v1/admin/bans",
	.query = lift_query,
	CALL_FIELDS(ban_fields)};

/* The outbox */

static const struct field outbox_fields[] = {
	{"ID", "id"},
	{"KIND", "kind"},
	{"EVENT", "event"},
	{"STATE", "state"},
	{"FAILED", "attempts", FIELD_COUNT},
	{"SINCE", "createdAt", FIELD_TIME},
	{"NEXT", "nextAt", FIELD_TIME},
	{"LAST ERROR", "lastError", FIELD_FLEXIBLE},
};

static const struct call_field outbox_query[] = {{"limit", "limit"}, {0}};

const struct call call_outbox_list = {
	.method = "GET",
	.path = "/api/v1/admin/outbox",
	.query = outbox_query,
	.member = "entries",
	.is_whole = true,
	CALL_FIELDS(outbox_fields),
};

static const struct field retry_fields[] = {{"Sent again", "retried", FIELD_COUNT}};

const struct call call_outbox_retry = {
	.method = "POST", .path = "/api/v1/admin/outbox/retry", CALL_FIELDS(retry_fields)};
