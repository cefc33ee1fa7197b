#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define STEP_PAGES 1024

/* SQLite's online backup, https://www.sqlite.org/backup.html */
static bool copy_pages(struct db *from, struct db *to, const atomic_bool *stop, char **error)
{
	sqlite3_backup *b = sqlite3_backup_init(to->handle, "main", from->handle, "main");
	int rc = b != NULL ? SQLITE_OK : SQLITE_ERROR;
	while (rc == SQLITE_OK && (stop == NULL || !atomic_load(stop))) {
		rc = sqlite3_backup_step(b, STEP_PAGES);
	}
	if (b != NULL) {
		sqlite3_backup_finish(b);
	}
	if (rc == SQLITE_OK) {
		*error = mem_strdup("the backup was given up");
	} else if (rc != SQLITE_DONE) {
		*error = mem_printf("cannot copy the database: %s", sqlite3_errstr(rc));
	}
	return rc == SQLITE_DONE;
}

static bool sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0) {
		close(fd);
	}
	return ok;
}

static bool copy_to(
	const struct db_place *from, const char *path, const atomic_bool *stop, char **error)
{
	struct db source, target;
	struct db_place place = {.path = (char *)path};
	if (!db_open(&source, from, DB_READ, error)) {
		return false;
	}
	if (!db_open(&target, &place, DB_CREATE, error)) {
		db_close(&source);
		return false;
	}
	/* The transaction pins what is copied: commits meanwhile do not restart the copy. */
	bool ok = db_try(&source, "BEGIN; SELECT count(*) FROM sqlite_schema") &&
		copy_pages(&source, &target, stop, error);
	if (!ok && *error == NULL) {
		*error = db_error_text(&source, "read", from->path);
	}
	db_close(&target);
	db_close(&source);
	return ok;
}

/* What is there stays: a name that was mistyped must not cost the copy of yesterday. */
static bool rename_to_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
		return true;
	}
	/* A file system that cannot promise it: this look has to do. */
	struct stat st;
	return (errno == EINVAL || errno == ENOSYS) && lstat(to, &st) != 0 && rename(from, to) == 0;
}

bool backup_copy(
	const struct db_place *from, const char *path, const atomic_bool *stop, char **error)
{
	struct stat st;
	if (lstat(path, &st) == 0) {
		*error = mem_printf("%s is there already", path);
		return false;
	}
	char *partial = mem_printf("%s.partial", path);
	unlink(partial);
	*error = NULL;
	bool ok = copy_to(from, partial, stop, error);
	if (ok && (!sync_file(partial) || !rename_to_new(partial, path))) {
		*error = mem_printf("cannot write %s: %s", path, strerror(errno));
		ok = false;
	}
	if (!ok) {
		unlink(partial);
	}
	free(partial);
	return ok;
}
