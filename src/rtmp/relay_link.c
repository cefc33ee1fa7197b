#include "relay_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "relay_lookup.h"
#include "relay_rules.h"
#include "relay_session.h"
#include "relay_tls.h"

/* librtmp and the resolver want little; sanitizers want more. */
#define STACK_SIZE (1u << 20)
/* Packets sent before the target is listened to again. */
#define BATCH 64

struct relay_link {
	struct list link; /* of all; the loop's, as all up to the lock */
	struct mailbox *mailbox;
	const struct relay_link_events *events; /* NULL: dropped */
	void *user;
	pthread_t thread;
	bool joined, is_up;
	uint64_t started_us, finish_by_us; /* 0: not looked at yet; not finishing */
	uint64_t connect_us;

	/* The thread's; fixed before it starts. */
	struct relay_place place;
	struct relay_rules rules;
	char *ca_file;
	bool tls_verify;
	uint64_t stall_us;
	struct metric *metric_bytes;
	int wake; /* eventfd */
	struct relay_tls *tls;
	struct relay_session *session;
	enum relay_end why;
	char error[RELAY_ERROR_SIZE];

	pthread_mutex_t lock;
	int fd; /* -1: none */
	bool aborted, timed_out, finishing, sleeps;
	uint64_t bytes;
	struct relay_queue queue;
};

/* The thread */

static bool fail(struct relay_link *l, enum relay_end why, const char *text)
{
	l->why = why;
	relay_place_mask(&l->place, text, l->error, sizeof(l->error));
	return false;
}

static bool is_aborted(struct relay_link *l)
{
	pthread_mutex_lock(&l->lock);
	bool aborted = l->aborted;
	pthread_mutex_unlock(&l->lock);
	return aborted;
}

static struct timeval interval(uint64_t us)
{
	return (struct timeval){
		.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
}

/* From here on the loop can shut it down. False: it wants to already. */
static bool own_socket(struct relay_link *l, int fd)
{
	pthread_mutex_lock(&l->lock);
	l->fd = fd;
	bool go_on = !l->aborted;
	pthread_mutex_unlock(&l->lock);
	return go_on;
}

static void close_socket(struct relay_link *l)
{
	pthread_mutex_lock(&l->lock);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	pthread_mutex_unlock(&l->lock);
}

/* 0, or an errno. */
static int wait_connected(struct relay_link *l, int fd)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLOUT}, {.fd = l->wake, .events = POLLIN}};
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(fds, 2, (int)(l->connect_us / 1000)) <= 0)
		return ETIMEDOUT;
	if (!fds[0].revents)
		return ECANCELED;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static int connect_one(struct relay_link *l, const struct addrinfo *a)
{
	struct timeval writing = interval(l->stall_us);
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	int error;

	if (fd < 0)
		return errno;
	error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
	if (error == EINPROGRESS)
		error = wait_connected(l, fd);
	if (error) {
		close(fd);
		return error;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &writing, sizeof(writing));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return own_socket(l, fd) ? 0 : ECANCELED;
}

static bool refuse_address(struct relay_link *l, const struct net_prefix *address)
{
	char where[NET_PREFIX_TEXT_SIZE], text[RELAY_ERROR_SIZE];

	net_prefix_text(address, where);
	snprintf(text, sizeof(text), "address not allowed: %s", where);
	return fail(l, RELAY_END_ADDRESS, text);
}

/* The first address that is allowed and answers; the rule is asked of what is connected to. */
static bool connect_any(struct relay_link *l, const struct addrinfo *found)
{
	struct net_prefix address;
	int error;

	for (const struct addrinfo *a = found; a && !is_aborted(l); a = a->ai_next) {
		if (!relay_rules_address(a->ai_addr, &address))
			continue;
		if (!relay_rules_admit(&l->rules, &address)) {
			refuse_address(l, &address);
			continue;
		}
		error = connect_one(l, a);
		if (!error)
			return true;
		fail(l, RELAY_END_CONNECT, strerror(error));
	}
	return false;
}

static bool open_socket(struct relay_link *l)
{
	const char *why = "";
	struct addrinfo *found = relay_lookup(
		l->place.host, l->place.port, l->wake, (int)(l->connect_us / 1000), &why);
	bool ok;

	if (!found)
		return fail(l, RELAY_END_LOOKUP, why);
	ok = connect_any(l, found);
	freeaddrinfo(found);
	return ok;
}

static bool open_tls(struct relay_link *l)
{
	const struct relay_tls_config config = {
		.host = l->place.host, .verify = l->tls_verify, .ca_file = l->ca_file};
	char error[RELAY_ERROR_SIZE];

	if (!l->place.tls)
		return true;
	l->tls = relay_tls_open(l->fd, &config, error, sizeof(error));
	return l->tls || fail(l, RELAY_END_TLS, error);
}

static bool session_failed(struct relay_link *l, enum relay_end why, const char *text)
{
	const char *said = relay_session_error(l->session);

	return fail(l, said[0] ? RELAY_END_REFUSED : why, said[0] ? said : text);
}

static bool open_session(struct relay_link *l)
{
	void *tls = l->tls ? relay_tls_give_session(l->tls) : NULL;

	l->session = relay_session_create(l->fd, tls, &l->place);
	if (!relay_session_begin(l->session))
		return session_failed(l, RELAY_END_CLOSED, "no RTMP handshake");
	while (!relay_session_is_accepted(l->session))
		if (!relay_session_input(l->session, true))
			return session_failed(
				l, RELAY_END_CLOSED, "closed by the target before it accepted");
	if (l->tls)
		relay_tls_nowait(l->tls);
	return true;
}

static void on_up(void *arg)
{
	struct relay_link *l = arg;

	l->is_up = true;
	if (l->events)
		l->events->up(l->user);
}

static bool take(struct relay_link *l, struct relay_packet *p)
{
	pthread_mutex_lock(&l->lock);
	bool taken = !l->aborted && relay_queue_take(&l->queue, p);
	pthread_mutex_unlock(&l->lock);
	return taken;
}

static bool send_one(struct relay_link *l, struct relay_packet *p)
{
	size_t len = rcbuf_len(p->wire);
	uint64_t begun_us = clock_mono_us(&clock_system);
	bool ok = relay_session_send(l->session, p);
	uint64_t took_us = clock_mono_us(&clock_system) - begun_us;

	rcbuf_unref(&p->wire);
	if (!ok) {
		/* Its last words may say why. */
		relay_session_input(l->session, false);
		return took_us >= l->stall_us / 10 * 9
			? session_failed(l, RELAY_END_STALLED, "the target takes nothing")
			: session_failed(l, RELAY_END_CLOSED, "connection lost");
	}
	metric_add(l->metric_bytes, len);
	pthread_mutex_lock(&l->lock);
	l->bytes += len;
	pthread_mutex_unlock(&l->lock);
	return true;
}

/* Sleeps until there is something to do. False: there will be nothing more. */
static bool wait_for_work(struct relay_link *l)
{
	struct pollfd fds[] = {{.fd = l->fd, .events = POLLIN}, {.fd = l->wake, .events = POLLIN}};
	eventfd_t drained;

	pthread_mutex_lock(&l->lock);
	bool is_empty = list_empty(&l->queue.packets), is_over = l->aborted;
	is_over = is_over || (l->finishing && is_empty);
	l->sleeps = is_empty && !is_over;
	bool sleeps = l->sleeps && !relay_session_pending(l->session);
	pthread_mutex_unlock(&l->lock);
	if (is_over)
		return false;
	poll(fds, 2, sleeps ? -1 : 0);
	pthread_mutex_lock(&l->lock);
	l->sleeps = false;
	pthread_mutex_unlock(&l->lock);
	if (fds[1].revents)
		eventfd_read(l->wake, &drained);
	if (!fds[0].revents && !relay_session_pending(l->session))
		return true;
	return relay_session_input(l->session, false) ||
		session_failed(l, RELAY_END_CLOSED, "closed by the target");
}

static void pump(struct relay_link *l)
{
	struct relay_packet p;

	while (wait_for_work(l)) {
		unsigned n = 0;
		while (n++ < BATCH && take(l, &p))
			if (!send_one(l, &p))
				return;
	}
	relay_session_end(l->session);
}

static void note_abort(struct relay_link *l)
{
	pthread_mutex_lock(&l->lock);
	bool aborted = l->aborted, timed_out = l->timed_out;
	pthread_mutex_unlock(&l->lock);
	if (timed_out)
		fail(l, RELAY_END_TIMEOUT, "not accepted in time");
	else if (aborted)
		fail(l, RELAY_END_ABORTED, "broken off");
}

static void link_free(struct relay_link *l)
{
	list_remove(&l->link);
	relay_queue_finish(&l->queue);
	relay_place_finish(&l->place);
	relay_rules_finish(&l->rules);
	pthread_mutex_destroy(&l->lock);
	close(l->wake);
	free(l->ca_file);
	free(l);
}

static void join(struct relay_link *l)
{
	if (!l->joined)
		pthread_join(l->thread, NULL);
	l->joined = true;
}

static void on_down(void *arg)
{
	struct relay_link *l = arg;

	join(l);
	if (l->events)
		l->events->down(l->user, l->why, l->error);
	link_free(l);
}

static void *run(void *arg)
{
	struct relay_link *l = arg;

	if (open_socket(l) && open_tls(l) && open_session(l)) {
		mailbox_post(l->mailbox, on_up, l);
		pump(l);
	}
	note_abort(l);
	if (l->tls)
		relay_tls_nowait(l->tls);
	relay_session_destroy(&l->session);
	relay_tls_destroy(&l->tls);
	close_socket(l);
	mailbox_post(l->mailbox, on_down, l);
	return NULL;
}

/* The loop */

static bool start_thread(struct relay_link *l)
{
	pthread_attr_t attr;
	sigset_t all, before;
	bool ok;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* Signals are the loop's; librtmp's writes to a closed socket raise none. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&l->thread, &attr, run, l) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ok;
}

struct relay_link *relay_link_start(const struct relay_link_config *config, struct list *all)
{
	const struct relay_config *relay = config->relay;
	struct relay_link *l = mem_new(struct relay_link);

	l->mailbox = config->mailbox;
	l->events = config->events;
	l->user = config->user;
	l->connect_us = relay->connect_us;
	l->stall_us = relay->stall_us;
	l->tls_verify = relay->tls_verify;
	l->ca_file = mem_strdup(relay->ca_file);
	l->metric_bytes = config->bytes;
	l->fd = -1;
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	relay_url_parse(config->url, &l->place);
	relay_rules_init(&l->rules, relay->allow);
	relay_queue_init(&l->queue, relay->queue_max, relay->queue_us);
	pthread_mutex_init(&l->lock, NULL);
	list_append(all, &l->link);
	if (l->wake >= 0 && start_thread(l))
		return l;
	link_free(l);
	return NULL;
}

unsigned relay_link_put(struct relay_link *l, const struct feed_item *item, uint64_t now_us)
{
	const struct relay_packet packet = {
		.wire = item->wire,
		.type = item->type,
		.track = item->track,
		.is_key = item->is_key,
		.is_config = item->is_config,
		.timestamp = item->timestamp,
	};

	pthread_mutex_lock(&l->lock);
	unsigned dropped = relay_queue_put(&l->queue, &packet, now_us);
	bool sleeps = l->sleeps;
	l->sleeps = false;
	pthread_mutex_unlock(&l->lock);
	if (sleeps)
		eventfd_write(l->wake, 1);
	return dropped;
}

static void abort_link(struct relay_link *l, bool timed_out)
{
	pthread_mutex_lock(&l->lock);
	l->timed_out = timed_out && !l->aborted;
	l->aborted = true;
	if (l->fd >= 0)
		shutdown(l->fd, SHUT_RDWR);
	pthread_mutex_unlock(&l->lock);
	eventfd_write(l->wake, 1);
}

void relay_link_finish(struct relay_link *l, uint64_t by_us)
{
	if (!l->is_up) {
		abort_link(l, false);
		return;
	}
	/* Who hurries comes after who does not. */
	if (l->finish_by_us && l->finish_by_us <= by_us)
		return;
	l->finish_by_us = by_us;
	pthread_mutex_lock(&l->lock);
	l->finishing = true;
	pthread_mutex_unlock(&l->lock);
	eventfd_write(l->wake, 1);
}

void relay_link_drop(struct relay_link **link)
{
	struct relay_link *l = *link;

	*link = NULL;
	if (!l)
		return;
	l->events = NULL;
	abort_link(l, false);
}

void relay_link_look(struct relay_link *l, uint64_t now_us)
{
	if (!l->started_us)
		l->started_us = now_us;
	if (l->finish_by_us && now_us > l->finish_by_us)
		abort_link(l, false);
	else if (!l->is_up && now_us - l->started_us > l->connect_us)
		abort_link(l, true);
}

uint64_t relay_link_bytes(struct relay_link *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t bytes = l->bytes;
	pthread_mutex_unlock(&l->lock);
	return bytes;
}

uint64_t relay_link_queued(struct relay_link *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t bytes = l->queue.bytes;
	pthread_mutex_unlock(&l->lock);
	return bytes;
}

void relay_links_join(struct list *all)
{
	struct relay_link *l;

	list_for_each (l, all, link)
		abort_link(l, false);
	list_for_each (l, all, link)
		join(l);
}

struct relay_link *relay_link_of(struct list *link)
{
	return container_of(link, struct relay_link, link);
}
