#include <inttypes.h>

#include "proto/http_range.h"
#include "support/test.h"

struct range_case {
	const char *value;
	uint64_t size;
	enum http_range_result want;
	uint64_t first, last;
};

static const struct range_case cases[] = {
	{NULL, 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=0-0", 100, HTTP_RANGE_PARTIAL, 0, 0},
	{"bytes=0-99", 100, HTTP_RANGE_PARTIAL, 0, 99},
	{"bytes=10-19", 100, HTTP_RANGE_PARTIAL, 10, 19},
	{"Bytes=10-", 100, HTTP_RANGE_PARTIAL, 10, 99},
	{"bytes=99-", 100, HTTP_RANGE_PARTIAL, 99, 99},
	{"bytes=50-1000", 100, HTTP_RANGE_PARTIAL, 50, 99},
	{"bytes=50-18446744073709551616", 100, HTTP_RANGE_PARTIAL, 50, 99},
	{"bytes=-1", 100, HTTP_RANGE_PARTIAL, 99, 99},
	{"bytes=-100", 100, HTTP_RANGE_PARTIAL, 0, 99},
	{"bytes=-1000", 100, HTTP_RANGE_PARTIAL, 0, 99},
	{"bytes=-99999999999999999999999", 100, HTTP_RANGE_PARTIAL, 0, 99},
	{"bytes=100-", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=100-200", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=99999999999999999999999-", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-0", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-5", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=0-18446744073709551614", UINT64_MAX, HTTP_RANGE_PARTIAL, 0, UINT64_MAX - 1},
	{"", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=-", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=5", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=9-3", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=0-1,5-6", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=0-1,", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes= 0-1", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=0-1 ", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=a-b", 100, HTTP_RANGE_FULL, 0, 99},
	{"bytes=--1", 100, HTTP_RANGE_FULL, 0, 99},
	{"items=0-1", 100, HTTP_RANGE_FULL, 0, 99},
};

static void test_ranges(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct range_case *c = &cases[i];
		uint64_t first, last;
		enum http_range_result got = http_range_parse(c->value, c->size, &first, &last);
		if (got != c->want ||
			(got != HTTP_RANGE_UNSATISFIABLE &&
				(first != c->first || last != c->last))) {
			fail_msg("%s: %d %" PRIu64 "-%" PRIu64, c->value != NULL ? c->value : "-",
				got, first, last);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranges)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
