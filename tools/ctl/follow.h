#pragma once

#include "ctl.h"

/*
 * Following something until Ctrl-C, or until nobody reads what is printed any more. Signals end a
 * wait at once, and calls of the daemon as well.
 */
void follow_begin(struct ctl *c);
bool follow_over(void);
void follow_pause(unsigned ms);
/* Lines leave one by one, also into a pipe. */
void follow_flush(void);

/*
 * What is said in the rooms of the daemon's event layer. The daemon may go away and come back:
 * that is told on stderr, once.
 */
struct follow_events {
	struct ctl *c;
	const char *of, *names; /* of whom, and which events; NULL: all */
	char *cursor;
	bool lost; /* the daemon does not answer */
};

/* From now on. What went wrong is told. */
enum ctl_exit follow_events_open(struct follow_events *f);
/*
 * What came, after a wait; *answer NULL: nothing. CTL_UNREACHABLE never comes: who is away is
 * waited for.
 */
enum ctl_exit follow_events_read(struct follow_events *f, json_t **answer);
void follow_events_close(struct follow_events *f);
