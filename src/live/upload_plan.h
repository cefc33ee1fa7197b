#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "media/recorder.h"

/*
 * What of a recording's folder goes into storage, and in which order: what the playlists name, and
 * pictures and files beside them; then the renditions' playlists; then the one that leads to all.
 */
enum upload_phase { UPLOAD_MEDIA, UPLOAD_PLAYLISTS, UPLOAD_INDEX, UPLOAD_PHASES };

struct upload_object {
	char name[64];
	enum upload_phase phase;
	uint64_t size;
	/* While it is under way: what it has to be there. */
	char etag[48], digest[72];
};

struct upload_plan {
	struct upload_object *objects; /* by phase */
	size_t n;
	size_t end[UPLOAD_PHASES]; /* behind the last of each phase */
	uint64_t bytes;
	char fault[160]; /* why there is none */
};

/* Blocks. False: a file that is named is not there, or there is no playlist. */
bool upload_plan_make(const char *dir, struct upload_plan *out);
void upload_plan_finish(struct upload_plan *p);

/* By the name's ending. */
const char *upload_content_type(const char *name);
const char *upload_cache_control(const char *name);
/* The names that a playlist speaks of, each with a newline behind it. */
void upload_playlist_names(const char *text, size_t len, struct buf *out);
/* "PREFIX/STREAM_ID/"; the caller's. */
char *upload_prefix(const char *prefix, const char *id_text);
/* The URL of the folder; the caller's. */
char *upload_url(const char *public_url, const char *endpoint, bool path_style, const char *bucket,
	const char *prefix);
