#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/uploads.h"

/*
 * Finished recordings go to S3-compatible storage (spec media.md, "Recording and VOD"): one at a
 * time, its files several at a time, on the network lane; the playlist that leads to all others
 * last. Only when the server's list shows every object as it was sent do viewers hear of it, and
 * only then may the files go from the disk. What fails is tried again, for ever, ever more slowly;
 * after a restart what is there already is not sent again. Objects of a deleted recording are
 * removed the same way.
 *
 * Recordings that are not for everyone stay here: whoever knows an address in a public bucket may
 * have what lies there, and a playback token means nothing to it.
 *
 * Loop thread only.
 */
struct live_registry;

/* Texts are copied. */
struct uploads_config {
	const char *endpoint, *region, *bucket; /* any NULL: nothing is sent */
	const char *access_key, *secret;
	const char *prefix; /* of all keys, without slashes around; NULL: none */
	const char *public_url; /* where viewers find the bucket; NULL: by the endpoint */
	const char *ca_file, *user_agent;
	bool path_style, keep_local;
	unsigned parallel; /* objects at once; the lane has as many threads, and one */
	uint64_t part_size;
	uint64_t connect_us, stall_us;
	uint64_t retry_us, retry_max_us; /* the first wait, doubled up to the second */
};

/* From now on; again when the settings change: then all that waits is tried at once. */
void live_registry_upload(struct live_registry *r, const struct uploads_config *config);

struct upload_progress {
	bool running;
	uint32_t objects, objects_done; /* done: sent, or found there */
	uint64_t bytes, bytes_done;
};
/* Of the upload that is under way; zero: none of this stream is. */
void live_registry_upload_progress(
	struct live_registry *r, struct uuid stream_id, struct upload_progress *out);
/* Where the files of this recording are, if not here any more: the URL of their folder, the
 * caller's. NULL: here, or nowhere. */
char *live_registry_upload_url(struct live_registry *r, struct uuid stream_id);
