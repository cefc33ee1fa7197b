#pragma once

#include "base/list.h"
#include "base/metrics.h"
#include "deliver_rules.h"
#include "fcm.h"
#include "live/deliverer.h"
#include "loop/http_client.h"
#include "loop/timer.h"

/* What the files of the deliverer share; nobody else includes it. */

/* Entries of a kind on their way. */
struct lane {
	struct deliverer *deliverer;
	enum outbox_kind kind;
	unsigned at_once;
	struct list ready; /* struct entry: read from the store, not begun */
	struct list flying; /* being sent, or what became of them is being stored */
	unsigned n_ready, n_flying;
	bool has_more; /* the store may have due ones that are not known here */
	struct timer *timer; /* the next one is due */
	bool paused; /* until the timer fires: the store is not well */
	struct metric *delivered, *failures;
};

struct entry {
	struct list link;
	struct lane *lane; /* NULL: the deliverer is gone, the store has not answered yet */
	struct outbox_record record;
	struct http_client_call *call;
	bool storing; /* on_stored will be called */
	bool failed; /* and the store has it for later */
	unsigned token_serial; /* push: what it was sent with */
};

/* The access token of FCM. */
struct push_token {
	char *text; /* NULL: none */
	uint64_t renew_at_us; /* monotonic */
	struct http_client_call *call;
	struct timer *pause; /* after a failure */
	unsigned failures;
	unsigned serial; /* of the one that is used */
};

struct deliverer {
	struct loop *loop;
	struct repo repo;
	struct http_client *client;
	struct lane webhooks, pushes;
	char *webhook_url, *webhook_secret, *public_url;
	uint64_t webhook_timeout_us, push_timeout_us;
	struct deliver_patience patience;
	struct fcm_account *account; /* NULL: no push */
	char *send_url;
	struct push_token token;
	struct metric *waiting, *given_up;
};

/* Begins what can be begun. */
void lane_pump(struct lane *lane);
/* Gives up those ready whose time is over: nothing can be sent for now. */
void lane_expire(struct lane *lane, const char *error);
/* The end of an attempt. error: of anything but OK. */
void entry_settle(
	struct entry *e, enum deliver_verdict verdict, const char *error, uint64_t retry_after_us);

void webhook_send(struct entry *e);

bool push_init(
	struct deliverer *d, const struct deliverer_config *config, char *error, size_t error_size);
void push_finish(struct deliverer *d);
/* Whether there is a token; fetches one if not, and pumps when it has come. */
bool push_ready(struct deliverer *d);
void push_send(struct entry *e);
