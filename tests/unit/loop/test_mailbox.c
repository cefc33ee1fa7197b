#include <pthread.h>

#include "loop/mailbox.h"
#include "support.h"

#define THREADS 4
#define LETTERS 5000

struct letter {
	struct sender *sender;
	unsigned number;
};

struct sender {
	struct mailbox *mailbox;
	struct letter letters[LETTERS];
	unsigned received;
	bool in_order;
};

static void receive(void *arg)
{
	struct letter *letter = arg;
	struct sender *s = letter->sender;
	if (letter->number != s->received)
		s->in_order = false;
	s->received++;
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	for (unsigned i = 0; i < LETTERS; i++) {
		s->letters[i] = (struct letter){s, i};
		mailbox_post(s->mailbox, receive, &s->letters[i]);
	}
	return NULL;
}

static unsigned received(const struct sender *senders)
{
	unsigned n = 0;
	for (unsigned i = 0; i < THREADS; i++)
		n += senders[i].received;
	return n;
}

static void threads_post_in_order(void **state)
{
	static struct sender senders[THREADS];
	pthread_t threads[THREADS];
	struct fixture f;
	fixture_init(&f);
	struct mailbox *m = mailbox_create(f.loop);
	for (unsigned i = 0; i < THREADS; i++) {
		senders[i].mailbox = m;
		senders[i].in_order = true;
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
	}
	run_until(&f, received(senders) == THREADS * LETTERS);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(senders[i].in_order);
	}
	mailbox_destroy(&m);
	fixture_finish(&f);
}

static void what_is_queued_is_run_by_destroy(void **state)
{
	struct sender s = {.in_order = true};
	struct fixture f;
	fixture_init(&f);
	struct mailbox *m = mailbox_create(f.loop);
	s.letters[0] = (struct letter){&s, 0};
	mailbox_post_fn(m, receive, &s.letters[0]);
	assert_int_equal(s.received, 0);
	mailbox_destroy(&m);
	assert_null(m);
	assert_int_equal(s.received, 1);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_post_in_order),
		cmocka_unit_test(what_is_queued_is_run_by_destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
