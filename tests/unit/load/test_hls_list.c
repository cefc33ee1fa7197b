#include <string.h>

#include "hls_list.h"
#include "support/test.h"

static const char low_latency[] = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n"
				  "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6\n#"
				  "EXT-X-PART-INF:PART-TARGET=0.2\n"
				  "#EXT-X-MEDIA-SEQUENCE:10\n#EXT-X-MAP:URI=\"init.mp4\"\n"
				  "#EXTINF:2.0,\nseg10.m4s\n"
				  "#EXT-X-PART:DURATION=0.2,URI=\"p11.0.m4s\",INDEPENDENT=YES\n"
				  "#EXT-X-PART:DURATION=0.2,URI=\"p11.1.m4s\"\n"
				  "#EXTINF:0.4,\r\nseg11.m4s\r\n"
				  "#EXT-X-PART:INDEPENDENT=YES,URI=\"p12.0.m4s\",DURATION=0.2\n"
				  "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p12.1.m4s\"\n";

static void test_low_latency_list(void **state)
{
	struct hls_list l;
	assert_true(hls_list_parse(&l, low_latency, sizeof(low_latency) - 1));
	assert_true(l.can_block);
	assert_true(l.has_parts);
	assert_false(l.ended);
	assert_int_equal(l.target_us, 2000000);
	assert_string_equal(l.map, "init.mp4");
	assert_string_equal(l.hint, "p12.1.m4s");
	assert_int_equal(l.n_items, 5);
	assert_int_equal(l.items[0].part, -1);
	assert_int_equal(l.items[2].msn, 11);
	assert_int_equal(l.items[2].part, 1);
	assert_string_equal(l.items[3].uri, "seg11.m4s");
	assert_int_equal(l.items[4].msn, 12);
	assert_int_equal(l.next_msn, 12);
	assert_int_equal(l.next_part, 1);
	hls_list_finish(&l);
}

static void test_skipped_segments_count(void **state)
{
	static const char text[] =
		"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:10\n"
		"#EXT-X-SKIP:SKIPPED-SEGMENTS=5\n#EXTINF:2,\nx.m4s\n#EXT-X-ENDLIST\n";
	struct hls_list l;
	assert_true(hls_list_parse(&l, text, sizeof(text) - 1));
	assert_int_equal(l.items[0].msn, 15);
	assert_true(l.ended);
	hls_list_finish(&l);
}

static void test_multivariant_and_foreign_text(void **state)
{
	static const char text[] =
		"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,b\"\nv0.m3u8\n"
		"#EXT-X-STREAM-INF:BANDWIDTH=2\nv1.m3u8\n";
	struct hls_list l;
	assert_true(hls_list_parse(&l, text, sizeof(text) - 1));
	assert_string_equal(l.variant, "v0.m3u8");
	assert_int_equal(l.n_items, 0);
	hls_list_finish(&l);
	assert_false(hls_list_parse(&l, "<html>", 6));
	hls_list_finish(&l);
}

static void test_resolves_uris(void **state)
{
	char out[40];
	assert_true(hls_resolve("/hls/a/index.m3u8?token=a/b", "video.m3u8", out, sizeof(out)));
	assert_string_equal(out, "/hls/a/video.m3u8");
	assert_true(hls_resolve("/hls/a/index.m3u8", "/x.ts?y", out, sizeof(out)));
	assert_string_equal(out, "/x.ts?y");
	assert_true(hls_resolve("/a", "http://127.0.0.1:80/z.ts", out, sizeof(out)));
	assert_string_equal(out, "/z.ts");
	assert_false(hls_resolve("/a", "a-name-that-is-far-too-long-for-what-we-have.ts", out, 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_low_latency_list),
		cmocka_unit_test(test_skipped_segments_count),
		cmocka_unit_test(test_multivariant_and_foreign_text),
		cmocka_unit_test(test_resolves_uris),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
