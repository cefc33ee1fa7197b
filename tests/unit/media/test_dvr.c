#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine_rig.h"

/* Playlists that go further back than the live window. */

static struct media_window *window(struct rig *r)
{
	return r->window;
}

static void play(struct rig *r, uint32_t start_ms, double seconds)
{
	rig_play(r,
		&(struct rig_play){.fps = 10, .gop = 20, .seconds = seconds, .start_ms = start_ms});
}

static void rig_init_dvr(struct rig *r, uint64_t dvr_us)
{
	rig_init_config(r, &(struct media_config){.window = 4, .dvr_us = dvr_us});
}

static enum media_lookup peek(struct rig *r, const char *kind, uint64_t sequence, char **path)
{
	char name[64];
	struct media_body body;
	enum media_lookup look;

	snprintf(name, sizeof(name), "%s_0_%" PRIu64 ".%s", kind, sequence,
		strcmp(kind, "seg") == 0 ? "m4s" : "mp4");
	look = media_window_media(window(r), name, &body);
	if (path)
		*path = mem_strdup(body.path);
	media_body_finish(&body);
	return look;
}

static struct hls_playlist get(struct rig *r, struct media_playlist_query query)
{
	struct hls_playlist p;
	struct buf text = {0};

	assert_int_equal(media_window_playlist(window(r), 0, &query, &text), MEDIA_FOUND);
	hls_playlist_parse(&p, buf_text(&text), &r->faults);
	buf_finish(&text);
	rig_assert_no_faults(r);
	return p;
}

static uint64_t listed_us(const struct hls_playlist *p)
{
	uint64_t us = 0;

	for (size_t i = 0; i < p->n_whole; i++)
		us += p->segments[i].duration_us;
	return us;
}

/* The playlist says what the engine made, one for one. */
static void check_against_engine(struct rig *r, const struct hls_playlist *p)
{
	for (size_t i = 0; i < p->n_whole; i++) {
		const struct rig_segment *made = &r->segments[p->sequence + i];
		const struct hls_segment *said = &p->segments[i];
		char name[64];
		snprintf(name, sizeof(name), "seg_0_%" PRIu64 ".m4s", p->sequence + i);
		assert_string_equal(said->uri, name);
		snprintf(name, sizeof(name), "init_0_%u.mp4", made->init);
		assert_string_equal(said->map, name);
		assert_int_equal(said->duration_us, made->duration_us / 10 * 10);
		assert_int_equal(said->date_ms, made->wall_ms);
		assert_int_equal(said->discontinuity, made->discontinuity);
	}
}

static void a_window_of_time_lists_that_much(void **state)
{
	struct rig r;
	char *path;
	uint64_t oldest;

	rig_init_dvr(&r, 60000000);
	play(&r, 0, 30.5);
	assert_int_equal(r.last.sequence, 0);
	play(&r, 30500, 120);
	assert_in_range(listed_us(&r.last), 60000000, 62000000);
	assert_false(r.last.event);
	check_against_engine(&r, &r.last);
	assert_int_equal(peek(&r, "seg", r.last.sequence, &path), MEDIA_FOUND);
	assert_string_equal(path, "/nowhere/seg_0_45.m4s");
	assert_int_equal(r.last.sequence, 45);
	free(path);
	/* What has just left it is still there, for those on their way. */
	oldest = media_window_oldest(window(&r), 0);
	assert_int_equal(oldest, r.last.sequence - 4);
	assert_int_equal(peek(&r, "seg", oldest, NULL), MEDIA_FOUND);
	assert_int_equal(peek(&r, "seg", oldest - 1, NULL), MEDIA_GONE);
	rig_finish(&r);
}

static void nothing_leaves_a_whole_stream(void **state)
{
	struct rig r;

	rig_init_dvr(&r, MEDIA_DVR_WHOLE);
	for (uint32_t i = 0; i < 6; i++) {
		play(&r, i * 77777, 12.2);
		rig_interrupt(&r);
	}
	assert_true(r.last.event);
	assert_int_equal(r.last.sequence, 0);
	assert_int_equal(r.last.discontinuity_sequence, 0);
	assert_int_equal(r.last.n_whole, r.n_segments);
	check_against_engine(&r, &r.last);
	assert_int_equal(peek(&r, "seg", 0, NULL), MEDIA_FOUND);
	assert_int_equal(media_window_oldest(window(&r), 0), 0);
	rig_verify(&r, 0, 100000);
	assert_true(r.last.ended && r.last.event);
	assert_int_equal(r.last.n_whole, r.n_segments);
	rig_finish(&r);
}

static void transport_streams_have_no_init_segments(void **state)
{
	struct media_body body;
	struct rig r;

	rig_init_config(&r,
		&(struct media_config){.window = 4,
			.dvr_us = MEDIA_DVR_WHOLE,
			.container = MEDIA_CONTAINER_MPEGTS});
	for (uint32_t i = 0; i < 3; i++) {
		play(&r, i * 77777, 100);
		rig_interrupt(&r);
	}
	assert_true(r.last.event);
	assert_int_equal(r.last.version, 3);
	assert_int_equal(r.last.n_whole, r.n_segments);
	for (size_t i = 0; i < r.last.n_whole; i++) {
		assert_null(r.last.segments[i].map);
		assert_non_null(strstr(r.last.segments[i].uri, ".ts"));
	}
	assert_int_equal(media_window_media(window(&r), "seg_0_0.ts", &body), MEDIA_FOUND);
	assert_string_equal(body.path, "/nowhere/seg_0_0.ts");
	media_body_finish(&body);
	assert_int_equal(media_window_media(window(&r), "seg_0_0.m4s", &body), MEDIA_GONE);
	assert_int_equal(media_window_media(window(&r), "init_0_0.mp4", &body), MEDIA_GONE);
	rig_verify(&r, 0, 100000);
	rig_finish(&r);
}

/* Long enough for many shared stretches to come and go. */
static void long_playlists_are_as_exact_as_short_ones(void **state)
{
	struct rig r;
	uint32_t at = 0;

	rig_init_dvr(&r, 700000000);
	r.unwatched = true;
	for (int i = 0; i < 25; i++) {
		play(&r, at, 63.7);
		at += 63700;
		if (i % 4 == 3)
			rig_interrupt(&r);
		rig_playlist(&r);
		check_against_engine(&r, &r.last);
	}
	assert_in_range(listed_us(&r.last), 700000000, 702000000);
	assert_true(r.last.discontinuity_sequence > 0);
	rig_finish(&r);
}

static void the_text_for_one_is_the_text_for_all_and_the_token(void **state)
{
	static const char token[] = "?token=abc.def";
	struct rig r;
	struct hls_playlist all, one;

	rig_init_dvr(&r, 500000000);
	r.unwatched = true;
	play(&r, 0, 600.3);
	rig_configure_video(&r, 320, 240);
	play(&r, 600300, 250.5);
	for (unsigned skip = 0; skip < 2; skip++) {
		all = get(&r, (struct media_playlist_query){.skip = skip});
		one = get(&r, (struct media_playlist_query){.skip = skip, .uri_suffix = token});
		assert_int_equal(all.n, one.n);
		assert_int_equal(all.sequence, one.sequence);
		for (size_t i = 0; i < all.n_whole; i++) {
			char *uri = mem_printf("%s%s", all.segments[i].uri, token);
			assert_string_equal(uri, one.segments[i].uri);
			free(uri);
			assert_int_equal(all.segments[i].map != NULL, one.segments[i].map != NULL);
			if (!all.segments[i].map)
				continue;
			uri = mem_printf("%s%s", all.segments[i].map, token);
			assert_string_equal(uri, one.segments[i].map);
			free(uri);
		}
		hls_playlist_finish(&all);
		hls_playlist_finish(&one);
	}
	rig_finish(&r);
}

static void the_live_window_can_be_had_alone(void **state)
{
	struct rig r;
	struct hls_playlist brief;

	rig_init_dvr(&r, MEDIA_DVR_WHOLE);
	for (uint32_t i = 0; i < 4; i++) {
		play(&r, i * 77777, 12.2);
		rig_interrupt(&r);
	}
	brief = get(&r, (struct media_playlist_query){.brief = true});
	hls_check_live(&brief, &r.faults);
	rig_assert_no_faults(&r);
	assert_false(brief.event);
	assert_int_equal(brief.n_whole, 4);
	assert_int_equal(brief.sequence, r.n_segments - 4);
	assert_true(brief.discontinuity_sequence > 0);
	check_against_engine(&r, &brief);
	hls_playlist_finish(&brief);
	rig_finish(&r);
}

static void a_delta_leaves_the_long_part_out(void **state)
{
	struct rig r;
	struct hls_playlist delta;

	rig_init_dvr(&r, MEDIA_DVR_WHOLE);
	r.unwatched = true;
	play(&r, 0, 600.5);
	rig_playlist(&r);
	delta = get(&r, (struct media_playlist_query){.skip = true});
	hls_check_delta(&r.last, &delta, &r.faults);
	rig_assert_no_faults(&r);
	assert_in_range(delta.n_whole, 6, 8);
	assert_true(strlen(delta.text) < 4000);
	hls_playlist_finish(&delta);
	rig_finish(&r);
}

static void what_the_disk_did_not_take_is_a_gap(void **state)
{
	struct rig r;
	size_t early;

	rig_init_dvr(&r, MEDIA_DVR_WHOLE);
	play(&r, 0, 20.2);
	r.never_stored = true;
	play(&r, 20200, 20);
	early = media_window_memory(window(&r));
	play(&r, 40200, 40);
	assert_true(media_window_memory(window(&r)) < early * 2);
	r.never_stored = false;
	play(&r, 80200, 20);
	check_against_engine(&r, &r.last);
	assert_false(r.last.segments[8].gap);
	for (uint64_t i = 12; i < 38; i++) {
		assert_true(r.last.segments[i].gap);
		assert_int_equal(peek(&r, "seg", i, NULL), MEDIA_GONE);
	}
	assert_false(r.last.segments[r.last.n_whole - 1].gap);
	assert_false(r.last.segments[43].gap);
	rig_finish(&r);
}

static void init_segments_stay_as_long_as_their_segments(void **state)
{
	struct rig r;

	rig_init_dvr(&r, 60000000);
	play(&r, 0, 10.2);
	rig_configure_video(&r, 320, 240);
	for (int i = 0; i < 40; i++)
		assert_int_equal(rig_video(&r, 10200 + (uint32_t)i * 100, 0, i == 0), MEDIA_OK);
	play(&r, 14200, 40);
	assert_int_equal(peek(&r, "init", 0, NULL), MEDIA_FOUND);
	assert_int_equal(peek(&r, "init", 1, NULL), MEDIA_FOUND);
	check_against_engine(&r, &r.last);
	play(&r, 54200, 70);
	assert_int_equal(peek(&r, "init", 0, NULL), MEDIA_GONE);
	assert_int_equal(peek(&r, "init", 1, NULL), MEDIA_GONE);
	assert_int_equal(peek(&r, "init", 2, NULL), MEDIA_FOUND);
	rig_finish(&r);
}

static void tag(struct rig *r, const char *id)
{
	media_window_daterange(r->window,
		&(struct media_daterange){.id = id,
			.class_name = "live.souk.product",
			.wall_ms = r->clock.wall / 1000,
			.attributes = "X-X=0.5"});
}

static void products_stay_as_long_as_their_segments(void **state)
{
	struct rig r;

	rig_init_dvr(&r, 60000000);
	play(&r, 0, 10.5);
	tag(&r, "early");
	play(&r, 10500, 50);
	tag(&r, "late");
	assert_int_equal(rig_playlist(&r)->n_ranges, 2);
	play(&r, 60500, 30);
	assert_int_equal(r.last.n_ranges, 1);
	assert_non_null(strstr(r.last.text, "\"late\""));
	rig_finish(&r);
}

static void a_delta_may_leave_products_out_where_all_are_kept(void **state)
{
	const struct media_playlist_query skip = {.skip = true},
					  skip_all = {.skip = true, .skip_ranges = true};
	struct rig r;
	struct hls_playlist p;

	rig_init_dvr(&r, MEDIA_DVR_WHOLE);
	play(&r, 0, 10.5);
	tag(&r, "early");
	play(&r, 10500, 50);
	tag(&r, "late");
	assert_true(rig_playlist(&r)->skips_ranges);
	assert_int_equal(r.last.n_ranges, 2);
	p = get(&r, skip);
	assert_int_equal(p.n_ranges, 2);
	hls_playlist_finish(&p);
	p = get(&r, skip_all);
	assert_int_equal(p.n_ranges, 1);
	assert_non_null(strstr(p.text, "\"late\""));
	hls_playlist_finish(&p);
	rig_finish(&r);
}

/* A journal of `n` numbers, of which `lost` (a bit each, from the first one) have no file. */
static void restore(struct rig *r, uint64_t dvr_us, uint64_t n, uint64_t lost, uint64_t next)
{
	struct recording_index index = {
		.entries = mem_zalloc((n + 1) * sizeof(*index.entries)),
		.inits = 1,
		.next_sequence = {next},
		.end_us = next * 2000000,
		.ranges = mem_zalloc(2 * sizeof(*index.ranges)),
		.n_ranges = 2,
		.descriptions = {{.video = "avc1.42001f", .width = 640, .height = 360}},
	};

	for (uint64_t i = 0; i < n; i++) {
		if (i < 64 && lost & UINT64_C(1) << i)
			continue;
		index.entries[index.n++] = (struct recording_entry){
			.sequence = i,
			.start_us = i * 2000000,
			.duration_us = 2000000,
			.wall_ms = 1699990000000 + i * 2000,
			.bytes = 1000,
			.target_us = 2000000,
			.part_target_us = 201000,
			.independent = true,
			.keep = true,
		};
	}
	for (uint64_t i = 0; i < 2; i++)
		index.ranges[i] = (struct media_daterange){
			.id = mem_printf("tag-%" PRIu64, i),
			.class_name = mem_strdup("live.souk.product"),
			.wall_ms = 1699990000000 + (i == 0 ? 5 : n - 5) * 2000,
		};
	rig_init_restored(r,
		&(struct media_config){.window = 4,
			.dvr_us = dvr_us,
			.first_sequence = {next},
			.first_time_us = index.end_us,
			.first_init = 1},
		&index, "/nowhere");
	r->unwatched = true;
	r->n_inits = 1;
	r->inits = mem_zalloc(sizeof(*r->inits));
	recording_index_finish(&index);
}

static void a_restart_keeps_the_whole_stream(void **state)
{
	struct rig r;
	char *path;

	restore(&r, MEDIA_DVR_WHOLE, 400, 0, 400);
	rig_playlist(&r);
	assert_true(r.last.event);
	assert_int_equal(r.last.sequence, 0);
	assert_int_equal(r.last.n_whole, 400);
	assert_int_equal(r.last.n_ranges, 2);
	assert_int_equal(peek(&r, "seg", 17, &path), MEDIA_FOUND);
	assert_string_equal(path, "/nowhere/seg_0_17.m4s");
	free(path);
	assert_int_equal(peek(&r, "init", 0, &path), MEDIA_FOUND);
	assert_string_equal(path, "/nowhere/init_0_0.mp4");
	free(path);
	play(&r, 555, 20.5);
	rig_playlist(&r);
	assert_int_equal(r.last.n_whole, 410);
	assert_true(r.last.segments[400].discontinuity);
	rig_finish(&r);
}

static void a_restart_keeps_a_window_of_time(void **state)
{
	struct rig r;

	restore(&r, 100000000, 400, 0, 400);
	rig_playlist(&r);
	assert_false(r.last.event);
	assert_int_equal(r.last.sequence, 350);
	assert_int_equal(r.last.n_whole, 50);
	assert_int_equal(r.last.n_ranges, 1);
	play(&r, 555, 20.5);
	rig_playlist(&r);
	assert_in_range(listed_us(&r.last), 100000000, 102000000);
	rig_finish(&r);
}

static void what_a_restart_does_not_find_is_a_gap(void **state)
{
	struct rig r;

	/* The first two, one in the middle, and the three newest. */
	restore(&r, MEDIA_DVR_WHOLE, 40, 3 | 1 << 20, 43);
	rig_playlist(&r);
	assert_int_equal(r.last.sequence, 0);
	assert_int_equal(r.last.n_whole, 43);
	for (uint64_t i = 0; i < 43; i++) {
		bool lost = i < 2 || i == 20 || i >= 40;
		assert_int_equal(r.last.segments[i].gap, lost);
		assert_int_equal(r.last.segments[i].duration_us, 2000000);
		assert_int_equal(r.last.segments[i].date_ms, 1699990000000 + i * 2000);
		assert_int_equal(peek(&r, "seg", i, NULL), lost ? MEDIA_GONE : MEDIA_FOUND);
	}
	play(&r, 555, 20.5);
	rig_playlist(&r);
	assert_int_equal(r.last.n_whole, 53);
	rig_finish(&r);
}

static void a_damaged_journal_is_not_believed(void **state)
{
	struct rig r;

	restore(&r, MEDIA_DVR_WHOLE, 40, 0, UINT32_MAX);
	assert_false(media_window_playable(window(&r)));
	rig_finish(&r);
}

static void a_listed_segment_costs_little(void **state)
{
	struct rig r;
	size_t before;

	restore(&r, MEDIA_DVR_WHOLE, 21600, 0, 21600);
	before = media_window_memory(window(&r));
	assert_true(before < 21600 * 160);
	rig_playlist(&r);
	assert_int_equal(r.last.n_whole, 21600);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_of_time_lists_that_much),
		cmocka_unit_test(nothing_leaves_a_whole_stream),
		cmocka_unit_test(long_playlists_are_as_exact_as_short_ones),
		cmocka_unit_test(the_text_for_one_is_the_text_for_all_and_the_token),
		cmocka_unit_test(the_live_window_can_be_had_alone),
		cmocka_unit_test(a_delta_leaves_the_long_part_out),
		cmocka_unit_test(what_the_disk_did_not_take_is_a_gap),
		cmocka_unit_test(transport_streams_have_no_init_segments),
		cmocka_unit_test(init_segments_stay_as_long_as_their_segments),
		cmocka_unit_test(products_stay_as_long_as_their_segments),
		cmocka_unit_test(a_delta_may_leave_products_out_where_all_are_kept),
		cmocka_unit_test(a_restart_keeps_the_whole_stream),
		cmocka_unit_test(a_restart_keeps_a_window_of_time),
		cmocka_unit_test(what_a_restart_does_not_find_is_a_gap),
		cmocka_unit_test(a_damaged_journal_is_not_believed),
		cmocka_unit_test(a_listed_segment_costs_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
