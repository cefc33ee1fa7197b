#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "target.h"

/*
 * HLS players at the live edge. Where the playlist offers it they reload blocking and fetch each
 * part as it is listed (or, with `hints`, ask for it while it is only hinted at); else they poll
 * and fetch each segment. Frames stamped by load_publish --stamp tell how long they took from
 * being sent to being here.
 */
struct player_options {
	const struct target
		*targets; /* playlists, all on one server; shared out among the players */
	unsigned n_targets;
	unsigned players;
	uint64_t duration_us;
	uint64_t poll_us; /* between plain reloads; 0: half the target duration */
	uint64_t late_us; /* frames that took longer are counted as late; 0: none are */
	bool plain; /* no low latency even where it is offered */
	bool hints;
	volatile const int *stop;
};

json_t *players_run(const struct player_options *opt);
