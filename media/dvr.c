#include "dvr.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "playlist_text.h"

/* Records that share a text: few enough that what is not shared yet is little to copy, many enough
 * that a long playlist has few pieces. */
#define STRETCH 128

struct media_text *media_text_ref(struct media_text *t)
{
	t->refs++;
	return t;
}

void media_text_unref(struct media_text **text)
{
	struct media_text *t = *text;

	*text = NULL;
	if (!t || --t->refs > 0)
		return;
	rcbuf_unref(&t->bytes);
	rcbuf_unref(&t->packed);
	free(t);
}

void dvr_finish(struct dvr *d)
{
	for (size_t i = 0; i < d->n_texts; i++)
		media_text_unref(&d->texts[i]);
	free(d->texts);
	free(d->segments);
	buf_finish(&d->open);
	*d = (struct dvr){0};
}

size_t dvr_listed(const struct dvr *d)
{
	return (size_t)(d->end - d->head);
}

static const struct dvr_segment *at(const struct dvr *d, uint64_t n)
{
	return &d->segments[n - d->origin];
}

const struct dvr_segment *dvr_at(const struct dvr *d, size_t n)
{
	return at(d, d->head + n);
}

const struct dvr_segment *dvr_last(const struct dvr *d)
{
	return d->end > d->begin ? at(d, d->end - 1) : NULL;
}

const struct dvr_segment *dvr_find(const struct dvr *d, uint64_t sequence)
{
	uint64_t low = d->begin, high = d->end;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (at(d, middle)->sequence < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low < d->end && at(d, low)->sequence == sequence ? at(d, low) : NULL;
}

size_t dvr_memory(const struct dvr *d)
{
	return d->cap * sizeof(*d->segments) + d->text_bytes + d->open.len;
}

/* The open stretch has become a full one. */
static void share(struct dvr *d)
{
	struct media_text *t = mem_new(struct media_text);

	t->refs = 1;
	t->bytes = rcbuf_from(d->open.data, d->open.len);
	d->text_bytes += d->open.len;
	buf_reset(&d->open);
	d->texts = mem_realloc(d->texts, (d->n_texts + 1) * sizeof(struct media_text *));
	d->texts[d->n_texts++] = t;
}

void dvr_add(struct dvr *d, const struct dvr_segment *s, const struct buf *lines)
{
	size_t n = (size_t)(d->end - d->origin);

	must(lines->len <= UINT16_MAX);
	if (n == d->cap) {
		d->cap = d->cap ? d->cap + d->cap / 2 : STRETCH;
		d->segments = mem_realloc(d->segments, d->cap * sizeof(*d->segments));
	}
	d->segments[n] = *s;
	d->segments[n].text_len = (uint16_t)lines->len;
	buf_put(&d->open, lines->data, lines->len);
	d->listed_us += s->duration_us;
	d->discontinuities += s->discontinuity;
	d->end++;
	if ((d->end - d->origin) % STRETCH == 0)
		share(d);
}

/* Stretches that nothing can be fetched of. */
static void forget(struct dvr *d)
{
	size_t gone = (size_t)(d->begin - d->origin) / STRETCH;

	/* Seldom, so that what stays is not moved for each. */
	if (gone == 0 || gone * STRETCH * 4 < d->end - d->origin)
		return;
	for (size_t i = 0; i < gone; i++) {
		d->text_bytes -= rcbuf_len(d->texts[i]->bytes);
		media_text_unref(&d->texts[i]);
	}
	d->n_texts -= gone;
	memmove(d->texts, d->texts + gone, d->n_texts * sizeof(struct media_text *));
	d->origin += gone * STRETCH;
	memmove(d->segments, d->segments + gone * STRETCH,
		(size_t)(d->end - d->origin) * sizeof(*d->segments));
}

void dvr_drop(struct dvr *d, size_t kept)
{
	const struct dvr_segment *s = at(d, d->head++);

	d->listed_us -= s->duration_us;
	d->discontinuities -= s->discontinuity;
	while (d->head - d->begin > kept)
		d->begin++;
	forget(d);
}

void dvr_clear(struct dvr *d)
{
	dvr_finish(d);
}

/* Each URI stands at the end of its lines, but for that of the init segment. */
static void put_lines(const struct dvr_segment *s, const char *text, const char *suffix, size_t len,
	struct buf *out)
{
	const char *end = text + s->text_len - 1;

	if (s->map) {
		const char *quote = memchr(text, '"', s->text_len);
		quote = memchr(quote + 1, '"', (size_t)(end - quote - 1));
		buf_put(out, text, (size_t)(quote - text));
		buf_put(out, suffix, len);
		text = quote;
	}
	buf_put(out, text, (size_t)(end - text));
	buf_put(out, suffix, len);
	buf_put_u8(out, '\n');
}

/* The lines from the one counted `from` to before `to`, which lie in one stretch. */
static void put_some(
	const struct dvr *d, uint64_t from, uint64_t to, const char *suffix, struct buf *out)
{
	size_t stretch = (size_t)(from - d->origin) / STRETCH, len = strlen(suffix);
	const char *text = stretch < d->n_texts ? (const char *)rcbuf_data(d->texts[stretch]->bytes)
						: (const char *)d->open.data;
	const char *first;

	for (uint64_t i = d->origin + stretch * STRETCH; i < from; i++)
		text += at(d, i)->text_len;
	first = text;
	for (uint64_t i = from; i < to; i++) {
		if (len > 0)
			put_lines(at(d, i), text, suffix, len, out);
		text += at(d, i)->text_len;
	}
	if (len == 0)
		buf_put(out, first, (size_t)(text - first));
}

static void put_shared(struct media_playlist *out, struct media_text *t)
{
	out->texts = mem_realloc(out->texts, (out->n_texts + 1) * sizeof(struct media_text *));
	out->texts[out->n_texts++] = media_text_ref(t);
}

void dvr_put(const struct dvr *d, unsigned number, size_t skip, const char *suffix,
	struct media_playlist *out)
{
	uint64_t n = d->head + skip, stop;

	if (n >= d->end)
		return;
	if (!at(d, n)->map && !at(d, n)->bare && skip == 0)
		playlist_put_map(&out->head, number, at(d, n)->init, suffix);
	for (; n < d->end; n = stop) {
		size_t stretch = (size_t)(n - d->origin) / STRETCH;
		bool is_full = stretch < d->n_texts;
		stop = is_full ? d->origin + (stretch + 1) * STRETCH : d->end;
		if (is_full && (n - d->origin) % STRETCH == 0 && !*suffix)
			put_shared(out, d->texts[stretch]);
		else
			put_some(d, n, stop, suffix, out->n_texts ? &out->tail : &out->head);
	}
}
