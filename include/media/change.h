#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"

/*
 * What an engine makes, step by step: all that a window (media/window.h) needs to know. Plain
 * values and counted bytes, so that engine and window may live on different threads; steps are
 * applied in the order in which they were made.
 */

/* What a rendition is to players. */
struct media_description {
	char video[48], audio[48]; /* RFC 6381 names, "": none */
	unsigned width, height, channels; /* 0: not known, or none */
	double frame_rate; /* measured, 0: not known */
};

enum media_change_kind {
	MEDIA_CHANGE_INIT, /* number, bytes, description: an init segment */
	/* start_us, wall_ms, number (of its init segment), discontinuity: what the open segment is.
	 * Comes again, with other values, if it was given up before its first part. */
	MEDIA_CHANGE_BEGIN,
	MEDIA_CHANGE_PART, /* bytes, duration_us, independent: the open segment has one more */
	/* target_s, part_target_us (as published with the rendition's first segment and ever
	 * after), description: the open segment is complete, the next one is open */
	MEDIA_CHANGE_CLOSE,
	MEDIA_CHANGE_CLEAR, /* discontinuity_sequence: the playlist begins anew, empty */
	MEDIA_CHANGE_END, /* of all renditions: nothing more comes */
};

struct media_change {
	enum media_change_kind kind;
	unsigned rendition, number;
	struct rcbuf *bytes; /* borrowed for the call: whoever keeps the change takes a reference */
	uint64_t start_us, duration_us; /* on the engine's timeline */
	uint64_t wall_ms, part_target_us, discontinuity_sequence;
	unsigned target_s;
	bool discontinuity, independent;
	struct media_description description;
};

/* Where an engine's changes go. Called inside the engine's calls, on their thread. */
struct media_output {
	void (*change)(void *user, const struct media_change *change); /* borrowed for the call */
	/* That was all for now: whoever waits for a playlist should be told. */
	void (*settled)(void *user);
};
