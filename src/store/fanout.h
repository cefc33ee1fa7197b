#pragma once

#include "db.h"
#include "model/repo.h"
#include "notices.h"

/*
 * Who is told that a stream went live, and the writing of it by turns, each a transaction of its
 * own, so that neither the loop nor other writes wait for a hundred thousand rows. What is done so
 * far stands in the table `fanouts` until the end. Spec: rest.md "Go live", with the audience on
 * top: nobody hears of a stream that he may not watch.
 *
 *   notify_followers      followers of the seller; of a neighborhood stream those who are near
 *   notify_neighborhood   users near the seller; of a followers stream those who follow
 */
struct fanout_progress {
	uint32_t before; /* written by earlier turns */
	uint32_t written; /* with those of this turn */
	bool more; /* another turn is wanted */
};

/* Who was told in a turn is added to its notices. */

/* The first turn, in the transaction that makes the stream live. */
enum repo_result fanout_begin(struct db *db, const struct stream_record *stream,
	struct notices *notices, struct fanout_progress *out);
/*
 * The next turn. NOT_FOUND: there is nothing to go on with. One that fails leaves `before` set and
 * may be tried again. A stream that is over tells nobody else.
 */
enum repo_result fanout_continue(
	struct db *db, struct uuid stream_id, struct notices *notices, struct fanout_progress *out);
