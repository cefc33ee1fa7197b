#pragma once

#include "db.h"
#include "model/uploads.h"

extern const struct repo_uploads_ops uploads_ops;

/* In the transaction that deletes a recording: its objects have to go; none were sent: forgotten.
 */
bool uploads_recording_deleted(struct db *db, struct uuid stream_id);
