#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/signal.h"
#include "support/test.h"

/* A listener that writes its letter down, then does something to the signal. */
struct probe {
	struct signal_listener listener;
	char letter;
	struct signal *signal;
	struct probe *victim; /* what `act` acts on */
	void (*act)(struct probe *self);
};

static char heard[64];

static void notify(struct signal_listener *l, void *data)
{
	struct probe *p = container_of(l, struct probe, listener);
	size_t n = strlen(heard);
	assert_true(n + 1 < sizeof(heard));
	heard[n] = p->letter;
	heard[n + 1] = '\0';
	if (p->act != NULL) {
		p->act(p);
	}
}

static struct probe *probe_add(struct signal *s, char letter, void (*act)(struct probe *))
{
	struct probe *p = mem_new(struct probe);
	signal_listener_init(&p->listener, notify);
	p->letter = letter;
	p->act = act;
	p->signal = s;
	signal_add(s, &p->listener);
	return p;
}

static void probe_free(struct probe *p)
{
	signal_listener_remove(&p->listener);
	free(p);
}

static int setup(void **state)
{
	heard[0] = '\0';
	return 0;
}

static void remove_victim(struct probe *self)
{
	signal_listener_remove(&self->victim->listener);
}

static void free_victim(struct probe *self)
{
	if (self->victim != NULL) {
		probe_free(self->victim);
		self->victim = NULL;
	}
}

static void free_self(struct probe *self)
{
	probe_free(self);
}

static void add_another(struct probe *self)
{
	self->act = NULL;
	self->victim = probe_add(self->signal, 'n', NULL);
}

static void emit_again(struct probe *self)
{
	self->act = NULL;
	signal_emit(self->signal, NULL);
}

static void test_order_and_data(void **state)
{
	struct signal s;
	signal_init(&s);
	signal_emit(&s, NULL);
	struct probe *a = probe_add(&s, 'a', NULL), *b = probe_add(&s, 'b', NULL);
	signal_emit(&s, NULL);
	signal_emit(&s, NULL);
	assert_string_equal(heard, "abab");
	signal_listener_remove(&a->listener);
	signal_listener_remove(&a->listener);
	signal_emit(&s, NULL);
	assert_string_equal(heard, "ababb");
	probe_free(a);
	probe_free(b);
	assert_true(list_empty(&s.listeners));
}

static void test_removes_the_next(void **state)
{
	struct signal s;
	signal_init(&s);
	struct probe *a = probe_add(&s, 'a', remove_victim), *b = probe_add(&s, 'b', NULL),
		     *c = probe_add(&s, 'c', NULL);
	a->victim = b;
	signal_emit(&s, NULL);
	assert_string_equal(heard, "ac");
	probe_free(a);
	probe_free(b);
	probe_free(c);
}

static void test_frees_itself(void **state)
{
	struct signal s;
	signal_init(&s);
	probe_add(&s, 'a', free_self);
	probe_add(&s, 'b', free_self);
	struct probe *c = probe_add(&s, 'c', NULL);
	signal_emit(&s, NULL);
	signal_emit(&s, NULL);
	assert_string_equal(heard, "abcc");
	probe_free(c);
	assert_true(list_empty(&s.listeners));
}

static void test_frees_others_before_and_behind(void **state)
{
	struct signal s;
	signal_init(&s);
	struct probe *a = probe_add(&s, 'a', NULL), *b = probe_add(&s, 'b', free_victim),
		     *c = probe_add(&s, 'c', free_victim), *d = probe_add(&s, 'd', NULL),
		     *e = probe_add(&s, 'e', NULL);
	b->victim = a;
	c->victim = d;
	signal_emit(&s, NULL);
	assert_string_equal(heard, "abce");
	probe_free(b);
	probe_free(c);
	probe_free(e);
}

static void test_added_listener_waits_for_next_emit(void **state)
{
	struct signal s;
	signal_init(&s);
	struct probe *a = probe_add(&s, 'a', add_another);
	signal_emit(&s, NULL);
	assert_string_equal(heard, "a");
	signal_emit(&s, NULL);
	assert_string_equal(heard, "aan");
	probe_free(a->victim);
	probe_free(a);
}

static void test_emit_within_emit(void **state)
{
	struct signal s;
	signal_init(&s);
	struct probe *a = probe_add(&s, 'a', NULL), *b = probe_add(&s, 'b', emit_again),
		     *c = probe_add(&s, 'c', NULL);
	signal_emit(&s, NULL);
	assert_string_equal(heard, "ababcc");
	probe_free(a);
	probe_free(b);
	probe_free(c);
	assert_true(list_empty(&s.listeners));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order_and_data, setup),
		cmocka_unit_test_setup(test_removes_the_next, setup),
		cmocka_unit_test_setup(test_frees_itself, setup),
		cmocka_unit_test_setup(test_frees_others_before_and_behind, setup),
		cmocka_unit_test_setup(test_added_listener_waits_for_next_emit, setup),
		cmocka_unit_test_setup(test_emit_within_emit, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
