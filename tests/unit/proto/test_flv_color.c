#include <stdlib.h>

#include "base/mem.h"
#include "proto/amf0.h"
#include "proto/flv_color.h"
#include "support/test.h"

static void put(struct buf *b, const char *name, double value)
{
	amf0_put_name(b, name);
	amf0_put_number(b, value);
}

static struct buf begin(void)
{
	struct buf b = {0};

	amf0_put_string(&b, "colorInfo");
	amf0_put_object(&b);
	return b;
}

/* As an encoder of HDR10 sends it. */
static struct buf hdr10(void)
{
	struct buf b = begin();

	amf0_put_name(&b, "colorConfig");
	amf0_put_object(&b);
	put(&b, "bitDepth", 10);
	put(&b, "colorPrimaries", 9);
	put(&b, "transferCharacteristics", 16);
	put(&b, "matrixCoefficients", 9);
	amf0_put_end(&b);
	amf0_put_name(&b, "hdrCll");
	amf0_put_object(&b);
	put(&b, "maxFall", 400);
	put(&b, "maxCLL", 1000);
	amf0_put_end(&b);
	amf0_put_name(&b, "hdrMdcv");
	amf0_put_object(&b);
	put(&b, "redX", 0.708);
	put(&b, "redY", 0.292);
	put(&b, "whitePointX", 0.3127);
	put(&b, "maxLuminance", 1000);
	put(&b, "minLuminance", 0.005);
	amf0_put_end(&b);
	amf0_put_end(&b);
	return b;
}

static void test_hdr10(void **state)
{
	struct buf b = hdr10();
	struct flv_color c;

	assert_true(flv_color_read(b.data, b.len, &c));
	assert_int_equal(c.primaries, 9);
	assert_int_equal(c.transfer, 16);
	assert_int_equal(c.matrix, 9);
	assert_true(c.max_fall == 400 && c.max_cll == 1000);
	assert_true(c.red.x == 0.708 && c.red.y == 0.292 && c.white.x == 0.3127);
	assert_true(c.max_luminance == 1000 && c.min_luminance == 0.005);
	assert_true(c.green.x == 0);
	buf_finish(&b);
}

static void test_every_prefix(void **state)
{
	struct buf b = hdr10();
	struct flv_color c;

	for (size_t n = 0; n < b.len; n++) {
		uint8_t *cut = mem_dup(b.data, n ? n : 1);
		assert_false(flv_color_read(cut, n, &c));
		free(cut);
	}
	buf_finish(&b);
}

static void test_nonsense_is_passed_over(void **state)
{
	struct buf b = begin();
	struct flv_color c;

	amf0_put_name(&b, "colorConfig");
	amf0_put_object(&b);
	put(&b, "colorPrimaries", 4711);
	put(&b, "transferCharacteristics", -1);
	amf0_put_name(&b, "matrixCoefficients");
	amf0_put_string(&b, "bt709");
	amf0_put_end(&b);
	amf0_put_name(&b, "hdrCll");
	amf0_put_string(&b, "none");
	amf0_put_name(&b, "somethingElse");
	amf0_put_object(&b);
	put(&b, "colorPrimaries", 9);
	amf0_put_end(&b);
	amf0_put_end(&b);
	assert_true(flv_color_read(b.data, b.len, &c));
	assert_int_equal(c.primaries, 0);
	assert_int_equal(c.transfer, 0);
	assert_int_equal(c.matrix, 0);
	buf_finish(&b);
}

static void test_taken_back(void **state)
{
	struct buf b = {0};
	struct flv_color c;

	amf0_put_string(&b, "colorInfo");
	amf0_put_undefined(&b);
	assert_true(flv_color_read(b.data, b.len, &c));
	assert_int_equal(c.primaries, 0);
	buf_reset(&b);
	amf0_put_string(&b, "somethingElse");
	amf0_put_object(&b);
	amf0_put_end(&b);
	assert_false(flv_color_read(b.data, b.len, &c));
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hdr10),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_nonsense_is_passed_over),
		cmocka_unit_test(test_taken_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
