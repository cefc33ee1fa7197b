#include "media/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal.h"

struct recorder {
	char *dir;
	int dir_fd;
	int journal_fd;
};

const char *recorder_result_text(enum recorder_result r)
{
	switch (r) {
	case RECORDER_OK:
		return "ok";
	case RECORDER_NO_SPACE:
		return "no space on the disk";
	case RECORDER_IO:
		return "disk error";
	}
	return "unknown";
}

static enum recorder_result from_errno(int error)
{
	return error == ENOSPC || error == EDQUOT ? RECORDER_NO_SPACE : RECORDER_IO;
}

/* The folder and the one above it ([media] root), which the first recording may have to make. */
static int make_dir(const char *dir)
{
	char *parent, *slash;

	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return 0;
	parent = mem_strdup(dir);
	slash = strrchr(parent, '/');
	if (errno == ENOENT && slash && slash != parent) {
		*slash = '\0';
		make_dir(parent);
	}
	free(parent);
	return mkdir(dir, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

/* A crash may have left a line without its end: the next one must not be glued to it. */
static void end_torn_line(int fd)
{
	char last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);

	if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n' &&
		write(fd, "\n", 1) != 1)
		return; /* the next append reports what is wrong with the disk */
}

enum recorder_result recorder_open(const char *dir, struct recorder **out)
{
	struct recorder *r;
	int error;

	*out = NULL;
	if (make_dir(dir) < 0)
		return from_errno(errno);
	r = mem_new(struct recorder);
	r->dir = mem_strdup(dir);
	r->journal_fd = -1;
	r->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir_fd >= 0)
		r->journal_fd =
			openat(r->dir_fd, "journal", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (r->journal_fd < 0) {
		error = errno;
		recorder_close(r);
		return from_errno(error);
	}
	end_torn_line(r->journal_fd);
	*out = r;
	return RECORDER_OK;
}

void recorder_close(struct recorder *r)
{
	if (!r)
		return;
	if (r->journal_fd >= 0)
		close(r->journal_fd);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	free(r->dir);
	free(r);
}

static bool write_all(int fd, struct iovec *iov, size_t n)
{
	while (n > 0) {
		ssize_t done = writev(fd, iov, (int)(n < 64 ? n : 64));
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		while (n > 0 && (size_t)done >= iov->iov_len) {
			done -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return true;
}

/* Whole or not at all: under a temporary name first. */
static enum recorder_result write_file(
	struct recorder *r, const char *name, struct iovec *iov, size_t n)
{
	static const char temporary[] = "segment.tmp";
	int fd = openat(r->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int error;

	if (fd < 0)
		return from_errno(errno);
	if (write_all(fd, iov, n)) {
		/* Starts the write-back now, so that a power cut costs seconds, not half a minute.
		 */
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		if (renameat(r->dir_fd, temporary, r->dir_fd, name) == 0) {
			close(fd);
			return RECORDER_OK;
		}
	}
	error = errno;
	close(fd);
	unlinkat(r->dir_fd, temporary, 0);
	return from_errno(error);
}

/* Takes the line. What was written of it is cut off again if it does not fit whole. */
static enum recorder_result write_line(struct recorder *r, struct buf *line)
{
	off_t before = lseek(r->journal_fd, 0, SEEK_END);
	struct iovec iov = {.iov_base = line->data, .iov_len = line->len};
	enum recorder_result result = RECORDER_OK;

	if (!write_all(r->journal_fd, &iov, 1)) {
		result = from_errno(errno);
		if (ftruncate(r->journal_fd, before) < 0)
			result = RECORDER_IO;
	}
	buf_finish(line);
	return result;
}

enum recorder_result recorder_init_segment(struct recorder *r, const struct recorder_init *init)
{
	const struct journal_init entry = {.rendition = init->rendition,
		.number = init->number,
		.bytes = init->len,
		.description = init->description};
	struct iovec iov = {.iov_base = (void *)init->data, .iov_len = init->len};
	struct buf line = {0};
	char name[64];
	enum recorder_result result;

	snprintf(name, sizeof(name), "init_%u_%u.mp4", init->rendition, init->number);
	result = write_file(r, name, &iov, 1);
	if (result != RECORDER_OK)
		return result;
	journal_put_init(&line, &entry);
	return write_line(r, &line);
}

static bool has_room(const struct recorder *r, uint64_t bytes, uint64_t min_free)
{
	struct statvfs fs;

	if (fstatvfs(r->dir_fd, &fs) < 0)
		return true; /* the write itself will tell */
	return (uint64_t)fs.f_bavail * fs.f_frsize >= bytes + min_free;
}

static void segment_name(
	char out[static 64], enum media_container container, unsigned rendition, uint64_t sequence)
{
	snprintf(out, 64, "seg_%u_%" PRIu64 ".%s", rendition, sequence,
		media_container_suffix(container));
}

enum recorder_result recorder_append(
	struct recorder *r, const struct recorder_segment *s, uint64_t min_free)
{
	struct recording_entry entry = {
		.rendition = s->rendition,
		.sequence = s->sequence,
		.start_us = s->start_us,
		.duration_us = s->duration_us,
		.wall_ms = s->wall_ms,
		.container = s->container,
		.init = s->init,
		.discontinuity = s->discontinuity,
		.independent = s->independent,
		.keep = s->keep,
		.target_us = s->target_us,
		.part_target_us = s->part_target_us,
	};
	struct iovec *iov = mem_zalloc((s->n_pieces + 1) * sizeof(*iov));
	struct buf line = {0};
	char name[64];
	enum recorder_result result = RECORDER_NO_SPACE;

	for (size_t i = 0; i < s->n_pieces; i++) {
		iov[i].iov_base = (void *)rcbuf_data(s->pieces[i]);
		iov[i].iov_len = rcbuf_len(s->pieces[i]);
		entry.bytes += iov[i].iov_len;
	}
	segment_name(name, s->container, s->rendition, s->sequence);
	if (has_room(r, entry.bytes, min_free))
		result = write_file(r, name, iov, s->n_pieces);
	free(iov);
	if (result != RECORDER_OK)
		return result;
	journal_put_segment(&line, &entry);
	result = write_line(r, &line);
	if (result != RECORDER_OK)
		unlinkat(r->dir_fd, name, 0);
	return result;
}

enum recorder_result recorder_daterange(struct recorder *r, const struct media_daterange *range)
{
	struct buf line = {0};

	journal_put_range(&line, range);
	return write_line(r, &line);
}

void recorder_discard(
	struct recorder *r, enum media_container container, unsigned rendition, uint64_t sequence)
{
	char name[64];

	segment_name(name, container, rendition, sequence);
	unlinkat(r->dir_fd, name, 0);
}

/* Where a continuation goes on: after all that was ever written, whether its file is there or not.
 */
static void index_bounds(struct recording_index *out, const struct journal *j)
{
	for (size_t i = 0; i < j->n_inits; i++) {
		if (j->inits[i].number >= out->inits)
			out->inits = j->inits[i].number + 1;
	}
	for (size_t i = 0; i < j->n_entries; i++) {
		const struct recording_entry *e = &j->entries[i];
		if (e->rendition < MEDIA_RENDITIONS &&
			e->sequence >= out->next_sequence[e->rendition])
			out->next_sequence[e->rendition] = e->sequence + 1;
		out->has_container = true;
		out->container = e->container;
		if (e->start_us + e->duration_us > out->end_us)
			out->end_us = e->start_us + e->duration_us;
	}
	for (unsigned i = 0; i < MEDIA_RENDITIONS; i++)
		journal_describe(j, i, &out->descriptions[i]);
}

enum recorder_result recording_load(const char *dir, struct recording_index *out)
{
	struct journal j;

	*out = (struct recording_index){0};
	if (!journal_load(&j, dir))
		return RECORDER_IO;
	index_bounds(out, &j);
	out->entries = mem_zalloc((j.n_entries + 1) * sizeof(*out->entries));
	for (size_t i = 0; i < j.n_entries; i++) {
		const struct recording_entry *e = &j.entries[i];
		if (e->rendition < MEDIA_RENDITIONS && journal_has_segment(dir, e) &&
			journal_has_init(&j, dir, e->rendition, e->init))
			out->entries[out->n++] = *e;
	}
	out->ranges = j.ranges;
	out->n_ranges = j.n_ranges;
	j.ranges = NULL;
	j.n_ranges = 0;
	journal_finish(&j);
	return RECORDER_OK;
}

void recording_index_finish(struct recording_index *i)
{
	for (size_t n = 0; n < i->n_ranges; n++) {
		free((char *)i->ranges[n].id);
		free((char *)i->ranges[n].class_name);
		free((char *)i->ranges[n].attributes);
	}
	free(i->ranges);
	free(i->entries);
	*i = (struct recording_index){0};
}
