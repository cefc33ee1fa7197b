#include "state/state_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "members.h"
#include "memory_reply.h"

/* Keys whose time will be over hang in the slot of that second; longer ones go round. */
#define WHEEL_SLOTS 1024
#define MAX_ENTRIES 4000000

enum kind { KIND_TEXT, KIND_INTEGER, KIND_SET, KIND_SORTED, KIND_HASH, KIND_LIST };

struct entry {
	struct list wheel; /* alone: for ever */
	char *key;
	enum kind kind;
	uint64_t expires_us; /* 0: never */
	int64_t number;
	char *text;
	struct members members;
};

struct state_memory {
	struct state_memory_config config;
	struct map *entries;
	size_t n; /* keys and members */
	struct list wheel[WHEEL_SLOTS];
	uint64_t swept; /* the second up to which the wheel was turned */
	struct list answers; /* answers of batches, in order */
	size_t n_answers;
	struct list turns; /* turn.link */
	struct turn *turn; /* the one that was asked for and has not come yet, or NULL */
	struct metric *metric;
};

/* A turn of the loop that was asked for, which may come after the state is gone. */
struct turn {
	struct list link;
	struct state_memory *memory; /* NULL: gone */
};

static uint64_t now_us(const struct state_memory *m)
{
	return clock_mono_us(m->config.clock);
}

static bool has_members(const struct entry *e)
{
	return e->kind != KIND_TEXT && e->kind != KIND_INTEGER;
}

static void entry_free(struct entry *e)
{
	list_remove(&e->wheel);
	if (has_members(e))
		members_finish(&e->members);
	free(e->text);
	free(e->key);
	free(e);
}

static void entry_destroy(struct state_memory *m, struct entry *e)
{
	map_remove_str(m->entries, e->key);
	m->n -= 1 + (has_members(e) ? e->members.count : 0);
	entry_free(e);
}

static void entry_expire(struct state_memory *m, struct entry *e, uint64_t ttl_ms)
{
	list_remove(&e->wheel);
	e->expires_us = ttl_ms ? now_us(m) + ttl_ms * 1000 : 0;
	if (e->expires_us)
		list_append(&m->wheel[e->expires_us / 1000000 % WHEEL_SLOTS], &e->wheel);
}

/* Those of a second that is over: all in the slot that are due, the others stay for a later round.
 */
static void sweep_slot(struct state_memory *m, struct list *slot, uint64_t now)
{
	struct entry *e, *next;

	list_for_each_safe (e, next, slot, wheel)
		if (e->expires_us <= now)
			entry_destroy(m, e);
}

void state_memory_sweep(struct state_memory *m)
{
	uint64_t now = now_us(m), second = now / 1000000;
	uint64_t from = second > m->swept + WHEEL_SLOTS ? second - WHEEL_SLOTS : m->swept;

	for (uint64_t s = from; s < second; s++)
		sweep_slot(m, &m->wheel[s % WHEEL_SLOTS], now);
	m->swept = second;
	metric_set(m->metric, (int64_t)m->n);
}

static struct entry *find(struct state_memory *m, const char *key)
{
	struct entry *e = map_get_str(m->entries, key);

	if (e && e->expires_us && e->expires_us <= now_us(m)) {
		entry_destroy(m, e);
		return NULL;
	}
	return e;
}

static bool is_full(const struct state_memory *m)
{
	return m->n >= m->config.max_entries;
}

static struct entry *entry_create(struct state_memory *m, const char *key, enum kind kind)
{
	struct entry *e = mem_new(struct entry);

	e->key = mem_strdup(key);
	e->kind = kind;
	list_init(&e->wheel);
	if (has_members(e))
		members_init(&e->members, kind != KIND_LIST);
	map_put_str(m->entries, key, e);
	m->n++;
	return e;
}

/* The key of this kind, made if there is none; NULL with the reason in *result. */
static struct entry *get_or_make(
	struct state_memory *m, const char *key, enum kind kind, enum state_result *result)
{
	struct entry *e = find(m, key);

	if (!e && is_full(m))
		*result = STATE_FULL;
	else if (!e)
		e = entry_create(m, key, kind);
	else if (e->kind != kind)
		*result = STATE_TYPE;
	return *result == STATE_OK ? e : NULL;
}

/* The key of this kind, if there is one; else NULL with the reason in *result. */
static struct entry *get(
	struct state_memory *m, const char *key, enum kind kind, enum state_result *result)
{
	struct entry *e = find(m, key);

	if (!e)
		*result = STATE_NONE;
	else if (e->kind != kind)
		*result = STATE_TYPE;
	return *result == STATE_OK ? e : NULL;
}

static void drop_if_empty(struct state_memory *m, struct entry *e)
{
	if (e->members.count == 0)
		entry_destroy(m, e);
}

/* Single values */

static void read_value(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	const struct entry *e = find(m, op->key);
	char digits[24];

	if (!e) {
		r->reply.result = STATE_NONE;
	} else if (e->kind == KIND_INTEGER) {
		snprintf(digits, sizeof(digits), "%lld", (long long)e->number);
		r->reply.number = e->number;
		reply_text(r, digits);
	} else if (e->kind == KIND_TEXT) {
		reply_text(r, e->text);
	} else {
		r->reply.result = STATE_TYPE;
	}
}

/* As Redis has it: a text that is a whole number is an integer too. */
static bool parse_integer(const char *text, int64_t *out)
{
	char back[24], *end;

	*out = strtoll(text, &end, 10);
	snprintf(back, sizeof(back), "%lld", (long long)*out);
	return strcmp(back, text) == 0;
}

static void write_value(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct entry *e = find(m, op->key);

	if (!e && is_full(m)) {
		r->reply.result = STATE_FULL;
		return;
	}
	if (e && has_members(e)) {
		entry_destroy(m, e);
		e = NULL;
	}
	if (!e)
		e = entry_create(m, op->key, KIND_TEXT);
	free(e->text);
	e->text = NULL;
	e->kind = parse_integer(op->text, &e->number) ? KIND_INTEGER : KIND_TEXT;
	if (e->kind == KIND_TEXT)
		e->text = mem_strdup(op->text);
	entry_expire(m, e, op->ttl_ms);
}

static void add(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	bool is_new = find(m, op->key) == NULL;
	struct entry *e = get_or_make(m, op->key, KIND_INTEGER, &r->reply.result);

	if (!e)
		return;
	if (__builtin_add_overflow(e->number, op->number, &e->number))
		e->number = op->number > 0 ? INT64_MAX : INT64_MIN;
	if (is_new && op->ttl_ms)
		entry_expire(m, e, op->ttl_ms);
	r->reply.number = e->number;
}

static void raise_to(struct state_memory *m, const char *key, int64_t to, struct reply_room *r)
{
	struct entry *e = get_or_make(m, key, KIND_INTEGER, &r->reply.result);

	if (!e)
		return;
	if (e->number < to)
		e->number = to;
	r->reply.number = e->number;
}

static void raise_from(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	const struct entry *from = find(m, op->other);

	if (from && from->kind != KIND_INTEGER)
		r->reply.result = STATE_TYPE;
	else
		raise_to(m, op->key, from ? from->number : 0, r);
}

/* Any key */

static void delete_key(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct entry *e = find(m, op->key);

	r->reply.number = e != NULL;
	if (e)
		entry_destroy(m, e);
}

static void expire(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct entry *e = find(m, op->key);

	r->reply.number = e != NULL;
	if (e)
		entry_expire(m, e, op->ttl_ms);
}

static void time_left(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	const struct entry *e = find(m, op->key);

	if (!e)
		r->reply.result = STATE_NONE;
	else
		r->reply.number =
			e->expires_us ? (int64_t)((e->expires_us - now_us(m) + 999) / 1000) : -1;
}

/* Members */

/* Makes or finds one; NULL with the reason in the reply. number: 1 if it is new. */
static struct member *member_make(
	struct state_memory *m, const struct state_op *op, enum kind kind, struct reply_room *r)
{
	struct entry *e = get_or_make(m, op->key, kind, &r->reply.result);
	struct member *member = e ? members_find(&e->members, op->text) : NULL;

	if (!e || member)
		return member;
	if (is_full(m)) {
		r->reply.result = STATE_FULL;
		drop_if_empty(m, e);
		return NULL;
	}
	m->n++;
	r->reply.number = 1;
	return members_add(&e->members, op->text, kind == KIND_SORTED ? op->number : 0);
}

static void member_remove(
	struct state_memory *m, const struct state_op *op, enum kind kind, struct reply_room *r)
{
	struct entry *e = get(m, op->key, kind, &r->reply.result);
	struct member *member = e ? members_find(&e->members, op->text) : NULL;

	if (r->reply.result == STATE_NONE)
		r->reply.result = STATE_OK;
	if (!member)
		return;
	members_remove(&e->members, member);
	m->n--;
	r->reply.number = 1;
	drop_if_empty(m, e);
}

static const struct member *member_get(
	struct state_memory *m, const struct state_op *op, enum kind kind, struct reply_room *r)
{
	const struct entry *e = get(m, op->key, kind, &r->reply.result);
	const struct member *member = e ? members_find(&e->members, op->text) : NULL;

	if (e && !member)
		r->reply.result = STATE_NONE;
	return member;
}

/* No key is an empty one. */
static const struct members *members_get(
	struct state_memory *m, const char *key, enum kind kind, struct reply_room *r)
{
	const struct entry *e = get(m, key, kind, &r->reply.result);

	if (r->reply.result == STATE_NONE)
		r->reply.result = STATE_OK;
	return e ? &e->members : NULL;
}

static void count(
	struct state_memory *m, const struct state_op *op, enum kind kind, struct reply_room *r)
{
	const struct members *members = members_get(m, op->key, kind, r);

	r->reply.number = members ? (int64_t)members->count : 0;
}

static void list_members(
	struct state_memory *m, const struct state_op *op, enum kind kind, struct reply_room *r)
{
	const struct members *members = members_get(m, op->key, kind, r);
	const struct member *it;

	if (!members || !r->wanted)
		return;
	list_for_each (it, &members->order, link) {
		if (kind == KIND_LIST && (int64_t)r->reply.n >= op->number)
			break;
		if (kind == KIND_SORTED && it->score < op->number)
			continue;
		reply_item(r, it->name, it->score);
		if (kind == KIND_HASH)
			reply_item(r, it->value, 0);
	}
}

static void set_has(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	r->reply.number = member_get(m, op, KIND_SET, r) != NULL;
	if (r->reply.result == STATE_NONE)
		r->reply.result = STATE_OK;
}

static void sorted_add(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct member *member = member_make(m, op, KIND_SORTED, r);
	struct entry *e;

	if (!member || r->reply.number)
		return;
	e = find(m, op->key);
	members_move(&e->members, member, op->number);
}

static void sorted_score(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	const struct member *member = member_get(m, op, KIND_SORTED, r);

	r->reply.number = member ? member->score : 0;
}

static void sorted_cut(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct entry *e = get(m, op->key, KIND_SORTED, &r->reply.result);
	struct member *it, *next;

	if (r->reply.result == STATE_NONE)
		r->reply.result = STATE_OK;
	if (!e)
		return;
	list_for_each_safe (it, next, &e->members.order, link) {
		if (it->score >= op->number)
			break;
		members_remove(&e->members, it);
		m->n--;
		r->reply.number++;
	}
	drop_if_empty(m, e);
}

static void sorted_count_to(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct entry *into;

	count(m, op, KIND_SORTED, r);
	into = r->reply.result == STATE_OK
		? get_or_make(m, op->other, KIND_INTEGER, &r->reply.result)
		: NULL;
	if (into)
		into->number = r->reply.number;
}

static void hash_set(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct member *member = member_make(m, op, KIND_HASH, r);

	if (!member)
		return;
	free(member->value);
	member->value = mem_strdup(op->other);
}

static void hash_get(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	const struct member *member = member_get(m, op, KIND_HASH, r);

	if (member)
		reply_text(r, member->value);
}

static void list_push(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	struct entry *e = get_or_make(m, op->key, KIND_LIST, &r->reply.result);

	if (!e)
		return;
	m->n -= e->members.count;
	members_push(&e->members, op->text, op->number > 0 ? (size_t)op->number : 1);
	m->n += e->members.count;
	r->reply.number = (int64_t)e->members.count;
}

static void apply(struct state_memory *m, const struct state_op *op, struct reply_room *r)
{
	switch (op->verb) {
	case STATE_GET:
		read_value(m, op, r);
		break;
	case STATE_SET:
		write_value(m, op, r);
		break;
	case STATE_ADD:
		add(m, op, r);
		break;
	case STATE_RAISE:
		raise_to(m, op->key, op->number, r);
		break;
	case STATE_DELETE:
		delete_key(m, op, r);
		break;
	case STATE_EXPIRE:
		expire(m, op, r);
		break;
	case STATE_TTL:
		time_left(m, op, r);
		break;
	case STATE_SET_ADD:
		member_make(m, op, KIND_SET, r);
		break;
	case STATE_SET_REMOVE:
		member_remove(m, op, KIND_SET, r);
		break;
	case STATE_SET_HAS:
		set_has(m, op, r);
		break;
	case STATE_SET_COUNT:
		count(m, op, KIND_SET, r);
		break;
	case STATE_SET_LIST:
		list_members(m, op, KIND_SET, r);
		break;
	case STATE_SORTED_ADD:
		sorted_add(m, op, r);
		break;
	case STATE_SORTED_REMOVE:
		member_remove(m, op, KIND_SORTED, r);
		break;
	case STATE_SORTED_SCORE:
		sorted_score(m, op, r);
		break;
	case STATE_SORTED_COUNT:
		count(m, op, KIND_SORTED, r);
		break;
	case STATE_SORTED_LIST:
		list_members(m, op, KIND_SORTED, r);
		break;
	case STATE_SORTED_CUT:
		sorted_cut(m, op, r);
		break;
	case STATE_SORTED_COUNT_TO:
		sorted_count_to(m, op, r);
		break;
	case STATE_RAISE_FROM:
		raise_from(m, op, r);
		break;
	case STATE_HASH_SET:
		hash_set(m, op, r);
		break;
	case STATE_HASH_GET:
		hash_get(m, op, r);
		break;
	case STATE_HASH_REMOVE:
		member_remove(m, op, KIND_HASH, r);
		break;
	case STATE_HASH_LIST:
		list_members(m, op, KIND_HASH, r);
		break;
	case STATE_LIST_PUSH:
		list_push(m, op, r);
		break;
	case STATE_LIST_LIST:
		list_members(m, op, KIND_LIST, r);
		break;
	}
}

/* Answers */

static void ask_for_turn(struct state_memory *m);

/* What stands there now; what the answers ask for comes with a further turn. */
static void answer_all(void *arg)
{
	struct turn *turn = arg;

	if (turn->memory)
		turn->memory->turn = NULL;
	for (size_t n = turn->memory ? turn->memory->n_answers : 0; n > 0 && turn->memory; n--) {
		struct answer *a = answer_first(&turn->memory->answers);
		if (!a)
			break;
		turn->memory->n_answers--;
		answer_give(a);
	}
	if (turn->memory && !list_empty(&turn->memory->answers))
		ask_for_turn(turn->memory);
	if (turn->memory)
		list_remove(&turn->link);
	free(turn);
}

static void ask_for_turn(struct state_memory *m)
{
	if (m->turn)
		return;
	m->turn = mem_new(struct turn);
	m->turn->memory = m;
	list_append(&m->turns, &m->turn->link);
	m->config.defer(m->config.defer_user, answer_all, m->turn);
}

static void run(void *impl, const struct state_op *ops, size_t n, state_done done, void *user)
{
	struct state_memory *m = impl;
	struct answer *a = done ? answer_create(n, done, user) : NULL;

	if (now_us(m) / 1000000 != m->swept)
		state_memory_sweep(m);
	for (size_t i = 0; i < n; i++) {
		struct reply_room nobody = {0};
		apply(m, &ops[i], a ? answer_room(a, i) : &nobody);
	}
	if (!a)
		return;
	list_append(&m->answers, answer_link(a));
	m->n_answers++;
	ask_for_turn(m);
}

static void forget(void *impl, void *user)
{
	struct state_memory *m = impl;

	m->n_answers -= answers_forget(&m->answers, user);
}

struct state_memory *state_memory_create(const struct state_memory_config *config)
{
	struct state_memory *m = mem_new(struct state_memory);

	m->config = *config;
	if (!m->config.max_entries)
		m->config.max_entries = MAX_ENTRIES;
	m->entries = map_create();
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		list_init(&m->wheel[i]);
	list_init(&m->answers);
	list_init(&m->turns);
	m->swept = now_us(m) / 1000000;
	m->metric = metrics_gauge(config->metrics, "souk_state_entries", NULL,
		"Keys and members of the state in the process.");
	return m;
}

void state_memory_destroy(struct state_memory **memory)
{
	struct state_memory *m = *memory;
	struct turn *turn, *next;
	size_t pos = 0;
	void *e;

	if (!m)
		return;
	*memory = NULL;
	list_for_each_safe (turn, next, &m->turns, link) {
		list_remove(&turn->link);
		turn->memory = NULL;
	}
	answers_forget(&m->answers, NULL);
	while (map_next(m->entries, &pos, &e))
		entry_free(e);
	map_destroy(m->entries);
	free(m);
}

struct state state_memory_state(struct state_memory *m)
{
	static const struct state_ops ops = {.run = run, .forget = forget};

	return (struct state){.ops = &ops, .impl = m};
}

size_t state_memory_entries(const struct state_memory *m)
{
	return m->n;
}
