#pragma once

#include "db.h"
#include "job.h"
#include "store/store.h"

/*
 * The one thread that writes. What is queued while it commits goes into the next transaction
 * together, each job under a savepoint of its own; outcomes are posted after the commit, one post
 * a transaction. Owns its connection.
 */
struct writer;

/* Takes over *db. The config's url is not used, its clock must be set. */
struct writer *writer_create(struct db *db, const struct store_config *config);
void writer_destroy(struct writer *w); /* carries out what is queued; NULL is fine */
void writer_submit(struct writer *w, struct store_job *job);
void writer_flush(struct writer *w);
bool writer_healthy(struct writer *w); /* the last transaction went through */
