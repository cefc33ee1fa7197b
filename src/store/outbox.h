#pragma once

#include <stdatomic.h>

#include "db.h"
#include "model/outbox.h"
#include "stmt.h"

/*
 * Entries of the outbox, written in the transaction of what happened. An entry is made from a row,
 * by one statement:
 *
 *   struct stmt s = stmt_begin(db,
 *   	OUTBOX_INSERT("webhook", "order.recorded", "uuid_text(stream_id)",
 *   		"json_object('orderId', order_id)")
 *   	" FROM orders WHERE order_id = ?");
 *   stmt_text(&s, order_id);
 *   if (!outbox_run(&s, OUTBOX_WEBHOOK)) …
 *
 * outbox_run does nothing, well, while nobody wants this kind; and tells the deliverer after the
 * commit that there is something to do. JSON has the field names of the REST answers; ids by
 * uuid_text(), times by iso_time(). The target of a webhook is the stream's id as text (its
 * webhooks are sent one after another) or NULL.
 */
#define OUTBOX_COLUMNS "id, kind, event, target, payload, created_at, next_at, since"
#define OUTBOX_INSERT(kind, event, target, payload) \
	"INSERT INTO outbox (" OUTBOX_COLUMNS ")" \
	" SELECT uuid_new(), '" kind "', '" event "', " target ", " payload \
	", now_ms(), now_ms(), now_ms()"

/* Shared by the writer's thread and the loop's; counted, as what is posted may outlive the store.
 */
struct outbox_switch {
	atomic_bool webhooks, push; /* what is configured */
	atomic_bool news; /* something was written since the loop was told */
	atomic_uint refs;
	void (*watch)(void *user); /* the loop's */
	void *user;
};

struct outbox_switch *outbox_switch_create(void);
void outbox_switch_close(struct outbox_switch **o); /* nobody is told any more; nulls */
/* After a commit: has the watch called on the loop if there is news. o may be NULL. */
void outbox_switch_tell(struct outbox_switch *o,
	void (*post)(void *user, void (*fn)(void *arg), void *arg), void *post_user);

/* Runs and ends the statement; false if it failed. */
bool outbox_run(struct stmt *s, enum outbox_kind kind);
/* A webhook about a stream as its row is now, with the fields of the REST answer. */
bool outbox_stream(struct db *db, const char *event, struct uuid stream_id);

extern const struct repo_outbox_ops outbox_ops;
