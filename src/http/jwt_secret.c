#define LOG_MODULE "auth"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/jwt.h"

#define SECRET_MIN 32
#define SECRET_MAX 1024
#define SECRET_BYTES 32

static void make_parents(const char *path)
{
	char *copy = mem_strdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0750);
		*slash = '/';
	}
	free(copy);
}

static bool write_whole(int fd, const char *text, size_t len)
{
	return write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
}

/*
 * Linked into place when it is complete, so that of two processes that start at once both use the
 * same secret, and none sees half of one.
 */
static bool make_secret(const char *path)
{
	uint8_t random[SECRET_BYTES];
	char text[SECRET_BYTES * 2], *temporary = mem_printf("%s.%ld", path, (long)getpid());
	int fd;
	bool made;

	make_parents(path);
	clock_random(&clock_system, random, sizeof(random));
	text_base64url(text, random, sizeof(random));
	text_copy(text + strlen(text), 2, "\n");
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	made = fd >= 0 && write_whole(fd, text, strlen(text)) &&
		(link(temporary, path) == 0 || errno == EEXIST);
	if (fd >= 0) {
		int error = errno;

		close(fd);
		unlink(temporary);
		errno = error;
	}
	free(temporary);
	explicit_bzero(random, sizeof(random));
	explicit_bzero(text, sizeof(text));
	return made;
}

static const char *fault(const struct stat *st, ssize_t len)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_mode & S_IROTH)
		return "is readable by everybody: chmod 600 it";
	if (len < SECRET_MIN)
		return "is shorter than 32 characters";
	if (len > SECRET_MAX)
		return "is longer than 1024 characters";
	return NULL;
}

static char *read_secret(int fd, const char *path, char *error, size_t error_size)
{
	char text[SECRET_MAX + 2];
	ssize_t len = read(fd, text, sizeof(text) - 1);
	struct stat st;
	const char *why;

	if (len < 0 || fstat(fd, &st) != 0) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return NULL;
	}
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	why = memchr(text, '\0', (size_t)len) ? "holds a NUL" : fault(&st, len);
	if (why) {
		snprintf(error, error_size, "%s %s", path, why);
		return NULL;
	}
	if (st.st_mode & S_IRGRP)
		log_warn("secret file is readable by its group", kv_str("path", path));
	return mem_strndup(text, (size_t)len);
}

char *jwt_secret_load(const char *path, bool make, char *error, size_t error_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *secret;

	if (fd < 0 && errno == ENOENT && make) {
		if (make_secret(path)) {
			log_info("secret made", kv_str("path", path));
			fd = open(path, O_RDONLY | O_CLOEXEC);
		}
	}
	if (fd < 0) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return NULL;
	}
	secret = read_secret(fd, path, error, error_size);
	close(fd);
	return secret;
}
