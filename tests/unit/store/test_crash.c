#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "fixture.h"

#define ACKS 300

/* In the child: completions run on the writer's thread, and tell the parent. */
static void post_at_once(void *user, void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

struct write_of_child {
	int pipe;
	uint32_t number;
};

static void tell_parent(void *user, const struct repo_outcome *outcome)
{
	struct write_of_child *w = user;
	if (outcome->result == REPO_OK &&
		write(w->pipe, &w->number, sizeof(w->number)) != sizeof(w->number)) {
		_exit(2);
	}
	free(w);
}

/* Writes for ever, a few at a time in the queue, until it is killed. */
static _Noreturn void child_run(const char *url, int pipe)
{
	char *error, id[16];
	struct store_config config = {.url = url, .post = post_at_once};
	struct store *s = store_open(&config, &error);
	if (s == NULL) {
		_exit(3);
	}
	struct repo repo = store_repo(s);
	for (uint32_t i = 0;; i++) {
		struct write_of_child *w = mem_new(struct write_of_child);
		*w = (struct write_of_child){pipe, i};
		snprintf(id, sizeof(id), "u%u", i);
		struct user_record u = {.id = id, .name = "n"};
		repo.ops->user_put(repo.impl, &u, tell_parent, w);
		if (i % 7 == 6) {
			store_flush(s);
		}
	}
}

/* Reads acks until there are enough, then kills the child and takes what was still on its way. */
static uint32_t read_acks_and_kill(pid_t child, int pipe)
{
	uint32_t n = 0, number;
	while (read(pipe, &number, sizeof(number)) == sizeof(number)) {
		assert_int_equal(number, n);
		n++;
		if (n == ACKS) {
			kill(child, SIGKILL);
		}
	}
	return n;
}

static void test_every_acked_write_is_there(void **state)
{
	struct fixture *f = *state;
	int ends[2], status;
	char id[16], *error = NULL;
	fixture_close(f);
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		child_run(f->url, ends[1]);
	}
	close(ends[1]);
	uint32_t acked = read_acks_and_kill(child, ends[0]);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(acked >= ACKS);

	fixture_open(f, 0);
	for (uint32_t i = 0; i < acked; i++) {
		struct user_record got;
		snprintf(id, sizeof(id), "u%u", i);
		assert_int_equal(
			f->backend.repo.ops->user_get(f->backend.repo.impl, id, &got), REPO_OK);
		user_record_finish(&got);
	}
	if (!store_check(f->url, &error)) {
		fail_msg("%s", error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_every_acked_write_is_there, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
