#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "support/test.h"

#define MANY 5000

static int values[MANY];

static size_t key_of(int i, char *key, size_t size)
{
	return (size_t)snprintf(key, size, "key-%d", i);
}

static void test_put_get_remove(void **state)
{
	struct map *m = map_create();
	int a, b;
	assert_null(map_get_str(m, "x"));
	assert_null(map_remove_str(m, "x"));
	assert_null(map_put_str(m, "x", &a));
	assert_ptr_equal(map_get_str(m, "x"), &a);
	assert_ptr_equal(map_put_str(m, "x", &b), &a);
	assert_int_equal(map_count(m), 1);
	assert_ptr_equal(map_remove_str(m, "x"), &b);
	assert_null(map_get_str(m, "x"));
	assert_int_equal(map_count(m), 0);
	map_destroy(m);
	map_destroy(NULL);
}

static void test_keys_are_bytes_and_copied(void **state)
{
	struct map *m = map_create();
	int a, b, c;
	char key[3] = {'a', '\0', 'b'};
	map_put(m, key, 3, &a);
	map_put(m, key, 1, &b);
	map_put(m, "", 0, &c);
	key[2] = 'c';
	assert_null(map_get(m, key, 3));
	assert_ptr_equal(map_get(m, "a\0b", 3), &a);
	assert_ptr_equal(map_get_str(m, "a"), &b);
	assert_ptr_equal(map_get(m, "", 0), &c);
	map_destroy(m);
}

static void test_growth(void **state)
{
	struct map *m = map_create();
	char key[32];
	for (int i = 0; i < MANY; i++) {
		size_t len = key_of(i, key, sizeof(key));
		assert_null(map_put(m, key, len, &values[i]));
	}
	assert_int_equal(map_count(m), MANY);
	for (int i = 0; i < MANY; i++) {
		size_t len = key_of(i, key, sizeof(key));
		assert_ptr_equal(map_get(m, key, len), &values[i]);
	}
	map_destroy(m);
}

/* Removal shifts entries back over the hole; what stays must still be found. */
static void test_removal_keeps_the_rest(void **state)
{
	struct map *m = map_create();
	char key[32];
	for (int i = 0; i < MANY; i++) {
		map_put(m, key, key_of(i, key, sizeof(key)), &values[i]);
	}
	for (int i = 0; i < MANY; i += 3) {
		size_t len = key_of(i, key, sizeof(key));
		assert_ptr_equal(map_remove(m, key, len), &values[i]);
	}
	for (int i = 0; i < MANY; i++) {
		size_t len = key_of(i, key, sizeof(key));
		assert_ptr_equal(map_get(m, key, len), i % 3 == 0 ? NULL : &values[i]);
	}
	assert_int_equal(map_count(m), MANY - (MANY + 2) / 3);
	map_destroy(m);
}

static void test_iteration_meets_each_once(void **state)
{
	struct map *m = map_create();
	char key[32];
	bool seen[MANY] = {false};
	size_t pos = 0, n = 0;
	void *value;
	assert_false(map_next(m, &pos, &value));
	for (int i = 0; i < MANY; i++) {
		map_put(m, key, key_of(i, key, sizeof(key)), &values[i]);
	}
	pos = 0;
	while (map_next(m, &pos, &value)) {
		size_t i = (size_t)((int *)value - values);
		assert_true(i < MANY);
		assert_false(seen[i]);
		seen[i] = true;
		n++;
	}
	assert_int_equal(n, MANY);
	map_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get_remove),
		cmocka_unit_test(test_keys_are_bytes_and_copied),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_removal_keeps_the_rest),
		cmocka_unit_test(test_iteration_meets_each_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
