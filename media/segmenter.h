#pragma once

#include "codec.h"
#include "mux.h"
#include "rendition.h"
#include "sample.h"

/*
 * Cuts placed samples into parts and segments of one codec configuration. The lead track (video,
 * else audio) decides: one of its samples is held back until the next one tells how long it lasts,
 * and a boundary lies at that next one's decode time; the other track's samples with earlier decode
 * times go before the boundary.
 */
struct segmenter {
	const struct media_config *config;
	struct rendition *rendition;
	const struct mux_ops *ops;
	struct mux *mux;
	bool has[2];
	unsigned mux_track[2];
	double frame_us[2]; /* audio: exact; video: 0 */
	enum media_kind lead;
	struct sample *held;
	struct list follow; /* samples of the other track, not yet written */
	bool stalled; /* the lead track stands still and the other one goes on alone */
	int64_t segment_start_us, part_start_us;
	bool part_has_lead, part_independent, part_written;
	int64_t lead_first_us; /* for the frame's average duration */
	uint64_t lead_total;
	double lead_frame_us;
	int64_t last_key_us, gop_us;
	/* Wall clock of the timeline: wall ms = wall_ms + (t - wall_us) / 1000. */
	uint64_t wall_ms;
	int64_t wall_us;
	uint64_t parts, segments;
	unsigned init;
	bool discontinuity; /* before the next segment */
};

/* Makes the muxer for the tracks given (NULL: not there). False: no muxer. */
bool segmenter_begin(
	struct segmenter *s, const struct codec_info *video, const struct codec_info *audio);
/* Then opens the first segment on a timeline position. */
void segmenter_open(struct segmenter *s, unsigned init, int64_t start_us, bool discontinuity);
struct rcbuf *segmenter_init_bytes(const struct segmenter *s);
bool segmenter_active(const struct segmenter *s);
/* Takes the sample. False if the muxer failed. */
bool segmenter_push(struct segmenter *s, struct sample *sample);
/* Finishes the open segment with all that was pushed and drops the muxer; where it ended. */
int64_t segmenter_finish(struct segmenter *s);
/* Drops all that is not finished. */
void segmenter_drop(struct segmenter *s);
