#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "client.h"
#include "media/vod.h"
#include "model/uuid.h"
#include "output.h"

/* Where the MP4 goes, and where it is until it is whole. */
struct target {
	char *path, *part;
};

static void target_init(struct target *t, const char *operand, const char *id)
{
	struct stat st;
	bool folder = stat(operand, &st) == 0 && S_ISDIR(st.st_mode);
	t->path = folder ? mem_printf("%s/%s.mp4", operand, id) : mem_strdup(operand);
	t->part = mem_printf("%s.part", t->path);
}

static void target_finish(struct target *t)
{
	unlink(t->part);
	free(t->path);
	free(t->part);
}

/* Opens the part, has it filled, and closes it; CTL_FAILED if the disk did not take it all. */
static enum ctl_exit download(struct ctl *c, const char *path, const struct target *t, long *status)
{
	FILE *f = fopen(t->part, "we");
	if (f == NULL) {
		ctl_error("%s: %s", t->part, strerror(errno));
		*status = 0;
		return CTL_FAILED;
	}
	enum ctl_exit result = client_download(c, path, f, status);
	if (fclose(f) != 0 && result == CTL_OK) {
		ctl_error("%s: %s", t->part, strerror(errno));
		return CTL_FAILED;
	}
	return result;
}

/* Local files */

static void drop_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	while (d != NULL && (e = readdir(d)) != NULL) {
		char *path = mem_printf("%s/%s", folder, e->d_name);
		unlink(path);
		free(path);
	}
	if (d != NULL) {
		closedir(d);
	}
	rmdir(folder);
}

/* A folder beside the target with links to a recording's files, where an MP4 may be made. */
static bool mirror(const char *recording, const char *folder)
{
	DIR *d = opendir(recording);
	struct dirent *e;
	bool good = d != NULL;
	while (good && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || text_eq(e->d_name, "recording.mp4")) {
			continue;
		}
		char *from = mem_printf("%s/%s", recording, e->d_name);
		char *to = mem_printf("%s/%s", folder, e->d_name);
		good = symlink(from, to) == 0;
		free(from);
		free(to);
	}
	if (!good) {
		ctl_error("%s: %s", recording, strerror(errno));
	}
	if (d != NULL) {
		closedir(d);
	}
	return good;
}

static bool make_mp4(const char *recording, const struct target *t)
{
	char *folder = mem_printf("%s.XXXXXX", t->part);
	if (mkdtemp(folder) == NULL) {
		ctl_error("%s: %s", folder, strerror(errno));
		free(folder);
		return false;
	}
	bool made = false;
	if (mirror(recording, folder)) {
		struct vod_result vod;
		enum recorder_result result = vod_mp4(folder, NULL, 0, 0, &vod);
		char *mp4 = mem_printf("%s/recording.mp4", folder);
		made = result == RECORDER_OK && rename(mp4, t->part) == 0;
		if (!made) {
			ctl_error("the MP4 could not be made: %s",
				result != RECORDER_OK ? recorder_result_text(result)
						      : strerror(errno));
		}
		free(mp4);
	}
	drop_folder(folder);
	free(folder);
	return made;
}

static bool copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out = in != NULL ? fopen(to, "we") : NULL;
	static char piece[1 << 16];
	bool good = out != NULL;
	for (size_t n = 1; good && n > 0;) {
		n = fread(piece, 1, sizeof(piece), in);
		good = fwrite(piece, 1, n, out) == n && !ferror(in);
	}
	if (in != NULL) {
		fclose(in);
	}
	return (out == NULL || fclose(out) == 0) && good;
}

/* From the files under [media] root, with or without a daemon. */
static enum ctl_exit export_local(struct ctl *c, const char *id, const struct target *t)
{
	const struct config *config = ctl_config(c);
	if (config == NULL) {
		return CTL_FAILED;
	}
	char *folder = mem_printf("%s/%s", config->media.root, id);
	char *recording = realpath(folder, NULL);
	bool good = false;
	if (recording == NULL) {
		ctl_error("there is no recording of %s in %s", id, config->media.root);
	} else {
		char *mp4 = mem_printf("%s/recording.mp4", recording);
		if (access(mp4, R_OK) != 0) {
			good = make_mp4(recording, t);
		} else if (!(good = copy_file(mp4, t->part))) {
			ctl_error("%s: %s", t->part, strerror(errno));
		}
		free(mp4);
	}
	free(recording);
	free(folder);
	return good ? CTL_OK : CTL_FAILED;
}

/* A recording whose files are in object storage, without an MP4 among them. */
static bool say_where(struct ctl *c, const char *id)
{
	char *path = mem_printf("/api/v1/admin/recordings/%s", id);
	json_t *recording = NULL;
	bool quiet = c->quiet, away = false;
	c->quiet = true;
	if (client_call(c, "GET", path, NULL, &recording) == CTL_OK) {
		away = field_string(recording, "storage.url")[0] != '\0' &&
			!json_is_true(field_member(recording, "storage.local"));
	}
	c->quiet = quiet;
	if (away) {
		ctl_error("its files are in object storage, without an MP4: ffmpeg -i %s -c copy "
			  "FILE.mp4 makes one",
			field_string(recording, "vodUrl"));
	}
	json_decref(recording);
	free(path);
	return away;
}

static enum ctl_exit export_to(struct ctl *c, const char *id, const struct target *t)
{
	char *path = mem_printf("/vod/%s/recording.mp4", id);
	bool remote = args_has(&c->args, "url");
	long status = 0;
	enum ctl_exit result = CTL_UNREACHABLE;
	if (remote || client_alive(c)) {
		result = download(c, path, t, &status);
	}
	free(path);
	if (result == CTL_OK || (result == CTL_FAILED && status == 0)) {
		return result;
	}
	if (!remote && say_where(c, id)) {
		return CTL_FAILED;
	}
	if (remote) {
		ctl_error("the daemon has no MP4 of %s (HTTP status %ld)", id, status);
		return CTL_FAILED;
	}
	return export_local(c, id, t);
}

enum ctl_exit vod_export_run(struct ctl *c)
{
	static const struct field fields[] = {
		{"Stream", "streamId"}, {"File", "path"}, {"Size", "bytes", FIELD_BYTES}};
	const char *id = c->args.operands[0];
	struct uuid uuid;
	if (!uuid_parse(id, &uuid)) {
		ctl_error("%s is not the id of a stream", id);
		return CTL_FAILED;
	}
	struct target t;
	target_init(&t, c->args.operands[1], id);
	enum ctl_exit result = export_to(c, id, &t);
	struct stat st;
	if (result == CTL_OK && (rename(t.part, t.path) != 0 || stat(t.path, &st) != 0)) {
		ctl_error("%s: %s", t.path, strerror(errno));
		result = CTL_FAILED;
	}
	if (result == CTL_OK) {
		output_object(c,
			json_pack("{s:s, s:s, s:I}", "streamId", id, "path", t.path, "bytes",
				(json_int_t)st.st_size),
			fields, OUTPUT_COUNT(fields));
	}
	target_finish(&t);
	return result;
}
