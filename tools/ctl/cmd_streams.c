#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "client.h"
#include "output.h"

#define ADMIN_STREAMS "/api/v1/admin/streams"

/* What an encoder and a viewer need. */
static const struct field access_fields[] = {
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

static const struct field end_fields[] = {
	{"Stream", "streamId"},
	{"Status", "status"},
	{"Duration", "duration", FIELD_SECONDS},
	{"VOD", "vodUrl"},
	{"Peak viewers", "stats.peakViewers", FIELD_COUNT},
};

static const struct field kick_fields[] = {{"Stream", "streamId"}, {"Kicked", "kicked"}};

/* An id goes into a path: nothing that would change its meaning. */
static bool id_valid(const char *id)
{
	for (const char *p = id; *p != '\0'; p++) {
		bool fine = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
			(*p >= 'A' && *p <= 'Z') || *p == '-';
		if (!fine) {
			ctl_error("%s is not the id of a stream", id);
			return false;
		}
	}
	return id[0] != '\0';
}

/* METHOD ADMIN/{id}/action for the operand, and the answer by these fields. */
static enum ctl_exit act(struct ctl *c, const char *method, const char *base, const char *action,
	const struct field *fields, size_t n)
{
	if (!id_valid(c->args.operands[0])) {
		return CTL_FAILED;
	}
	char *path = mem_printf("%s/%s%s", base, c->args.operands[0], action);
	json_t *answer;
	enum ctl_exit result = client_call(c, method, path, NULL, &answer);
	free(path);
	if (result == CTL_OK) {
		output_object(c, answer, fields, n);
	}
	return result;
}

static void set_text(struct ctl *c, json_t *body, const char *member, const char *option)
{
	const char *text = args_get(&c->args, option);
	if (text != NULL) {
		json_object_set_new(body, member, json_string(text));
	}
}

enum ctl_exit streams_create_run(struct ctl *c)
{
	json_t *body = json_object(), *answer;
	set_text(c, body, "seller_id", "seller");
	set_text(c, body, "title", "title");
	set_text(c, body, "description", "description");
	set_text(c, body, "category", "category");
	set_text(c, body, "audience", "audience");
	if (args_has(&c->args, "no-record")) {
		json_object_set_new(body, "record_stream", json_false());
	}
	json_object_set_new(body, "live", json_boolean(args_has(&c->args, "live")));
	enum ctl_exit result = client_call(c, "POST", ADMIN_STREAMS, body, &answer);
	json_decref(body);
	if (result == CTL_OK) {
		output_object(c, answer, access_fields, OUTPUT_COUNT(access_fields));
	}
	return result;
}

/* --limit, 0 if it is not given; false with a line on stderr if it is no number. */
static bool take_limit(struct ctl *c, size_t *limit)
{
	const char *text = args_get(&c->args, "limit");
	uint64_t v = 0;
	if (text != NULL && !text_u64(text, 1, 1000000, &v)) {
		ctl_error("--limit must be a number from 1 to 1000000");
		return false;
	}
	*limit = (size_t)v;
	return true;
}

enum ctl_exit streams_list_run(struct ctl *c)
{
	struct buf path = {0};
	size_t limit;
	json_t *list;
	if (!take_limit(c, &limit)) {
		return CTL_USAGE;
	}
	buf_put_str(&path, "/api/v1/streams");
	client_query(&path, "status", args_get(&c->args, "status"));
	client_query(&path, "seller", args_get(&c->args, "seller"));
	client_query(&path, "category", args_get(&c->args, "category"));
	enum ctl_exit result = client_list(c, buf_text(&path), limit, &list);
	buf_finish(&path);
	if (result == CTL_OK) {
		output_list(c, list, list_fields, OUTPUT_COUNT(list_fields));
	}
	return result;
}

enum ctl_exit streams_show_run(struct ctl *c)
{
	return act(c, "GET", ADMIN_STREAMS, "", show_fields, OUTPUT_COUNT(show_fields));
}

enum ctl_exit streams_go_live_run(struct ctl *c)
{
	return act(
		c, "POST", ADMIN_STREAMS, "/go-live", access_fields, OUTPUT_COUNT(access_fields));
}

enum ctl_exit streams_rotate_key_run(struct ctl *c)
{
	return act(c, "POST", ADMIN_STREAMS, "/rotate-key", access_fields,
		OUTPUT_COUNT(access_fields));
}

enum ctl_exit streams_end_run(struct ctl *c)
{
	return act(c, "POST", ADMIN_STREAMS, "/end", end_fields, OUTPUT_COUNT(end_fields));
}

enum ctl_exit streams_kick_run(struct ctl *c)
{
	return act(c, "POST", ADMIN_STREAMS, "/kick", kick_fields, OUTPUT_COUNT(kick_fields));
}

/* Recordings */

#define ADMIN_RECORDINGS "/api/v1/admin/recordings"

static const struct field vod_list_fields[] = {
	{"STREAM", "streamId"},
	{"STATE", "state"},
	{"TITLE", "title", FIELD_FLEXIBLE},
	{"DURATION", "duration", FIELD_SECONDS},
	{"SIZE", "bytes", FIELD_BYTES},
	{"SEGMENTS", "segments", FIELD_COUNT},
	{"MP4", "hasMp4", FIELD_YES},
	{"FINISHED", "finishedAt", FIELD_TIME},
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
	{"Created", "createdAt", FIELD_TIME},
	{"Finished", "finishedAt", FIELD_TIME},
};

enum ctl_exit vod_list_run(struct ctl *c)
{
	size_t limit;
	json_t *list;
	if (!take_limit(c, &limit)) {
		return CTL_USAGE;
	}
	struct buf path = {0};
	buf_put_str(&path, ADMIN_RECORDINGS);
	client_query(&path, "state", args_get(&c->args, "state"));
	enum ctl_exit result = client_list(c, buf_text(&path), limit, &list);
	buf_finish(&path);
	if (result == CTL_OK) {
		output_list(c, list, vod_list_fields, OUTPUT_COUNT(vod_list_fields));
	}
	return result;
}

enum ctl_exit vod_show_run(struct ctl *c)
{
	return act(c, "GET", ADMIN_RECORDINGS, "", vod_fields, OUTPUT_COUNT(vod_fields));
}

enum ctl_exit vod_delete_run(struct ctl *c)
{
	return act(c, "DELETE", ADMIN_RECORDINGS, "", vod_fields, OUTPUT_COUNT(vod_fields));
}
