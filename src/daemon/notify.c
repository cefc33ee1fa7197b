#define LOG_MODULE "notify"

#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

/* A path, or a name in the abstract namespace that begins with '@'. */
static bool find_socket(struct sockaddr_un *address, socklen_t *len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
		!text_copy(address->sun_path, sizeof(address->sun_path), path)) {
		return false;
	}
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@') {
		address->sun_path[0] = '\0';
	}
	return true;
}

static void send_state(const char *state)
{
	struct sockaddr_un address;
	socklen_t len;
	if (!find_socket(&address, &len)) {
		return;
	}
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
		sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
			(struct sockaddr *)&address, len) < 0) {
		log_warn("systemd not told", kv_str("state", state),
			kv_str("error", strerror(errno)));
	}
	if (fd >= 0) {
		close(fd);
	}
}

void notify_ready(void)
{
	send_state("READY=1");
}

/* Type=notify-reload (systemd 253) wants the time of the reload as well. */
void notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	char *state = mem_printf("RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
	send_state(state);
	free(state);
}

void notify_stopping(void)
{
	send_state("STOPPING=1");
}

void notify_alive(void)
{
	send_state("WATCHDOG=1");
}

void notify_status(const char *text)
{
	char *state = mem_printf("STATUS=%s", text);
	send_state(state);
	free(state);
}

uint64_t notify_period_us(void)
{
	const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, watched;
	if (period == NULL || !text_u64(period, 1, UINT64_MAX, &us)) {
		return 0;
	}
	if (pid != NULL &&
		(!text_u64(pid, 1, UINT64_MAX, &watched) || watched != (uint64_t)getpid())) {
		return 0;
	}
	return us / 2;
}
