#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "live/uploads.h"

#define OFFSET_MAX 10000000

static json_t *mp4_url(
	const struct api_urls *u, const struct recording_record *rec, const char *suffix)
{
	char id[UUID_TEXT_SIZE], path[80];

	if (!rec->has_mp4 || rec->state != RECORDING_READY)
		return json_null();
	uuid_text(id, rec->stream_id);
	snprintf(path, sizeof(path), "/vod/%s/recording.mp4", id);
	return api_media_or_null(u, path, suffix);
}

static json_t *storage_json(const struct api *a, struct uuid id)
{
	const struct repo *repo = &a->config.repo;
	struct upload_progress p;
	struct upload_record row = {0};
	json_t *o;

	if (!repo->uploads || repo->uploads->upload_get(repo->impl, id, &row) != REPO_OK)
		return json_null();
	live_registry_upload_progress(a->config.registry, id, &p);
	o = json_pack("{s:s, s:s?, s:b, s:I, s:I, s:I, s:I, s:I, s:s?}", "state",
		p.running ? "sending" : upload_state_text(row.state), "url", row.url, "local",
		row.is_local, "objects", (json_int_t)(p.running ? p.objects : row.objects),
		"objectsDone", (json_int_t)(p.running ? p.objects_done : row.objects), "bytes",
		(json_int_t)(p.running ? p.bytes : row.bytes), "bytesDone",
		(json_int_t)(p.running ? p.bytes_done : row.bytes), "attempts",
		(json_int_t)row.attempts, "error", row.last_error);
	json_object_set_new(o, "nextAt",
		row.attempts && row.last_error ? api_time_or_null(row.next_at) : json_null());
	json_object_set_new(o, "storedAt", api_time_or_null(row.stored_at));
	upload_record_finish(&row);
	return o;
}

static json_t *recording_json(
	const struct api *a, const struct api_urls *u, const struct recording_record *rec)
{
	struct stream_record row = {0};
	char *suffix = NULL;
	json_t *o = json_pack("{s:o, s:s, s:s?, s:f, s:I, s:I, s:b}", "streamId",
		api_id(rec->stream_id), "state", recording_state_text(rec->state), "path",
		rec->path, "duration", (double)rec->duration_ms / 1000, "bytes",
		(json_int_t)rec->bytes, "segments", (json_int_t)rec->segments, "hasMp4",
		rec->has_mp4);

	if (a->config.repo.ops->stream_get(a->config.repo.impl, rec->stream_id, &row) == REPO_OK)
		suffix = api_media_suffix(a, u, &row);
	json_object_set_new(o, "title", api_text_or_null(row.title));
	json_object_set_new(o, "sellerId", api_text_or_null(row.seller_id));
	json_object_set_new(o, "vodUrl", api_media_or_null(u, row.vod_url, suffix));
	json_object_set_new(o, "mp4Url", mp4_url(u, rec, suffix));
	json_object_set_new(o, "storage", storage_json(a, rec->stream_id));
	json_object_set_new(o, "createdAt", api_time_or_null(rec->created_at));
	json_object_set_new(o, "finishedAt", api_time_or_null(rec->finished_at));
	stream_record_finish(&row);
	free(suffix);
	return o;
}

static const char *const states[] = {"open", "ready", "failed", "deleted", NULL};

static int state_of(const char *text)
{
	for (int i = 0; states[i]; i++)
		if (text_eq(states[i], text))
			return i;
	return -1;
}

static void reply_list(const struct api *a, struct http_request *r, struct recording_record *rows,
	size_t n, const char *next)
{
	struct api_urls urls;
	json_t *items = json_array();

	api_urls_of(a, r, &urls);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, recording_json(a, &urls, &rows[i]));
	reply_page(r, items, next);
}

static void list(void *user, struct http_request *r)
{
	const struct api *a = user;
	struct api_arg state_room, cursor_room;
	const char *cursor = api_arg(r, "cursor", &cursor_room);
	unsigned limit = router_limit(r);
	struct recording_record *rows;
	uint64_t offset = 0;
	char next[24];
	size_t n;

	if (*cursor && !text_u64(cursor, 0, OFFSET_MAX, &offset)) {
		reply_error(r, 422, "invalid_cursor", "The cursor is not one of ours.", "cursor");
		return;
	}
	if (a->config.repo.ops->recording_list(a->config.repo.impl,
		    state_of(api_arg(r, "state", &state_room)), limit + 1, (unsigned)offset, &rows,
		    &n) != REPO_OK) {
		api_reply_unreadable(r);
		return;
	}
	snprintf(next, sizeof(next), "%llu", (unsigned long long)offset + limit);
	reply_list(a, r, rows, n > limit ? limit : n, n > limit ? next : NULL);
	for (size_t i = 0; i < n; i++)
		recording_record_finish(&rows[i]);
	free(rows);
}

/* False, with the answer given, if there is none. */
static bool recording_of(const struct api *a, struct http_request *r, struct recording_record *out)
{
	struct uuid id;
	enum repo_result result;

	if (!router_param_uuid(r, "id", &id))
		return false;
	result = a->config.repo.ops->recording_get(a->config.repo.impl, id, out);
	if (result == REPO_NOT_FOUND)
		reply_error(r, 404, "recording_not_found", "There is no recording of it.", NULL);
	else if (result != REPO_OK)
		api_reply_unreadable(r);
	return result == REPO_OK;
}

static void show(void *user, struct http_request *r)
{
	const struct api *a = user;
	struct recording_record rec;
	struct api_urls urls;

	if (!recording_of(a, r, &rec))
		return;
	api_urls_of(a, r, &urls);
	reply_data(r, 200, recording_json(a, &urls, &rec));
	recording_record_finish(&rec);
}

static void on_deleted(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;

	switch (outcome->result) {
	case REPO_OK:
		api_call_answer(c, 200,
			json_pack("{s:o, s:s}", "streamId", api_id(c->id), "state",
				recording_state_text(RECORDING_DELETED)));
		return;
	case REPO_NOT_FOUND:
		api_call_fail(c, 404, "recording_not_found", "There is no recording of it.", NULL);
		return;
	case REPO_WRONG_STATE:
		api_call_fail(c, 409, "stream_is_live", "It is still being recorded.", NULL);
		return;
	case REPO_DUPLICATE:
	case REPO_NOT_OWNER:
	case REPO_NO_PRODUCTS:
	case REPO_NO_SUCH_PRODUCT:
	case REPO_FAILED:
		break;
	}
	api_call_unavailable(c);
}

static void delete_recording(void *user, struct http_request *r)
{
	struct api *a = user;
	struct recording_record rec;
	struct api_call *c;

	if (!recording_of(a, r, &rec))
		return;
	c = api_call_create(a, r, NULL);
	c->id = rec.stream_id;
	recording_record_finish(&rec);
	live_registry_delete_recording(a->config.registry, c->id, on_deleted, c);
}

/* How it stands with object storage as a whole. */
static void show_storage(void *user, struct http_request *r)
{
	const struct api *a = user;
	const struct repo *repo = &a->config.repo;
	struct upload_counts n = {0};

	if (repo->uploads && repo->uploads->upload_counts(repo->impl, &n) != REPO_OK) {
		api_reply_unreadable(r);
		return;
	}
	reply_data(r, 200,
		json_pack("{s:I, s:I, s:I, s:I, s:I}", "waiting", (json_int_t)n.waiting, "stored",
			(json_int_t)n.stored, "removing", (json_int_t)n.removing, "kept",
			(json_int_t)n.kept, "failing", (json_int_t)n.failing));
}

static const struct shape_field counts_fields[] = {
	{"waiting", SHAPE_INTEGER},
	{"stored", SHAPE_INTEGER},
	{"removing", SHAPE_INTEGER},
	{"kept", SHAPE_INTEGER},
	{"failing", SHAPE_INTEGER, .text = "Of those: the last attempt failed."},
};
static const struct shape counts_shape = {"Storage", counts_fields, API_COUNT(counts_fields)};

static const struct route_field list_query[] = {
	{"state", FIELD_STRING, .words = states},
	{"limit", FIELD_INTEGER, .min = 1, .max = 100},
	{"cursor", FIELD_STRING, .min = 1, .max = 20},
};

static const struct shape_field storage_fields[] = {
	{"state", SHAPE_TEXT, .text = "waiting, sending, stored, removing, or kept: stays here."},
	{"url", SHAPE_TEXT, .nullable = true, .text = "Of the folder, for viewers."},
	{"local", SHAPE_BOOL, .text = "Whether the files are on the disk too."},
	{"objects", SHAPE_INTEGER},
	{"objectsDone", SHAPE_INTEGER},
	{"bytes", SHAPE_INTEGER},
	{"bytesDone", SHAPE_INTEGER},
	{"attempts", SHAPE_INTEGER, .text = "That failed, since one got anywhere."},
	{"error", SHAPE_TEXT, .nullable = true, .text = "Of the last attempt."},
	{"nextAt", SHAPE_TIME, .nullable = true, .text = "When the next attempt is."},
	{"storedAt", SHAPE_TIME, .nullable = true},
};
static const struct shape storage_shape = {
	"RecordingStorage", storage_fields, API_COUNT(storage_fields)};

static const struct shape_field recording_fields[] = {
	{"streamId", SHAPE_UUID},
	{"state", SHAPE_TEXT},
	{"title", SHAPE_TEXT, .nullable = true},
	{"sellerId", SHAPE_TEXT, .nullable = true},
	{"path", SHAPE_TEXT, .nullable = true, .text = "Of its folder."},
	{"duration", SHAPE_NUMBER, .text = "Seconds."},
	{"bytes", SHAPE_INTEGER},
	{"segments", SHAPE_INTEGER},
	{"hasMp4", SHAPE_BOOL},
	{"vodUrl", SHAPE_TEXT, .nullable = true},
	{"mp4Url", SHAPE_TEXT, .nullable = true},
	{"storage", SHAPE_OBJECT, .nullable = true, .of = &storage_shape,
		.text = "null: no object storage is meant for it."},
	{"createdAt", SHAPE_TIME, .nullable = true},
	{"finishedAt", SHAPE_TIME, .nullable = true},
};
static const struct shape recording_shape = {
	"Recording", recording_fields, API_COUNT(recording_fields)};

static const struct shape_field deleted_fields[] = {
	{"streamId", SHAPE_UUID},
	{"state", SHAPE_TEXT},
};
static const struct shape deleted_shape = {
	"RecordingDeleted", deleted_fields, API_COUNT(deleted_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/recordings", ROUTE_ADMIN, "Recordings, newest first.",
		.query = list_query, .n_query = API_COUNT(list_query), .list = true,
		.answer = "Recordings.", .shape = &recording_shape, .errors = "422 invalid_cursor",
		.handler = list},
	{HTTP_GET, "/api/v1/admin/recordings/{id}", ROUTE_ADMIN, "A stream's recording.",
		.answer = "The recording.", .shape = &recording_shape,
		.errors = "404 not_found, 404 recording_not_found", .handler = show},
	{HTTP_GET, "/api/v1/admin/storage", ROUTE_ADMIN,
		"Recordings on their way to object storage, and there.",
		.answer = "How many are in which state.", .shape = &counts_shape,
		.handler = show_storage},
	{HTTP_DELETE, "/api/v1/admin/recordings/{id}", ROUTE_ADMIN,
		"Delete a recording; the stream stays.", .answer = "streamId and state.",
		.shape = &deleted_shape,
		.errors = "404 not_found, 404 recording_not_found, 409 stream_is_live",
		.handler = delete_recording},
};

void api_admin_recordings_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
