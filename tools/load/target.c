#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

static bool part_copy(char *out, size_t size, const char *from, const char *to)
{
	size_t n = (size_t)(to - from);
	if (n == 0 || n >= size)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

static bool port_parse(struct target *t, const char *from, const char *to)
{
	char digits[8];
	uint64_t port;
	if (!part_copy(digits, sizeof(digits), from, to) || !text_u64(digits, 1, 65535, &port))
		return false;
	t->port = (uint16_t)port;
	return true;
}

static bool authority_parse(struct target *t, const char *from, const char *to)
{
	const char *host_end, *colon;
	if (*from == '[') {
		host_end = memchr(from, ']', (size_t)(to - from));
		if (!host_end || !part_copy(t->host, sizeof(t->host), from + 1, host_end))
			return false;
		colon = host_end + 1;
	} else {
		colon = memchr(from, ':', (size_t)(to - from));
		colon = colon ? colon : to;
		if (!part_copy(t->host, sizeof(t->host), from, colon))
			return false;
	}
	return colon == to || (*colon == ':' && port_parse(t, colon + 1, to));
}

static bool address_parse(struct target *t, bool *loopback)
{
	const char *host = text_eq(t->host, "localhost") ? "127.0.0.1" : t->host;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(t->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(t->port)};
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		*loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
		memcpy(&t->addr, &v4, t->addr_len = sizeof(v4));
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
		return false;
	*loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
	memcpy(&t->addr, &v6, t->addr_len = sizeof(v6));
	return true;
}

bool target_parse(struct target *t, const char *url, bool anywhere, const char **why)
{
	*t = (struct target){0};
	*why = "not a URL of the form SCHEME://ADDRESS[:PORT]/PATH";
	const char *colon = strstr(url, "://");
	if (!colon || !part_copy(t->scheme, sizeof(t->scheme), url, colon))
		return false;
	const char *host = colon + 3, *path = strchrnul(host, '/');
	t->port = text_eq(t->scheme, "rtmp") ? 1935 : 80;
	if (!authority_parse(t, host, path) ||
		!text_copy(t->path, sizeof(t->path), *path ? path : "/"))
		return false;
	bool loopback;
	*why = "the host is not a numeric address";
	if (!address_parse(t, &loopback))
		return false;
	*why = "not a loopback address (--anywhere lifts this)";
	return loopback || anywhere;
}

int target_connect(const struct target *t)
{
	int fd = socket(t->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&t->addr, t->addr_len) == 0 ||
		errno == EINPROGRESS)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}
