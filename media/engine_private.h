#pragma once

#include "codec.h"
#include "collect.h"
#include "media/engine.h"
#include "rendition.h"
#include "segmenter.h"
#include "timeline.h"

/* What engine.c (the main tracks) and extras.c (all others) share. */

/* The newest init segment of a rendition. */
struct engine_init {
	struct rcbuf *bytes; /* NULL: none yet */
	unsigned number;
};

struct extra;
struct extras {
	struct extra *by_rendition[MEDIA_RENDITIONS]; /* NULL: no such track */
	struct list held; /* samples that came before the main tracks' session */
	size_t held_bytes;
};

struct media_engine {
	struct media_config config;
	const struct clock *clock;
	struct outlet outlet;
	struct rendition renditions[MEDIA_RENDITIONS]; /* the main one is always there */
	struct codec_info codecs[2]; /* by enum media_kind; MEDIA_CODEC_NONE: not configured */
	bool expected[2], expectation; /* what onMetaData said */
	struct collect next; /* the session that begins */
	uint32_t jumped_at; /* where the other track was when one began to be collected */
	struct timeline timeline; /* the session that runs */
	struct segmenter segmenter;
	bool running; /* there is a session */
	bool wants_key; /* no keyframe of this publisher and video configuration has come */
	bool started; /* something was written ever (or restored) */
	bool ended;
	int64_t end_us; /* where the timeline ends */
	unsigned next_init;
	struct engine_init init;
	struct extras extras;
	struct media_stats stats;
};

/* Opens a segmenter of a rendition: its description and, if it is a new one, its init segment. */
bool engine_open(struct media_engine *e, struct segmenter *s, struct engine_init *newest,
	const struct codec_info *video, const struct codec_info *audio, int64_t start_us,
	bool discontinuity);
/* A track's configuration, if it can be read and the container has a place for it. */
enum media_result engine_read_config(const struct media_engine *e, struct codec_info *out,
	enum media_codec codec, const uint8_t *config, size_t len);
/* Where the main rendition breaks off now; the next sample opens it again. */
void engine_break(struct media_engine *e);
/* How far a clock may step, µs: a frame must not outlast a segment of that rendition, or the target
 * duration could not be kept. */
int64_t engine_jump_limit(const struct media_engine *e, unsigned rendition);

/* extras.c */
void extras_destroy(struct media_engine *e);
struct codec_info *extras_codec(struct media_engine *e, enum media_kind kind, unsigned track);
void extras_color(struct media_engine *e, unsigned track, const struct media_color *color);
enum media_result extras_configure(struct media_engine *e, enum media_kind kind, unsigned track,
	enum media_codec codec, const uint8_t *config, size_t len);
/* Takes the sample. */
enum media_result extras_write(struct media_engine *e, unsigned track, struct sample *s);
/* A placed sample of the main audio goes into the renditions of further video as well. */
void extras_share_audio(struct media_engine *e, const struct sample *s);
/* What was held back, if it can be written now. False: a muxer failed. */
bool extras_release(struct media_engine *e);
/* Finishes what is open; *end_us is moved to where the last one ended. */
void extras_close(struct media_engine *e, int64_t *end_us);
/* The main tracks begin a new session, on another clock. */
void extras_begin(struct media_engine *e);
/* The publisher is gone: what is held back is dropped, video begins with a keyframe again. */
void extras_forget(struct media_engine *e);
