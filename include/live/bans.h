#pragma once

#include <stdbool.h>

#include "base/signal.h"
#include "loop/loop.h"
#include "model/bans.h"

/*
 * Whom this server wants nothing from, looked up at every accept and every request: kept in memory,
 * written through to the store. Addresses may be networks ("192.0.2.0/24"). Loop thread only.
 */
struct bans;

/* Reads what the store has; NULL if it cannot be read. */
struct bans *bans_create(struct loop *l, struct repo repo, unsigned max);
void bans_destroy(struct bans **b); /* nulls; *b may be NULL; writes under way go on */

/* Whether one in force fits. Addresses as the listeners tell them; "unix" is never banned. */
bool bans_address(struct bans *b, const char *address);
bool bans_user(struct bans *b, const char *user_id);

enum bans_result { BANS_OK, BANS_INVALID, BANS_FULL, BANS_NOT_FOUND, BANS_FAILED };

/*
 * INVALID: no address or network. It is in force from the commit on, which `done` tells, never
 * inside the call; then *changed is emitted (data: the struct ban_record), for those who have to
 * close what is open. A subject is stored in its canonical form (host bits cleared).
 */
/* ban: as it is kept (of a removal only kind and subject), borrowed; NULL on INVALID. */
typedef void (*bans_done)(void *user, enum bans_result result, const struct ban_record *ban);
void bans_put(struct bans *b, const struct ban_record *ban, bans_done done, void *user);
void bans_remove(
	struct bans *b, enum ban_kind kind, const char *subject, bans_done done, void *user);
struct signal *bans_changed(struct bans *b);
/* Those in force. */
void bans_each(struct bans *b, void (*each)(void *arg, const struct ban_record *ban), void *arg);
unsigned bans_count(const struct bans *b);
/* Whether an address lies in a ban's network. */
bool bans_matches(const struct ban_record *ban, const char *address);
