#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client.h"
#include "output.h"
#include "store/store.h"

/* Whether the daemon does it: it runs here, or --url names one elsewhere. */
static bool online(struct ctl *c)
{
	return args_has(&c->args, "url") || client_alive(c);
}

static enum ctl_exit failed(char *error)
{
	ctl_error("%s", error != NULL ? error : "it failed");
	free(error);
	return CTL_FAILED;
}

enum ctl_exit db_migrate_run(struct ctl *c)
{
	static const struct field fields[] = {
		{"Database", "url"}, {"Schema before", "from"}, {"Schema now", "to"}};
	const struct config *config = ctl_config(c);
	char *error = NULL;
	int from, to;
	if (config == NULL) {
		return CTL_FAILED;
	}
	if (args_has(&c->args, "url")) {
		ctl_error("a daemon elsewhere migrates its database when it starts");
		return CTL_FAILED;
	}
	if (!store_migrate(config->store.url, &from, &to, &error)) {
		return failed(error);
	}
	output_object(c,
		json_pack("{s:s, s:i, s:i}", "url", config->store.url, "from", from, "to", to),
		fields, OUTPUT_COUNT(fields));
	return CTL_OK;
}

/* The answer of check: {"ok", "problems": […]} */
static enum ctl_exit tell_check(struct ctl *c, json_t *answer)
{
	bool good = json_is_true(json_object_get(answer, "ok"));
	if (c->json) {
		ctl_print_json(answer);
	} else if (good) {
		puts("The database is in order.");
	} else {
		size_t i;
		const json_t *problem;
		json_array_foreach(json_object_get(answer, "problems"), i, problem)
		{
			puts(json_string_value(problem));
		}
	}
	json_decref(answer);
	return good ? CTL_OK : CTL_FAILED;
}

static json_t *lines_to_array(char *text)
{
	json_t *array = json_array();
	char *rest = text;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		if (line[0] != '\0') {
			json_array_append_new(array, json_string(line));
		}
	}
	return array;
}

enum ctl_exit db_check_run(struct ctl *c)
{
	json_t *answer;
	if (online(c)) {
		enum ctl_exit result = client_call(c, "POST", "/api/v1/admin/check", NULL, &answer);
		return result == CTL_OK ? tell_check(c, answer) : result;
	}
	const struct config *config = ctl_config(c);
	if (config == NULL) {
		return CTL_FAILED;
	}
	char *error = NULL;
	bool good = store_check(config->store.url, &error);
	answer = json_pack("{s:b, s:o}", "ok", good, "problems", lines_to_array(error));
	free(error);
	return tell_check(c, answer);
}

/* The daemon has another working directory. Caller frees; NULL with a line on stderr. */
static char *absolute(const char *path)
{
	if (path[0] == '/') {
		return mem_strdup(path);
	}
	char here[PATH_MAX];
	if (getcwd(here, sizeof(here)) == NULL) {
		ctl_error("the working directory: %s", strerror(errno));
		return NULL;
	}
	return mem_printf("%s/%s", here, path);
}

static enum ctl_exit backup_online(struct ctl *c, const char *path, json_t **answer)
{
	json_t *body = json_pack("{s:s}", "path", path);
	enum ctl_exit result = client_call(c, "POST", "/api/v1/admin/backup", body, answer);
	json_decref(body);
	return result;
}

static enum ctl_exit backup_offline(struct ctl *c, const char *path, json_t **answer)
{
	const struct config *config = ctl_config(c);
	char *error = NULL;
	if (config == NULL) {
		return CTL_FAILED;
	}
	if (!store_backup_file(config->store.url, path, &error)) {
		return failed(error);
	}
	*answer = json_pack("{s:s}", "path", path);
	return CTL_OK;
}

enum ctl_exit db_backup_run(struct ctl *c)
{
	static const struct field fields[] = {{"Copy", "path"}, {"Size", "bytes", FIELD_BYTES}};
	bool remote = args_has(&c->args, "url");
	char *path = remote ? mem_strdup(c->args.operands[0]) : absolute(c->args.operands[0]);
	if (path == NULL) {
		return CTL_FAILED;
	}
	if (!remote && access(path, F_OK) == 0) {
		ctl_error("%s is there already", path);
		free(path);
		return CTL_FAILED;
	}
	json_t *answer;
	enum ctl_exit result =
		online(c) ? backup_online(c, path, &answer) : backup_offline(c, path, &answer);
	free(path);
	if (result == CTL_OK) {
		output_object(c, answer, fields, OUTPUT_COUNT(fields));
	}
	return result;
}
