#include "outbox.h"

static bool is_wanted(const struct outbox_switch *o, enum outbox_kind kind)
{
	switch (kind) {
	case OUTBOX_WEBHOOK:
		return atomic_load(&o->webhooks);
	case OUTBOX_PUSH:
		return atomic_load(&o->push);
	}
	return false;
}

bool outbox_run(struct stmt *s, enum outbox_kind kind)
{
	struct outbox_switch *o = s->db->outbox;
	if (o == NULL || !is_wanted(o, kind)) {
		return stmt_end(s);
	}
	atomic_store(&o->news, true);
	return stmt_run(s);
}
