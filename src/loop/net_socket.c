#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "net"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net_private.h"

#define BACKLOG 4096
/* sd_listen_fds(3): the first descriptor that systemd hands over. */
#define LISTEN_FDS_START 3

void net_add(struct net_listener *n, int fd, const char *unlink_path)
{
	struct net_socket *s = &n->sockets[n->n_sockets++];
	s->fd = fd;
	s->unlink_path = mem_strdup(unlink_path);
}

static bool fail(char *error, unsigned size, const char *what, const char *where, int code)
{
	snprintf(error, size, "%s %s: %s", what, where, strerror(code));
	return false;
}

static int socket_open(const struct sockaddr *addr, socklen_t len, bool reuse_port)
{
	int one = 1;
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (reuse_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (addr->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, addr, len) == 0)
		return fd;
	int code = errno;
	close(fd);
	errno = code;
	return -1;
}

/*
 * SO_REUSEPORT would let a second daemon of this user share the port without a word: a bind
 * without it tells.
 */
static bool port_free(const struct sockaddr *addr, socklen_t len)
{
	int fd = socket_open(addr, len, false);
	if (fd < 0)
		return errno != EADDRINUSE;
	close(fd);
	return true;
}

static int listen_on(const struct sockaddr *addr, socklen_t len, bool shared)
{
	if (!shared && !port_free(addr, len)) {
		errno = EADDRINUSE;
		return -1;
	}
	int fd = socket_open(addr, len, true);
	if (fd < 0)
		return -1;
	if (listen(fd, BACKLOG) == 0)
		return fd;
	int code = errno;
	close(fd);
	errno = code;
	return -1;
}

/* Splits "PORT", "ADDRESS:PORT" and "[V6]:PORT"; address is empty for the first. */
static bool split(const char *text, char *address, size_t size, unsigned *port)
{
	const char *colon = strrchr(text, ':');
	uint64_t number;

	address[0] = '\0';
	if (!text_u64(colon ? colon + 1 : text, 0, 65535, &number))
		return false;
	*port = (unsigned)number;
	if (!colon)
		return true;
	size_t len = (size_t)(colon - text);
	bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
	if (brackets) {
		text++;
		len -= 2;
	}
	if (!len || len >= size || (!brackets && memchr(text, ':', len)))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	return true;
}

static bool open_address(struct net_listener *n, const char *text, const char *address,
	unsigned port, bool shared, char *error, unsigned size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	int code = getaddrinfo(address, service, &hints, &list);
	if (code) {
		snprintf(error, size, "listen %s: %s", text, gai_strerror(code));
		return false;
	}
	int fd = listen_on(list->ai_addr, list->ai_addrlen, shared);
	code = errno;
	freeaddrinfo(list);
	if (fd < 0)
		return fail(error, size, "listen", text, code);
	net_add(n, fd, NULL);
	return true;
}

/* All addresses, each family with a socket of its own; a host without IPv6 goes without. */
static bool open_port(struct net_listener *n, const char *text, unsigned port, bool shared,
	char *error, unsigned size)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t len = sizeof(v4);

	int fd = listen_on((struct sockaddr *)&v4, len, shared);
	if (fd < 0)
		return fail(error, size, "listen", text, errno);
	net_add(n, fd, NULL);
	getsockname(fd, (struct sockaddr *)&v4, &len);
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
	if (n->n_sockets == NET_MAX_SOCKETS)
		return true;
	fd = listen_on((struct sockaddr *)&v6, sizeof(v6), shared);
	if (fd >= 0)
		net_add(n, fd, NULL);
	else if (errno == EADDRINUSE)
		return fail(error, size, "listen (IPv6)", text, errno);
	return true;
}

/* A socket file that nobody answers is left over from a crash. */
static bool path_in_use(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool used = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0;

	if (fd >= 0)
		close(fd);
	if (!used)
		unlink(addr->sun_path);
	return used;
}

static bool open_unix(struct net_listener *n, const char *path, char *error, unsigned size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (!text_copy(addr.sun_path, sizeof(addr.sun_path), path))
		return fail(error, size, "listen", path, ENAMETOOLONG);
	if (path_in_use(&addr))
		return fail(error, size, "listen", path, EADDRINUSE);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The mode must hold from the first moment: there is no bind-then-chmod. */
	mode_t before = umask(0177);
	bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	int code = errno;
	umask(before);
	if (bound && listen(fd, BACKLOG) == 0) {
		net_add(n, fd, path);
		return true;
	}
	if (bound)
		code = errno;
	if (fd >= 0)
		close(fd);
	return fail(error, size, "listen", path, code);
}

static bool open_one(
	struct net_listener *n, const char *text, bool shared, char *error, unsigned size)
{
	char address[256];
	unsigned port;

	if (n->n_sockets == NET_MAX_SOCKETS) {
		snprintf(error, size, "listen %s: too many addresses", text);
		return false;
	}
	if (text_starts(text, "unix:"))
		return open_unix(n, text + 5, error, size);
	if (!split(text, address, sizeof(address), &port)) {
		snprintf(error, size, "listen \"%s\": not PORT, ADDRESS:PORT or [V6]:PORT", text);
		return false;
	}
	if (address[0])
		return open_address(n, text, address, port, shared, error, size);
	return open_port(n, text, port, shared, error, size);
}

bool net_open(struct net_listener *n, const char *listen, bool shared, char *error, unsigned size)
{
	char *copy = mem_strdup(listen ? listen : ""), *rest = copy, *item;
	bool ok = true;

	while (ok && (item = strsep(&rest, ","))) {
		item += strspn(item, " \t");
		item[strcspn(item, " \t")] = '\0';
		ok = open_one(n, item, shared, error, size);
	}
	free(copy);
	return ok;
}

static bool is_ours(const char *pid_text)
{
	uint64_t pid;
	return pid_text && text_u64(pid_text, 1, UINT32_MAX, &pid) && pid == (uint64_t)getpid();
}

/* sd_listen_fds_with_names(3), without linking libsystemd for two environment variables. */
unsigned net_open_activated(struct net_listener *n, const char *name)
{
	const char *count_text = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	uint64_t count;
	unsigned added = 0;

	if (!is_ours(getenv("LISTEN_PID")) || !count_text || !names ||
		!text_u64(count_text, 1, 256, &count))
		return 0;
	char *copy = mem_strdup(names), *rest = copy, *item;
	for (uint64_t i = 0; i < count && (item = strsep(&rest, ":")); i++) {
		int fd = LISTEN_FDS_START + (int)i;
		if (!text_eq(item, name) || n->n_sockets == NET_MAX_SOCKETS)
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		net_add(n, fd, NULL);
		added++;
	}
	free(copy);
	return added;
}
