#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "notify.h"
#include "support/test.h"

static int listen_on(const char *name, size_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, name, len);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	return fd;
}

static void expect_message(int fd, const char *expected)
{
	char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void states_reach_a_path(void **state)
{
	char folder[] = "/tmp/souk-notify-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	int fd = listen_on(path, strlen(path));
	setenv("NOTIFY_SOCKET", path, 1);
	notify_ready();
	expect_message(fd, "READY=1");
	notify_alive();
	expect_message(fd, "WATCHDOG=1");
	notify_stopping();
	expect_message(fd, "STOPPING=1");
	notify_status("2 streams");
	expect_message(fd, "STATUS=2 streams");
	notify_reloading();
	char text[256] = "";
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_memory_equal(text, "RELOADING=1\nMONOTONIC_USEC=", 27);
	close(fd);
	unlink(path);
	rmdir(folder);
}

static void states_reach_an_abstract_name(void **state)
{
	char name[64];
	int len = snprintf(name, sizeof(name), "@souk-notify-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	int fd = listen_on(name, (size_t)len);
	notify_ready();
	expect_message(fd, "READY=1");
	close(fd);
}

static void count_line(const char *line, void *user)
{
	*(int *)user += 1;
}

static void nobody_listens(void **state)
{
	int lines = 0;
	log_set_sink(count_line, &lines);
	unsetenv("NOTIFY_SOCKET");
	notify_ready();
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_ready();
	assert_int_equal(lines, 0);
	setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
	notify_ready();
	assert_int_equal(lines, 1);
	log_set_sink(NULL, NULL);
}

static void watchdog_is_for_us_alone(void **state)
{
	char pid[24];
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_period_us(), 0);
	setenv("WATCHDOG_USEC", "3000000", 1);
	assert_int_equal(notify_period_us(), 1500000);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_period_us(), 1500000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_period_us(), 0);
	setenv("WATCHDOG_PID", "x", 1);
	assert_int_equal(notify_period_us(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(notify_period_us(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_reach_a_path),
		cmocka_unit_test(states_reach_an_abstract_name),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(watchdog_is_for_us_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
