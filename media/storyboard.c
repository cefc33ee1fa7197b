#include "media/storyboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "vod_files.h"

#define COLUMNS 10
#define ROWS 10
#define GRID (COLUMNS * ROWS)
#define STEP COLUMNS
#define INTERVAL_MIN_US UINT64_C(2000000)
#define SECOND_US UINT64_C(1000000)
#define POSTER "poster.jpg"
/* A frame that is darker than this all over, or brighter, shows nothing. */
#define CONTRAST_MIN 12.0

struct storyboard {
	char *dir;
	uint64_t max_pixels;
	struct vod_files files;
	uint64_t interval_us;
	unsigned tiles, next; /* tile */
	size_t at; /* segment of the newest picture; files.n: none yet */
	struct picture *picture; /* NULL: none yet */
	struct sprite *sprite; /* NULL before the first picture */
	unsigned width, height;
	struct buf index;
	const atomic_bool *stop;
};

/* Files */

static bool write_whole(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	size_t done = 0;

	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	return fd >= 0 && close(fd) == 0 && done == len;
}

static enum picture_result replace(const char *dir, const char *name, const void *data, size_t len)
{
	char *path = mem_printf("%s/%s", dir, name), *temporary = mem_printf("%s.tmp", path);
	bool ok = write_whole(temporary, data, len) && rename(temporary, path) == 0;

	if (!ok)
		unlink(temporary);
	free(path);
	free(temporary);
	return ok ? PICTURE_OK : PICTURE_FAILED;
}

static void discard(const char *dir, const char *name)
{
	char *path = mem_printf("%s/%s", dir, name);

	unlink(path);
	free(path);
}

void storyboard_forget(const char *dir)
{
	discard(dir, STORYBOARD_INDEX);
}

/* The keyframe of the segment, or of the nearest before it that begins with one. */
static enum picture_result decode_at(const char *dir, const struct vod_files *v, size_t at,
	uint64_t max_pixels, struct picture **out)
{
	const struct recording_entry *e;
	struct picture_input in = {0};
	enum picture_result result;
	char *init, *segment;

	while (at > 0 && !v->segments[at].entry.independent)
		at--;
	e = &v->segments[at].entry;
	init = mem_printf("%s/init_%u_%u.mp4", dir, e->rendition, e->init);
	segment = journal_segment_path(dir, e);
	in.container = e->container;
	in.paths[0] = init;
	in.paths[1] = segment;
	result = picture_decode(&in, max_pixels, out);
	free(init);
	free(segment);
	return result;
}

/* The segment that plays then. */
static size_t segment_at(const struct vod_files *v, uint64_t time_us, size_t from)
{
	size_t at = from < v->n ? from : 0;

	while (at + 1 < v->n && v->segments[at + 1].offset_us <= time_us)
		at++;
	return at;
}

/* Poster */

/* The first that shows something, of a few places; else the one that shows most. */
static enum picture_result find_poster(
	const char *dir, const struct vod_files *v, uint64_t max_pixels, struct picture **out)
{
	static const unsigned percents[] = {10, 25, 50, 75};
	enum picture_result result = PICTURE_NONE;
	double best = -1;

	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]) && best < CONTRAST_MIN; i++) {
		struct picture *p = NULL;
		size_t at = segment_at(v, v->duration_us / 100 * percents[i], 0);
		enum picture_result got = decode_at(dir, v, at, max_pixels, &p);
		double contrast = got == PICTURE_OK ? picture_contrast(p) : -1;
		if (contrast > best) {
			picture_destroy(out);
			*out = p;
			best = contrast;
		} else {
			picture_destroy(&p);
		}
		if (got == PICTURE_NONE || got == PICTURE_TOO_LARGE)
			return *out ? PICTURE_OK : got;
		if (result != PICTURE_OK)
			result = got;
	}
	return result;
}

enum picture_result vod_poster(const char *dir, unsigned width, uint64_t max_pixels)
{
	struct vod_files files;
	struct picture *p = NULL;
	struct rcbuf *jpeg = NULL;
	enum picture_result result = PICTURE_NONE;

	if (!vod_files_load(&files, dir, 0))
		return PICTURE_FAILED;
	if (files.n > 0)
		result = find_poster(dir, &files, max_pixels, &p);
	if (result == PICTURE_OK)
		result = picture_jpeg(p, width, &jpeg);
	if (result == PICTURE_OK)
		result = replace(dir, POSTER, rcbuf_data(jpeg), rcbuf_len(jpeg));
	if (result != PICTURE_OK)
		discard(dir, POSTER);
	rcbuf_unref(&jpeg);
	picture_destroy(&p);
	vod_files_finish(&files);
	return result;
}

/* Storyboard */

static uint64_t interval_for(uint64_t duration_us)
{
	uint64_t us = (duration_us + STORYBOARD_TILES - 1) / STORYBOARD_TILES;

	us = (us + SECOND_US - 1) / SECOND_US * SECOND_US;
	return us > INTERVAL_MIN_US ? us : INTERVAL_MIN_US;
}

enum picture_result storyboard_open(
	const char *dir, uint64_t max_pixels, const atomic_bool *stop, struct storyboard **out)
{
	struct storyboard *s = mem_new(struct storyboard);

	s->dir = mem_strdup(dir);
	s->max_pixels = max_pixels;
	s->stop = stop;
	storyboard_forget(dir);
	if (!vod_files_load(&s->files, dir, 0) || s->files.n == 0) {
		storyboard_close(&s);
		return PICTURE_NONE;
	}
	s->interval_us = interval_for(s->files.duration_us);
	s->tiles = (unsigned)((s->files.duration_us + s->interval_us - 1) / s->interval_us);
	s->at = s->files.n;
	buf_put_str(&s->index, "WEBVTT\n");
	*out = s;
	return PICTURE_OK;
}

void storyboard_close(struct storyboard **sp)
{
	struct storyboard *s = *sp;

	if (!s)
		return;
	picture_destroy(&s->picture);
	sprite_destroy(&s->sprite);
	vod_files_finish(&s->files);
	buf_finish(&s->index);
	free(s->dir);
	free(s);
	*sp = NULL;
}

static bool open_sprite(struct storyboard *s)
{
	if (s->sprite)
		return true;
	picture_fit(s->picture, STORYBOARD_WIDTH, &s->width, &s->height);
	s->sprite = sprite_create(COLUMNS, ROWS, s->width, s->height);
	return s->sprite != NULL;
}

/* A damaged segment has the picture of the one before; without a first one there is no board. */
static enum picture_result look(struct storyboard *s, uint64_t time_us)
{
	size_t at = segment_at(&s->files, time_us, s->at);
	struct picture *p = NULL;
	enum picture_result result;

	if (at == s->at && s->picture)
		return PICTURE_OK;
	result = decode_at(s->dir, &s->files, at, s->max_pixels, &p);
	s->at = at;
	if (result == PICTURE_OK) {
		picture_destroy(&s->picture);
		s->picture = p;
	}
	return s->picture ? PICTURE_OK : result;
}

static void put_time(struct buf *b, uint64_t us)
{
	unsigned long long ms = us / 1000;

	buf_printf(b, "%02llu:%02llu:%02llu.%03llu", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60,
		ms % 1000);
}

static void put_cue(struct storyboard *s, unsigned tile)
{
	uint64_t from = tile * s->interval_us, to = from + s->interval_us;
	unsigned place = tile % GRID;

	buf_put_str(&s->index, "\n");
	put_time(&s->index, from);
	buf_put_str(&s->index, " --> ");
	put_time(&s->index, to < s->files.duration_us ? to : s->files.duration_us);
	buf_printf(&s->index, "\nstoryboard_%u.jpg#xywh=%u,%u,%u,%u\n", tile / GRID,
		place % COLUMNS * s->width, place / COLUMNS * s->height, s->width, s->height);
}

static enum picture_result write_sprite(struct storyboard *s)
{
	unsigned number = (s->next - 1) / GRID;
	struct rcbuf *jpeg = NULL;
	enum picture_result result = sprite_jpeg(s->sprite, s->next - number * GRID, &jpeg);
	char name[40];

	snprintf(name, sizeof(name), "storyboard_%u.jpg", number);
	if (result == PICTURE_OK)
		result = replace(s->dir, name, rcbuf_data(jpeg), rcbuf_len(jpeg));
	rcbuf_unref(&jpeg);
	return result;
}

static enum picture_result put_tile(struct storyboard *s)
{
	enum picture_result result = look(s, s->next * s->interval_us);

	if (result != PICTURE_OK)
		return result;
	if (!open_sprite(s))
		return PICTURE_FAILED;
	result = sprite_put(s->sprite, s->next % GRID, s->picture);
	if (result != PICTURE_OK)
		return result;
	put_cue(s, s->next++);
	return s->next % GRID == 0 || s->next == s->tiles ? write_sprite(s) : PICTURE_OK;
}

enum picture_result storyboard_step(struct storyboard *s, bool *more)
{
	enum picture_result result = PICTURE_OK;

	for (unsigned i = 0; i < STEP && s->next < s->tiles && result == PICTURE_OK; i++) {
		if (atomic_load(s->stop))
			break;
		result = put_tile(s);
	}
	*more = s->next < s->tiles;
	if (result == PICTURE_OK && !*more)
		result = replace(s->dir, STORYBOARD_INDEX, s->index.data, s->index.len);
	return result;
}
