#include "state/state.h"

static struct state_op op(enum state_verb verb, const char *key)
{
	return (struct state_op){.verb = verb, .key = key};
}

static struct state_op op_text(enum state_verb verb, const char *key, const char *text)
{
	return (struct state_op){.verb = verb, .key = key, .text = text};
}

static struct state_op op_number(enum state_verb verb, const char *key, int64_t number)
{
	return (struct state_op){.verb = verb, .key = key, .number = number};
}

struct state_op state_get(const char *key)
{
	return op(STATE_GET, key);
}

struct state_op state_set(const char *key, const char *text, uint64_t ttl_ms)
{
	return (struct state_op){.verb = STATE_SET, .key = key, .text = text, .ttl_ms = ttl_ms};
}

struct state_op state_add(const char *key, int64_t by, uint64_t ttl_ms)
{
	return (struct state_op){.verb = STATE_ADD, .key = key, .number = by, .ttl_ms = ttl_ms};
}

struct state_op state_raise(const char *key, int64_t to)
{
	return op_number(STATE_RAISE, key, to);
}

struct state_op state_delete(const char *key)
{
	return op(STATE_DELETE, key);
}

struct state_op state_expire(const char *key, uint64_t ttl_ms)
{
	return (struct state_op){.verb = STATE_EXPIRE, .key = key, .ttl_ms = ttl_ms};
}

struct state_op state_ttl(const char *key)
{
	return op(STATE_TTL, key);
}

struct state_op state_set_add(const char *key, const char *member)
{
	return op_text(STATE_SET_ADD, key, member);
}

struct state_op state_set_remove(const char *key, const char *member)
{
	return op_text(STATE_SET_REMOVE, key, member);
}

struct state_op state_set_has(const char *key, const char *member)
{
	return op_text(STATE_SET_HAS, key, member);
}

struct state_op state_set_count(const char *key)
{
	return op(STATE_SET_COUNT, key);
}

struct state_op state_set_list(const char *key)
{
	return op(STATE_SET_LIST, key);
}

struct state_op state_sorted_add(const char *key, const char *member, int64_t score)
{
	return (struct state_op){
		.verb = STATE_SORTED_ADD, .key = key, .text = member, .number = score};
}

struct state_op state_sorted_remove(const char *key, const char *member)
{
	return op_text(STATE_SORTED_REMOVE, key, member);
}

struct state_op state_sorted_score(const char *key, const char *member)
{
	return op_text(STATE_SORTED_SCORE, key, member);
}

struct state_op state_sorted_count(const char *key)
{
	return op(STATE_SORTED_COUNT, key);
}

struct state_op state_sorted_list(const char *key, int64_t from)
{
	return op_number(STATE_SORTED_LIST, key, from);
}

struct state_op state_sorted_cut(const char *key, int64_t below)
{
	return op_number(STATE_SORTED_CUT, key, below);
}

struct state_op state_sorted_count_to(const char *key, const char *integer)
{
	return (struct state_op){.verb = STATE_SORTED_COUNT_TO, .key = key, .other = integer};
}

struct state_op state_raise_from(const char *key, const char *integer)
{
	return (struct state_op){.verb = STATE_RAISE_FROM, .key = key, .other = integer};
}

struct state_op state_hash_set(const char *key, const char *field, const char *value)
{
	return (struct state_op){.verb = STATE_HASH_SET, .key = key, .text = field, .other = value};
}

struct state_op state_hash_get(const char *key, const char *field)
{
	return op_text(STATE_HASH_GET, key, field);
}

struct state_op state_hash_remove(const char *key, const char *field)
{
	return op_text(STATE_HASH_REMOVE, key, field);
}

struct state_op state_hash_list(const char *key)
{
	return op(STATE_HASH_LIST, key);
}

struct state_op state_list_push(const char *key, const char *text, int64_t keep)
{
	return (struct state_op){.verb = STATE_LIST_PUSH, .key = key, .text = text, .number = keep};
}

struct state_op state_list_list(const char *key, int64_t most)
{
	return op_number(STATE_LIST_LIST, key, most);
}
