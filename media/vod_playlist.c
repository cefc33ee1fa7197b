#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "multivariant.h"
#include "playlist_text.h"
#include "vod_files.h"

/* RFC 8216 4.3.3.1: no segment's duration, rounded, may be over the target. */
static uint64_t target_seconds(const struct vod_files *v)
{
	uint64_t target = 1;

	for (size_t i = 0; i < v->n; i++) {
		uint64_t seconds = (v->segments[i].entry.duration_us + 500000) / 1000000;
		if (seconds > target)
			target = seconds;
	}
	return target;
}

static bool all_independent(const struct vod_files *v)
{
	for (size_t i = 0; i < v->n; i++) {
		if (!v->segments[i].entry.independent)
			return false;
	}
	return true;
}

/* Decimal EXTINF asks for 3, EXT-X-MAP for more. */
static unsigned version(const struct vod_files *v)
{
	return v->segments[0].entry.container == MEDIA_CONTAINER_MPEGTS ? 3 : 7;
}

static void put_head(struct buf *out, const struct vod_files *v)
{
	buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:%u\n", version(v));
	if (all_independent(v))
		buf_put_str(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
	buf_printf(out,
		"#EXT-X-TARGETDURATION:%" PRIu64 "\n#EXT-X-PLAYLIST-TYPE:VOD\n"
		"#EXT-X-MEDIA-SEQUENCE:0\n",
		target_seconds(v));
}

static void put_segment(
	struct buf *out, const struct vod_segment *s, const struct vod_segment *last)
{
	const struct recording_entry *e = &s->entry;
	char time[TEXT_TIME_SIZE];

	if (last && (e->discontinuity || s->jump || e->init != last->entry.init))
		buf_put_str(out, "#EXT-X-DISCONTINUITY\n");
	if (e->container == MEDIA_CONTAINER_CMAF && (!last || e->init != last->entry.init))
		buf_printf(out, "#EXT-X-MAP:URI=\"init_%u_%u.mp4\"\n", e->rendition, e->init);
	text_time(time, e->wall_ms);
	buf_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.6f,\nseg_%u_%" PRIu64 ".%s\n", time,
		(double)e->duration_us / 1e6, e->rendition, e->sequence,
		media_container_suffix(e->container));
}

static void put_playlist(struct buf *out, const struct vod_files *v)
{
	put_head(out, v);
	for (size_t i = 0; i < v->n; i++)
		put_segment(out, &v->segments[i], i ? &v->segments[i - 1] : NULL);
	for (size_t i = 0; i < v->journal.n_ranges; i++)
		playlist_put_range(out, &v->journal.ranges[i]);
	buf_put_str(out, "#EXT-X-ENDLIST\n");
}

static enum recorder_result failed(void)
{
	return errno == ENOSPC || errno == EDQUOT ? RECORDER_NO_SPACE : RECORDER_IO;
}

static enum recorder_result write_text(const char *dir, const char *name, const struct buf *text)
{
	char *path = mem_printf("%s/%s", dir, name), *temporary = mem_printf("%s.tmp", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	enum recorder_result result = RECORDER_OK;
	size_t done = 0;

	while (fd >= 0 && done < text->len) {
		ssize_t n = write(fd, text->data + done, text->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (fd < 0 || done < text->len || fdatasync(fd) < 0 || rename(temporary, path) < 0) {
		result = failed();
		unlink(temporary);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	free(temporary);
	return result;
}

/* Segments that were only spooled for the live window are no part of the VOD. */
static void remove_spooled(const struct vod_files *v, const char *dir)
{
	for (size_t i = 0; i < v->journal.n_entries; i++) {
		const struct recording_entry *e = &v->journal.entries[i];
		if (e->keep)
			continue;
		char *path = journal_segment_path(dir, e);
		unlink(path);
		free(path);
	}
}

static struct variant describe(const struct vod_files *v, unsigned rendition)
{
	struct variant out = {.number = rendition, .independent = all_independent(v)};

	journal_describe(&v->journal, rendition, &out.description);
	for (size_t i = 0; i < v->n; i++) {
		const struct recording_entry *e = &v->segments[i].entry;
		uint64_t rate = e->duration_us ? e->bytes * 8 * 1000000 / e->duration_us : 0;
		if (rate > out.peak)
			out.peak = rate;
	}
	out.average = v->duration_us ? v->bytes * 8 * 1000000 / v->duration_us : 0;
	return out;
}

/* One of several renditions: its own playlist, and what the multivariant one says of it. */
static enum recorder_result write_rendition(
	const char *dir, unsigned rendition, struct variant *variants, size_t *n)
{
	struct vod_files v;
	struct buf text = {0};
	char name[32];
	enum recorder_result result = RECORDER_OK;

	if (!vod_files_load(&v, dir, rendition))
		return RECORDER_IO;
	if (v.n > 0) {
		snprintf(name, sizeof(name), "stream_%u.m3u8", rendition);
		put_playlist(&text, &v);
		result = write_text(dir, name, &text);
		variants[(*n)++] = describe(&v, rendition);
	}
	buf_finish(&text);
	vod_files_finish(&v);
	return result;
}

static bool has_further(const struct journal *j)
{
	for (size_t i = 0; i < j->n_entries; i++) {
		if (j->entries[i].rendition > 0 && j->entries[i].keep)
			return true;
	}
	return false;
}

static enum recorder_result write_all(const char *dir, const struct vod_files *main)
{
	struct variant variants[MEDIA_RENDITIONS];
	struct buf text = {0};
	size_t n = 0;
	enum recorder_result result = RECORDER_OK;

	if (!has_further(&main->journal)) {
		put_playlist(&text, main);
	} else {
		for (unsigned i = 0; i < MEDIA_RENDITIONS && result == RECORDER_OK; i++)
			result = write_rendition(dir, i, variants, &n);
		multivariant_put(&text, variants, n, version(main), "");
	}
	if (result == RECORDER_OK)
		result = write_text(dir, "index.m3u8", &text);
	buf_finish(&text);
	return result;
}

enum recorder_result vod_playlist(const char *dir, struct vod_result *out)
{
	struct vod_files v;
	enum recorder_result result = RECORDER_OK;

	*out = (struct vod_result){0};
	if (!vod_files_load(&v, dir, 0))
		return RECORDER_IO;
	remove_spooled(&v, dir);
	if (v.n > 0)
		result = write_all(dir, &v);
	out->duration_ms = v.duration_us / 1000;
	out->segments = (uint32_t)v.n;
	out->bytes = vod_size(dir);
	vod_files_finish(&v);
	return result;
}
