#include "model/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const status_texts[] = {
	[STREAM_SCHEDULED] = "scheduled",
	[STREAM_LIVE] = "live",
	[STREAM_ENDED] = "ended",
	[STREAM_CANCELLED] = "cancelled",
};
static const char *const audience_texts[] = {
	[AUDIENCE_EVERYONE] = "everyone",
	[AUDIENCE_FOLLOWERS] = "followers",
	[AUDIENCE_NEIGHBORHOOD] = "neighborhood",
};
static const char *const recording_texts[] = {
	[RECORDING_OPEN] = "open",
	[RECORDING_READY] = "ready",
	[RECORDING_FAILED] = "failed",
	[RECORDING_DELETED] = "deleted",
};
/* In the order of the bits of enum user_role. */
static const char *const role_texts[] = {"seller", "buyer", "moderator", "admin"};

static int find_text(const char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(texts[i], text) == 0) {
			return (int)i;
		}
	}
	return -1;
}

const char *stream_status_text(enum stream_status s)
{
	return status_texts[s];
}

bool stream_status_parse(const char *text, enum stream_status *out)
{
	int i = find_text(status_texts, COUNT(status_texts), text);
	if (i >= 0) {
		*out = (enum stream_status)i;
	}
	return i >= 0;
}

const char *stream_audience_text(enum stream_audience a)
{
	return audience_texts[a];
}

bool stream_audience_parse(const char *text, enum stream_audience *out)
{
	int i = find_text(audience_texts, COUNT(audience_texts), text);
	if (i >= 0) {
		*out = (enum stream_audience)i;
	}
	return i >= 0;
}

const char *recording_state_text(enum recording_state s)
{
	return recording_texts[s];
}

bool recording_state_parse(const char *text, enum recording_state *out)
{
	int i = find_text(recording_texts, COUNT(recording_texts), text);
	if (i >= 0) {
		*out = (enum recording_state)i;
	}
	return i >= 0;
}

bool user_role_parse(const char *text, unsigned *roles)
{
	int i = find_text(role_texts, COUNT(role_texts), text);
	if (i >= 0) {
		*roles |= 1u << i;
	}
	return i >= 0;
}

void user_roles_text(unsigned roles, char *out, size_t size)
{
	size_t at = 0;
	if (size == 0) {
		return;
	}
	out[0] = '\0';
	for (size_t i = 0; i < COUNT(role_texts); i++) {
		size_t need = strlen(role_texts[i]) + (at > 0);
		if ((roles & 1u << i) == 0 || need >= size - at) {
			continue;
		}
		if (at > 0) {
			out[at++] = ',';
		}
		text_copy(out + at, size - at, role_texts[i]);
		at += strlen(role_texts[i]);
	}
}

void user_record_finish(struct user_record *r)
{
	free(r->id);
	free(r->name);
	free(r->avatar);
	free(r->neighborhood);
	*r = (struct user_record){0};
}

void stream_record_finish(struct stream_record *r)
{
	free(r->seller_id);
	free(r->title);
	free(r->description);
	free(r->category);
	free(r->end_reason);
	free(r->vod_url);
	free(r->thumbnail_url);
	*r = (struct stream_record){0};
}

void product_record_finish(struct product_record *r)
{
	free(r->seller_id);
	free(r->name);
	free(r->description);
	free(r->image_url);
	free(r->url);
	free(r->currency);
	*r = (struct product_record){0};
}

void stream_product_record_finish(struct stream_product_record *r)
{
	product_record_finish(&r->product);
	*r = (struct stream_product_record){0};
}

void recording_record_finish(struct recording_record *r)
{
	free(r->path);
	*r = (struct recording_record){0};
}

void user_record_copy(struct user_record *out, const struct user_record *r)
{
	*out = *r;
	out->id = mem_strdup(r->id);
	out->name = mem_strdup(r->name);
	out->avatar = mem_strdup(r->avatar);
	out->neighborhood = mem_strdup(r->neighborhood);
}

void stream_record_copy(struct stream_record *out, const struct stream_record *r)
{
	*out = *r;
	out->seller_id = mem_strdup(r->seller_id);
	out->title = mem_strdup(r->title);
	out->description = mem_strdup(r->description);
	out->category = mem_strdup(r->category);
	out->end_reason = mem_strdup(r->end_reason);
	out->vod_url = mem_strdup(r->vod_url);
	out->thumbnail_url = mem_strdup(r->thumbnail_url);
}

void product_record_copy(struct product_record *out, const struct product_record *r)
{
	*out = *r;
	out->seller_id = mem_strdup(r->seller_id);
	out->name = mem_strdup(r->name);
	out->description = mem_strdup(r->description);
	out->image_url = mem_strdup(r->image_url);
	out->url = mem_strdup(r->url);
	out->currency = mem_strdup(r->currency);
}

void recording_record_copy(struct recording_record *out, const struct recording_record *r)
{
	*out = *r;
	out->path = mem_strdup(r->path);
}
