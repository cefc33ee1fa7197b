#pragma once

#include "sample.h"

/*
 * The beginning of a session: samples are collected until it is clear which tracks it has and where
 * its clock begins. A new publisher's video before its first keyframe cannot be decoded and is
 * dropped; after a jump of the clock the decoder simply goes on.
 */
struct collect {
	struct list samples;
	bool needs_key; /* set by the owner before the first push */
	bool has[2];
	uint32_t anchor; /* earliest decode timestamp */
	uint32_t latest; /* newest, of any track */
	size_t bytes;
	uint64_t dropped;
};

void collect_init(struct collect *c);
void collect_finish(struct collect *c); /* frees what is in it; empty again */
/* Moves all samples to out, whose head need not be initialised. */
void collect_take(struct collect *c, struct list *out);
/* Whether a sample is on another clock than what was collected. */
bool collect_strays(const struct collect *c, const struct sample *s, int64_t max_jump_us);
/* Takes the sample. */
void collect_push(struct collect *c, struct sample *s);
/* wanted[kind]: the track is expected. True when there is no more need to wait. */
bool collect_ready(const struct collect *c, const bool wanted[2]);
