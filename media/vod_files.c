#include "vod_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool wanted(const struct vod_files *v, const char *dir, const struct recording_entry *e,
	unsigned rendition)
{
	return e->keep && e->rendition == rendition && journal_has_segment(dir, e) &&
		journal_has_init(&v->journal, dir, e->rendition, e->init);
}

bool vod_files_load(struct vod_files *v, const char *dir, unsigned rendition)
{
	const struct recording_entry *last = NULL;

	*v = (struct vod_files){0};
	if (!journal_load(&v->journal, dir))
		return false;
	v->segments = mem_zalloc((v->journal.n_entries + 1) * sizeof(*v->segments));
	for (size_t i = 0; i < v->journal.n_entries; i++) {
		const struct recording_entry *e = &v->journal.entries[i];
		if (!wanted(v, dir, e, rendition))
			continue;
		v->segments[v->n++] = (struct vod_segment){
			.entry = *e,
			.offset_us = v->duration_us,
			.jump = last && e->start_us != last->start_us + last->duration_us,
		};
		v->duration_us += e->duration_us;
		v->bytes += e->bytes;
		last = e;
	}
	return true;
}

void vod_files_finish(struct vod_files *v)
{
	journal_finish(&v->journal);
	free(v->segments);
	*v = (struct vod_files){0};
}

uint64_t vod_size(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	struct stat st;
	uint64_t total = 0;

	if (!d)
		return 0;
	while ((entry = readdir(d))) {
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode))
			total += (uint64_t)st.st_size;
	}
	closedir(d);
	return total;
}

enum recorder_result vod_delete(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? RECORDER_OK : RECORDER_IO;
	while ((entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	}
	closedir(d);
	return rmdir(dir) == 0 ? RECORDER_OK : RECORDER_IO;
}
