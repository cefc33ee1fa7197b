#include "housekeeping.h"

#include "server_private.h"

#define FIRST_US (60 * UINT64_C(1000000))
#define EACH_US (3600 * UINT64_C(1000000))

static uint64_t before(uint64_t now_ms, uint64_t keep_us)
{
	uint64_t keep_ms = keep_us / 1000;

	return keep_ms && keep_ms < now_ms ? now_ms - keep_ms : 0;
}

static void prune(void *user)
{
	struct server *s = user;
	const struct config *c = s->config;
	uint64_t now = clock_wall_ms(loop_clock(s->loop));
	const struct ledger_prune what = {
		.notifications_before = before(now, c->store.keep_notifications_us),
		.audit_before = before(now, c->store.keep_audit_us),
		.idempotency_before = before(now, c->limits.idempotency_ttl_us),
	};
	struct repo repo = store_repo(s->store);

	repo.ledger->prune(repo.impl, &what, NULL, NULL);
	timer_start(s->housekeeping, EACH_US);
}

void housekeeping_start(struct server *s)
{
	s->housekeeping = loop_timer_create(s->loop, "housekeeping", prune, s);
	timer_start(s->housekeeping, FIRST_US);
}
