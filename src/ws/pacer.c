#include "pacer.h"

#include <stdlib.h>

#include "base/mem.h"
#include "loop/timer.h"

#define TURN_US 3000u
#define TURN_STEPS 100
#define PAUSE_US 1000u

struct pacer {
	struct loop *loop;
	struct timer *timer;
	bool (*step)(void *user);
	void *user;
	bool running, again;
};

/* False: nothing is left. */
static bool run(struct pacer *p)
{
	uint64_t until = loop_now_us(p->loop) + TURN_US;

	for (unsigned i = 0; i < TURN_STEPS; i++) {
		if (!p->step(p->user))
			return false;
		if (loop_now_us(p->loop) >= until)
			break;
	}
	return true;
}

/* Not at once: a timer that is due already would fire before the sockets are looked at. */
static void on_timer(void *user)
{
	struct pacer *p = user;
	bool more;

	p->running = true;
	p->again = false;
	more = run(p);
	p->running = false;
	if (more || p->again)
		timer_start(p->timer, PAUSE_US);
}

struct pacer *pacer_create(struct loop *l, const char *name, bool (*step)(void *user), void *user)
{
	struct pacer *p = mem_new(struct pacer);

	p->loop = l;
	p->step = step;
	p->user = user;
	p->timer = loop_timer_create(l, name, on_timer, p);
	return p;
}

void pacer_destroy(struct pacer **p)
{
	if (!*p)
		return;
	timer_destroy(&(*p)->timer);
	free(*p);
	*p = NULL;
}

void pacer_wake(struct pacer *p)
{
	if (p->running)
		p->again = true;
	else if (!timer_active(p->timer))
		timer_start(p->timer, 0);
}
