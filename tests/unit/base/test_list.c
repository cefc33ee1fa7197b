#include <stdlib.h>

#include "base/list.h"
#include "support/test.h"

struct item {
	int value;
	struct list link;
};

static struct item *item_create(int value)
{
	struct item *i = mem_new(struct item);
	i->value = value;
	return i;
}

static int digits_of(struct list *head)
{
	struct item *it;
	int n = 0;
	list_for_each (it, head, link) {
		n = n * 10 + it->value;
	}
	return n;
}

static void test_order(void **state)
{
	struct list head;
	struct item a = {1}, b = {2}, c = {3};
	list_init(&head);
	assert_true(list_empty(&head));
	list_append(&head, &b.link);
	list_append(&head, &c.link);
	list_prepend(&head, &a.link);
	assert_false(list_empty(&head));
	assert_int_equal(digits_of(&head), 123);
}

static void test_remove_twice(void **state)
{
	struct list head;
	struct item a = {1}, b = {2}, c = {3};
	list_init(&head);
	list_append(&head, &a.link);
	list_append(&head, &b.link);
	list_append(&head, &c.link);
	list_remove(&b.link);
	list_remove(&b.link);
	assert_int_equal(digits_of(&head), 13);
	list_append(&head, &b.link);
	assert_int_equal(digits_of(&head), 132);
}

static void test_free_while_iterating(void **state)
{
	struct list head;
	struct item *it, *tmp;
	list_init(&head);
	for (int i = 1; i <= 6; i++) {
		list_append(&head, &item_create(i)->link);
	}
	list_for_each_safe (it, tmp, &head, link) {
		if (it->value % 2 == 0) {
			list_remove(&it->link);
			free(it);
		}
	}
	assert_int_equal(digits_of(&head), 135);
	list_for_each_safe (it, tmp, &head, link) {
		list_remove(&it->link);
		free(it);
	}
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_remove_twice),
		cmocka_unit_test(test_free_while_iterating),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
