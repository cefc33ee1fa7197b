#include <stdlib.h>
#include <string.h>

#include "audience_private.h"
#include "base/mem.h"

/* A longer silence (the process slept, the clock jumped) is left as a hole. */
#define FILL_MAX 60
/* Eleven days; of a longer stream the oldest half is in the store alone. */
#define BUCKETS_MAX 200000u

static void drop_oldest(struct audience_stream *s)
{
	size_t n = s->n_buckets / 2;

	if (s->n_buckets < BUCKETS_MAX)
		return;
	if (n > s->first_unsaved)
		n = s->first_unsaved;
	memmove(s->buckets, s->buckets + n, (s->n_buckets - n) * sizeof(*s->buckets));
	s->n_buckets -= n;
	s->first_unsaved -= n;
}

static struct timeline_record *append(struct audience_stream *s, uint64_t at)
{
	struct timeline_record *t;

	drop_oldest(s);
	if (s->n_buckets == s->cap_buckets) {
		s->cap_buckets = s->cap_buckets ? 2 * s->cap_buckets : 64;
		s->buckets = mem_realloc(s->buckets, s->cap_buckets * sizeof(*s->buckets));
	}
	t = &s->buckets[s->n_buckets++];
	*t = (struct timeline_record){.at = at, .viewers = s->figures.current};
	return t;
}

/* The bucket of now: what lies between the last one and it was as quiet as it looks. */
static struct timeline_record *bucket_of_now(struct audience_stream *s)
{
	uint64_t now = audience_wall_ms(s->audience), at = now - now % TIMELINE_BUCKET_MS;
	uint64_t last = s->n_buckets ? s->buckets[s->n_buckets - 1].at : 0;

	if (last && at <= last) /* or the clock was set back */
		return &s->buckets[s->n_buckets - 1];
	if (last && at - last <= FILL_MAX * (uint64_t)TIMELINE_BUCKET_MS)
		for (last += TIMELINE_BUCKET_MS; last < at; last += TIMELINE_BUCKET_MS)
			append(s, last);
	return append(s, at);
}

static void mark(struct audience_stream *s, const struct timeline_record *t)
{
	size_t i = (size_t)(t - s->buckets);

	if (i < s->first_unsaved)
		s->first_unsaved = i;
}

void timeline_viewers(struct audience_stream *s)
{
	struct timeline_record *t = bucket_of_now(s);

	if (t->viewers >= s->figures.current)
		return;
	t->viewers = s->figures.current;
	mark(s, t);
}

void timeline_count(struct audience_stream *s, uint32_t chat, uint32_t reactions)
{
	struct timeline_record *t = bucket_of_now(s);

	t->chat += chat;
	t->reactions += reactions;
	mark(s, t);
}

void timeline_restore(struct audience_stream *s, const struct timeline_record *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*append(s, rows[i].at) = rows[i];
	s->first_unsaved = s->n_buckets;
}
