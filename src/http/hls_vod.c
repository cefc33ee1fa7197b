#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rcbuf.h"
#include "hls_private.h"
#include "http/reply.h"

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

static void answer_playlist(
	struct hls *h, struct http_request *r, const char *path, size_t size, const char *etag)
{
	struct rcbuf *text = read_file(path, size);

	if (!text) {
		reply_error(r, 404, "not_found", "There is no such recording.", NULL);
		return;
	}
	metric_add(h->bytes, rcbuf_len(text));
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = hls_playlist_type,
			.cache_control = "public, max-age=60",
			.etag = etag,
			.gzip = true,
			.cors = true,
			.kind = HTTP_BODY_PIECES,
			.pieces = &text,
			.n_pieces = 1});
	rcbuf_unref(&text);
}

static void answer_file(
	struct hls *h, struct http_request *r, const char *path, size_t size, const char *etag)
{
	metric_add(h->bytes, size);
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = hls_media_type,
			.cache_control = hls_immutable,
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
};

static bool answer_stored(struct hls *h, struct http_request *r, struct uuid id, const char *text,
	enum hls_kind kind);

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

	list_remove(&ask->link);
	free(ask);
	if (r && !(ok && answer_stored(h, r, id, "recording.mp4", HLS_RECORDING)))
		no_recording(r);
}

static void ask_for_mp4(struct hls *h, struct http_request *r, struct uuid id)
{
	struct mp4_ask *ask = mem_new(struct mp4_ask);

	*ask = (struct mp4_ask){.hls = h, .request = r, .id = id};
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

void hls_vod_get(struct hls *h, struct http_request *r, struct uuid id, const char *text)
{
	struct hls_name name;

	/* Only names of this shape reach the file system: nothing to climb with. */
	if (!hls_name_parse(text, &name) || name.kind == HLS_PART) {
		reply_error(r, 404, "not_found", "A recording has no such file.", NULL);
		return;
	}
	metric_add(h->requests[name.kind], 1);
	if (answer_stored(h, r, id, text, name.kind))
		return;
	if (name.kind == HLS_RECORDING)
		ask_for_mp4(h, r, id);
	else
		no_recording(r);
}

/* False: no such file. */
static bool answer_stored(
	struct hls *h, struct http_request *r, struct uuid id, const char *text, enum hls_kind kind)
{
	char *path = file_path(h, id, text), etag[64];
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode)) {
		free(path);
		return false;
	}
	snprintf(etag, sizeof(etag), "\"%llx-%llx\"", (unsigned long long)st.st_size,
		(unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
			(unsigned long long)st.st_mtim.tv_nsec);
	if (kind == HLS_PLAYLIST)
		answer_playlist(h, r, path, (size_t)st.st_size, etag);
	else
		answer_file(h, r, path, (size_t)st.st_size, etag);
	free(path);
	return true;
}

void hls_vod_redirect(struct hls *h, struct http_request *r, struct uuid id,
	const struct hls_name *name, const char *suffix)
{
	char *path = file_path(h, id, "index.m3u8");
	bool there = name->kind == HLS_PLAYLIST && access(path, R_OK) == 0;
	char text[UUID_TEXT_SIZE];

	free(path);
	if (!there) {
		reply_error(r, 404, "stream_not_found", "There is no such stream.", NULL);
		return;
	}
	uuid_text(text, id);
	char *location = mem_printf("/vod/%s/index.m3u8%s", text, suffix);
	http_respond(r,
		&(struct http_response){.status = 302,
			.cache_control = "no-cache",
			.location = location,
			.cors = true});
	free(location);
}
