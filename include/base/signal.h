#pragma once

#include "base/list.h"

/*
 * An object announces, others listen. A listener may remove itself, remove or free any other, and
 * add new ones (called from the next emit on) while the signal is emitted. Same thread only.
 */
struct signal {
	struct list listeners;
};

struct signal_listener {
	struct list link;
	void (*notify)(struct signal_listener *listener, void *data);
};

void signal_init(struct signal *s);
void signal_add(struct signal *s, struct signal_listener *l);
void signal_emit(struct signal *s, void *data);
void signal_listener_init(
	struct signal_listener *l, void (*notify)(struct signal_listener *listener, void *data));
void signal_listener_remove(struct signal_listener *l); /* safe to repeat */
