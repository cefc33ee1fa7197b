#include "memory_reply.h"

#include <stdlib.h>

#include "base/mem.h"

struct answer {
	struct list link;
	state_done done;
	void *user;
	size_t n;
	struct reply_room rooms[];
};

void reply_text(struct reply_room *r, const char *text)
{
	if (r->wanted)
		r->reply.text = r->text = mem_strdup(text);
}

void reply_item(struct reply_room *r, const char *text, int64_t score)
{
	if (r->reply.n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->texts = mem_realloc(r->texts, r->cap * sizeof(*r->texts));
		r->scores = mem_realloc(r->scores, r->cap * sizeof(*r->scores));
	}
	r->texts[r->reply.n] = mem_strdup(text);
	r->scores[r->reply.n] = score;
	r->reply.n++;
}

struct answer *answer_create(size_t n, state_done done, void *user)
{
	struct answer *a = mem_zalloc(sizeof(*a) + n * sizeof(a->rooms[0]));

	list_init(&a->link);
	a->done = done;
	a->user = user;
	a->n = n;
	for (size_t i = 0; i < n; i++)
		a->rooms[i].wanted = true;
	return a;
}

struct reply_room *answer_room(struct answer *a, size_t i)
{
	return &a->rooms[i];
}

struct list *answer_link(struct answer *a)
{
	return &a->link;
}

struct answer *answer_first(struct list *answers)
{
	return list_empty(answers) ? NULL : container_of(answers->next, struct answer, link);
}

static void answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct reply_room *r = &a->rooms[i];

		for (size_t k = 0; k < r->reply.n; k++)
			free(r->texts[k]);
		free(r->texts);
		free(r->scores);
		free(r->text);
	}
	free(a);
}

void answer_give(struct answer *a)
{
	struct state_reply few[16];
	struct state_reply *replies = a->n <= 16 ? few : mem_alloc(a->n * sizeof(*replies));

	list_remove(&a->link);
	for (size_t i = 0; i < a->n; i++) {
		replies[i] = a->rooms[i].reply;
		replies[i].texts = (const char *const *)a->rooms[i].texts;
		replies[i].scores = a->rooms[i].scores;
	}
	a->done(a->user, replies, a->n);
	if (replies != few)
		free(replies);
	answer_free(a);
}

size_t answers_forget(struct list *answers, void *user)
{
	struct answer *a, *next;
	size_t n = 0;

	list_for_each_safe (a, next, answers, link) {
		if (user && a->user != user)
			continue;
		list_remove(&a->link);
		answer_free(a);
		n++;
	}
	return n;
}
