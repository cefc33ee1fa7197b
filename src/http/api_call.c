#include <stdlib.h>

#include "api_internal.h"
#include "base/mem.h"

static void on_gone(void *user)
{
	struct api_call *c = user;

	c->request = NULL;
}

struct api_call *api_call_create(struct api *a, struct http_request *r,
	void (*succeeded)(struct api_call *c, const struct studio_answer *answer))
{
	struct api_call *c = mem_new(struct api_call);

	c->api = a;
	c->request = r;
	c->succeeded = succeeded;
	api_urls_of(a, r, &c->urls);
	http_request_hold(r, on_gone, c);
	return c;
}

static void call_free(struct api_call *c)
{
	free(c->path);
	json_decref(c->draft);
	free(c);
}

void api_call_answer(struct api_call *c, int status, json_t *data)
{
	if (c->request)
		reply_data(c->request, status, data);
	else
		json_decref(data);
	call_free(c);
}

void api_call_page(struct api_call *c, json_t *items, const char *next_cursor)
{
	if (c->request)
		reply_page(c->request, items, next_cursor);
	else
		json_decref(items);
	call_free(c);
}

void api_call_whole(struct api_call *c, json_t *answer)
{
	if (c->request)
		reply_json(c->request, 200, answer);
	else
		json_decref(answer);
	call_free(c);
}

void api_call_fail(
	struct api_call *c, int status, const char *code, const char *message, const char *field)
{
	if (c->request)
		reply_error(c->request, status, code, message, field);
	call_free(c);
}

void api_call_unavailable(struct api_call *c)
{
	api_call_fail(c, 503, "unavailable", "The server cannot store this now.", NULL);
}

static void fail_with_product(
	struct api_call *c, int status, const char *code, const char *format, struct uuid product)
{
	char id[UUID_TEXT_SIZE];
	char *message;

	uuid_text(id, product);
	message = mem_printf("%s: %s.", format, id);
	api_call_fail(c, status, code, message, "product_ids");
	free(message);
}

static void refuse(struct api_call *c, const struct studio_answer *answer)
{
	switch (answer->result) {
	case STUDIO_OK:
		break;
	case STUDIO_NOT_FOUND:
		api_call_fail(c, 404, "stream_not_found", "There is no such stream.", NULL);
		return;
	case STUDIO_FORBIDDEN:
		api_call_fail(c, 403, "forbidden", "This is not yours to do.", NULL);
		return;
	case STUDIO_NOT_SCHEDULED:
		api_call_fail(c, 409, "stream_not_scheduled",
			"This is possible only before the stream goes live.", NULL);
		return;
	case STUDIO_NOT_LIVE:
		api_call_fail(c, 409, "stream_not_live", "The stream is not live.", NULL);
		return;
	case STUDIO_OVER:
		api_call_fail(c, 409, "stream_over", "The stream is over.", NULL);
		return;
	case STUDIO_NO_PRODUCTS:
		api_call_fail(c, 422, "no_products",
			"A stream needs at least one product before it goes live.", NULL);
		return;
	case STUDIO_CHECKLIST:
		api_call_fail(c, 422, "checklist_incomplete",
			"camera_ready and checklist_complete must both be true.",
			"checklist_complete");
		return;
	case STUDIO_DUPLICATE_PRODUCT:
		fail_with_product(c, 409, "duplicate_product",
			"This product is in the stream already, or named twice",
			answer->product_id);
		return;
	case STUDIO_FOREIGN_PRODUCT:
		fail_with_product(c, 403, "product_not_yours",
			"This product belongs to another seller", answer->product_id);
		return;
	case STUDIO_UNKNOWN_PRODUCT:
		fail_with_product(
			c, 422, "unknown_product", "There is no such product", answer->product_id);
		return;
	case STUDIO_DRAINING:
		api_call_fail(c, 503, "draining",
			"This server is about to stop: try again in a moment.", NULL);
		return;
	case STUDIO_FAILED:
		break;
	}
	api_call_unavailable(c);
}

void api_on_studio(void *user, const struct studio_answer *answer)
{
	struct api_call *c = user;

	if (!c->request)
		call_free(c);
	else if (answer->result == STUDIO_OK)
		c->succeeded(c, answer);
	else
		refuse(c, answer);
}

/* What an encoder needs, of a stream that has a key now. */
static json_t *access_json(const struct api_call *c, const struct studio_answer *answer)
{
	char *rtmp = api_url_rtmp(c->api, &c->urls);
	json_t *o = json_pack("{s:o, s:s, s:s, s:s}", "streamId", api_id(answer->stream->id),
		"status", stream_status_text(answer->stream->status), "rtmpUrl", rtmp, "streamKey",
		answer->stream_key);

	free(rtmp);
	return o;
}

void api_answer_live(struct api_call *c, const struct studio_answer *answer)
{
	const struct stream_record *row = answer->stream;
	char *suffix = api_media_suffix(c->api, &c->urls, row);
	char *watch = api_url_watch(&c->urls, row->id);
	json_t *o = access_json(c, answer);

	json_object_set_new(o, "hlsUrl", api_hls_or_null(&c->urls, row->id, suffix));
	json_object_set_new(o, "watchUrl", json_string(watch));
	json_object_set_new(o, "startedAt", api_time_or_null(row->started_at));
	json_object_set_new(o, "notificationsSent", json_integer(answer->notifications));
	api_call_answer(c, 200, o);
	free(suffix);
	free(watch);
}

void api_answer_key(struct api_call *c, const struct studio_answer *answer)
{
	api_call_answer(c, 200, access_json(c, answer));
}

void api_answer_ended(struct api_call *c, const struct studio_answer *answer)
{
	const struct stream_record *row = answer->stream;
	char *suffix = api_media_suffix(c->api, &c->urls, row);
	json_t *o = json_pack("{s:o, s:s, s:o, s:o, s:o}", "streamId", api_id(row->id), "status",
		stream_status_text(row->status), "duration", api_stream_duration(c->api, row),
		"vodUrl", api_media_or_null(&c->urls, row->vod_url, suffix), "stats",
		api_stats_json(row));

	free(suffix);
	api_call_answer(c, 200, o);
}
