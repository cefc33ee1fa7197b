#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "fuzz.h"
#include "media/engine.h"
#include "support/h264_make.h"
#include "support/hls_check.h"

/* Built a second time with FUZZ_MPEGTS, on the same corpus. */
#ifdef FUZZ_MPEGTS
#define CONTAINER MEDIA_CONTAINER_MPEGTS
#else
#define CONTAINER MEDIA_CONTAINER_CMAF
#endif

/*
 * Bytes become a publisher's doings: configurations, samples with any timestamps, interruptions,
 * look-ups. The engine must keep its promises: segments follow each other without a hole, playlists
 * keep the rules of their kind.
 */
struct state {
	struct media_window *window;
	struct media_engine *engine;
	struct clock_manual clock;
	uint64_t next_sequence[MEDIA_RENDITIONS], next_start_us[MEDIA_RENDITIONS];
	struct hls_playlist last[MEDIA_RENDITIONS];
	struct buf faults;
	uint32_t video_ms, audio_ms;
};

/* A gap in all tracks makes a part too long, and no server could avoid it. */
static bool is_excused(const char *line)
{
	return strncmp(line, "4.4.4.9", 7) == 0;
}

static void check_faults(struct state *s)
{
	char *text = mem_strdup(buf_text(&s->faults)), *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!is_excused(line))
			fprintf(stderr, "%s\n", line);
		must(is_excused(line));
	}
	free(text);
	buf_reset(&s->faults);
}

static void look_at_delta(struct state *s, unsigned rendition)
{
	struct media_playlist_query query = {.skip = true, .skip_ranges = true};
	struct hls_playlist delta;
	struct buf text = {0};

	media_window_playlist(s->window, rendition, &query, &text);
	hls_playlist_parse(&delta, buf_text(&text), &s->faults);
	hls_check_delta(&s->last[rendition], &delta, &s->faults);
	hls_playlist_finish(&delta);
	buf_finish(&text);
}

static void look(struct state *s, unsigned rendition)
{
	struct media_playlist_query query = {0};
	struct hls_playlist now;
	struct buf text = {0};

	if (media_window_playlist(s->window, rendition, &query, &text) == MEDIA_FOUND) {
		hls_playlist_parse(&now, buf_text(&text), &s->faults);
		hls_check_live(&now, &s->faults);
		if (s->last[rendition].text)
			hls_check_change(&s->last[rendition], &now, &s->faults);
		hls_playlist_finish(&s->last[rendition]);
		s->last[rendition] = now;
		look_at_delta(s, rendition);
		check_faults(s);
	}
	buf_finish(&text);
}

static void updated(void *user, struct media_window *window)
{
}

static void init(void *user, const struct media_init *init)
{
	must(rcbuf_len(init->bytes) > 0 && init->rendition < MEDIA_RENDITIONS);
}

/* Whole packets, and PAT and PMT at the begin of each part. */
static void check_packets(const struct media_segment *seg)
{
	for (size_t i = 0; i < seg->n_parts; i++) {
		const uint8_t *p = rcbuf_data(seg->parts[i].bytes);
		size_t len = rcbuf_len(seg->parts[i].bytes);
		must(len % 188 == 0 && len >= 3 * 188);
		must(p[0] == 0x47 && (p[1] & 31) == 0 && p[2] == 0);
		must(p[188] == 0x47 && (p[189] & 31) == 0x10 && p[190] == 0);
	}
}

static void segment(void *user, struct media_segment *seg)
{
	struct state *s = user;

	must(seg->rendition < MEDIA_RENDITIONS);
	/* Others leave numbers out for discontinuities that they were away for. */
	must(seg->sequence == s->next_sequence[seg->rendition] ||
		(seg->rendition > 0 && seg->sequence > s->next_sequence[seg->rendition]));
	/* The main one waits at a break for the others' last frames; these may begin late. */
	must(seg->start_us == s->next_start_us[seg->rendition] ||
		(seg->start_us > s->next_start_us[seg->rendition] &&
			(seg->rendition > 0 || seg->discontinuity)));
	must(seg->n_parts > 0 && seg->duration_us > 0 && seg->bytes > 0);
	if (CONTAINER == MEDIA_CONTAINER_MPEGTS)
		check_packets(seg);
	s->next_sequence[seg->rendition] = seg->sequence + 1;
	s->next_start_us[seg->rendition] = seg->start_us + seg->duration_us;
	if (seg->sequence % 2)
		media_segment_stored(seg, "/nowhere/segment");
}

/* Mostly the main one; 8 is one more than there may be. */
static unsigned track_of(uint8_t how)
{
	return how < 128 ? 0 : how < 248 ? how % 3 : 8;
}

static void configure_video(struct state *s, uint8_t how)
{
	uint8_t config[256];
	size_t n = h264_make_config(config, sizeof(config), 320 + how % 3 * 320, 240);

	media_engine_configure(s->engine, MEDIA_VIDEO, track_of(how), MEDIA_CODEC_H264, config, n);
}

static void configure_audio(struct state *s, uint8_t how)
{
	static const uint8_t configs[3][2] = {{0x12, 0x10}, {0x11, 0x90}, {0x14, 0x08}};

	if (how % 4 == 3)
		media_engine_configure(
			s->engine, MEDIA_AUDIO, track_of(how), MEDIA_CODEC_MP3, NULL, 0);
	else
		media_engine_configure(s->engine, MEDIA_AUDIO, track_of(how), MEDIA_CODEC_AAC,
			configs[how % 4], 2);
}

/* A step of the clock: mostly as encoders make them, now and then a wild one. */
static void step(uint32_t *ms, uint8_t how, uint32_t usual)
{
	int32_t by = (int32_t)usual;

	if (how >= 250)
		by = (int32_t)(how - 252) * 40000;
	else if (how >= 230)
		by = (int32_t)(how - 236) * 60;
	*ms += (uint32_t)by;
}

static void write_video(struct state *s, uint8_t how, uint8_t shape)
{
	const uint8_t slice[] = {0, 0, 0, 4, 0x65, 1, 2, 3};
	struct media_sample sample = {.kind = MEDIA_VIDEO,
		.track = shape % 8 == 0 ? track_of(shape) : 0,
		.key = shape % 16 == 0,
		.composition_ms = (int32_t)(shape >> 4) * 10 - 20,
		.data = slice,
		.len = sizeof(slice)};

	step(&s->video_ms, how, 33);
	sample.timestamp_ms = s->video_ms;
	media_engine_write(s->engine, &sample);
}

static void write_audio(struct state *s, uint8_t how, uint8_t shape)
{
	const uint8_t frame[] = {0xff, 0xfb, 0x90, 0x64, 1, 2, 3, 4};
	struct media_sample sample = {.kind = MEDIA_AUDIO,
		.track = track_of(shape),
		.data = frame,
		.len = sizeof(frame) - how % 2};

	step(&s->audio_ms, how, 23);
	sample.timestamp_ms = s->audio_ms;
	media_engine_write(s->engine, &sample);
}

static void act(struct state *s, uint8_t op, uint8_t how, uint8_t shape)
{
	clock_manual_advance(&s->clock, (op >> 4) * 5000);
	switch (op % 16) {
	case 0:
		configure_video(s, how);
		break;
	case 1:
		configure_audio(s, how);
		break;
	case 2:
		if (how < 64)
			media_engine_interrupt(s->engine);
		break;
	case 3:
		media_engine_expect(s->engine, how & 1, how & 2);
		break;
	case 4:
		look(s, how % MEDIA_RENDITIONS);
		break;
	case 5:
		for (unsigned i = 0; i < how; i++) {
			write_video(s, 0, i % 30 == 0 ? 32 : 33);
			write_audio(s, 0, 0);
			if (shape >= 128) {
				write_video(s, 0, i % 30 == 0 ? 128 : 136);
				write_audio(s, 0, shape);
			}
		}
		break;
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
		write_audio(s, how, shape);
		break;
	case 11:
	case 12:
	case 13:
	case 14:
	case 15:
		write_video(s, how, shape);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The length is as good a choice as a byte, and leaves what the bytes mean as it is. */
	static const uint64_t dvrs[] = {0, 20000000, MEDIA_DVR_WHOLE};
	const struct media_config config = {.part_target_us = 200000,
		.segment_target_us = 2000000,
		.max_jump_us = 3000000,
		.window = 6,
		.memory_segments = 2,
		.container = CONTAINER,
		.dvr_us = dvrs[size / 3 % 3]};
	const struct media_events events = {.updated = updated, .init = init, .segment = segment};
	struct state s = {0};

	clock_manual_init(&s.clock, 1700000000000000);
	s.window = media_window_create(&config, &events, &s);
	s.engine = media_engine_create(
		&config, &s.clock.clock, s.window, &media_window_output, s.window);
	if (size > 30000)
		size = 30000;
	for (size_t i = 0; i + 3 <= size; i += 3)
		act(&s, data[i], data[i + 1], data[i + 2]);
	media_engine_end(s.engine);
	for (unsigned i = 0; i < MEDIA_RENDITIONS; i++) {
		look(&s, i);
		hls_playlist_finish(&s.last[i]);
	}
	buf_finish(&s.faults);
	media_engine_destroy(s.engine);
	media_window_destroy(s.window);
	return 0;
}
