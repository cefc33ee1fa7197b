#include "fragment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

/* ISO/IEC 14496-12: tfhd (8.8.7), trun (8.8.8) and sample flags (8.8.3.1). */
enum {
	TFHD_DURATION = 0x08,
	TFHD_SIZE = 0x10,
	TFHD_FLAGS = 0x20,
	TFHD_BASE_IS_MOOF = 0x020000,
	TRUN_OFFSET = 0x01,
	TRUN_FIRST_FLAGS = 0x04,
	TRUN_DURATION = 0x100,
	TRUN_SIZE = 0x200,
	TRUN_FLAGS = 0x400,
	TRUN_COMPOSITION = 0x800,
	SAMPLE_SYNC = 0x02000000, /* depends on no other */
	SAMPLE_OTHER = 0x01010000, /* depends on others, is no sync sample */
	BOX_HEAD = 8,
};

void fragment_finish(struct fragment *f)
{
	for (unsigned i = 0; i < f->n_tracks; i++) {
		free(f->tracks[i].samples);
		buf_finish(&f->tracks[i].data);
	}
	*f = (struct fragment){0};
}

void fragment_add_track(struct fragment *f, bool video)
{
	must(f->n_tracks < FRAGMENT_TRACKS);
	f->tracks[f->n_tracks++] = (struct fragment_track){.video = video};
}

void fragment_add(struct fragment *f, unsigned track, int64_t dts, int64_t pts, int64_t duration,
	bool sync, const uint8_t *data, size_t len)
{
	struct fragment_track *t = &f->tracks[track];

	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 16;
		t->samples = mem_realloc(t->samples, t->room * sizeof(*t->samples));
	}
	/* What counts is when the next one begins. */
	if (t->n > 0)
		t->samples[t->n - 1].duration = (uint32_t)(dts - t->samples[t->n - 1].dts);
	t->samples[t->n++] = (struct fragment_sample){.dts = dts,
		.duration = (uint32_t)duration,
		.composition = (uint32_t)(pts - dts),
		.size = (uint32_t)len,
		.sync = sync};
	t->reordered |= pts != dts;
	buf_put(&t->data, data, len);
}

/* Boxes begin with their size, which is known when they end. */
static size_t box_begin(struct buf *b, const char *type)
{
	size_t at = b->len;

	buf_put_u32(b, 0);
	buf_put(b, type, 4);
	return at;
}

static void u32_set(struct buf *b, size_t at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		b->data[at + i] = (uint8_t)(value >> (24 - 8 * i));
}

static void box_end(struct buf *b, size_t at)
{
	u32_set(b, at, (uint32_t)(b->len - at));
}

static uint32_t sample_flags(const struct fragment_sample *s)
{
	return s->sync ? SAMPLE_SYNC : SAMPLE_OTHER;
}

/* Those of the second sample: the first one may be an exception. */
static uint32_t default_flags(const struct fragment_track *t)
{
	if (t->n > 1)
		return sample_flags(&t->samples[1]);
	return t->video ? SAMPLE_OTHER : SAMPLE_SYNC;
}

static void put_tfhd(struct buf *b, const struct fragment_track *t, uint32_t id)
{
	size_t box = box_begin(b, "tfhd");

	buf_put_u32(b, TFHD_BASE_IS_MOOF | TFHD_DURATION | TFHD_SIZE | TFHD_FLAGS);
	buf_put_u32(b, id);
	buf_put_u32(b, t->samples[0].duration);
	buf_put_u32(b, t->samples[0].size);
	buf_put_u32(b, default_flags(t));
	box_end(b, box);
}

static void put_tfdt(struct buf *b, const struct fragment_track *t)
{
	size_t box = box_begin(b, "tfdt");

	buf_put_u32(b, 1u << 24);
	buf_put_u64(b, (uint64_t)t->samples[0].dts);
	box_end(b, box);
}

/* Which fields have to be said sample by sample, because they are not as tfhd says. */
static uint32_t trun_fields(const struct fragment_track *t)
{
	const struct fragment_sample *s = t->samples;
	uint32_t fields = TRUN_OFFSET | (t->reordered ? TRUN_COMPOSITION : 0);

	for (size_t i = 1; i < t->n; i++) {
		if (s[i].duration != s[0].duration)
			fields |= TRUN_DURATION;
		if (s[i].size != s[0].size)
			fields |= TRUN_SIZE;
		if (sample_flags(&s[i]) != default_flags(t))
			fields |= TRUN_FLAGS;
	}
	if (!(fields & TRUN_FLAGS) && sample_flags(&s[0]) != default_flags(t))
		fields |= TRUN_FIRST_FLAGS;
	return fields;
}

/* Returns where the offset of the data is to be filled in. */
static size_t put_trun(struct buf *b, const struct fragment_track *t)
{
	uint32_t fields = trun_fields(t);
	size_t box = box_begin(b, "trun"), offset;

	buf_put_u32(b, fields);
	buf_put_u32(b, (uint32_t)t->n);
	offset = b->len;
	buf_put_u32(b, 0);
	if (fields & TRUN_FIRST_FLAGS)
		buf_put_u32(b, sample_flags(&t->samples[0]));
	for (size_t i = 0; i < t->n; i++) {
		const struct fragment_sample *s = &t->samples[i];
		if (fields & TRUN_DURATION)
			buf_put_u32(b, s->duration);
		if (fields & TRUN_SIZE)
			buf_put_u32(b, s->size);
		if (fields & TRUN_FLAGS)
			buf_put_u32(b, sample_flags(s));
		if (fields & TRUN_COMPOSITION)
			buf_put_u32(b, s->composition);
	}
	box_end(b, box);
	return offset;
}

static void put_moof(struct buf *b, const struct fragment *f)
{
	size_t moof = box_begin(b, "moof"), mfhd = box_begin(b, "mfhd");
	size_t offsets[FRAGMENT_TRACKS] = {0};
	uint32_t data = BOX_HEAD;

	buf_put_u32(b, 0);
	buf_put_u32(b, f->sequence);
	box_end(b, mfhd);
	for (unsigned i = 0; i < f->n_tracks; i++) {
		const struct fragment_track *t = &f->tracks[i];
		if (t->n == 0)
			continue;
		size_t traf = box_begin(b, "traf");
		put_tfhd(b, t, i + 1);
		put_tfdt(b, t);
		offsets[i] = put_trun(b, t);
		box_end(b, traf);
	}
	box_end(b, moof);
	data += (uint32_t)(b->len - moof);
	for (unsigned i = 0; i < f->n_tracks; i++) {
		if (offsets[i] == 0)
			continue;
		u32_set(b, offsets[i], data);
		data += (uint32_t)f->tracks[i].data.len;
	}
}

static struct rcbuf *join(const struct buf *head, const struct fragment *f, size_t data)
{
	struct rcbuf *bytes = rcbuf_create(head->len + data);
	uint8_t *at = rcbuf_writable(bytes);

	memcpy(at, head->data, head->len);
	at += head->len;
	for (unsigned i = 0; i < f->n_tracks; i++) {
		const struct buf *b = &f->tracks[i].data;
		if (b->len > 0)
			memcpy(at, b->data, b->len);
		at += b->len;
	}
	return bytes;
}

static struct rcbuf *fragment_write(struct fragment *f, size_t data)
{
	struct buf head = {0};
	struct rcbuf *bytes;

	f->sequence++;
	put_moof(&head, f);
	buf_put_u32(&head, (uint32_t)(BOX_HEAD + data));
	buf_put(&head, "mdat", 4);
	bytes = join(&head, f, data);
	buf_finish(&head);
	return bytes;
}

struct rcbuf *fragment_take(struct fragment *f)
{
	size_t data = 0, samples = 0;
	struct rcbuf *bytes = NULL;

	for (unsigned i = 0; i < f->n_tracks; i++) {
		data += f->tracks[i].data.len;
		samples += f->tracks[i].n;
	}
	if (samples > 0 && data <= INT32_MAX)
		bytes = fragment_write(f, data);
	for (unsigned i = 0; i < f->n_tracks; i++) {
		f->tracks[i].n = 0;
		buf_reset(&f->tracks[i].data);
	}
	return bytes;
}
