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

struct last_letter {
	struct mailbox *mailbox;
	bool read;
};

static void last_read(void *arg)
{
	struct last_letter *last = arg;
	mailbox_destroy(&last->mailbox);
	last->read = true;
}

static void *last_send(void *arg)
{
	struct last_letter *last = arg;
	mailbox_post(last->mailbox, last_read, last);
	return NULL;
}

/* While the thread that posted it may still be on its way out of mailbox_post. */
static void last_letter_may_destroy_it(void **state)
{
	struct fixture f;
	fixture_init(&f);
	for (unsigned i = 0; i < 200; i++) {
		struct last_letter last = {.mailbox = mailbox_create(f.loop)};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, last_send, &last), 0);
		run_until(&f, last.read);
		pthread_join(thread, NULL);
		assert_null(last.mailbox);
	}
	fixture_finish(&f);
}

static void letters_come_while_the_loop_stands(void **state)
{
	struct sender s = {.in_order = true};
	pthread_t thread;
	struct fixture f;
	fixture_init(&f);
	s.mailbox = mailbox_create(f.loop);
	assert_int_equal(pthread_create(&thread, NULL, send_all, &s), 0);
	while (s.received < LETTERS)
		mailbox_wait(s.mailbox);
	pthread_join(thread, NULL);
	assert_true(s.in_order);
	mailbox_destroy(&s.mailbox);
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
		cmocka_unit_test(last_letter_may_destroy_it),
		cmocka_unit_test(letters_come_while_the_loop_stands),
		cmocka_unit_test(what_is_queued_is_run_by_destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
