#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "live_rig.h"

/* What a stream leaves on disk and in the store, whatever happens to it. */

static void end_stream(struct live_rig *r, const struct live_case *c)
{
	struct answer a = {0};

	live_registry_end(r->registry, live_registry_find(r->registry, c->id), LIVE_END_REQUESTED,
		rig_answer, &a);
	run_until(r, a.came);
	assert_int_equal(a.result, REPO_OK);
}

static bool is_ready(struct live_rig *r, const struct live_case *c, bool with_mp4)
{
	struct recording_record row;

	return rig_recording(r, c, &row) && row.state == RECORDING_READY && row.has_mp4 == with_mp4;
}

/* A finished recording of so many seconds. */
static void record(struct live_rig *r, struct live_case *c, double seconds)
{
	struct encoder e;

	rig_stream(r, c, true, true);
	rig_publish(r, &e, c);
	rig_feed(&e, seconds);
	live_publisher_lost(&e.publisher);
	end_stream(r, c);
	run_until(r, is_ready(r, c, r->config.mp4 == LIVE_MP4_END));
}

static void set_mp4(struct live_rig *r, enum live_mp4 mp4)
{
	r->config.mp4 = mp4;
	live_registry_reconfigure(r->registry, &r->config);
}

static void a_recorded_stream_leaves_a_vod(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct recording_record row;
	struct stream_record stream;
	char url[128];

	rig_init(&r);
	record(&r, &c, 5.3);
	assert_true(rig_recording(&r, &c, &row));
	assert_int_equal(row.segments, 6);
	assert_in_range(row.duration_ms, 5200, 5400);
	assert_true(row.bytes > 1000);
	assert_true(rig_has_file(&r, &c, "index.m3u8"));
	assert_true(rig_has_file(&r, &c, "recording.mp4"));
	assert_int_equal(r.repo.ops->stream_get(r.repo.impl, c.id, &stream), REPO_OK);
	snprintf(url, sizeof(url), "/vod/%s/index.m3u8", c.id_text);
	assert_string_equal(stream.vod_url, url);
	stream_record_finish(&stream);
	rig_finish(&r);
}

static void a_stream_that_is_not_recorded_leaves_none(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct recording_record row;

	rig_init(&r);
	rig_stream(&r, &c, true, false);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 5);
	live_publisher_stop(&e.publisher);
	run_until(&r, rig_status(&r, &c, NULL) == STREAM_ENDED);
	assert_false(rig_has_file(&r, &c, "index.m3u8"));
	assert_false(rig_recording(&r, &c, &row));
	rig_finish(&r);
}

static struct live_stats stats(struct live_rig *r, const struct live_case *c)
{
	struct live_stats s;

	live_stream_stats(live_registry_find(r->registry, c->id), &s);
	return s;
}

static void a_disk_that_fails_stops_the_recording_alone(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct recording_record row;
	int fd;

	rig_init(&r);
	/* A file where the folder should be: fails for root, too. */
	fd = open(r.media_root, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 4);
	run_until(&r, stats(&r, &c).recording_failures >= 3);
	assert_false(stats(&r, &c).recording);
	assert_true(media_window_playable(live_stream_window(e.stream)));
	rig_feed(&e, 20);
	/* Unstored segments stay in memory, as many as the window has. */
	assert_in_range(stats(&r, &c).window_memory, 1, 100000);
	unlink(r.media_root);
	rig_feed(&e, 4);
	run_until(&r, stats(&r, &c).recorded_segments > 0);
	assert_true(stats(&r, &c).recording);
	live_publisher_stop(&e.publisher);
	run_until(&r, is_ready(&r, &c, true));
	assert_true(rig_recording(&r, &c, &row));
	assert_in_range(row.segments, 2, 28);
	rig_finish(&r);
}

static void a_disk_that_always_fails_leaves_a_failed_recording(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct recording_record row = {0};
	int fd;

	rig_init(&r);
	fd = open(r.media_root, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 4);
	live_publisher_stop(&e.publisher);
	run_until(&r, rig_recording(&r, &c, &row) && row.state == RECORDING_FAILED);
	assert_int_equal(rig_status(&r, &c, NULL), STREAM_ENDED);
	rig_finish(&r);
}

static void a_full_disk_is_left_its_reserve(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;

	rig_init(&r);
	r.config.min_free = UINT64_MAX / 4;
	live_registry_reconfigure(r.registry, &r.config);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 4);
	run_until(&r, stats(&r, &c).recording_failures >= 3);
	r.config.min_free = 0;
	live_registry_reconfigure(r.registry, &r.config);
	rig_feed(&e, 3);
	run_until(&r, stats(&r, &c).recorded_segments >= 3);
	live_publisher_lost(&e.publisher);
	rig_finish(&r);
}

static void a_crash_costs_the_open_segment_alone(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct recording_record row;
	uint64_t stored;

	rig_init(&r);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 5.5);
	run_until(&r, stats(&r, &c).recorded_segments == 5);
	stored = stats(&r, &c).recorded_segments;
	live_registry_destroy(&r.registry);
	rig_crash(&r);

	rig_open_registry(&r);
	live_registry_recover(r.registry);
	assert_int_equal(live_stream_state(live_registry_find(r.registry, c.id)), LIVE_INTERRUPTED);
	assert_true(
		media_window_playable(live_stream_window(live_registry_find(r.registry, c.id))));
	rig_publish(&r, &e, &c);
	rig_feed(&e, 3);
	live_publisher_stop(&e.publisher);
	run_until(&r, is_ready(&r, &c, true));
	assert_true(rig_recording(&r, &c, &row));
	assert_true(row.segments >= stored + 3);
	rig_finish(&r);
}

static void a_stream_that_never_had_a_publisher_waits_again(void **state)
{
	struct live_rig r;
	struct live_case c;

	rig_init(&r);
	rig_stream(&r, &c, true, true);
	rig_crash(&r);
	rig_open_registry(&r);
	live_registry_recover(r.registry);
	assert_int_equal(live_stream_state(live_registry_find(r.registry, c.id)), LIVE_WAITING);
	rig_finish(&r);
}

static void a_recording_left_open_is_finished_at_start(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct recording_record row;
	struct answer a = {0};

	rig_init(&r);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 4);
	live_publisher_lost(&e.publisher);
	rig_turn(&r);
	rig_crash(&r);
	/* The end was committed, the process died before the VOD. */
	r.repo.ops->stream_end(r.repo.impl, c.id, clock_wall_ms(&clock_system), "ended",
		&(struct repo_stats){0}, rig_answer, &a);
	run_until(&r, a.came);
	assert_true(rig_recording(&r, &c, &row));
	assert_int_equal(row.state, RECORDING_OPEN);

	rig_open_registry(&r);
	live_registry_recover(r.registry);
	assert_null(live_registry_find(r.registry, c.id));
	run_until(&r, is_ready(&r, &c, true));
	assert_true(rig_has_file(&r, &c, "recording.mp4"));
	rig_finish(&r);
}

static void a_progressive_file_that_a_crash_cut_short_is_made_at_start(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct recording_record before, after;

	rig_init(&r);
	set_mp4(&r, LIVE_MP4_OFF);
	record(&r, &c, 4);
	assert_true(rig_recording(&r, &c, &before));
	rig_crash(&r);
	r.config.mp4 = LIVE_MP4_END;
	rig_open_registry(&r);
	live_registry_recover(r.registry);
	run_until(&r, is_ready(&r, &c, true));
	assert_true(rig_has_file(&r, &c, "recording.mp4"));
	assert_true(rig_recording(&r, &c, &after));
	assert_int_equal(after.finished_at, before.finished_at);
	assert_int_equal(after.segments, before.segments);
	rig_finish(&r);
}

static void note(void *user)
{
	*(bool *)user = true;
}

static void a_drain_finishes_recordings_and_leaves_streams_live(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct recording_record row;
	bool done = false;

	rig_init(&r);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 4.5);
	live_registry_drain(r.registry, note, &done);
	run_until(&r, done);
	assert_true(is_ready(&r, &c, true));
	assert_int_equal(rig_status(&r, &c, NULL), STREAM_LIVE);
	rig_crash(&r);

	/* And the encoder goes on after the restart. */
	rig_open_registry(&r);
	live_registry_recover(r.registry);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 2);
	live_publisher_stop(&e.publisher);
	run_until(&r, is_ready(&r, &c, true) && rig_recording(&r, &c, &row) && row.segments > 5);
	assert_in_range(row.duration_ms, 6300, 6700);
	rig_finish(&r);
}

static void retention_by_age_spares_live_streams(void **state)
{
	struct live_rig r;
	struct live_case old, live;
	struct encoder e;
	struct recording_record row;

	rig_init(&r);
	record(&r, &old, 3);
	rig_stream(&r, &live, true, true);
	rig_publish(&r, &e, &live);
	rig_feed(&e, 4);
	run_until(&r, stats(&r, &live).recorded_segments == 3);
	r.config.keep_us = 1000;
	live_registry_reconfigure(r.registry, &r.config);
	run_until(&r, rig_recording(&r, &old, &row) && row.state == RECORDING_DELETED);
	assert_false(rig_has_file(&r, &old, "index.m3u8"));
	assert_true(rig_has_file(&r, &live, "seg_0_0.m4s"));
	live_publisher_lost(&e.publisher);
	rig_finish(&r);
}

static void retention_by_bytes_takes_the_oldest(void **state)
{
	struct live_rig r;
	struct live_case old, new;
	struct recording_record row;

	rig_init(&r);
	record(&r, &old, 3);
	usleep(2000); /* recordings are told apart by milliseconds */
	record(&r, &new, 3);
	assert_true(rig_recording(&r, &new, &row));
	r.config.max_bytes = row.bytes + row.bytes / 2;
	live_registry_reconfigure(r.registry, &r.config);
	run_until(&r, rig_recording(&r, &old, &row) && row.state == RECORDING_DELETED);
	assert_true(is_ready(&r, &new, true));
	rig_finish(&r);
}

static enum repo_result delete_recording(struct live_rig *r, const struct live_case *c)
{
	struct answer a = {0};

	live_registry_delete_recording(r->registry, c->id, rig_answer, &a);
	assert_false(a.came);
	run_until(r, a.came);
	return a.result;
}

static void a_recording_can_be_deleted_once_it_is_finished(void **state)
{
	struct live_rig r;
	struct live_case c, live;
	struct encoder e;
	struct recording_record row;
	struct answer twice[2] = {0};

	rig_init(&r);
	rig_stream(&r, &live, true, true);
	rig_publish(&r, &e, &live);
	rig_feed(&e, 3);
	assert_int_equal(delete_recording(&r, &live), REPO_WRONG_STATE);
	live_publisher_lost(&e.publisher);
	assert_int_equal(delete_recording(&r, &live), REPO_WRONG_STATE);
	record(&r, &c, 3);
	run_until(&r, live_stream_state(live_registry_find(r.registry, c.id)) == LIVE_FINISHING);
	live_registry_delete_recording(r.registry, c.id, rig_answer, &twice[0]);
	live_registry_delete_recording(r.registry, c.id, rig_answer, &twice[1]);
	run_until(&r, twice[0].came && twice[1].came);
	assert_int_equal(twice[0].result, REPO_OK);
	assert_int_equal(twice[1].result, REPO_WRONG_STATE);
	assert_true(rig_recording(&r, &c, &row));
	assert_int_equal(row.state, RECORDING_DELETED);
	assert_false(rig_has_file(&r, &c, ""));
	rig_finish(&r);
}

struct made {
	bool came, ok;
};

static void made(void *user, bool ok)
{
	struct made *m = user;

	m->came = true;
	m->ok = ok;
}

static bool make_mp4(struct live_rig *r, struct uuid id)
{
	struct made m = {0};

	live_registry_make_mp4(r->registry, id, made, &m);
	assert_false(m.came);
	run_until(r, m.came);
	return m.ok;
}

static void a_progressive_file_on_demand_is_made_once_for_all_who_ask(void **state)
{
	struct live_rig r;
	struct live_case c, live;
	struct encoder e;
	struct made m[3] = {0};

	rig_init(&r);
	set_mp4(&r, LIVE_MP4_DEMAND);
	record(&r, &c, 3);
	assert_false(rig_has_file(&r, &c, "recording.mp4"));
	for (int i = 0; i < 3; i++)
		live_registry_make_mp4(r.registry, c.id, made, &m[i]);
	assert_false(m[0].came || m[1].came || m[2].came);
	run_until(&r, m[0].came && m[1].came && m[2].came);
	assert_true(m[0].ok && m[1].ok && m[2].ok);
	assert_true(is_ready(&r, &c, true));
	assert_true(rig_has_file(&r, &c, "recording.mp4"));
	assert_true(make_mp4(&r, c.id));
	assert_false(make_mp4(&r, uuid_new(&clock_system)));
	rig_stream(&r, &live, true, true);
	rig_publish(&r, &e, &live);
	rig_feed(&e, 3);
	assert_false(make_mp4(&r, live.id));
	live_publisher_lost(&e.publisher);
	rig_finish(&r);
}

static void a_date_range_is_in_both_playlists(void **state)
{
	struct live_rig r;
	struct live_case c;
	struct encoder e;
	struct buf text = {0};
	char *path, vod[8192];
	FILE *file;
	size_t n;

	rig_init(&r);
	rig_stream(&r, &c, true, true);
	rig_publish(&r, &e, &c);
	rig_feed(&e, 3);
	run_until(&r, media_window_playable(live_stream_window(e.stream)));
	live_stream_daterange(e.stream,
		&(struct media_daterange){.id = "tag-7",
			.class_name = "live.souk.product",
			.wall_ms = clock_wall_ms(&clock_system),
			.attributes = "X-PRODUCT-ID=\"p7\""});
	assert_int_equal(media_window_playlist(live_stream_window(e.stream), 0,
				 &(struct media_playlist_query){0}, &text),
		MEDIA_FOUND);
	assert_non_null(strstr(buf_text(&text), "ID=\"tag-7\""));
	buf_finish(&text);
	live_publisher_stop(&e.publisher);
	run_until(&r, is_ready(&r, &c, true));
	path = mem_printf("%s/%s/index.m3u8", r.media_root, c.id_text);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(vod, 1, sizeof(vod) - 1, file);
	vod[n] = '\0';
	fclose(file);
	assert_non_null(strstr(vod, "ID=\"tag-7\",CLASS=\"live.souk.product\""));
	free(path);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_stream_leaves_a_vod),
		cmocka_unit_test(a_stream_that_is_not_recorded_leaves_none),
		cmocka_unit_test(a_disk_that_fails_stops_the_recording_alone),
		cmocka_unit_test(a_disk_that_always_fails_leaves_a_failed_recording),
		cmocka_unit_test(a_full_disk_is_left_its_reserve),
		cmocka_unit_test(a_crash_costs_the_open_segment_alone),
		cmocka_unit_test(a_stream_that_never_had_a_publisher_waits_again),
		cmocka_unit_test(a_recording_left_open_is_finished_at_start),
		cmocka_unit_test(a_progressive_file_that_a_crash_cut_short_is_made_at_start),
		cmocka_unit_test(a_drain_finishes_recordings_and_leaves_streams_live),
		cmocka_unit_test(retention_by_age_spares_live_streams),
		cmocka_unit_test(retention_by_bytes_takes_the_oldest),
		cmocka_unit_test(a_recording_can_be_deleted_once_it_is_finished),
		cmocka_unit_test(a_progressive_file_on_demand_is_made_once_for_all_who_ask),
		cmocka_unit_test(a_date_range_is_in_both_playlists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
