#pragma once

#include <stdbool.h>

#include "base/list.h"
#include "state/state.h"

/* The answers of the state in memory: replies that own their texts until they are given. */
struct reply_room {
	struct state_reply reply;
	bool wanted; /* somebody will read it */
	char *text;
	char **texts;
	int64_t *scores;
	size_t cap;
};
void reply_text(struct reply_room *r, const char *text);
void reply_item(struct reply_room *r, const char *text, int64_t score);

/* The replies of one batch. */
struct answer;

struct answer *answer_create(size_t n, state_done done, void *user);
struct reply_room *answer_room(struct answer *a, size_t i);
struct list *answer_link(struct answer *a);
struct answer *answer_first(struct list *answers); /* NULL: none */
/* Takes it off its list, calls done, frees it. */
void answer_give(struct answer *a);
/* Frees those of a user (NULL: of all) without a call; how many. */
size_t answers_forget(struct list *answers, void *user);
