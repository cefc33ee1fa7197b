#include "conn_limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

#define THROTTLE_US 1000000

struct address {
	unsigned connections;
};

void rtmp_limits_init(struct rtmp_limits *l)
{
	*l = (struct rtmp_limits){.addresses = map_create()};
}

void rtmp_limits_finish(struct rtmp_limits *l)
{
	size_t pos = 0;
	void *address;
	while (map_next(l->addresses, &pos, &address)) {
		free(address);
	}
	map_destroy(l->addresses);
	l->addresses = NULL;
}

static struct address *find_or_add(struct rtmp_limits *l, const char *text)
{
	struct address *a = map_get_str(l->addresses, text);
	if (a == NULL) {
		a = mem_new(struct address);
		map_put_str(l->addresses, text, a);
	}
	return a;
}

enum rtmp_close rtmp_limits_take(struct rtmp_limits *l, const char *address)
{
	const struct address *known = map_get_str(l->addresses, address);
	if (l->max_connections > 0 && l->connections >= l->max_connections) {
		return RTMP_CLOSE_CONNECTION_LIMIT;
	}
	if (known != NULL && l->max_per_address > 0 && known->connections >= l->max_per_address) {
		return RTMP_CLOSE_ADDRESS_LIMIT;
	}
	find_or_add(l, address)->connections++;
	l->connections++;
	return RTMP_CLOSE_NONE;
}

void rtmp_limits_release(struct rtmp_limits *l, const char *address)
{
	struct address *a = map_get_str(l->addresses, address);
	if (!should(a != NULL && l->connections > 0)) {
		return;
	}
	l->connections--;
	if (--a->connections == 0) {
		map_remove_str(l->addresses, address);
		free(a);
	}
}

bool log_throttle_pass(struct log_throttle *t, uint64_t now_us, uint64_t *skipped)
{
	if (now_us < t->next_us) {
		t->skipped++;
		return false;
	}
	*skipped = t->skipped;
	t->skipped = 0;
	t->next_us = now_us + THROTTLE_US;
	return true;
}
