#include "upload_plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define PLAYLIST_MAX (32 * 1024 * 1024)
#define INDEX "index.m3u8"

static const char *ending(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : "";
}

const char *upload_content_type(const char *name)
{
	static const char *const types[][2] = {
		{"m3u8", "application/vnd.apple.mpegurl"},
		{"mp4", "video/mp4"},
		{"m4s", "video/mp4"},
		{"ts", "video/mp2t"},
		{"jpg", "image/jpeg"},
		{"vtt", "text/vtt"},
		{"json", "application/json"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (text_eq(ending(name), types[i][0]))
			return types[i][1];
	return "application/octet-stream";
}

const char *upload_cache_control(const char *name)
{
	bool media = text_starts(name, "seg_") || text_starts(name, "init_") ||
		text_eq(name, "recording.mp4");

	return media ? "public, max-age=31536000, immutable" : "public, max-age=60";
}

/* The name in URI="…", without a fragment; false: none. */
static bool attribute_name(const char *line, size_t len, const char **name, size_t *n)
{
	const char *uri = memmem(line, len, "URI=\"", 5);
	const char *end = uri ? memchr(uri + 5, '"', len - (size_t)(uri + 5 - line)) : NULL;

	if (!end)
		return false;
	*name = uri + 5;
	*n = (size_t)(end - *name);
	return true;
}

void upload_playlist_names(const char *text, size_t len, struct buf *out)
{
	for (const char *end = text + len; text < end;) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)), *name = text;
		size_t n = (size_t)((stop ? stop : end) - text), line = n;
		while (n && name[n - 1] == '\r')
			n--;
		if (n && (name[0] != '#' || attribute_name(text, n, &name, &n))) {
			buf_put(out, name, n);
			buf_put_u8(out, '\n');
		}
		text += line + 1;
	}
}

char *upload_prefix(const char *prefix, const char *id_text)
{
	return prefix ? mem_printf("%s/%s/", prefix, id_text) : mem_printf("%s/", id_text);
}

static size_t without_slash(const char *url)
{
	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		len--;
	return len;
}

char *upload_url(const char *public_url, const char *endpoint, bool path_style, const char *bucket,
	const char *prefix)
{
	const char *host = strstr(endpoint, "://");
	int len = (int)without_slash(prefix);

	if (public_url)
		return mem_printf(
			"%.*s/%.*s", (int)without_slash(public_url), public_url, len, prefix);
	host = host ? host + 3 : endpoint;
	if (path_style)
		return mem_printf("%.*s/%s/%.*s", (int)without_slash(endpoint), endpoint, bucket,
			len, prefix);
	return mem_printf("%.*s%s.%.*s/%.*s", (int)(host - endpoint), endpoint, bucket,
		(int)without_slash(host), host, len, prefix);
}

/* Plans in the making. */
struct making {
	const char *dir;
	struct upload_plan *plan;
	struct map *seen; /* names */
	size_t cap;
};

static bool fault(struct making *m, const char *name, const char *why)
{
	snprintf(m->plan->fault, sizeof(m->plan->fault), "%s: %s", name, why);
	return false;
}

/* A name as soukd makes them: no way out of the folder, nothing that needs encoding. */
static bool is_plain(const char *name)
{
	return name[0] != '.' && name[0] &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(name);
}

static bool add(struct making *m, const char *name, enum upload_phase phase)
{
	struct upload_plan *p = m->plan;
	struct upload_object *o;
	struct stat st;
	char *path;

	if (!is_plain(name) || strlen(name) >= sizeof(o->name))
		return fault(m, name, "not a name of a recording's file");
	if (map_get(m->seen, name, strlen(name)))
		return true;
	path = mem_printf("%s/%s", m->dir, name);
	bool there = stat(path, &st) == 0 && S_ISREG(st.st_mode);
	free(path);
	if (!there)
		return fault(m, name, "the playlist names it, but it is not there");
	map_put(m->seen, name, strlen(name), m);
	if (p->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		p->objects = mem_realloc(p->objects, m->cap * sizeof(*p->objects));
	}
	o = &p->objects[p->n++];
	*o = (struct upload_object){.phase = phase, .size = (uint64_t)st.st_size};
	text_copy(o->name, sizeof(o->name), name);
	p->bytes += o->size;
	return true;
}

static bool read_playlist(struct making *m, const char *name, struct buf *out)
{
	char *path = mem_printf("%s/%s", m->dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = 1;

	free(path);
	if (fd < 0)
		return fault(m, name, strerror(errno));
	while (n > 0 && out->len < PLAYLIST_MAX) {
		n = read(fd, buf_reserve(out, 65536), 65536);
		out->len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return n == 0 || fault(m, name, "cannot be read");
}

static bool add_playlist(struct making *m, const char *name, unsigned depth);

static bool add_named(struct making *m, char *names, unsigned depth)
{
	for (char *name = names, *end; (end = strchr(name, '\n')); name = end + 1) {
		*end = '\0';
		bool playlist = text_eq(ending(name), "m3u8");
		if (playlist && depth > 0)
			return fault(m, name, "a playlist too deep");
		if (!(playlist ? add_playlist(m, name, depth + 1) : add(m, name, UPLOAD_MEDIA)))
			return false;
	}
	return true;
}

static bool add_playlist(struct making *m, const char *name, unsigned depth)
{
	struct buf text = {0}, names = {0};
	bool good = read_playlist(m, name, &text);

	if (good) {
		upload_playlist_names((const char *)text.data, text.len, &names);
		char *copy = mem_strdup(buf_text(&names));
		good = add_named(m, copy, depth);
		free(copy);
	}
	buf_finish(&text);
	buf_finish(&names);
	return good && add(m, name, depth ? UPLOAD_PLAYLISTS : UPLOAD_INDEX);
}

static bool is_beside(const char *name)
{
	return text_eq(name, "recording.mp4") || text_eq(name, "poster.jpg") ||
		text_eq(name, "storyboard.vtt") || text_eq(name, "chat.json") ||
		(text_starts(name, "storyboard_") && text_eq(ending(name), "jpg"));
}

static bool add_beside(struct making *m)
{
	DIR *d = opendir(m->dir);
	bool good = true;

	if (!d)
		return fault(m, m->dir, strerror(errno));
	for (struct dirent *e; good && (e = readdir(d));)
		if (is_beside(e->d_name))
			good = add(m, e->d_name, UPLOAD_MEDIA);
	closedir(d);
	return good;
}

static int compare(const void *a, const void *b)
{
	const struct upload_object *x = a, *y = b;

	if (x->phase != y->phase)
		return x->phase < y->phase ? -1 : 1;
	return strcmp(x->name, y->name);
}

bool upload_plan_make(const char *dir, struct upload_plan *out)
{
	struct making m = {.dir = dir, .plan = out, .seen = map_create()};

	*out = (struct upload_plan){0};
	bool good = add_playlist(&m, INDEX, 0) && add_beside(&m);
	map_destroy(m.seen);
	if (!good)
		return false;
	qsort(out->objects, out->n, sizeof(*out->objects), compare);
	for (size_t i = 0; i < out->n; i++)
		for (unsigned phase = out->objects[i].phase; phase < UPLOAD_PHASES; phase++)
			out->end[phase] = i + 1;
	return true;
}

void upload_plan_finish(struct upload_plan *p)
{
	free(p->objects);
	*p = (struct upload_plan){0};
}
