#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * A strict reader of media playlists, after RFC 8216 and draft-pantos-hls-rfc8216bis (sections
 * named in the faults). Each fault is a line of text that names its rule; no text is a clean bill.
 * tests/integration/hls_checker.py holds the served playlists to the same rules.
 */
struct hls_part {
	char *uri;
	uint64_t duration_us;
	bool independent;
};

struct hls_segment {
	char *uri; /* NULL: the open segment, parts only */
	char *map; /* the init segment that holds for it */
	uint64_t duration_us;
	uint64_t date_ms; /* 0: none */
	bool discontinuity, gap;
	struct hls_part *parts;
	size_t n_parts;
};

struct hls_playlist {
	uint64_t version, target_s, sequence, discontinuity_sequence, skip;
	uint64_t part_target_us, part_hold_back_us, hold_back_us, skip_until_us;
	bool has_target, has_parts_info, blocks, independent, ended, vod, event, has_sequence;
	char *hint;
	struct hls_segment *segments;
	size_t n; /* with the open one */
	size_t n_whole; /* without it */
	size_t n_ranges;
	bool skips_ranges;
	char *text;
};

/* Understands the text; what is malformed is a fault. */
void hls_playlist_parse(struct hls_playlist *out, const char *text, struct buf *faults);
void hls_playlist_finish(struct hls_playlist *p);

/* The rules that one live low-latency text must keep by itself. */
void hls_check_live(const struct hls_playlist *p, struct buf *faults);
/* Those of a finished recording. */
void hls_check_vod(const struct hls_playlist *p, struct buf *faults);
void hls_check_multivariant(const char *text, struct buf *faults);
/* A delta update against the full playlist of the same moment (6.2.5.1). */
void hls_check_delta(
	const struct hls_playlist *full, const struct hls_playlist *delta, struct buf *faults);
/* How a playlist may change from one full text to a later one (6.2.1, 6.2.2). */
void hls_check_change(
	const struct hls_playlist *from, const struct hls_playlist *to, struct buf *faults);
