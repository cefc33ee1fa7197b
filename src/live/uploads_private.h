#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "internal.h"
#include "live/replay.h"
#include "live/uploads.h"
#include "loop/s3.h"
#include "upload_plan.h"

/* Shared by what runs with them: a reload makes new ones. The loop's, but for their texts. */
struct upload_settings {
	unsigned refs;
	struct uploads_config config; /* its texts are copies */
};

/*
 * One recording's way there, or (is_removal) back. The loop owns it; while `workers` is above zero
 * the network lane's threads have it too: what they write is atomic, under `lock`, or of the object
 * that they took.
 */
struct upload {
	struct uploads *owner; /* NULL: the registry is gone */
	struct upload_settings *settings;
	struct uuid stream_id;
	char id_text[UUID_TEXT_SIZE];
	char *dir, *prefix;
	char *bucket; /* of a removal */
	bool is_removal;
	uint32_t attempts;
	bool unplaced; /* the store could not say where it goes */
	bool again; /* something was added meanwhile */
	void (*stopped)(void *user); /* who waits for its end */
	void *user;

	struct replay *replay; /* the chat, while it is read */
	struct buf chat;

	atomic_bool stop; /* at once */
	atomic_bool failing; /* no further object */
	unsigned workers; /* that it waits for */
	bool planned, verifying; /* which step that is */
	unsigned phase; /* enum upload_phase; UPLOAD_PHASES: all are sent */
	struct upload_plan plan;
	struct map *there; /* name to struct remote: what the server had at the beginning */
	atomic_size_t next;
	_Atomic uint32_t done, sent, lost;
	_Atomic uint64_t done_bytes, sent_bytes;
	pthread_mutex_t lock; /* of the three below */
	enum s3_result result; /* the first failure */
	char error[512];
	uint64_t retry_after_us;
};

struct uploads {
	struct live_registry *registry;
	struct upload_settings *settings; /* NULL: nothing is sent */
	struct upload *sending, *removing; /* NULL: none */
	struct timer *timer;
	struct uuid swept; /* the last that a sweep saw */
	bool sweeping;
	bool leaving; /* files have to go that could not yet */
	struct list knocks; /* knock.link (uploads.c) */
	struct metric *stored, *failed, *removed, *sent, *there, *lost, *bytes, *waiting, *alert;
};

/* upload_steps.c: on the lane. */
void upload_step_plan(void *upload);
void upload_step_send(void *upload);
void upload_step_verify(void *upload);
void upload_step_remove(void *upload);
void upload_forget(struct upload *u); /* what is there */

/* upload_settings.c */
struct upload_settings *upload_settings_create(const struct uploads_config *config);
void upload_settings_unref(struct upload_settings *s);
bool upload_settings_equal(const struct upload_settings *s, const struct uploads_config *config);
/* Until the next attempt, after so many that failed. */
uint64_t upload_wait_us(const struct uploads_config *c, enum s3_result result, uint32_t attempts,
	uint64_t retry_after_us);

/* upload_job.c */
/* Takes over nothing of the row. `ended` is told on the loop, with it still there. */
struct upload *upload_start(struct uploads *owner, const struct upload_record *row);
void upload_free(struct upload *u);

/* uploads.c */
void uploads_ended(struct upload *u); /* its last step: what is written of it? */
void uploads_close(struct upload *u, bool hurry); /* and then it goes */
