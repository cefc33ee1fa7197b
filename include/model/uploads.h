#pragma once

#include "model/repo.h"

/*
 * Finished recordings on their way to object storage, and those that lie there: a family of the
 * repo (`repo.uploads`), one row a stream. The row outlives stream and recording until the objects
 * are gone as well. Spec media.md, "Recording and VOD".
 */
enum upload_state {
	UPLOAD_WAITING, /* to be sent, or being sent */
	UPLOAD_STORED, /* verified; viewers are led there */
	UPLOAD_REMOVING, /* deleted here, its objects have to go */
	UPLOAD_KEPT, /* stays here: not for everyone */
};
const char *upload_state_text(enum upload_state s); /* "waiting", "stored", "removing", "kept" */
bool upload_state_parse(const char *text, enum upload_state *out);

struct upload_record {
	struct uuid stream_id;
	enum upload_state state;
	char *bucket, *prefix; /* where its objects are; NULL: none were sent */
	char *url; /* of the folder, for viewers, without a slash at its end; NULL: never stored */
	bool is_local; /* the files are on the disk too */
	uint32_t objects;
	uint64_t bytes; /* of the objects, once stored */
	uint32_t attempts; /* that failed, since one got anywhere */
	uint64_t next_at; /* when the next attempt is due */
	char *last_error; /* NULL: the last attempt did not fail */
	uint64_t created_at, stored_at;
};
void upload_record_finish(struct upload_record *r);

struct upload_counts {
	uint32_t waiting, stored, removing, kept;
	uint32_t failing; /* of those that wait or are being removed: their last attempt failed */
};

struct repo_uploads_ops {
	enum repo_result (*upload_get)(
		void *impl, struct uuid stream_id, struct upload_record *out);
	/* The one of this state that is due the longest. NOT_FOUND: *next_at tells when the first
	 * is (0: there is none). */
	enum repo_result (*upload_next)(void *impl, enum upload_state state, uint64_t now_ms,
		struct upload_record *out, uint64_t *next_at);
	/* Recordings of ended streams that are ready and have no row yet, the oldest first, those
	 * after `after`. *out is an array for the caller. */
	enum repo_result (*upload_missing)(
		void *impl, struct uuid after, unsigned limit, struct uuid **out, size_t *n);
	/* Stored ones whose files are on the disk too, likewise. */
	enum repo_result (*upload_local)(
		void *impl, struct uuid after, unsigned limit, struct uuid **out, size_t *n);
	enum repo_result (*upload_counts)(void *impl, struct upload_counts *out);

	/*
	 * The recording is complete: WAITING; KEPT where the stream is not for everyone. One that
	 * is stored, with its files here, is WAITING once more: something was added.
	 * NOT_FOUND without the stream, WRONG_STATE unless that ended and its recording is ready.
	 */
	void (*upload_want)(void *impl, struct uuid stream_id, repo_done done, void *user);
	/* Where its objects go, before the first is sent. WRONG_STATE unless WAITING. */
	void (*upload_place)(void *impl, struct uuid stream_id, const char *bucket,
		const char *prefix, repo_done done, void *user);
	void (*upload_failed)(void *impl, struct uuid stream_id, const char *error,
		uint32_t attempts, uint64_t next_at, repo_done done, void *user);
	/* WAITING to STORED; the stream's vod_url and a poster's thumbnail_url lead there from
	 * this commit on. WRONG_STATE: it was deleted meanwhile. */
	void (*upload_stored)(void *impl, struct uuid stream_id, const char *url, uint32_t objects,
		uint64_t bytes, repo_done done, void *user);
	/* The files are gone from the disk. */
	void (*upload_away)(void *impl, struct uuid stream_id, repo_done done, void *user);
	/* Its objects are gone: so is the row. */
	void (*upload_removed)(void *impl, struct uuid stream_id, repo_done done, void *user);
	/* All that wait are due now: the settings are others. */
	void (*upload_hurry)(void *impl, repo_done done, void *user);
};
