#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fields.h"

#define CONNECT_SECONDS 5L
#define CALL_SECONDS 30L
#define STALL_SECONDS 60L
#define PAGE 100

struct exchange {
	CURL *curl;
	struct curl_slist *headers;
	struct buf answer;
	FILE *file; /* where a download goes; NULL: to answer */
	bool quiet, patient;
	bool (*interrupted)(void);
	char *target; /* socket or URL, for messages */
	char failure[CURL_ERROR_SIZE];
};

static size_t take_bytes(char *data, size_t size, size_t n, void *user)
{
	struct exchange *x = user;
	if (x->file != NULL) {
		return fwrite(data, size, n, x->file);
	}
	buf_put(&x->answer, data, size * n);
	return size * n;
}

/* Between two waits for the network, which signals end. */
static int look_up(
	void *user, curl_off_t total, curl_off_t now, curl_off_t to_send, curl_off_t sent)
{
	const struct exchange *x = user;
	return x->interrupted();
}

static void add_header(struct exchange *x, const char *line)
{
	x->headers = curl_slist_append(x->headers, line);
}

const char *client_token(const struct ctl *c)
{
	const char *token = c->acting != NULL ? c->acting : args_get(&c->args, "token");
	/* At the Unix socket the caller is known; a variable must not make less of it. */
	if (token == NULL && args_has(&c->args, "url")) {
		token = getenv("SOUKCTL_TOKEN");
	}
	return token;
}

static void add_token(const struct ctl *c, struct exchange *x)
{
	const char *token = client_token(c);
	if (token != NULL) {
		char *line = mem_printf("Authorization: Bearer %s", token);
		add_header(x, line);
		free(line);
	}
}

/* Where the daemon is; false without a usable configuration. */
static bool aim(struct ctl *c, struct exchange *x, const char *path)
{
	const char *url = args_get(&c->args, "url"), *named = args_get(&c->args, "socket");
	if (url != NULL) {
		size_t len = strlen(url);
		while (len > 0 && url[len - 1] == '/') {
			len--;
		}
		char *full = mem_printf("%.*s%s", (int)len, url, path);
		curl_easy_setopt(x->curl, CURLOPT_URL, full);
		free(full);
		x->target = mem_strdup(url);
		return true;
	}
	char socket[CONFIG_SOCKET_SIZE];
	if (named == NULL) {
		const struct config *config = ctl_config(c);
		if (config == NULL || !config_socket_path(config, socket)) {
			return false;
		}
		named = socket;
	}
	char *full = mem_printf("http://localhost%s", path);
	curl_easy_setopt(x->curl, CURLOPT_URL, full);
	curl_easy_setopt(x->curl, CURLOPT_UNIX_SOCKET_PATH, named);
	free(full);
	x->target = mem_strdup(named);
	return true;
}

static void set_common(struct exchange *x)
{
	curl_easy_setopt(x->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, x->failure);
	curl_easy_setopt(x->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(x->curl, CURLOPT_NOSIGNAL, 1L);
	if (x->interrupted != NULL) {
		curl_easy_setopt(x->curl, CURLOPT_XFERINFOFUNCTION, look_up);
		curl_easy_setopt(x->curl, CURLOPT_XFERINFODATA, x);
		curl_easy_setopt(x->curl, CURLOPT_NOPROGRESS, 0L);
	}
}

static bool exchange_begin(struct ctl *c, struct exchange *x, const char *method, const char *path)
{
	x->quiet = c->quiet;
	x->patient = c->patient;
	x->interrupted = c->interrupted;
	x->curl = curl_easy_init();
	if (x->curl == NULL || !aim(c, x, path)) {
		return false;
	}
	add_token(c, x);
	curl_easy_setopt(x->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(x->curl, CURLOPT_CUSTOMREQUEST, method);
	set_common(x);
	return true;
}

static void exchange_end(struct exchange *x)
{
	curl_easy_cleanup(x->curl);
	curl_slist_free_all(x->headers);
	buf_finish(&x->answer);
	free(x->target);
}

static enum ctl_exit exchange_run(struct exchange *x, long *status)
{
	curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, x->headers);
	CURLcode result = curl_easy_perform(x->curl);
	*status = 0;
	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, status);
	if (result == CURLE_OK) {
		return CTL_OK;
	}
	bool local = result == CURLE_WRITE_ERROR || result == CURLE_ABORTED_BY_CALLBACK;
	return local ? CTL_FAILED : CTL_UNREACHABLE;
}

static void say_unreachable(const struct exchange *x)
{
	long error = 0;
	curl_easy_getinfo(x->curl, CURLINFO_OS_ERRNO, &error);
	const char *reason = error != 0 ? strerror((int)error) : x->failure;
	if (x->quiet || x->patient || (x->interrupted != NULL && x->interrupted())) {
		return;
	}
	if (error == EACCES) {
		ctl_error("%s: %s. It serves root and the user of soukd.", x->target, reason);
		return;
	}
	ctl_error(
		"soukd does not answer at %s: %s. Is it running? It is found by --config, --socket "
		"or --url.",
		x->target, reason[0] != '\0' ? reason : "no answer");
}

/* {"error": {"code", "message", "field"}} */
static void say_refused(const struct exchange *x, long status, const json_t *answer)
{
	const char *code = field_string(answer, "error.code");
	const char *message = field_string(answer, "error.message");
	const char *field = field_string(answer, "error.field");
	if (x->quiet) {
		return;
	}
	if (message[0] == '\0') {
		ctl_error("%s answered with HTTP status %ld", x->target, status);
		return;
	}
	ctl_error("%s (%s%s%s)", message, code, field[0] != '\0' ? ": " : "", field);
}

/* The whole answer, parsed; NULL for an empty one. */
static enum ctl_exit request(
	struct ctl *c, const char *method, const char *path, const json_t *body, json_t **whole)
{
	struct exchange x = {0};
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	enum ctl_exit result = CTL_FAILED;
	long status;
	*whole = NULL;
	if (!exchange_begin(c, &x, method, path)) {
		goto out;
	}
	curl_easy_setopt(x.curl, CURLOPT_TIMEOUT, CALL_SECONDS);
	add_header(&x, "Accept: application/json");
	if (text != NULL) {
		add_header(&x, "Content-Type: application/json");
		curl_easy_setopt(x.curl, CURLOPT_POSTFIELDS, text);
	} else if (method[0] == 'P') {
		/* POST, PUT and PATCH need a length, also of nothing. */
		curl_easy_setopt(x.curl, CURLOPT_POSTFIELDS, "");
		add_header(&x, "Content-Type:");
	}
	result = exchange_run(&x, &status);
	if (result != CTL_OK) {
		say_unreachable(&x);
		goto out;
	}
	*whole = json_loadb((const char *)x.answer.data, x.answer.len, 0, NULL);
	if (x.patient && status >= 502 && status <= 504) {
		/* The proxy in front of it. */
		json_decref(*whole);
		*whole = NULL;
		result = CTL_UNREACHABLE;
	} else if (status < 200 || status > 299) {
		say_refused(&x, status, *whole);
		json_decref(*whole);
		*whole = NULL;
		result = CTL_FAILED;
	} else if (*whole == NULL && x.answer.len > 0) {
		ctl_error("%s answered with something that is not JSON", x.target);
		result = CTL_FAILED;
	}
out:
	exchange_end(&x);
	free(text);
	return result;
}

enum ctl_exit client_call(
	struct ctl *c, const char *method, const char *path, const json_t *body, json_t **data)
{
	json_t *whole;
	enum ctl_exit result = request(c, method, path, body, &whole);
	if (result != CTL_OK) {
		return result;
	}
	json_t *inner = json_object_get(whole, "data");
	*data = whole == NULL ? json_null() : json_incref(inner != NULL ? inner : whole);
	json_decref(whole);
	return CTL_OK;
}

/* One page into `array`; *cursor becomes the next one, NULL after the last. */
static enum ctl_exit take_page(
	struct ctl *c, const char *base, size_t limit, char **cursor, json_t *array)
{
	struct buf path = {0};
	size_t left = limit == 0 ? PAGE : limit - json_array_size(array);
	char count[24];
	snprintf(count, sizeof(count), "%zu", left < PAGE ? left : PAGE);
	buf_put_str(&path, base);
	client_query(&path, "limit", count);
	client_query(&path, "cursor", *cursor);
	json_t *whole;
	enum ctl_exit result = request(c, "GET", buf_text(&path), NULL, &whole);
	buf_finish(&path);
	free(*cursor);
	*cursor = NULL;
	if (result == CTL_OK) {
		json_array_extend(array, json_object_get(whole, "data"));
		const char *next = json_string_value(json_object_get(whole, "nextCursor"));
		*cursor = mem_strdup(next);
		json_decref(whole);
	}
	return result;
}

enum ctl_exit client_list(struct ctl *c, const char *path, size_t limit, json_t **array)
{
	json_t *all = json_array();
	char *cursor = NULL;
	enum ctl_exit result;
	do {
		result = take_page(c, path, limit, &cursor, all);
	} while (
		result == CTL_OK && cursor != NULL && (limit == 0 || json_array_size(all) < limit));
	free(cursor);
	if (result == CTL_OK) {
		*array = all;
	} else {
		json_decref(all);
	}
	return result;
}

static void set_download(struct exchange *x)
{
	curl_easy_setopt(x->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(x->curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(x->curl, CURLOPT_FAILONERROR, 1L);
}

/* From where the daemon leads to, which may be another server: by no socket, and with no token. */
static enum ctl_exit follow(struct ctl *c, const struct exchange *from, long *status)
{
	struct exchange x = {.file = from->file,
		.quiet = c->quiet,
		.interrupted = c->interrupted,
		.curl = curl_easy_init()};
	enum ctl_exit result = CTL_FAILED;
	char *url = NULL;
	curl_easy_getinfo(from->curl, CURLINFO_REDIRECT_URL, &url);
	if (x.curl != NULL && url != NULL) {
		x.target = mem_strdup(url);
		set_common(&x);
		set_download(&x);
		curl_easy_setopt(x.curl, CURLOPT_URL, url);
		curl_easy_setopt(x.curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(x.curl, CURLOPT_FOLLOWLOCATION, 1L);
		result = exchange_run(&x, status);
	}
	if (result == CTL_UNREACHABLE && *status < 400) {
		say_unreachable(&x);
	}
	exchange_end(&x);
	return result;
}

enum ctl_exit client_download(struct ctl *c, const char *path, FILE *file, long *status)
{
	struct exchange x = {.file = file};
	enum ctl_exit result = CTL_FAILED;
	*status = 0;
	if (exchange_begin(c, &x, "GET", path)) {
		set_download(&x);
		result = exchange_run(&x, status);
		if (result == CTL_OK && *status >= 300 && *status <= 399) {
			result = follow(c, &x, status);
			exchange_end(&x);
			return *status >= 400 ? CTL_FAILED : result;
		}
	}
	if (*status >= 400) {
		result = CTL_FAILED;
	} else if (result == CTL_UNREACHABLE) {
		say_unreachable(&x);
	}
	exchange_end(&x);
	return result;
}

bool client_alive(struct ctl *c)
{
	struct exchange x = {0};
	long status = 0;
	bool alive = exchange_begin(c, &x, "GET", "/healthz");
	if (alive) {
		curl_easy_setopt(x.curl, CURLOPT_TIMEOUT, CONNECT_SECONDS);
		alive = exchange_run(&x, &status) == CTL_OK && status == 200;
	}
	exchange_end(&x);
	return alive;
}

static bool put_id(struct buf *path, const char *id)
{
	/* The daemon decodes a path before it looks at its parts: an escaped slash is one too. */
	if (id[0] == '\0' || strchr(id, '/') != NULL) {
		ctl_error("\"%s\" is not an id", id);
		return false;
	}
	char *escaped = curl_easy_escape(NULL, id, 0);
	buf_put_str(path, escaped);
	curl_free(escaped);
	return true;
}

char *client_path(const char *pattern, const char *const *ids, size_t n)
{
	struct buf path = {0};
	bool good = true;
	while (good && *pattern != '\0') {
		size_t plain = strcspn(pattern, "{");
		buf_put(&path, pattern, plain);
		pattern += plain;
		if (*pattern == '{') {
			size_t i = (size_t)(pattern[1] - '0');
			good = i < n && put_id(&path, ids[i]);
			pattern += strlen("{0}");
		}
	}
	char *text = good ? mem_strdup(buf_text(&path)) : NULL;
	buf_finish(&path);
	return text;
}

void client_query(struct buf *path, const char *name, const char *value)
{
	if (value == NULL) {
		return;
	}
	char *escaped = curl_easy_escape(NULL, value, 0);
	bool first = strchr(buf_text(path), '?') == NULL;
	buf_printf(path, "%c%s=%s", first ? '?' : '&', name, escaped);
	curl_free(escaped);
}
