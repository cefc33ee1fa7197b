#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "client.h"
#include "doctor.h"
#include "fields.h"

/* Descriptors beside the connections: files, database, loop. */
#define DESCRIPTORS_BESIDE 256
#define REDIS_SECONDS 3

/* Ports */

/* "PORT", "ADDRESS:PORT", "[V6]:PORT" into host (NULL: all addresses) and port; cut in place. */
static void split_endpoint(char *text, const char **host, const char **port)
{
	char *colon = strrchr(text, ':');
	*host = NULL;
	*port = text;
	if (colon != NULL) {
		*colon = '\0';
		*port = colon + 1;
		*host = text;
		if (text[0] == '[') {
			text[strlen(text) - 1] = '\0';
			*host = text + 1;
		}
	}
}

/* 0, or what bind or connect said. */
static int try_endpoint(const char *host, const char *port, bool connecting)
{
	struct addrinfo hints = {.ai_flags = connecting ? 0 : AI_PASSIVE,
				.ai_family = host == NULL ? AF_INET : AF_UNSPEC,
				.ai_socktype = SOCK_STREAM},
			*info;
	bool any = host != NULL && (text_eq(host, "0.0.0.0") || text_eq(host, "::"));
	if (getaddrinfo(connecting && any ? NULL : host, port, &hints, &info) != 0) {
		return EADDRNOTAVAIL;
	}
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	int result = fd < 0  ? -1
		: connecting ? connect(fd, info->ai_addr, info->ai_addrlen)
			     : (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)),
				       bind(fd, info->ai_addr, info->ai_addrlen));
	int error = result == 0 ? 0 : errno;
	if (fd >= 0) {
		close(fd);
	}
	freeaddrinfo(info);
	return error;
}

static void check_endpoint(struct doctor *d, const char *key, char *endpoint)
{
	const char *host, *port;
	char *shown = mem_strdup(endpoint);
	split_endpoint(endpoint, &host, &port);
	int error = text_eq(port, "0") ? 0 : try_endpoint(host, port, d->alive);
	if (error == 0) {
		doctor_add(d, "ports", FINDING_OK, NULL, "%s %s: %s", key, shown,
			d->alive ? "answered" : "free");
	} else if (d->alive) {
		doctor_add(d, "ports", FINDING_FAIL,
			"see the daemon's log for why it does not listen there", "%s %s: %s", key,
			shown, strerror(error));
	} else {
		doctor_add(d, "ports", FINDING_FAIL,
			error == EADDRINUSE ? "stop what listens there (ss -ltnp names it), or "
					      "choose another port"
				: error == EACCES ? "ports below 1024 need CAP_NET_BIND_SERVICE or "
						    "socket activation"
						  : "choose an address of this machine",
			"%s %s: %s", key, shown, strerror(error));
	}
	free(shown);
}

void doctor_ports(struct doctor *d)
{
	const struct {
		const char *key, *ports;
	} lists[] = {
		{"rtmp.listen", d->config->rtmp.listen},
		{"rtmp.tls_listen", d->config->rtmp.tls_listen},
		{"http.listen", d->config->http.listen},
		{"http.tls_listen", d->config->http.tls_listen},
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char *copy = mem_strdup(lists[i].ports), *rest = copy;
		for (char *one = strsep(&rest, ","); one != NULL; one = strsep(&rest, ",")) {
			check_endpoint(d, lists[i].key, one);
		}
		free(copy);
	}
}

void doctor_clock(struct doctor *d)
{
	struct timex t = {0};
	int state = adjtimex(&t);
	if (state == TIME_ERROR || (state >= 0 && t.status & STA_UNSYNC)) {
		doctor_add(d, "clock", FINDING_WARN,
			"install chrony or enable systemd-timesyncd: tokens and playlists carry "
			"times",
			"nothing keeps the clock right");
	} else if (state < 0) {
		doctor_add(d, "clock", FINDING_WARN, "see whether a time service runs",
			"the kernel does not say whether the clock is kept: %s", strerror(errno));
	} else {
		doctor_add(d, "clock", FINDING_OK, NULL, "kept right");
	}
}

/* The daemon's own limit if it runs here, else ours. */
static uint64_t descriptor_limit(struct doctor *d)
{
	struct rlimit limit = {0};
	json_t *status = NULL;
	bool here = !args_has(&d->ctl->args, "url") && d->alive;
	if (here && client_call(d->ctl, "GET", "/api/v1/admin/status", NULL, &status) == CTL_OK) {
		pid_t pid = (pid_t)field_number(status, "pid");
		json_decref(status);
		if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0) {
			return limit.rlim_cur;
		}
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	return d->alive ? limit.rlim_cur : limit.rlim_max;
}

void doctor_descriptors(struct doctor *d)
{
	uint64_t limit = descriptor_limit(d);
	uint64_t wanted = (uint64_t)d->config->http.max_connections +
		d->config->rtmp.max_connections + DESCRIPTORS_BESIDE;
	doctor_add(d, "descriptors", limit >= wanted ? FINDING_OK : FINDING_WARN,
		"raise LimitNOFILE= in the unit (ulimit -n), or lower max_connections",
		"%llu open files allowed, %llu wanted", (unsigned long long)limit,
		(unsigned long long)wanted);
}

/* libwebsockets loads its libuv half by name when the daemon starts. */
void doctor_plugin(struct doctor *d)
{
	static const char *const places[] = {"/usr/lib/*/libwebsockets-evlib_uv.so*",
		"/usr/lib/libwebsockets-evlib_uv.so*", "/usr/lib64/libwebsockets-evlib_uv.so*",
		"/usr/local/lib/libwebsockets-evlib_uv.so*"};
	bool found = false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		glob_t g;
		found = glob(places[i], 0, NULL, &g) == 0;
		if (found) {
			doctor_add(d, "lws plugin", FINDING_OK, NULL, "%s", g.gl_pathv[0]);
		}
		globfree(&g);
	}
	if (!found) {
		doctor_add(d, "lws plugin", FINDING_FAIL, "apt install libwebsockets-evlib-uv",
			"libwebsockets has no libuv plugin");
	}
}

/* Redis */

static int connect_within(const char *host, const char *port, long seconds)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *info;
	if (getaddrinfo(host, port, &hints, &info) != 0) {
		return -1;
	}
	struct timeval limit = {.tv_sec = seconds};
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (fd >= 0 && connect(fd, info->ai_addr, info->ai_addrlen) != 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(info);
	return fd;
}

/* The answer to PING is a line in every case: +PONG, or -NOAUTH … of one that wants a password. */
static bool redis_answers(const char *host, const char *port)
{
	char answer[64] = "";
	int fd = connect_within(host, port, REDIS_SECONDS);
	if (fd < 0) {
		return false;
	}
	bool good = send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
		recv(fd, answer, sizeof(answer) - 1, 0) > 0 &&
		(text_starts(answer, "+PONG") || text_starts(answer, "-NOAUTH"));
	close(fd);
	return good;
}

void doctor_redis(struct doctor *d)
{
	const char *url = d->config->redis.url;
	if (url == NULL) {
		doctor_add(d, "redis", FINDING_OK, NULL, "not configured: state is in the process");
		return;
	}
	if (!text_starts(url, "redis://")) {
		doctor_add(d, "redis", FINDING_WARN, "see redis-cli ping",
			"only redis:// can be tried from here");
		return;
	}
	const char *at = strrchr(url, '@');
	char *place = mem_strdup(at != NULL ? at + 1 : url + strlen("redis://"));
	place[strcspn(place, "/?")] = '\0';
	char *colon = strrchr(place, ':');
	const char *port = colon != NULL && strchr(colon, ']') == NULL ? colon + 1 : "6379";
	if (port != colon + 1 || colon == NULL) {
		colon = NULL;
	} else {
		*colon = '\0';
	}
	bool good = redis_answers(place, port);
	doctor_add(d, "redis", good ? FINDING_OK : FINDING_FAIL,
		"start it, or see [redis] url and the firewall", "%s port %s: %s", place, port,
		good ? "answers" : "does not answer");
	free(place);
}
