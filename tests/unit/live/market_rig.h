#pragma once

#include "live/showcase.h"
#include "live_rig.h"
#include "loop/mailbox.h"
#include "model/sales.h"
#include "store/store.h"

/* The rig over a real store in memory, with a showcase and a studio: for what is sold. */
struct market {
	struct live_rig rig; /* first */
	struct mailbox *mailbox;
	struct store *store;
	struct showcase *showcase;
	struct studio *studio;
};

void market_init(struct market *m);
void market_finish(struct market *m);
/* A product of the rig's "seller", attached to the stream if there is one. */
struct uuid market_product(struct market *m, const struct live_case *c);
/* Changes a scheduled stream's time. */
void market_schedule(struct market *m, const struct live_case *c, uint64_t at);
