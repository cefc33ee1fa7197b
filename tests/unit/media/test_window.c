#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine_rig.h"

/* What can be looked up in the live window, what must be waited for, and what it costs. */

static const struct rig_play usual = {.fps = 30, .gop = 60, .rate = 44100, .seconds = 5};

static void play_at(struct rig *r, uint32_t start_ms, double seconds)
{
	struct rig_play play = usual;

	play.start_ms = start_ms;
	play.seconds = seconds;
	rig_play(r, &play);
}

static struct media_window *window(struct rig *r)
{
	return r->window;
}

static enum media_lookup ask(struct rig *r, uint64_t msn, int64_t part)
{
	struct media_playlist_query query = {
		.has_msn = true, .msn = msn, .has_part = part >= 0, .part = (uint64_t)part};
	struct buf text = {0};
	enum media_lookup look = media_window_playlist(window(r), 0, &query, &text);

	assert_int_equal(text.len > 0, look == MEDIA_FOUND);
	buf_finish(&text);
	return look;
}

static enum media_lookup fetch(struct rig *r, const char *name, struct media_body *body)
{
	enum media_lookup look = media_window_media(window(r), name, body);

	if (look != MEDIA_FOUND)
		assert_null(body->pieces);
	return look;
}

static enum media_lookup peek(struct rig *r, const char *name)
{
	struct media_body body;
	enum media_lookup look = fetch(r, name, &body);

	media_body_finish(&body);
	return look;
}

static uint64_t open_sequence(const struct rig *r)
{
	return r->last.sequence + r->last.n_whole;
}

static size_t open_parts(const struct rig *r)
{
	return r->last.n > r->last.n_whole ? r->last.segments[r->last.n - 1].n_parts : 0;
}

static void nothing_is_there_before_the_first_segment(void **state)
{
	struct rig r;
	struct buf text = {0};

	rig_init(&r);
	play_at(&r, 0, 1);
	assert_false(media_window_playable(window(&r)));
	assert_int_equal(ask(&r, 0, 0), MEDIA_GONE);
	assert_int_equal(media_window_multivariant(window(&r), NULL, &text), MEDIA_GONE);
	buf_finish(&text);
	rig_finish(&r);
}

static void a_playlist_that_is_not_yet_there_is_waited_for(void **state)
{
	struct rig r;
	uint64_t msn;
	size_t parts;

	rig_init(&r);
	play_at(&r, 0, 5.5);
	rig_playlist(&r);
	msn = open_sequence(&r);
	parts = open_parts(&r);
	assert_true(parts > 0);
	assert_int_equal(ask(&r, 0, -1), MEDIA_FOUND);
	assert_int_equal(ask(&r, msn - 1, -1), MEDIA_FOUND);
	assert_int_equal(ask(&r, msn, -1), MEDIA_WAIT);
	assert_int_equal(ask(&r, msn + 1, -1), MEDIA_WAIT);
	assert_int_equal(ask(&r, msn + 2, -1), MEDIA_TOO_FAR);
	assert_int_equal(ask(&r, UINT64_MAX, -1), MEDIA_TOO_FAR);
	assert_int_equal(ask(&r, msn, (int64_t)parts - 1), MEDIA_FOUND);
	assert_int_equal(ask(&r, msn, (int64_t)parts), MEDIA_WAIT);
	assert_int_equal(ask(&r, msn, (int64_t)parts + 100), MEDIA_TOO_FAR);
	/* Behind a segment's last part: the next segment's first, which is there. */
	assert_int_equal(ask(&r, msn - 1, 3), MEDIA_FOUND);
	assert_int_equal(ask(&r, msn - 1, 10), MEDIA_FOUND);
	rig_finish(&r);
}

static void a_part_behind_a_segments_last_means_the_next_segment(void **state)
{
	struct rig r;
	uint64_t msn;

	rig_init(&r);
	/* Just over the boundary: the new segment has no part yet. */
	play_at(&r, 0, 6.05);
	rig_playlist(&r);
	msn = open_sequence(&r);
	assert_int_equal(open_parts(&r), 0);
	assert_int_equal(ask(&r, msn - 1, 9), MEDIA_FOUND);
	assert_int_equal(ask(&r, msn - 1, 10), MEDIA_WAIT);
	assert_int_equal(ask(&r, msn, 0), MEDIA_WAIT);
	rig_finish(&r);
}

static void after_the_end_nothing_is_waited_for(void **state)
{
	struct rig r;
	char name[64];

	rig_init(&r);
	play_at(&r, 0, 5.5);
	media_engine_end(r.engine);
	rig_playlist(&r);
	assert_true(media_window_ended(window(&r)));
	assert_int_equal(ask(&r, 1000, 5), MEDIA_FOUND);
	snprintf(name, sizeof(name), "part_0_%" PRIu64 "_0.m4s", open_sequence(&r));
	assert_int_equal(peek(&r, name), MEDIA_GONE);
	snprintf(name, sizeof(name), "seg_0_%" PRIu64 ".m4s", open_sequence(&r));
	assert_int_equal(peek(&r, name), MEDIA_GONE);
	rig_finish(&r);
}

static void names_are_read_strictly(void **state)
{
	static const char *const wrong[] = {"", "seg_0_.m4s", "seg_0_1.m4", "seg_0_1.m4sx",
		"seg_0_01.m4s", "seg_0_-1.m4s", "seg_0_+1.m4s", "seg_1_1.m4s", "seg_0_1_0.m4s",
		"part_0_1.m4s", "part_0_1_.m4s", "part_0_1_00.m4s", "init_0_1.mp4", "init_0_.mp4",
		"seg_0_99999999999999999999999.m4s", "../seg_0_1.m4s", "journal", "seg_0_1.m4s/",
		"part_0_1_18446744073709551615.m4s", "SEG_0_1.m4s"};
	struct rig r;

	rig_init(&r);
	play_at(&r, 0, 6.5);
	assert_int_equal(peek(&r, "seg_0_1.m4s"), MEDIA_FOUND);
	assert_int_equal(peek(&r, "part_0_1_0.m4s"), MEDIA_FOUND);
	assert_int_equal(peek(&r, "init_0_0.mp4"), MEDIA_FOUND);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(peek(&r, wrong[i]), MEDIA_GONE);
	rig_finish(&r);
}

static void the_hinted_part_is_waited_for_and_no_other(void **state)
{
	struct rig r;
	char name[64];
	size_t parts;
	uint64_t msn;

	rig_init(&r);
	play_at(&r, 0, 5.5);
	rig_playlist(&r);
	parts = open_parts(&r);
	msn = open_sequence(&r);
	assert_int_equal(peek(&r, r.last.hint), MEDIA_WAIT);
	snprintf(name, sizeof(name), "part_0_%" PRIu64 "_%zu.m4s", msn, parts + 1);
	assert_int_equal(peek(&r, name), MEDIA_GONE);
	snprintf(name, sizeof(name), "seg_0_%" PRIu64 ".m4s", msn);
	assert_int_equal(peek(&r, name), MEDIA_WAIT);
	snprintf(name, sizeof(name), "seg_0_%" PRIu64 ".m4s", msn + 1);
	assert_int_equal(peek(&r, name), MEDIA_GONE);
	rig_finish(&r);
}

static void parts_and_segment_are_the_same_bytes(void **state)
{
	struct rig r;
	struct media_body segment, part;
	size_t at = 0;
	uint64_t ids[16];

	rig_init(&r);
	r.never_stored = true;
	play_at(&r, 0, 4.5);
	assert_int_equal(fetch(&r, "seg_0_1.m4s", &segment), MEDIA_FOUND);
	assert_null(segment.path);
	assert_int_equal(segment.len, rcbuf_len(r.segments[1].bytes));
	for (size_t i = 0; i < r.segments[1].n_parts; i++) {
		char name[64];
		snprintf(name, sizeof(name), "part_0_1_%zu.m4s", i);
		assert_int_equal(fetch(&r, name, &part), MEDIA_FOUND);
		assert_int_equal(part.n_pieces, 1);
		assert_memory_equal(
			rcbuf_data(part.pieces[0]), rcbuf_data(r.segments[1].bytes) + at, part.len);
		at += part.len;
		ids[i] = part.id;
		assert_int_not_equal(part.id, segment.id);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(ids[k], ids[i]);
		media_body_finish(&part);
	}
	assert_int_equal(at, segment.len);
	media_body_finish(&segment);
	rig_finish(&r);
}

static void a_body_outlives_the_window(void **state)
{
	struct rig r;
	struct media_body body;
	uint8_t first;

	rig_init(&r);
	r.never_stored = true;
	play_at(&r, 0, 4.5);
	assert_int_equal(fetch(&r, "seg_0_1.m4s", &body), MEDIA_FOUND);
	rig_finish(&r);
	first = rcbuf_data(body.pieces[0])[4];
	assert_int_equal(first, 'm');
	media_body_finish(&body);
}

static void stored_segments_leave_memory_as_they_age(void **state)
{
	struct rig r;
	struct media_body body;
	size_t one;

	rig_init(&r);
	play_at(&r, 0, 60.5);
	one = rcbuf_len(r.segments[5].bytes);
	/* Three whole ones and the open one. */
	assert_in_range(media_window_memory(window(&r)), 3 * one - one / 2, 4 * one + one / 2);
	assert_true(r.peak_memory < 5 * one + one / 2);
	assert_int_equal(fetch(&r, "seg_0_22.m4s", &body), MEDIA_FOUND);
	assert_non_null(body.path);
	assert_string_equal(body.path, "/nowhere/seg_0_22.m4s");
	assert_int_equal(body.len, rcbuf_len(r.segments[22].bytes));
	media_body_finish(&body);
	/* The newest is read from its file as well, its parts are in memory. */
	assert_int_equal(fetch(&r, "seg_0_28.m4s", &body), MEDIA_FOUND);
	assert_non_null(body.path);
	media_body_finish(&body);
	assert_int_equal(fetch(&r, "part_0_28_0.m4s", &body), MEDIA_FOUND);
	assert_int_equal(body.n_pieces, 1);
	media_body_finish(&body);
	rig_finish(&r);
}

static void a_disk_that_hangs_costs_a_window_of_memory_and_no_viewer(void **state)
{
	struct rig r;
	size_t one, early;

	rig_init(&r);
	r.never_stored = true;
	play_at(&r, 0, 30.5);
	early = media_window_memory(window(&r));
	play_at(&r, 30500, 60);
	one = rcbuf_len(r.segments[5].bytes);
	assert_in_range(media_window_memory(window(&r)), early / 2, 14 * one);
	for (uint64_t msn = r.last.sequence; msn < open_sequence(&r); msn++) {
		char name[64];
		struct media_body body;
		snprintf(name, sizeof(name), "seg_0_%" PRIu64 ".m4s", msn);
		assert_int_equal(fetch(&r, name, &body), MEDIA_FOUND);
		assert_null(body.path);
		media_body_finish(&body);
	}
	rig_finish(&r);
}

static void the_window_slides_and_counts_discontinuities(void **state)
{
	struct rig r;

	rig_init_config(&r, &(struct media_config){.window = 5});
	for (uint32_t i = 0; i < 12; i++) {
		play_at(&r, i * 77777, 4.2);
		rig_interrupt(&r);
	}
	rig_verify(&r, 0, 33367);
	assert_int_equal(r.last.n_whole, 5);
	assert_true(r.last.discontinuity_sequence >= 8);
	assert_int_equal(r.last.sequence, r.n_segments - 5);
	rig_finish(&r);
}

static void a_full_window_gives_delta_updates(void **state)
{
	struct rig r;
	struct media_playlist_query query = {.skip = true};
	struct hls_playlist delta;
	struct buf text = {0};

	rig_init(&r);
	play_at(&r, 0, 40.5);
	rig_playlist(&r);
	assert_int_equal(media_window_playlist(window(&r), 0, &query, &text), MEDIA_FOUND);
	hls_playlist_parse(&delta, buf_text(&text), &r.faults);
	assert_int_equal(r.last.n_whole, 12);
	assert_true(delta.skip >= 3);
	hls_check_delta(&r.last, &delta, &r.faults);
	rig_assert_no_faults(&r);
	hls_playlist_finish(&delta);
	buf_finish(&text);
	rig_finish(&r);
}

static void every_uri_carries_the_suffix(void **state)
{
	struct rig r;
	struct media_playlist_query query = {.uri_suffix = "?token=abc"};
	struct hls_playlist p;
	struct buf text = {0};

	rig_init(&r);
	play_at(&r, 0, 6.5);
	assert_int_equal(media_window_playlist(window(&r), 0, &query, &text), MEDIA_FOUND);
	hls_playlist_parse(&p, buf_text(&text), &r.faults);
	for (size_t i = 0; i < p.n; i++) {
		if (p.segments[i].uri)
			assert_non_null(strstr(p.segments[i].uri, ".m4s?token=abc"));
		assert_non_null(strstr(p.segments[i].map, ".mp4?token=abc"));
		for (size_t k = 0; k < p.segments[i].n_parts; k++)
			assert_non_null(strstr(p.segments[i].parts[k].uri, "?token=abc"));
	}
	assert_non_null(strstr(p.hint, "?token=abc"));
	hls_playlist_finish(&p);
	buf_reset(&text);
	assert_int_equal(media_window_multivariant(window(&r), "?token=abc", &text), MEDIA_FOUND);
	assert_non_null(strstr(buf_text(&text), "stream_0.m3u8?token=abc\n"));
	buf_finish(&text);
	rig_finish(&r);
}

static void date_ranges_come_and_go_with_their_segments(void **state)
{
	struct rig r;
	struct media_daterange range = {.id = "pin-1",
		.class_name = "live.souk.product",
		.wall_ms = 1700000006000,
		.end_on_next = true,
		.attributes = "X-PRODUCT-ID=\"42\",X-X=0.5,X-Y=0.25"};

	rig_init_config(&r, &(struct media_config){.window = 4});
	play_at(&r, 0, 6.5);
	media_window_daterange(r.window, &range);
	assert_int_equal(rig_playlist(&r)->n_ranges, 1);
	assert_non_null(strstr(r.last.text,
		"#EXT-X-DATERANGE:ID=\"pin-1\",CLASS=\"live.souk.product\",START-DATE=\"2023-11-14T"
		"22:13:26.000Z\",END-ON-NEXT=YES,X-PRODUCT-ID=\"42\",X-X=0.5,X-Y=0.25\n"));
	play_at(&r, 6500, 20);
	assert_int_equal(rig_playlist(&r)->n_ranges, 0);
	rig_finish(&r);
}

static void date_ranges_of_times_to_come_are_bounded(void **state)
{
	struct rig r;
	char id[16];
	struct media_daterange range = {
		.id = id, .class_name = "live.souk.product", .wall_ms = 1800000000000};

	rig_init_config(&r, &(struct media_config){.window = 4});
	play_at(&r, 0, 6.5);
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "tag-%d", i);
		media_window_daterange(r.window, &range);
	}
	assert_in_range(rig_playlist(&r)->n_ranges, 100, 500);
	assert_null(strstr(r.last.text, "ID=\"tag-0\""));
	assert_non_null(strstr(r.last.text, "ID=\"tag-999\""));
	rig_finish(&r);
}

/* As a journal would tell it after a crash. */
static void restore(
	struct rig *r, const char *dir, size_t n, uint64_t first, uint64_t next, bool independent)
{
	struct recording_index index = {
		.entries = mem_zalloc(n * sizeof(*index.entries)),
		.n = n,
		.inits = 2,
		.next_sequence = {next},
		.end_us = next * 2000000,
		.descriptions = {{.video = "avc1.42001f",
			.audio = "mp4a.40.2",
			.width = 640,
			.height = 360}},
	};

	for (size_t i = 0; i < n; i++)
		index.entries[i] = (struct recording_entry){
			.sequence = first + i,
			.start_us = (first + i) * 2000000,
			.duration_us = 2000000,
			.wall_ms = 1699999000000 + (first + i) * 2000,
			.bytes = 1000,
			.target_us = 2000000,
			.part_target_us = 201000,
			.init = i >= n / 2,
			.discontinuity = i == n / 2,
			.independent = independent,
			.keep = true,
		};
	rig_init_restored(r,
		&(struct media_config){
			.first_sequence = {next}, .first_time_us = index.end_us, .first_init = 2},
		&index, dir);
	r->n_inits = 2;
	r->inits = mem_zalloc(2 * sizeof(*r->inits));
	recording_index_finish(&index);
}

/* The init segment of an encoder, as an earlier process left it. */
static char *leave_init(void)
{
	char *dir = mem_strdup("/tmp/souk-window-XXXXXX"), *path;
	struct rig r;
	FILE *file;

	assert_non_null(mkdtemp(dir));
	rig_init(&r);
	play_at(&r, 0, 3);
	path = mem_printf("%s/init_0_1.mp4", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(rcbuf_data(r.inits[0]), 1, rcbuf_len(r.inits[0]), file),
		rcbuf_len(r.inits[0]));
	fclose(file);
	free(path);
	rig_finish(&r);
	return dir;
}

static void remove_init(char *dir)
{
	char *path = mem_printf("%s/init_0_1.mp4", dir);

	unlink(path);
	rmdir(dir);
	free(path);
	free(dir);
}

static void a_restart_goes_on_where_the_files_end(void **state)
{
	char *dir = leave_init(), *path = mem_printf("%s/seg_0_119.m4s", dir);
	struct rig r;
	struct media_body body;
	struct buf text = {0};

	restore(&r, dir, 20, 100, 120, true);
	assert_true(media_window_playable(window(&r)));
	rig_playlist(&r);
	assert_int_equal(r.last.sequence, 108);
	assert_int_equal(r.last.n_whole, 12);
	assert_true(r.last.independent);
	assert_int_equal(fetch(&r, "seg_0_119.m4s", &body), MEDIA_FOUND);
	assert_string_equal(body.path, path);
	media_body_finish(&body);
	assert_int_equal(fetch(&r, "init_0_1.mp4", &body), MEDIA_FOUND);
	assert_non_null(strstr(body.path, "/init_0_1.mp4"));
	media_body_finish(&body);
	assert_int_equal(media_window_multivariant(window(&r), NULL, &text), MEDIA_FOUND);
	assert_non_null(strstr(buf_text(&text),
		"BANDWIDTH=4000,AVERAGE-BANDWIDTH=4000,CODECS=\"avc1.42001f,mp4a.40.2\","
		"RESOLUTION=640x360\n"));
	play_at(&r, 777, 8.5);
	assert_int_equal(r.segments[0].sequence, 120);
	assert_int_equal(r.segments[0].start_us, 240000000);
	assert_int_equal(r.segments[0].init, 2);
	assert_true(r.segments[0].discontinuity);
	rig_verify(&r, 0, 33367);
	rig_finish(&r);
	buf_finish(&text);
	free(path);
	remove_init(dir);
}

static void a_restart_keeps_what_was_said_of_keyframes(void **state)
{
	char *dir = leave_init();
	struct rig r;

	restore(&r, dir, 6, 0, 6, false);
	assert_false(rig_playlist(&r)->independent);
	rig_finish(&r);
	remove_init(dir);
}

/* The newest segment's file is missing: the playlist begins anew behind its number. */
static void a_restart_behind_a_hole_has_no_old_segments(void **state)
{
	struct rig r;

	restore(&r, "/nowhere", 6, 0, 8, true);
	assert_false(media_window_playable(window(&r)));
	play_at(&r, 0, 4.5);
	assert_int_equal(r.last.sequence, 8);
	rig_verify(&r, 0, 33367);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_there_before_the_first_segment),
		cmocka_unit_test(a_playlist_that_is_not_yet_there_is_waited_for),
		cmocka_unit_test(a_part_behind_a_segments_last_means_the_next_segment),
		cmocka_unit_test(after_the_end_nothing_is_waited_for),
		cmocka_unit_test(names_are_read_strictly),
		cmocka_unit_test(the_hinted_part_is_waited_for_and_no_other),
		cmocka_unit_test(parts_and_segment_are_the_same_bytes),
		cmocka_unit_test(a_body_outlives_the_window),
		cmocka_unit_test(stored_segments_leave_memory_as_they_age),
		cmocka_unit_test(a_disk_that_hangs_costs_a_window_of_memory_and_no_viewer),
		cmocka_unit_test(the_window_slides_and_counts_discontinuities),
		cmocka_unit_test(a_full_window_gives_delta_updates),
		cmocka_unit_test(every_uri_carries_the_suffix),
		cmocka_unit_test(date_ranges_come_and_go_with_their_segments),
		cmocka_unit_test(date_ranges_of_times_to_come_are_bounded),
		cmocka_unit_test(a_restart_goes_on_where_the_files_end),
		cmocka_unit_test(a_restart_keeps_what_was_said_of_keyframes),
		cmocka_unit_test(a_restart_behind_a_hole_has_no_old_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
