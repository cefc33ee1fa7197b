#pragma once

#include "ctl.h"

/* A whole screen that is drawn anew while something is looked at, until q or Ctrl-C. */
struct screen {
	/* What there is now: a new reference. */
	enum ctl_exit (*fetch)(struct ctl *c, json_t **found);
	/* A few words for the first line, and whole lines below. */
	void (*describe)(const json_t *found, struct buf *head, struct buf *body);
};

/* --interval, a second if it is not given; false with a line on stderr. */
bool screen_interval(struct ctl *c, uint64_t *interval_us);
/* `found` is what was fetched first, and is taken over. A daemon that goes away is waited for. */
void screen_run(struct ctl *c, const struct screen *s, json_t *found, uint64_t interval_us);
