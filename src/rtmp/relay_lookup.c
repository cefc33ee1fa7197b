#include "relay_lookup.h"

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

#define STACK_SIZE (1u << 20)

struct query {
	atomic_int holders; /* who asks, and who answers */
	int done; /* eventfd */
	char *host;
	char port[8];
	struct addrinfo *found;
	int result;
	atomic_bool answered; /* found and result are who asks's */
};

static atomic_uint running;

static void query_release(struct query *q)
{
	if (atomic_fetch_sub(&q->holders, 1) > 1)
		return;
	if (q->found)
		freeaddrinfo(q->found);
	close(q->done);
	free(q->host);
	free(q);
}

static int resolve(struct query *q, int flags)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};

	return getaddrinfo(q->host, q->port, &hints, &q->found);
}

static void *run(void *arg)
{
	struct query *q = arg;

	q->result = resolve(q, 0);
	atomic_store(&q->answered, true);
	eventfd_write(q->done, 1);
	query_release(q);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static bool start(struct query *q)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	bool ok;

	atomic_fetch_add(&q->holders, 1);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&thread, &attr, run, q) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!ok)
		atomic_fetch_sub(&q->holders, 1);
	return ok;
}

static struct addrinfo *wait_for(struct query *q, int wake, int timeout_ms, const char **why)
{
	struct pollfd fds[] = {{.fd = q->done, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
	struct addrinfo *found;

	poll(fds, 2, timeout_ms);
	if (!atomic_load(&q->answered)) {
		*why = "the name was not looked up in time";
		return NULL;
	}
	found = q->found;
	q->found = NULL;
	if (!found)
		*why = gai_strerror(q->result);
	return found;
}

struct addrinfo *relay_lookup(
	const char *host, unsigned port, int wake, int timeout_ms, const char **why)
{
	struct query *q;
	struct addrinfo *found = NULL;

	if (atomic_fetch_add(&running, 1) >= RELAY_LOOKUPS_MAX) {
		atomic_fetch_sub(&running, 1);
		*why = "too many names are being looked up";
		return NULL;
	}
	q = mem_new(struct query);
	q->holders = 1;
	q->host = mem_strdup(host);
	snprintf(q->port, sizeof(q->port), "%u", port);
	q->done = eventfd(0, EFD_CLOEXEC);
	if (resolve(q, AI_NUMERICHOST) == 0) {
		found = q->found;
		q->found = NULL;
		atomic_fetch_sub(&running, 1);
	} else if (start(q)) {
		found = wait_for(q, wake, timeout_ms, why);
	} else {
		*why = "no thread for looking up the name";
		atomic_fetch_sub(&running, 1);
	}
	query_release(q);
	return found;
}
