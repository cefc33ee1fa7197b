#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/test.h"
#include "uploads_private.h"

/* What goes into storage, where to, and when it is tried again: all that needs no server. */

static const char *names_of(const char *playlist, struct buf *room)
{
	buf_reset(room);
	upload_playlist_names(playlist, strlen(playlist), room);
	return buf_text(room);
}

static void test_a_playlist_names_its_files(void **state)
{
	struct buf room = {0};
	(void)state;
	assert_string_equal(names_of("#EXTM3U\n#EXT-X-MAP:URI=\"init_0_0.mp4\"\n#EXTINF:2,\n"
				     "seg_0_0.m4s\r\n\n#EXT-X-DATERANGE:ID=\"x\"\nseg_0_1.m4s",
				    &room),
		"init_0_0.mp4\nseg_0_0.m4s\nseg_0_1.m4s\n");
	assert_string_equal(names_of("", &room), "");
	assert_string_equal(names_of("#EXT-X-MAP:URI=\"never ended", &room), "");
	buf_finish(&room);
}

static void test_types_and_keeping_by_the_name(void **state)
{
	(void)state;
	assert_string_equal(upload_content_type("index.m3u8"), "application/vnd.apple.mpegurl");
	assert_string_equal(upload_content_type("seg_0_1.m4s"), "video/mp4");
	assert_string_equal(upload_content_type("seg_0_1.ts"), "video/mp2t");
	assert_string_equal(upload_content_type("storyboard.vtt"), "text/vtt");
	assert_string_equal(upload_content_type("nothing"), "application/octet-stream");
	assert_non_null(strstr(upload_cache_control("seg_0_1.m4s"), "immutable"));
	assert_null(strstr(upload_cache_control("index.m3u8"), "immutable"));
	assert_null(strstr(upload_cache_control("poster.jpg"), "immutable"));
}

static void expect_text(char *text, const char *wanted)
{
	assert_string_equal(text, wanted);
	free(text);
}

static void test_keys_and_addresses(void **state)
{
	(void)state;
	expect_text(upload_prefix(NULL, "ID"), "ID/");
	expect_text(upload_prefix("a/b", "ID"), "a/b/ID/");
	expect_text(upload_url("https://cdn.example/v/", "https://s3.example", true, "b", "p/ID/"),
		"https://cdn.example/v/p/ID");
	expect_text(upload_url(NULL, "https://s3.example:9000/", true, "b", "ID/"),
		"https://s3.example:9000/b/ID");
	expect_text(upload_url(NULL, "https://s3.example", false, "b", "ID/"),
		"https://b.s3.example/ID");
}

struct folder {
	char path[64];
};

static void put(const struct folder *f, const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", f->path, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	free(path);
}

static int folder_setup(void **state)
{
	struct folder *f = mem_new(struct folder);
	snprintf(f->path, sizeof(f->path), "/tmp/souk-uploads-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	*state = f;
	return 0;
}

static int folder_teardown(void **state)
{
	struct folder *f = *state;
	vod_delete(f->path);
	free(f);
	return 0;
}

static void expect_plan(const struct folder *f, const char *const *names, size_t n)
{
	struct upload_plan plan;
	assert_true(upload_plan_make(f->path, &plan));
	assert_int_equal(plan.n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(plan.objects[i].name, names[i]);
	assert_int_equal(plan.end[UPLOAD_INDEX], n);
	assert_string_equal(plan.objects[n - 1].name, "index.m3u8");
	upload_plan_finish(&plan);
}

static void test_the_playlist_that_leads_to_all_goes_last(void **state)
{
	const struct folder *f = *state;
	static const char *const wanted[] = {"init_0_0.mp4", "poster.jpg", "seg_0_0.m4s",
		"seg_1_0.m4s", "storyboard.vtt", "storyboard_0.jpg", "stream_0.m3u8",
		"stream_1.m3u8", "index.m3u8"};
	put(f, "index.m3u8", "#EXTM3U\n#EXT-X-MEDIA:URI=\"stream_1.m3u8\"\nstream_0.m3u8\n");
	put(f, "stream_0.m3u8", "#EXT-X-MAP:URI=\"init_0_0.mp4\"\nseg_0_0.m4s\n");
	put(f, "stream_1.m3u8", "#EXT-X-MAP:URI=\"init_0_0.mp4\"\nseg_1_0.m4s\n");
	for (size_t i = 0; i < 6; i++)
		put(f, wanted[i], "x");
	/* Not of it: what no playlist names, and what is being written. */
	put(f, "seg_0_9.m4s", "x");
	put(f, "journal", "x");
	put(f, "recording.mp4.tmp", "x");
	expect_plan(f, wanted, sizeof(wanted) / sizeof(wanted[0]));
}

static void expect_fault(const struct folder *f, const char *word)
{
	struct upload_plan plan;
	assert_false(upload_plan_make(f->path, &plan));
	assert_non_null(strstr(plan.fault, word));
	upload_plan_finish(&plan);
}

static void test_what_is_not_whole_is_not_sent(void **state)
{
	const struct folder *f = *state;
	expect_fault(f, "index.m3u8");
	put(f, "index.m3u8", "seg_0_0.m4s\n");
	expect_fault(f, "seg_0_0.m4s");
	put(f, "index.m3u8", "../../etc/passwd\n");
	expect_fault(f, "not a name");
	put(f, "index.m3u8", "https://elsewhere/seg.m4s\n");
	expect_fault(f, "not a name");
	put(f, "index.m3u8", "index.m3u8\n");
	put(f, "stream_0.m3u8", "stream_0.m3u8\n");
	expect_fault(f, "too deep");
}

static void test_waits_grow_to_their_bound(void **state)
{
	static const struct uploads_config c = {.retry_us = 5, .retry_max_us = 60};
	(void)state;
	assert_int_equal(upload_wait_us(&c, S3_AGAIN, 1, 0), 5);
	assert_int_equal(upload_wait_us(&c, S3_AGAIN, 2, 0), 10);
	assert_int_equal(upload_wait_us(&c, S3_MISMATCH, 4, 0), 40);
	assert_int_equal(upload_wait_us(&c, S3_AGAIN, 5, 0), 60);
	assert_int_equal(upload_wait_us(&c, S3_AGAIN, UINT32_MAX, 0), 60);
	/* What a person has to mend is asked for seldom. */
	assert_int_equal(upload_wait_us(&c, S3_DENIED, 1, 0), 60);
	assert_int_equal(upload_wait_us(&c, S3_NO_BUCKET, 1, 0), 60);
	assert_int_equal(upload_wait_us(&c, S3_REFUSED, 1, 0), 60);
	/* The server knows best. */
	assert_int_equal(upload_wait_us(&c, S3_AGAIN, 1, 1000), 1000);
	assert_int_equal(upload_wait_us(&c, S3_AGAIN, 3, 1), 20);
}

static void test_settings_are_copies(void **state)
{
	char secret[] = "s3cret";
	struct uploads_config c = {.endpoint = "https://a",
		.bucket = "b",
		.region = "r",
		.access_key = "k",
		.secret = secret,
		.parallel = 4};
	struct upload_settings *s = upload_settings_create(&c);
	(void)state;
	assert_true(upload_settings_equal(s, &c));
	secret[0] = 'S';
	assert_false(upload_settings_equal(s, &c));
	assert_string_equal(s->config.secret, "s3cret");
	secret[0] = 's';
	c.parallel = 5;
	assert_false(upload_settings_equal(s, &c));
	c.parallel = 4;
	c.public_url = "https://cdn";
	assert_false(upload_settings_equal(s, &c));
	upload_settings_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_playlist_names_its_files),
		cmocka_unit_test(test_types_and_keeping_by_the_name),
		cmocka_unit_test(test_keys_and_addresses),
		cmocka_unit_test_setup_teardown(test_the_playlist_that_leads_to_all_goes_last,
			folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_not_whole_is_not_sent, folder_setup, folder_teardown),
		cmocka_unit_test(test_waits_grow_to_their_bound),
		cmocka_unit_test(test_settings_are_copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
