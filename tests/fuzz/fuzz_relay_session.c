#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "fuzz.h"
#include "relay_session.h"

/* What a relay's target says after the greeting, with one packet for it once it has accepted. */

/* What fits into a socket whatever its buffers are. */
#define INPUT_MAX 65536

static const struct relay_place *place(void)
{
	static struct relay_place p;

	if (!p.host) {
		relay_session_setup();
		relay_url_parse("rtmp://a.example/app/SECRET?auth=MORE", &p);
	}
	return &p;
}

static void send_one(struct relay_session *s)
{
	struct relay_packet p = {.wire = rcbuf_create(11 + 100 + 4), .type = 9, .is_key = true};

	memset(rcbuf_writable(p.wire), 0x17, rcbuf_len(p.wire));
	relay_session_send(s, &p);
	rcbuf_unref(&p.wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relay_session *s;
	int ends[2];

	if (size > INPUT_MAX)
		return 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	if (size)
		must(write(ends[1], data, size) == (ssize_t)size);
	s = relay_session_create(ends[0], NULL, place());
	relay_session_input(s, false);
	if (relay_session_is_accepted(s))
		send_one(s);
	must(!strstr(relay_session_error(s), "SECRET") && !strstr(relay_session_error(s), "MORE"));
	relay_session_end(s);
	relay_session_destroy(&s);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
