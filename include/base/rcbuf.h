#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Counted bytes, immutable once shared: the one thing that may be held by several threads. Written
 * only by its creator before the first ref; freed by the last holder.
 */
struct rcbuf;

struct rcbuf *rcbuf_create(size_t len); /* contents undefined */
struct rcbuf *rcbuf_from(const void *data, size_t len); /* a copy */
struct rcbuf *rcbuf_ref(struct rcbuf *b);
void rcbuf_unref(struct rcbuf **b); /* nulls *b; *b may be NULL */
size_t rcbuf_len(const struct rcbuf *b);
const uint8_t *rcbuf_data(const struct rcbuf *b);
uint8_t *rcbuf_writable(struct rcbuf *b); /* must be the only holder */
/* Shortens before sharing; len must not grow. */
void rcbuf_truncate(struct rcbuf *b, size_t len);
