#include "calls.h"

#define ADMIN_STREAM "/api/v1/admin/streams/{0}"
#define STREAM "/api/v1/streams/{0}"

const struct field calls_access_fields[6] = {
	{"Stream", "streamId"},
	{"Status", "status"},
	{"RTMP server", "rtmpUrl"},
	{"Stream key", "streamKey"},
	{"HLS", "hlsUrl"},
	{"Watch", "watchUrl"},
};

static const struct field list_fields[] = {
	{"ID", "streamId"},
	{"STATUS", "status"},
	{"STATE", "state"},
	{"SELLER", "sellerId"},
	{"TITLE", "title", FIELD_FLEXIBLE},
	{"STARTED", "startedAt", FIELD_TIME},
	{"DURATION", "duration", FIELD_SECONDS},
	{"RATE", "ingest.bitrate", FIELD_RATE},
};

static const struct call_field list_query[] = {
	{"status", "status"},
	{"seller", "seller"},
	{"category", "category"},
	{"neighborhood", "neighborhood"},
	{"search", "q"},
	{0},
};

const struct call call_streams_list = {
	.method = "GET",
	.path = "/api/v1/streams",
	.query = list_query,
	CALL_FIELDS(list_fields),
	.is_list = true,
};

static const struct field show_fields[] = {
	{"Stream", "streamId"},
	{"Title", "title"},
	{"Description", "description"},
	{"Category", "category"},
	{"Seller", "sellerId"},
	{"Audience", "audience"},
	{"Status", "status"},
	{"State", "state"},
	{"Created", "createdAt", FIELD_TIME},
	{"Scheduled", "scheduledAt", FIELD_TIME},
	{"Started", "startedAt", FIELD_TIME},
	{"Ended", "endedAt", FIELD_TIME},
	{"End reason", "endReason"},
	{"Duration", "duration", FIELD_SECONDS},
	{"Products", "productCount", FIELD_COUNT},
	{"Viewers", "currentViewers", FIELD_COUNT},
	{"HLS", "hlsUrl"},
	{"VOD", "vodUrl"},
	{"Watch", "watchUrl"},
	{"Publisher", "publisher.address"},
	{"  connected", "publisher.connectedAt", FIELD_TIME},
	{"  received", "publisher.bytes", FIELD_BYTES},
	{"  encoder", "ingest.encoder"},
	{"Bit rate", "ingest.bitrate", FIELD_RATE},
	{"Picture", "ingest", FIELD_PICTURE},
	{"Health", "ingest.health.status"},
	{"Frame rate", "ingest.frameRate", FIELD_FRACTION},
	{"Keyframe every (s)", "ingest.keyframeInterval", FIELD_FRACTION},
	{"Codecs", "ingest.codecs"},
	{"Interruptions", "ingest.interruptions", FIELD_COUNT},
	{"Discontinuities", "ingest.discontinuities", FIELD_COUNT},
	{"Dropped samples", "ingest.droppedSamples", FIELD_COUNT},
	{"Recording", "recording.active", FIELD_YES},
	{"  size", "recording.bytes", FIELD_BYTES},
	{"  segments", "recording.segments", FIELD_COUNT},
	{"  failures", "recording.failures", FIELD_COUNT},
	{"Window memory", "windowMemory", FIELD_BYTES},
};

const struct call call_streams_show = {
	.method = "GET", .path = ADMIN_STREAM, CALL_FIELDS(show_fields)};

const struct call call_streams_rotate_key = {
	.method = "POST",
	.path = ADMIN_STREAM "/rotate-key",
	CALL_FIELDS(calls_access_fields),
};

static const struct field end_fields[] = {
	{"Stream", "streamId"},
	{"Status", "status"},
	{"Duration", "duration", FIELD_SECONDS},
	{"VOD", "vodUrl"},
	{"Peak viewers", "stats.peakViewers", FIELD_COUNT},
	{"Unique viewers", "stats.uniqueViewers", FIELD_COUNT},
	{"Likes", "stats.totalLikes", FIELD_COUNT},
	{"Chat messages", "stats.chatMessages", FIELD_COUNT},
	{"Average watch time", "stats.averageWatchTime", FIELD_SECONDS},
};

const struct call call_streams_end = {
	.method = "POST", .path = ADMIN_STREAM "/end", CALL_FIELDS(end_fields)};

static const struct field kick_fields[] = {{"Stream", "streamId"}, {"Kicked", "kicked"}};

const struct call call_streams_kick = {
	.method = "POST", .path = ADMIN_STREAM "/kick", CALL_FIELDS(kick_fields)};

static const struct field delete_fields[] = {{"Stream", "streamId"}, {"Status", "status"}};

const struct call call_streams_delete = {
	.method = "DELETE", .path = STREAM, CALL_FIELDS(delete_fields)};

static const struct call_field settings_body[] = {
	{"title", "title"},
	{"description", "description", CALL_TEXT_OR_NULL},
	{"category", "category", CALL_TEXT_OR_NULL},
	{"audience", "audience"},
	{"duration", "estimated_duration", CALL_INTEGER_OR_NULL},
	{"at", "scheduled_at", CALL_TEXT_OR_NULL},
	{"notify-followers", "notify_followers", CALL_YES_NO},
	{"notify-neighborhood", "notify_neighborhood", CALL_YES_NO},
	{"chat", "enable_chat", CALL_YES_NO},
	{"comments", "enable_comments", CALL_YES_NO},
	{"record", "record_stream", CALL_YES_NO},
	{0},
};

static const struct field settings_fields[] = {
	{"Stream", "streamId"},
	{"Title", "title"},
	{"Description", "description"},
	{"Category", "category"},
	{"Audience", "audience"},
	{"Minutes", "estimatedDuration", FIELD_COUNT},
	{"Scheduled", "scheduledAt", FIELD_TIME},
	{"Notify followers", "notifyFollowers", FIELD_YES},
	{"Notify neighborhood", "notifyNeighborhood", FIELD_YES},
	{"Chat", "enableChat", FIELD_YES},
	{"Comments", "enableComments", FIELD_YES},
	{"Record", "recordStream", FIELD_YES},
};

const struct call call_streams_settings = {
	.method = "PATCH",
	.path = STREAM "/settings",
	.as = CALL_OWNER,
	.body = settings_body,
	.needs_field = true,
	CALL_FIELDS(settings_fields),
};

/* Recordings */

static const struct field vod_list_fields[] = {
	{"STREAM", "streamId"},
	{"STATE", "state"},
	{"TITLE", "title", FIELD_FLEXIBLE},
	{"DURATION", "duration", FIELD_SECONDS},
	{"SIZE", "bytes", FIELD_BYTES},
	{"SEGMENTS", "segments", FIELD_COUNT},
	{"MP4", "hasMp4", FIELD_YES},
	{"STORAGE", "storage.state"},
	{"FINISHED", "finishedAt", FIELD_TIME},
};

static const struct call_field vod_list_query[] = {{"state", "state"}, {0}};

const struct call call_vod_list = {
	.method = "GET",
	.path = "/api/v1/admin/recordings",
	.query = vod_list_query,
	CALL_FIELDS(vod_list_fields),
	.is_list = true,
};

static const struct field vod_fields[] = {
	{"Stream", "streamId"},
	{"Title", "title"},
	{"Seller", "sellerId"},
	{"State", "state"},
	{"Duration", "duration", FIELD_SECONDS},
	{"Size", "bytes", FIELD_BYTES},
	{"Segments", "segments", FIELD_COUNT},
	{"Folder", "path"},
	{"VOD", "vodUrl"},
	{"MP4", "mp4Url"},
	{"Storage", "storage.state"},
	{"Stored at", "storage.url"},
	{"Here too", "storage.local", FIELD_YES},
	{"Objects", "storage.objects", FIELD_COUNT},
	{"Objects done", "storage.objectsDone", FIELD_COUNT},
	{"Failed", "storage.attempts", FIELD_COUNT},
	{"Error", "storage.error"},
	{"Next attempt", "storage.nextAt", FIELD_TIME},
	{"Created", "createdAt", FIELD_TIME},
	{"Finished", "finishedAt", FIELD_TIME},
};

const struct call call_vod_show = {
	.method = "GET", .path = "/api/v1/admin/recordings/{0}", CALL_FIELDS(vod_fields)};

const struct call call_vod_delete = {
	.method = "DELETE", .path = "/api/v1/admin/recordings/{0}", CALL_FIELDS(vod_fields)};

/* Relays and keys */

static const struct field relay_fields[] = {
	{"ID", "id"},
	{"URL", "url", FIELD_FLEXIBLE},
	{"STATE", "state"},
	{"SINCE", "since", FIELD_TIME},
	{"SENT", "bytesSent", FIELD_BYTES},
	{"DROPPED", "packetsDropped", FIELD_COUNT},
	{"TRIES", "attempts", FIELD_COUNT},
	{"NEXT", "nextAttemptAt", FIELD_TIME},
	{"ERROR", "lastError", FIELD_FLEXIBLE},
};

const struct call call_relay_list = {
	.method = "GET",
	.path = STREAM "/relays",
	.as = CALL_OWNER,
	.member = "relays",
	CALL_FIELDS(relay_fields),
};

static const struct call_field relay_body[] = {{"1", "urls", CALL_OPERANDS}, {0}};

const struct call call_relay_set = {
	.method = "PUT",
	.path = STREAM "/relays",
	.as = CALL_OWNER,
	.body = relay_body,
	.member = "relays",
	CALL_FIELDS(relay_fields),
};

static const struct field key_fields[] = {
	{"Seller", "sellerId"}, {"RTMP server", "rtmpUrl"}, {"Stream key", "streamKey"}};

const struct call call_keys_set = {
	.method = "POST",
	.path = "/api/v1/sellers/me/stream-key",
	.as = CALL_SELLER,
	CALL_FIELDS(key_fields),
};

const struct call call_keys_remove = {
	.method = "DELETE",
	.path = "/api/v1/sellers/me/stream-key",
	.as = CALL_USER,
	CALL_FIELDS(key_fields),
};

static const struct call_field check_body[] = {{"0", "stream_key", CALL_OPERAND}, {0}};

static const struct field check_fields[] = {
	{"Valid", "valid"}, {"Stream", "streamId"}, {"Seller", "sellerId"}};

const struct call call_keys_check = {
	.method = "POST",
	.path = "/api/v1/streams/validate-key",
	.body = check_body,
	CALL_FIELDS(check_fields),
};
