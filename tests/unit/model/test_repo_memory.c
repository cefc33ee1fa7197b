#include <stdlib.h>

#include "base/mem.h"
#include "model/repo_memory.h"
#include "support/repo_contract.h"

struct fixture {
	struct repo_backend backend; /* first: the contract takes the state for one */
	struct repo_memory *memory;
};

static void drain(struct repo_backend *b)
{
	repo_memory_run(((struct fixture *)b)->memory);
}

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	clock_manual_init(&f->backend.clock, 1770000000000000);
	f->memory = repo_memory_create(&f->backend.clock.clock);
	f->backend.repo = repo_memory_repo(f->memory);
	f->backend.drain = drain;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	repo_memory_destroy(f->memory);
	free(f);
	return 0;
}

static void test_nothing_happens_before_run(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct user_record got, u = {.id = "u", .name = "n"};
	f->backend.repo.ops->user_put(f->backend.repo.impl, &u, repo_hear, &h);
	assert_int_equal(
		f->backend.repo.ops->user_get(f->backend.repo.impl, "u", &got), REPO_NOT_FOUND);
	assert_int_equal(h.calls, 0);
	assert_int_equal(repo_memory_run(f->memory), 1);
	assert_int_equal(h.calls, 1);
	assert_int_equal(repo_memory_run(f->memory), 0);
}

static void test_failing_on_demand(void **state)
{
	struct fixture *f = *state;
	struct repo_heard first = {0}, second = {0};
	struct user_record u = {.id = "u", .name = "n"};
	repo_memory_fail(f->memory, 1);
	f->backend.repo.ops->user_put(f->backend.repo.impl, &u, repo_hear, &first);
	f->backend.repo.ops->user_put(f->backend.repo.impl, &u, repo_hear, &second);
	assert_int_equal(repo_memory_run(f->memory), 2);
	assert_int_equal(first.result, REPO_FAILED);
	assert_int_equal(second.result, REPO_OK);
}

/* Teardown with a write in the queue must neither leak nor call back. */
static void test_destroyed_with_a_queue(void **state)
{
	struct fixture *f = *state;
	static struct repo_heard h;
	struct user_record u = {.id = "u", .name = "n"};
	f->backend.repo.ops->user_put(f->backend.repo.impl, &u, repo_hear, &h);
	repo_memory_destroy(f->memory);
	f->memory = NULL;
	assert_int_equal(h.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_happens_before_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failing_on_demand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroyed_with_a_queue, setup, teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed + repo_contract_run("repo contract: memory", setup, teardown);
}
