#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "net"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net_private.h"

#define ACCEPTS_PER_TURN 64
#define PAUSE_US 100000
#define ADDRESS_SIZE 64

struct net_address {
	unsigned connections;
	char text[ADDRESS_SIZE];
};

static void address_text(const struct sockaddr_storage *addr, char out[static ADDRESS_SIZE])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;

	text_copy(out, ADDRESS_SIZE, "unix");
	if (addr->ss_family == AF_INET)
		inet_ntop(
			AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, out, ADDRESS_SIZE);
	else if (addr->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], out, ADDRESS_SIZE);
	else if (addr->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, out, ADDRESS_SIZE);
}

static struct net_address *address_get(struct net_listener *n, const char *text)
{
	struct net_address *a = map_get_str(n->addresses, text);
	if (a)
		return a;
	a = mem_new(struct net_address);
	text_copy(a->text, sizeof(a->text), text);
	map_put_str(n->addresses, a->text, a);
	return a;
}

void net_listener_closed(struct net_listener *n, const char *text)
{
	struct net_address *a = map_get_str(n->addresses, text);

	if (n->connections)
		n->connections--;
	if (!a || --a->connections)
		return;
	map_remove_str(n->addresses, text);
	free(a);
}

void net_addresses_free(struct net_listener *n)
{
	size_t pos = 0;
	void *address;

	while (map_next(n->addresses, &pos, &address))
		free(address);
	map_destroy(n->addresses);
}

static bool admit(struct net_listener *n, const char *text)
{
	if (n->admit && !n->admit(n->admit_user, text)) {
		metric_add(n->refused_banned, 1);
		log_debug("connection refused", kv_str("listener", n->name),
			kv_str("reason", "banned"), kv_str("address", text));
		return false;
	}
	if (n->max_connections && n->connections >= n->max_connections) {
		metric_add(n->refused_full, 1);
		log_debug("connection refused", kv_str("listener", n->name),
			kv_str("reason", "full"), kv_str("address", text));
		return false;
	}
	struct net_address *a = address_get(n, text);
	if (n->max_per_address && a->connections >= n->max_per_address) {
		metric_add(n->refused_address, 1);
		log_debug("connection refused", kv_str("listener", n->name),
			kv_str("reason", "address"), kv_str("address", text));
		return false;
	}
	a->connections++;
	n->connections++;
	return true;
}

static void hand_over(struct net_listener *n, int fd, const struct sockaddr_storage *addr)
{
	char text[ADDRESS_SIZE];
	int one = 1;

	address_text(addr, text);
	if (!admit(n, text)) {
		close(fd);
		return;
	}
	metric_add(n->accepted_total, 1);
	if (addr->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	n->accepted(n->user, fd, text);
}

void net_accept_pause(struct net_listener *n)
{
	n->paused = true;
	metric_add(n->paused_total, 1);
	log_warn(
		"accepting paused", kv_str("listener", n->name), kv_str("reason", strerror(errno)));
	for (unsigned i = 0; i < n->n_sockets; i++)
		uv_poll_stop(&n->sockets[i].poll);
	timer_start(n->resume, PAUSE_US);
}

static bool out_of_room(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void accept_some(struct net_listener *n, int listener_fd)
{
	for (unsigned i = 0; i < ACCEPTS_PER_TURN && !n->stopped; i++) {
		struct sockaddr_storage addr = {.ss_family = AF_UNIX};
		socklen_t len = sizeof(addr);
		int fd = accept4(
			listener_fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			hand_over(n, fd, &addr);
			continue;
		}
		if (out_of_room(errno))
			net_accept_pause(n);
		/* Others (aborted before we came, a filter's refusal) concern one peer only. */
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct net_socket *s = handle->data;
	struct net_listener *n = s->listener;
	struct loop *l = n->loop;

	(void)status;
	(void)events;
	loop_enter(l, n->name);
	accept_some(n, s->fd);
	loop_leave(l);
}

void net_accept_start(struct net_listener *n)
{
	for (unsigned i = 0; i < n->n_sockets; i++)
		uv_poll_start(&n->sockets[i].poll, UV_READABLE, on_readable);
}
