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
 *   	OUTBOX_INSERT("webhook", "order.recorded", "NULL", "json_object('orderId', order_id)")
 *   	" FROM orders WHERE order_id = ?");
 *   stmt_text(&s, order_id);
 *   if (!outbox_run(&s, OUTBOX_WEBHOOK)) …
 *
 * outbox_run does nothing, well, while nobody wants this kind; and tells the deliverer after the
 * commit that there is something to do. JSON has the field names of the REST answers; ids by
 * uuid_text(), times by iso_time().
 */
#define OUTBOX_INSERT(kind, event, target, payload) \
	"INSERT INTO outbox (id, kind, event, target, payload, created_at, next_at)" \
	" SELECT uuid_new(), '" kind "', '" event "', " target ", " payload ", now_ms(), now_ms()"

/* Shared by the writer's thread and the loop's. */
struct outbox_switch {
	atomic_bool webhooks, push; /* what is configured */
	atomic_bool news; /* something was written since the loop looked */
};

/* Runs and ends the statement; false if it failed. */
bool outbox_run(struct stmt *s, enum outbox_kind kind);
