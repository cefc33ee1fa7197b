#pragma once

#include "base/clock.h"
#include "media/engine.h"
#include "media/recorder.h"
#include "support/hls_check.h"
#include "support/test.h"

/*
 * Drives an engine with made-up samples whose payload tells which one it is, holds every playlist
 * it gives against the rules as it comes, keeps all its segments, and at the end takes them apart
 * with libavformat to see that what went in came out: whole, in order and in sync.
 */
struct rig_sent {
	enum media_kind kind;
	bool key, seen;
	unsigned session;
	uint32_t timestamp_ms;
	int32_t composition_ms;
	size_t len;
};

struct rig_segment {
	uint64_t sequence, start_us, duration_us, wall_ms;
	unsigned init;
	bool discontinuity, independent, hide_parts;
	size_t n_parts;
	struct rcbuf *bytes;
};

/* With RIG_MPEGTS every engine makes transport streams. */
struct rig {
	struct clock_manual clock;
	struct media_config config;
	struct media_window *window;
	struct media_engine *engine; /* puts out into it */
	struct rig_sent *sent;
	size_t n_sent;
	unsigned session;
	struct rig_segment *segments;
	size_t n_segments;
	struct rcbuf **inits; /* by number */
	size_t n_inits;
	struct hls_playlist last; /* the newest full text */
	struct buf faults;
	unsigned updates;
	bool never_stored; /* a disk that hangs */
	bool unwatched; /* playlists are not looked at as they come */
	bool keep_segments; /* hold references, as a recorder does */
	size_t peak_memory;
	int64_t late_us; /* how far a sample may lie before its segment */
};

/* A stretch of an encoder's output. Zero: the track's absence, or the default. */
struct rig_play {
	double fps; /* 0: no video */
	unsigned gop; /* frames from keyframe to keyframe */
	unsigned rate; /* AAC of 1024 samples a frame; 0: no audio */
	double seconds;
	uint32_t start_ms;
	double video_from, audio_from; /* seconds at which a track starts */
	bool b_frames;
	unsigned video_bytes; /* about, per frame; 0: 300 */
};

void rig_init(struct rig *r);
/* As rig_init, with another configuration; config.window etc. may be 0 for the default. */
void rig_init_config(struct rig *r, const struct media_config *config);
/* The same where a window goes on from a recording. */
void rig_init_restored(struct rig *r, const struct media_config *config,
	const struct recording_index *index, const char *dir);
void rig_finish(struct rig *r);

void rig_configure_video(struct rig *r, unsigned width, unsigned height);
void rig_configure_audio(struct rig *r, unsigned rate); /* 44100, 48000 */
enum media_result rig_video(struct rig *r, uint32_t ms, int32_t composition_ms, bool key);
enum media_result rig_audio(struct rig *r, uint32_t ms);
/* What comes now is on another clock. */
void rig_new_session(struct rig *r);
void rig_interrupt(struct rig *r);
/* Configures what the stretch has and plays it; the clock moves along. */
void rig_play(struct rig *r, const struct rig_play *play);
/* One fresh full playlist, held against the rules. */
const struct hls_playlist *rig_playlist(struct rig *r);

/*
 * Ends the stream and compares. dropped: how many samples may be missing (before a first
 * keyframe). sync_us: how far the tracks of a session may be apart.
 */
void rig_verify(struct rig *r, unsigned dropped, int64_t sync_us);
/* The same in mid-stream: after the newest interruption. */
void rig_compare(struct rig *r, unsigned dropped, int64_t sync_us);
void rig_assert_no_faults(struct rig *r);
