#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rcbuf.h"
#include "base/text.h"
#include "hls_private.h"
#include "http/reply.h"
#include "live/uploads.h"

/* A playlist of a day of two-second segments is 3 MB. */
#define PLAYLIST_MAX (16 * 1024 * 1024)

static char *file_path(const struct hls *h, struct uuid id, const char *name)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(text, id);
	return mem_printf("%s/%s/%s", h->media_root, text, name);
}

/* The whole file; NULL: gone or too large. */
static struct rcbuf *read_file(const char *path, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct rcbuf *bytes;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0 || size > PLAYLIST_MAX) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	bytes = rcbuf_create(size);
	while (len < size && n > 0) {
		n = read(fd, rcbuf_writable(bytes) + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (len < size)
		rcbuf_unref(&bytes);
	return bytes;
}

/* The playlist with the token of who asks behind every URI. */
static struct rcbuf *with_suffix(struct rcbuf *text, enum hls_kind kind, const char *suffix)
{
	struct buf out = {0};
	struct rcbuf *result;

	if (kind == HLS_STORYBOARD)
		hls_rewrite_index((const char *)rcbuf_data(text), rcbuf_len(text), suffix, &out);
	else
		hls_rewrite((const char *)rcbuf_data(text), rcbuf_len(text), suffix, &out);
	result = rcbuf_from(out.data, out.len);
	buf_finish(&out);
	rcbuf_unref(&text);
	return result;
}

static void answer_playlist(struct hls *h, struct http_request *r, const struct hls_ask *ask,
	const char *path, size_t size, const char *etag)
{
	struct rcbuf *text = read_file(path, size);

	if (!text) {
		reply_error(r, 404, "not_found", "There is no such recording.", NULL);
		return;
	}
	if (ask->suffix[0])
		text = with_suffix(text, ask->name.kind, ask->suffix);
	metric_add(h->bytes, rcbuf_len(text));
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type =
				ask->name.kind == HLS_STORYBOARD ? "text/vtt" : hls_playlist_type,
			.cache_control = ask->for_one ? "private, no-cache" : "public, max-age=60",
			.etag = etag,
			.gzip = true,
			.cors = true,
			.kind = HTTP_BODY_PIECES,
			.pieces = &text,
			.n_pieces = 1});
	rcbuf_unref(&text);
}

/* Pictures are made anew where a stream went on after a restart. */
static const char *picture_kept(bool for_one)
{
	return for_one ? "private, max-age=60" : "public, max-age=60";
}

static void answer_file(struct hls *h, struct http_request *r, const struct hls_ask *ask,
	const char *path, size_t size, const char *etag)
{
	bool picture = ask->name.kind == HLS_PICTURE;

	metric_add(h->bytes, size);
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = picture ? hls_picture_type : hls_media_type_of(&ask->name),
			.cache_control =
				picture ? picture_kept(ask->for_one) : hls_immutable(ask->for_one),
			.etag = etag,
			.ranges = true,
			.cors = true,
			.kind = HTTP_BODY_FILE,
			.path = path});
}

/* A request for a progressive file that is made on demand. */
struct mp4_ask {
	struct list link; /* hls.mp4_asks */
	struct hls *hls;
	struct http_request *request; /* NULL: the peer is gone, or was answered at the end */
	struct uuid id;
	bool for_one;
};

static bool answer_stored(
	struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask);

static void no_recording(struct http_request *r)
{
	reply_error(r, 404, "not_found", "There is no such recording.", NULL);
}

static void mp4_gone(void *user)
{
	struct mp4_ask *ask = user;

	ask->request = NULL;
}

static void mp4_made(void *user, bool ok)
{
	struct mp4_ask *ask = user;
	struct http_request *r = ask->request;
	struct hls *h = ask->hls;
	struct uuid id = ask->id;
	const struct hls_ask file = {
		.name = {.kind = HLS_RECORDING}, .text = "recording.mp4", .for_one = ask->for_one};

	list_remove(&ask->link);
	free(ask);
	if (r && !(ok && answer_stored(h, r, id, &file)))
		no_recording(r);
}

static void ask_for_mp4(struct hls *h, struct http_request *r, struct uuid id, bool for_one)
{
	struct mp4_ask *ask = mem_new(struct mp4_ask);

	*ask = (struct mp4_ask){.hls = h, .request = r, .id = id, .for_one = for_one};
	list_append(&h->mp4_asks, &ask->link);
	http_request_hold(r, mp4_gone, ask);
	live_registry_make_mp4(h->config.registry, id, mp4_made, ask);
}

void hls_vod_destroy_all(struct hls *h)
{
	struct mp4_ask *ask, *next;

	list_for_each_safe (ask, next, &h->mp4_asks, link) {
		struct http_request *r = ask->request;
		ask->request = NULL;
		list_remove(&ask->link);
		if (r)
			reply_retry(r, 503, "draining", "The server is shutting down.", 1);
	}
}

static bool has_mp4(const struct hls *h, struct uuid id)
{
	const struct repo *repo = &h->config.repo;
	struct recording_record row;
	bool has = repo->ops->recording_get(repo->impl, id, &row) == REPO_OK && row.has_mp4;

	recording_record_finish(&row);
	return has;
}

/* To where a recording's files are if not here; false: nowhere. Only what is for all is there. */
static bool answer_away(struct hls *h, struct http_request *r, struct uuid id, const char *name)
{
	char *url = live_registry_upload_url(h->config.registry, id), *location;

	if (!url || (text_eq(name, "recording.mp4") && !has_mp4(h, id))) {
		free(url);
		return false;
	}
	location = mem_printf("%s/%s", url, name);
	http_respond(r,
		&(struct http_response){.status = 302,
			.cache_control = "no-cache",
			.location = location,
			.cors = true});
	free(location);
	free(url);
	return true;
}

void hls_vod_get(struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *from)
{
	struct hls_ask ask = *from;

	/* Only names of this shape reach the file system: nothing to climb with. */
	if (!hls_name_parse(ask.text, &ask.name) || ask.name.kind == HLS_PART) {
		reply_error(r, 404, "not_found", "A recording has no such file.", NULL);
		return;
	}
	metric_add(h->requests[ask.name.kind], 1);
	if (ask.name.kind == HLS_CHAT) {
		hls_chat_get(h, r, id, &ask);
		return;
	}
	if (answer_stored(h, r, id, &ask) || answer_away(h, r, id, ask.text))
		return;
	if (ask.name.kind == HLS_RECORDING)
		ask_for_mp4(h, r, id, ask.for_one);
	else
		no_recording(r);
}

/* False: no such file. */
static bool answer_stored(
	struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask)
{
	char *path = file_path(h, id, ask->text), etag[64];
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode)) {
		free(path);
		return false;
	}
	snprintf(etag, sizeof(etag), "\"%llx-%llx\"", (unsigned long long)st.st_size,
		(unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
			(unsigned long long)st.st_mtim.tv_nsec);
	if (ask->name.kind == HLS_PLAYLIST || ask->name.kind == HLS_STORYBOARD)
		answer_playlist(h, r, ask, path, (size_t)st.st_size, etag);
	else
		answer_file(h, r, ask, path, (size_t)st.st_size, etag);
	free(path);
	return true;
}

static void redirect(
	struct http_request *r, const struct hls_ask *ask, struct uuid id, const char *name)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(text, id);
	char *location = mem_printf("/vod/%s/%s%s", text, name, ask->suffix);
	http_respond(r,
		&(struct http_response){.status = 302,
			.cache_control = ask->for_one ? "private, no-cache" : "no-cache",
			.location = location,
			.cors = true});
	free(location);
}

static const char *name_in_vod(const struct hls_ask *ask)
{
	switch (ask->name.kind) {
	case HLS_PLAYLIST:
		return "index.m3u8";
	case HLS_PICTURE:
		return "poster.jpg";
	case HLS_INIT:
	case HLS_SEGMENT:
		return ask->text;
	case HLS_PART:
	case HLS_RECORDING:
	case HLS_STORYBOARD:
	case HLS_CHAT:
	case HLS_KINDS:
		break;
	}
	return NULL;
}

bool hls_vod_redirect(
	struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask)
{
	const char *name = name_in_vod(ask);
	char *path = name ? file_path(h, id, name) : NULL;
	bool there = path && access(path, R_OK) == 0;

	free(path);
	if (there)
		redirect(r, ask, id, name);
	return there || (name && answer_away(h, r, id, name));
}
