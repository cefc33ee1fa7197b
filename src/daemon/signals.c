#define LOG_MODULE "signals"

#include "signals.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/os_signal.h"

struct signals {
	struct signals_events events;
	void *user;
	struct os_signal *term, *interrupt, *hangup;
	bool draining;
};

static void on_end(void *user)
{
	struct signals *s = user;
	if (s->draining) {
		log_warn("told to stop at once");
		s->events.stop(s->user);
		return;
	}
	log_info("told to drain");
	s->draining = true;
	s->events.drain(s->user);
}

static void on_hangup(void *user)
{
	struct signals *s = user;
	log_info("told to reload");
	s->events.reload(s->user);
}

struct signals *signals_create(struct loop *l, const struct signals_events *events, void *user)
{
	struct signals *s = mem_new(struct signals);
	s->events = *events;
	s->user = user;
	signal(SIGPIPE, SIG_IGN);
	s->term = os_signal_create(l, SIGTERM, "SIGTERM", on_end, s);
	s->interrupt = os_signal_create(l, SIGINT, "SIGINT", on_end, s);
	s->hangup = os_signal_create(l, SIGHUP, "SIGHUP", on_hangup, s);
	return s;
}

void signals_destroy(struct signals **s)
{
	if (*s == NULL) {
		return;
	}
	os_signal_destroy(&(*s)->term);
	os_signal_destroy(&(*s)->interrupt);
	os_signal_destroy(&(*s)->hangup);
	free(*s);
	*s = NULL;
}
