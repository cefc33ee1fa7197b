#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "loop/net_listener.h"
#include "support.h"

struct acceptor {
	unsigned n;
	int fds[64];
	char address[64];
};

static void on_accepted(void *user, int fd, const char *address)
{
	struct acceptor *a = user;
	a->fds[a->n++] = fd;
	text_copy(a->address, sizeof(a->address), address);
}

static void close_all(struct acceptor *a)
{
	while (a->n)
		close(a->fds[--a->n]);
}

static struct net_listener *open_listener(
	struct fixture *f, const char *listen, struct acceptor *a, char *error, unsigned size)
{
	return net_listener_create(f->loop,
		&(struct net_listener_config){
			.name = "test", .listen = listen, .accepted = on_accepted, .user = a},
		error, size);
}

static int dial(unsigned port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static bool peer_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void accepts_with_address_and_flags(void **state)
{
	struct fixture f;
	struct acceptor a = {0};
	char error[128] = "";
	fixture_init(&f);
	struct net_listener *n = open_listener(&f, "127.0.0.1:0", &a, error, sizeof(error));
	assert_non_null(n);
	int fd = dial(net_listener_port(n));
	run_until(&f, a.n);
	assert_string_equal(a.address, "127.0.0.1");
	char byte;
	assert_int_equal(recv(a.fds[0], &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	close_all(&a);
	net_listener_destroy(&n);
	fixture_finish(&f);
}

static void limits_close_at_once_and_free_again(void **state)
{
	struct fixture f;
	struct acceptor a = {0};
	char error[128] = "";
	fixture_init(&f);
	struct net_listener *n = open_listener(&f, "127.0.0.1:0", &a, error, sizeof(error));
	net_listener_limits(n, 10, 1);
	int first = dial(net_listener_port(n));
	int second = dial(net_listener_port(n));
	run_until(&f, peer_closed(second));
	assert_int_equal(a.n, 1);
	net_listener_closed(n, "127.0.0.1");
	int third = dial(net_listener_port(n));
	run_until(&f, a.n == 2);
	assert_false(peer_closed(third));
	net_listener_limits(n, 1, 0);
	int fourth = dial(net_listener_port(n));
	run_until(&f, peer_closed(fourth));
	assert_int_equal(a.n, 2);
	close(first);
	close(second);
	close(third);
	close(fourth);
	close_all(&a);
	net_listener_destroy(&n);
	fixture_finish(&f);
}

static void second_daemon_on_a_port_is_an_error(void **state)
{
	struct fixture f;
	struct acceptor a = {0};
	char error[128] = "", spec[32];
	fixture_init(&f);
	struct net_listener *n = open_listener(&f, "127.0.0.1:0", &a, error, sizeof(error));
	snprintf(spec, sizeof(spec), "127.0.0.1:%u", net_listener_port(n));
	assert_null(open_listener(&f, spec, &a, error, sizeof(error)));
	assert_non_null(strstr(error, spec));
	assert_non_null(strstr(error, strerror(EADDRINUSE)));
	net_listener_destroy(&n);
	fixture_finish(&f);
}

static void malformed_specs_are_refused(void **state)
{
	static const char *const specs[] = {
		"", "x", "70000", "127.0.0.1:", ":1", "::1:80", "127.0.0.1:0,,", "host name:1"};
	struct fixture f;
	struct acceptor a = {0};
	fixture_init(&f);
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		char error[128] = "";
		assert_null(open_listener(&f, specs[i], &a, error, sizeof(error)));
		assert_string_not_equal(error, "");
	}
	fixture_finish(&f);
}

static void unix_socket_is_private_and_removed(void **state)
{
	struct fixture f;
	struct acceptor a = {0};
	char error[128] = "", dir[] = "/tmp/souk-test-XXXXXX", spec[64];
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	assert_non_null(mkdtemp(dir));
	snprintf(spec, sizeof(spec), "unix:%s/s", dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	fixture_init(&f);
	struct net_listener *n = open_listener(&f, spec, &a, error, sizeof(error));
	assert_non_null(n);
	assert_int_equal(stat(addr.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(open_listener(&f, spec, &a, error, sizeof(error)));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	run_until(&f, a.n);
	assert_string_equal(a.address, "unix");
	close(fd);
	close_all(&a);
	net_listener_destroy(&n);
	assert_int_equal(stat(addr.sun_path, &st), -1);
	fixture_finish(&f);
	rmdir(dir);
}

static void out_of_descriptors_pauses_and_resumes(void **state)
{
	struct fixture f;
	struct acceptor a = {0};
	struct rlimit before, tight;
	char error[128] = "";
	fixture_init(&f);
	struct net_listener *n = open_listener(&f, "127.0.0.1:0", &a, error, sizeof(error));
	struct metric *paused =
		metrics_counter(f.metrics, "souk_accept_paused_total", "listener=\"test\"", NULL);
	int fd = dial(net_listener_port(n));
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(fd);
	close(next);
	tight = before;
	tight.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	run_until(&f, metric_count(paused));
	assert_int_equal(a.n, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	run_until(&f, a.n);
	close(fd);
	close_all(&a);
	net_listener_destroy(&n);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_with_address_and_flags),
		cmocka_unit_test(limits_close_at_once_and_free_again),
		cmocka_unit_test(second_daemon_on_a_port_is_an_error),
		cmocka_unit_test(malformed_specs_are_refused),
		cmocka_unit_test(unix_socket_is_private_and_removed),
		cmocka_unit_test(out_of_descriptors_pauses_and_resumes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
