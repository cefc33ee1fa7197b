#include "base/rcbuf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

struct rcbuf {
	atomic_size_t refs;
	size_t len;
	uint8_t bytes[];
};

struct rcbuf *rcbuf_create(size_t len)
{
	must(len <= SIZE_MAX - sizeof(struct rcbuf));
	struct rcbuf *b = mem_alloc(sizeof(*b) + len);
	atomic_init(&b->refs, 1);
	b->len = len;
	return b;
}

struct rcbuf *rcbuf_from(const void *data, size_t len)
{
	struct rcbuf *b = rcbuf_create(len);
	if (len > 0) {
		memcpy(b->bytes, data, len);
	}
	return b;
}

struct rcbuf *rcbuf_ref(struct rcbuf *b)
{
	size_t before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	must(before > 0);
	return b;
}

void rcbuf_unref(struct rcbuf **b)
{
	struct rcbuf *mine = *b;
	*b = NULL;
	if (mine == NULL) {
		return;
	}
	/* Acquire and release: what other holders read must happen before the memory is reused. */
	size_t before = atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel);
	must(before > 0);
	if (before == 1) {
		free(mine);
	}
}

size_t rcbuf_len(const struct rcbuf *b)
{
	return b->len;
}

const uint8_t *rcbuf_data(const struct rcbuf *b)
{
	return b->bytes;
}

static bool is_shared(struct rcbuf *b)
{
	return atomic_load_explicit(&b->refs, memory_order_acquire) != 1;
}

uint8_t *rcbuf_writable(struct rcbuf *b)
{
	must(!is_shared(b));
	return b->bytes;
}

void rcbuf_truncate(struct rcbuf *b, size_t len)
{
	must(!is_shared(b) && len <= b->len);
	b->len = len;
}
