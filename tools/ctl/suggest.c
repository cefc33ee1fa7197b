#include <string.h>

#include "args.h"

#define WORD_MAX 32

/* The row above and the one above that are enough for a matrix of distances. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][WORD_MAX + 1], *above2 = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= m; j++) {
		above[j] = j;
	}
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
			best = above[j] + 1 < best ? above[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			bool swapped =
				i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
			if (swapped && above2[j - 2] + 1 < best) {
				best = above2[j - 2] + 1;
			}
			row[j] = best;
		}
		size_t *free_row = above2;
		above2 = above;
		above = row;
		row = free_row;
	}
	return above[m];
}

void suggestion_offer(struct suggestion *s, const char *word)
{
	size_t len = strlen(word);
	if (s->len == 0 || s->len > WORD_MAX || len > WORD_MAX) {
		return;
	}
	size_t d = distance(s->typed, s->len, word, len);
	/* A word with hardly a letter in common is no help. */
	bool is_beginning = s->len >= 2 && s->len < len && memcmp(word, s->typed, s->len) == 0;
	bool alike = d <= 2 && d * 2 < len;
	if (is_beginning) {
		d = 1;
	}
	if ((alike || is_beginning) && (s->best == NULL || d < s->distance)) {
		s->best = word;
		s->distance = d;
	}
}
