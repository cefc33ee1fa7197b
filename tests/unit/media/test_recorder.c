#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "media/recorder.h"
#include "media/vod.h"
#include "support/test.h"

#define NO_LIMIT 0

struct folder {
	char root[64];
	char *dir; /* not there yet, as at a stream's first segment */
};

static int setup(void **state)
{
	struct folder *f = mem_new(struct folder);
	snprintf(f->root, sizeof(f->root), "/tmp/souk-recorder-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	f->dir = mem_printf("%s/media/stream", f->root);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct folder *f = *state;
	char *parent = mem_printf("%s/media", f->root);
	vod_delete(f->dir);
	rmdir(parent);
	rmdir(f->root);
	free(parent);
	free(f->dir);
	free(f);
	return 0;
}

static struct recorder *open_recorder(struct folder *f)
{
	struct recorder *r;
	assert_int_equal(recorder_open(f->dir, &r), RECORDER_OK);
	return r;
}

static enum recorder_result append(
	struct recorder *r, uint64_t sequence, unsigned init, bool keep, uint64_t min_free)
{
	struct rcbuf *pieces[2] = {rcbuf_from("moof", 4), rcbuf_from("mdat-data", 9)};
	struct recorder_segment s = {
		.sequence = sequence,
		.start_us = sequence * 2000000,
		.duration_us = 2000000,
		.wall_ms = 1700000000000 + sequence * 2000,
		.init = init,
		.independent = true,
		.keep = keep,
		.pieces = pieces,
		.n_pieces = 2,
	};
	enum recorder_result result = recorder_append(r, &s, min_free);
	rcbuf_unref(&pieces[0]);
	rcbuf_unref(&pieces[1]);
	return result;
}

static void append_init(struct recorder *r, unsigned number)
{
	const struct recorder_init init = {.number = number,
		.data = (const uint8_t *)"ftypmoov",
		.len = 8,
		.description = {
			.video = "avc1.64001f", .width = 1280, .height = 720, .channels = 2}};

	assert_int_equal(recorder_init_segment(r, &init), RECORDER_OK);
}

static char *file_text(struct folder *f, const char *name)
{
	char *path = mem_printf("%s/%s", f->dir, name), *text = mem_zalloc(65536);
	FILE *file = fopen(path, "r");
	free(path);
	assert_non_null(file);
	size_t n = fread(text, 1, 65535, file);
	fclose(file);
	text[n] = '\0';
	return text;
}

static bool exists(struct folder *f, const char *name)
{
	char *path = mem_printf("%s/%s", f->dir, name);
	bool there = access(path, F_OK) == 0;
	free(path);
	return there;
}

static void damage(struct folder *f, const char *name, off_t cut)
{
	char *path = mem_printf("%s/%s", f->dir, name);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - cut), 0);
	free(path);
}

static void test_what_was_recorded_is_found_again(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);
	struct recording_index index;

	append_init(r, 0);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(append(r, i, 0, true, NO_LIMIT), RECORDER_OK);
	recorder_close(r);
	assert_int_equal(recording_load(f->dir, &index), RECORDER_OK);
	assert_int_equal(index.n, 3);
	assert_int_equal(index.inits, 1);
	assert_int_equal(index.next_sequence[0], 3);
	assert_string_equal(index.descriptions[0].video, "avc1.64001f");
	assert_string_equal(index.descriptions[0].audio, "");
	assert_int_equal(index.descriptions[0].width, 1280);
	assert_int_equal(index.descriptions[0].height, 720);
	assert_int_equal(index.descriptions[0].channels, 2);
	assert_int_equal(index.next_sequence[1], 0);
	assert_int_equal(index.end_us, 6000000);
	assert_int_equal(index.entries[1].sequence, 1);
	assert_int_equal(index.entries[1].bytes, 13);
	assert_int_equal(index.entries[1].wall_ms, 1700000002000);
	assert_true(index.entries[1].independent);
	assert_true(index.entries[1].keep);
	recording_index_finish(&index);
	char *text = file_text(f, "seg_0_1.m4s");
	assert_string_equal(text, "moofmdat-data");
	free(text);
}

static void test_a_torn_line_costs_itself_alone(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);
	struct recording_index index;

	append_init(r, 0);
	append(r, 0, 0, true, NO_LIMIT);
	append(r, 1, 0, true, NO_LIMIT);
	recorder_close(r);
	damage(f, "journal", 5);
	assert_int_equal(recording_load(f->dir, &index), RECORDER_OK);
	assert_int_equal(index.n, 1);
	recording_index_finish(&index);

	r = open_recorder(f);
	assert_int_equal(append(r, 2, 0, true, NO_LIMIT), RECORDER_OK);
	recorder_close(r);
	assert_int_equal(recording_load(f->dir, &index), RECORDER_OK);
	assert_int_equal(index.n, 2);
	assert_int_equal(index.entries[1].sequence, 2);
	recording_index_finish(&index);
}

static void test_a_short_or_missing_file_is_left_out(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);
	struct recording_index index;

	append_init(r, 0);
	for (uint64_t i = 0; i < 4; i++)
		append(r, i, 0, true, NO_LIMIT);
	recorder_discard(r, MEDIA_CONTAINER_CMAF, 0, 1);
	recorder_close(r);
	damage(f, "seg_0_2.m4s", 1);
	assert_int_equal(recording_load(f->dir, &index), RECORDER_OK);
	assert_int_equal(index.n, 2);
	assert_int_equal(index.entries[0].sequence, 0);
	assert_int_equal(index.entries[1].sequence, 3);
	assert_int_equal(index.next_sequence[0], 4);
	recording_index_finish(&index);
}

static void test_segments_without_their_init_are_left_out(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);
	struct recording_index index;

	append_init(r, 0);
	append(r, 0, 0, true, NO_LIMIT);
	append(r, 1, 7, true, NO_LIMIT);
	recorder_close(r);
	assert_int_equal(recording_load(f->dir, &index), RECORDER_OK);
	assert_int_equal(index.n, 1);
	recording_index_finish(&index);
}

static void test_min_free_is_kept(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);

	append_init(r, 0);
	assert_int_equal(append(r, 0, 0, true, UINT64_MAX / 2), RECORDER_NO_SPACE);
	assert_false(exists(f, "seg_0_0.m4s"));
	assert_false(exists(f, "segment.tmp"));
	assert_int_equal(append(r, 0, 0, true, NO_LIMIT), RECORDER_OK);
	recorder_close(r);
}

static void test_a_folder_that_cannot_be_made_is_an_error(void **state)
{
	struct folder *f = *state;
	char *file = mem_printf("%s/file", f->root), *below = mem_printf("%s/x/y", file);
	struct recorder *r;
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	assert_int_equal(recorder_open(below, &r), RECORDER_IO);
	assert_null(r);
	unlink(file);
	free(below);
	free(file);
}

static void test_the_vod_playlist(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);
	struct vod_result vod;
	struct media_daterange range = {
		.id = "tag 1",
		.class_name = "live.souk.product",
		.wall_ms = 1700000001000,
		.end_on_next = true,
		.attributes = "X-PRODUCT-ID=\"p 1%\",X-X=0.42",
	};

	append_init(r, 0);
	append(r, 0, 0, true, NO_LIMIT);
	append(r, 1, 0, true, NO_LIMIT);
	append(r, 3, 0, true, NO_LIMIT); /* 2 was lost: a hole */
	append_init(r, 1);
	append(r, 4, 1, true, NO_LIMIT);
	append(r, 5, 1, false, NO_LIMIT); /* spooled */
	recorder_daterange(r, &range);
	recorder_close(r);
	assert_int_equal(vod_playlist(f->dir, &vod), RECORDER_OK);
	assert_int_equal(vod.segments, 4);
	assert_int_equal(vod.duration_ms, 8000);
	assert_true(vod.bytes > 4 * 13);
	assert_false(exists(f, "seg_0_5.m4s"));
	char *text = file_text(f, "index.m3u8");
	assert_string_equal(text,
		"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
		"#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n"
		"#EXT-X-MAP:URI=\"init_0_0.mp4\"\n"
		"#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n#EXTINF:2.000000,\nseg_0_0."
		"m4s\n"
		"#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z\n#EXTINF:2.000000,\nseg_0_1."
		"m4s\n"
		"#EXT-X-DISCONTINUITY\n"
		"#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:26.000Z\n#EXTINF:2.000000,\nseg_0_3."
		"m4s\n"
		"#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init_0_1.mp4\"\n"
		"#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:28.000Z\n#EXTINF:2.000000,\nseg_0_4."
		"m4s\n"
		"#EXT-X-DATERANGE:ID=\"tag 1\",CLASS=\"live.souk.product\","
		"START-DATE=\"2023-11-14T22:13:21.000Z\",END-ON-NEXT=YES,"
		"X-PRODUCT-ID=\"p 1%\",X-X=0.42\n"
		"#EXT-X-ENDLIST\n");
	free(text);
}

static void test_an_empty_recording_has_no_vod(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);
	struct vod_result vod;

	recorder_close(r);
	assert_int_equal(vod_playlist(f->dir, &vod), RECORDER_OK);
	assert_int_equal(vod.segments, 0);
	assert_false(exists(f, "index.m3u8"));
	assert_int_equal(vod_mp4(f->dir, NULL, 0, NO_LIMIT, &vod), RECORDER_OK);
	assert_false(vod.has_mp4);
}

static void test_garbage_segments_give_no_mp4(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);
	struct vod_result vod;

	append_init(r, 0);
	append(r, 0, 0, true, NO_LIMIT);
	recorder_close(r);
	assert_int_equal(vod_mp4(f->dir, NULL, 0, NO_LIMIT, &vod), RECORDER_IO);
	assert_false(vod.has_mp4);
	assert_false(exists(f, "recording.mp4"));
	assert_false(exists(f, "recording.mp4.tmp"));
}

static void test_delete_removes_all(void **state)
{
	struct folder *f = *state;
	struct recorder *r = open_recorder(f);

	append_init(r, 0);
	append(r, 0, 0, true, NO_LIMIT);
	recorder_close(r);
	assert_int_equal(vod_delete(f->dir), RECORDER_OK);
	assert_int_equal(access(f->dir, F_OK), -1);
	assert_int_equal(vod_delete(f->dir), RECORDER_OK);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_recorded_is_found_again),
		TEST(test_a_torn_line_costs_itself_alone),
		TEST(test_a_short_or_missing_file_is_left_out),
		TEST(test_segments_without_their_init_are_left_out),
		TEST(test_min_free_is_kept),
		TEST(test_a_folder_that_cannot_be_made_is_an_error),
		TEST(test_the_vod_playlist),
		TEST(test_an_empty_recording_has_no_vod),
		TEST(test_garbage_segments_give_no_mp4),
		TEST(test_delete_removes_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
