#include <stdlib.h>

#include "base/mem.h"
#include "support/test.h"
#include "vod_chapters.h"

/* Ten seconds, an interruption of a minute, ten seconds more, in segments of five. */
static const struct segment_record segments[] = {
	{.sequence = 0, .offset_ms = 0, .duration_ms = 5000, .wall_ms = 1700000000000},
	{.sequence = 1, .offset_ms = 5000, .duration_ms = 5000, .wall_ms = 1700000005000},
	{.sequence = 2, .offset_ms = 10000, .duration_ms = 5000, .wall_ms = 1700000070000},
	{.sequence = 3, .offset_ms = 15000, .duration_ms = 5000, .wall_ms = 1700000075000},
};

static uint64_t placed(uint64_t stream_ms, size_t n)
{
	struct vod_chapter item = {.offset_ms = stream_ms};
	struct vod_chapters c = {.items = &item, .n = 1};

	vod_chapters_place(&c, segments, n);
	return item.offset_ms;
}

static void chapters_follow_the_file_through_interruptions(void **state)
{
	assert_int_equal(placed(0, 4), 0);
	assert_int_equal(placed(4999, 4), 4999);
	assert_int_equal(placed(7000, 4), 7000);
	/* While nobody published: where the file goes on. */
	assert_int_equal(placed(40000, 4), 10000);
	assert_int_equal(placed(70000, 4), 10000);
	assert_int_equal(placed(76500, 4), 16500);
	assert_int_equal(placed(1000000, 4), 20000);
}

static void without_segments_there_is_nothing_to_place(void **state)
{
	assert_int_equal(placed(7000, 0), 7000);
}

/* A repo whose one stream has three products, two of them tagged. */
static enum repo_result three_products(
	void *impl, struct uuid stream_id, struct stream_product_record **out, size_t *n)
{
	static const int64_t seconds[] = {90, -1, 5};
	static const char *const names[] = {"Rug", "Lamp", "Vase"};

	*n = 3;
	*out = mem_zalloc(3 * sizeof(**out));
	for (size_t i = 0; i < 3; i++) {
		(*out)[i].timestamp_seconds = seconds[i];
		(*out)[i].product.name = mem_strdup(names[i]);
	}
	return REPO_OK;
}

static void products_with_a_time_are_chapters_in_its_order(void **state)
{
	static const struct repo_ops ops = {.stream_products = three_products};
	struct vod_chapters c;

	vod_chapters_load(&c, (struct repo){.ops = &ops}, (struct uuid){{0}});
	assert_int_equal(c.n, 2);
	assert_string_equal(c.items[0].title, "Vase");
	assert_int_equal(c.items[0].offset_ms, 5000);
	assert_string_equal(c.items[1].title, "Rug");
	assert_int_equal(c.items[1].offset_ms, 90000);
	vod_chapters_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chapters_follow_the_file_through_interruptions),
		cmocka_unit_test(without_segments_there_is_nothing_to_place),
		cmocka_unit_test(products_with_a_time_are_chapters_in_its_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
