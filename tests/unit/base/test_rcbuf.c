#include <pthread.h>
#include <string.h>

#include "base/rcbuf.h"
#include "support/test.h"

static void test_from_copies(void **state)
{
	char text[] = "media";
	struct rcbuf *b = rcbuf_from(text, sizeof(text));
	text[0] = 'X';
	assert_int_equal(rcbuf_len(b), sizeof(text));
	assert_string_equal((const char *)rcbuf_data(b), "media");
	rcbuf_unref(&b);
	assert_null(b);
	rcbuf_unref(&b);
}

static void test_last_holder_frees(void **state)
{
	struct rcbuf *a = rcbuf_create(4);
	memcpy(rcbuf_writable(a), "abcd", 4);
	struct rcbuf *b = rcbuf_ref(a);
	rcbuf_unref(&a);
	assert_memory_equal(rcbuf_data(b), "abcd", 4);
	rcbuf_writable(b)[0] = 'z'; /* the only holder again */
	rcbuf_unref(&b);
}

static void test_truncate(void **state)
{
	struct rcbuf *b = rcbuf_from("abcdef", 6);
	rcbuf_truncate(b, 2);
	assert_int_equal(rcbuf_len(b), 2);
	rcbuf_unref(&b);
	b = rcbuf_from(NULL, 0);
	assert_int_equal(rcbuf_len(b), 0);
	rcbuf_unref(&b);
}

static void *hold_and_release(void *arg)
{
	struct rcbuf *mine = arg;
	for (int i = 0; i < 10000; i++) {
		struct rcbuf *again = rcbuf_ref(mine);
		rcbuf_unref(&again);
	}
	rcbuf_unref(&mine);
	return NULL;
}

static void test_shared_by_threads(void **state)
{
	struct rcbuf *b = rcbuf_from("shared", 7);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
			pthread_create(&threads[i], NULL, hold_and_release, rcbuf_ref(b)), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_string_equal((const char *)rcbuf_writable(b), "shared");
	rcbuf_unref(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_copies),
		cmocka_unit_test(test_last_holder_frees),
		cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_shared_by_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
