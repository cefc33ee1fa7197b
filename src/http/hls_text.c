#include "hls_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rcbuf.h"
#include "http_private.h"

/* Stretches that one answer compresses: a fraction of a millisecond each. Until all are, the
 * playlist goes out as it is. */
#define STRETCHES_AT_ONCE 16
/* For a single viewer nothing can be kept: a larger text is not compressed at all. */
#define GZIP_MAX_FOR_ONE (256 * 1024)

static void pieces_finish(struct hls_pieces *p)
{
	for (size_t i = 0; i < p->n; i++)
		rcbuf_unref(&p->pieces[i]);
	free(p->pieces);
	*p = (struct hls_pieces){0};
}

/* Takes the reference; room is for the caller to make. */
static void pieces_add(struct hls_pieces *p, struct rcbuf *piece)
{
	p->pieces[p->n++] = piece;
	p->len += rcbuf_len(piece);
}

static struct hls_text *text_ref(struct hls_text *t)
{
	t->refs++;
	return t;
}

void hls_text_unref(struct hls_text **text)
{
	struct hls_text *t = *text;

	*text = NULL;
	if (!t || --t->refs > 0)
		return;
	pieces_finish(&t->plain);
	pieces_finish(&t->gzip);
	media_playlist_finish(&t->playlist);
	free(t);
}

static void text_drop(struct hls_text *t)
{
	list_remove(&t->link);
	hls_text_unref(&t);
}

void hls_texts_free(struct list *texts)
{
	while (!list_empty(texts))
		text_drop(container_of(texts->next, struct hls_text, link));
}

static bool is_of(const struct hls_text *t, const struct hls_ask *ask)
{
	return t->multivariant == ask->name.multivariant && t->skip == ask->query.skip &&
		t->brief == ask->query.brief && t->rendition == ask->name.rendition;
}

/* Also forgets what is of an older generation. */
static struct hls_text *text_find(
	struct list *texts, uint64_t generation, const struct hls_ask *ask)
{
	struct hls_text *t, *next, *found = NULL;

	list_for_each_safe (t, next, texts, link) {
		if (t->generation != generation)
			text_drop(t);
		else if (is_of(t, ask))
			found = t;
	}
	return found;
}

static void put_pieces(struct hls_text *t)
{
	const struct media_playlist *p = &t->playlist;

	t->plain.pieces = mem_zalloc((p->n_texts + 2) * sizeof(struct rcbuf *));
	if (p->head.len > 0)
		pieces_add(&t->plain, rcbuf_from(p->head.data, p->head.len));
	for (size_t i = 0; i < p->n_texts; i++)
		pieces_add(&t->plain, rcbuf_ref(p->texts[i]->bytes));
	if (p->tail.len > 0)
		pieces_add(&t->plain, rcbuf_from(p->tail.data, p->tail.len));
}

static enum media_lookup text_make(
	struct media_window *w, const struct hls_ask *ask, struct hls_text *t)
{
	struct media_playlist_query query = {
		.has_msn = ask->query.has_msn,
		.has_part = ask->query.has_part,
		.msn = ask->query.msn,
		.part = ask->query.part,
		.skip = ask->query.skip != HLS_SKIP_NONE,
		.skip_ranges = ask->query.skip == HLS_SKIP_V2,
		.brief = ask->query.brief,
		.uri_suffix = ask->suffix[0] ? ask->suffix : NULL,
		.list_suffix = ask->list_suffix[0] ? ask->list_suffix : NULL,
	};
	enum media_lookup outcome;

	if (ask->name.multivariant)
		outcome = media_window_multivariant(w, query.list_suffix, &t->playlist.head);
	else
		outcome =
			media_window_playlist_pieces(w, ask->name.rendition, &query, &t->playlist);
	if (outcome == MEDIA_FOUND)
		put_pieces(t);
	return outcome;
}

/* Those of its stretches that are not yet compressed, or some of them; true: all are. */
static bool pack(const struct media_playlist *p)
{
	unsigned left = STRETCHES_AT_ONCE;

	for (size_t i = 0; i < p->n_texts; i++) {
		struct media_text *t = p->texts[i];
		if (t->packed)
			continue;
		if (left-- == 0)
			return false;
		t->packed = http_gzip_between(t->bytes, &t->crc);
		if (!t->packed)
			return false;
	}
	return true;
}

/* plain begins with the head and ends with the tail, which are never empty where stretches are. */
static void gzip_long(struct hls_text *t)
{
	const struct media_playlist *p = &t->playlist;
	struct gzip_sum sum;
	struct rcbuf *first, *last;

	if (!pack(p) || !(first = http_gzip_first(t->plain.pieces[0], &sum)))
		return;
	t->gzip.pieces = mem_zalloc(t->plain.n * sizeof(struct rcbuf *));
	pieces_add(&t->gzip, first);
	for (size_t i = 0; i < p->n_texts; i++) {
		http_gzip_add(&sum, p->texts[i]->crc, rcbuf_len(p->texts[i]->bytes));
		pieces_add(&t->gzip, rcbuf_ref(p->texts[i]->packed));
	}
	last = http_gzip_last(t->plain.pieces[t->plain.n - 1], &sum);
	if (last)
		pieces_add(&t->gzip, last);
	else
		pieces_finish(&t->gzip);
}

static void gzip_short(struct hls_text *t, bool for_one)
{
	struct rcbuf *gzip;

	if (for_one && t->plain.len > GZIP_MAX_FOR_ONE)
		return;
	gzip = http_gzip(t->plain.pieces, t->plain.n);
	if (!gzip)
		return;
	t->gzip.pieces = mem_zalloc(sizeof(struct rcbuf *));
	pieces_add(&t->gzip, gzip);
}

static void text_gzip(struct hls_text *t, bool for_one)
{
	if (t->gzip.n > 0)
		return;
	if (t->playlist.n_texts > 0)
		gzip_long(t);
	else
		gzip_short(t, for_one);
}

/* Without a part the whole segment is asked for. */
static uint64_t part_asked(const struct hls_ask *ask)
{
	return ask->query.has_part ? ask->query.part : UINT64_MAX;
}

static bool text_reaches(const struct hls_text *t, const struct hls_ask *ask)
{
	uint64_t msn = ask->query.msn;

	return !ask->query.has_msn || msn < t->msn || (msn == t->msn && part_asked(ask) <= t->part);
}

static void text_reached(struct hls_text *t, const struct hls_ask *ask)
{
	if (text_reaches(t, ask))
		return;
	t->msn = ask->query.msn;
	t->part = part_asked(ask);
}

static struct hls_text *text_create(uint64_t generation, const struct hls_ask *ask)
{
	struct hls_text *t = mem_new(struct hls_text);

	t->refs = 1;
	t->generation = generation;
	t->multivariant = ask->name.multivariant;
	t->brief = ask->query.brief;
	t->skip = ask->query.skip;
	t->rendition = ask->name.rendition;
	list_init(&t->link);
	return t;
}

enum media_lookup hls_text_get(struct media_window *w, const struct hls_ask *ask,
	struct list *texts, struct hls_text **out)
{
	uint64_t generation = media_window_generation(w);
	bool for_one = ask->suffix[0];
	struct hls_text *kept = for_one ? NULL : text_find(texts, generation, ask), *t;
	enum media_lookup outcome;

	if (kept && text_reaches(kept, ask)) {
		text_gzip(kept, false);
		*out = text_ref(kept);
		return MEDIA_FOUND;
	}
	t = text_create(generation, ask);
	outcome = text_make(w, ask, t);
	if (outcome != MEDIA_FOUND) {
		hls_text_unref(&t);
		return outcome;
	}
	if (kept) {
		hls_text_unref(&t);
		t = kept;
	} else if (!for_one) {
		list_append(texts, &t->link);
	}
	text_reached(t, ask);
	text_gzip(t, for_one);
	*out = for_one ? t : text_ref(t);
	return MEDIA_FOUND;
}
