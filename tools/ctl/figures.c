#include <stdio.h>
#include <string.h>

#include "table.h"

struct range {
	uint32_t first, last;
};

/* The blocks that matter, of Unicode's general categories Mn, Me and Cf. */
static const struct range zero_width[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd},
	{0x610, 0x61a}, {0x64b, 0x65f}, {0x6d6, 0x6dc}, {0x93c, 0x93c}, {0x941, 0x948},
	{0x94d, 0x94d}, {0xe31, 0xe31}, {0xe34, 0xe3a}, {0xe47, 0xe4e}, {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20ff},
	{0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe01ef}};

/* East Asian Wide and Fullwidth (Unicode EastAsianWidth.txt), with the emoji among them. */
static const struct range wide[] = {{0x1100, 0x115f}, {0x231a, 0x231b}, {0x23e9, 0x23ec},
	{0x25fd, 0x25fe}, {0x2614, 0x2615}, {0x2648, 0x2653}, {0x26a1, 0x26a1}, {0x26bd, 0x26be},
	{0x26c4, 0x26c5}, {0x26d4, 0x26d4}, {0x26ea, 0x26ea}, {0x2705, 0x2705}, {0x270a, 0x270b},
	{0x2728, 0x2728}, {0x274c, 0x274c}, {0x2753, 0x2755}, {0x2757, 0x2757}, {0x2795, 0x2797},
	{0x2b1b, 0x2b1c}, {0x2b50, 0x2b50}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xa960, 0xa97c},
	{0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6},
	{0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a},
	{0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393},
	{0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f8, 0x1f43e},
	{0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f550, 0x1f567},
	{0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6d0, 0x1f6ff}, {0x1f7e0, 0x1f7f0},
	{0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};

static bool within(uint32_t c, const struct range *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c >= table[i].first && c <= table[i].last) {
			return true;
		}
	}
	return false;
}

/* One character: its bytes (1 for a byte that is not UTF-8) and its columns. */
static size_t next_char(const char *s, size_t *columns)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	*columns = 1;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 1;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	if (within(c, zero_width, sizeof(zero_width) / sizeof(zero_width[0]))) {
		*columns = 0;
	} else if (within(c, wide, sizeof(wide) / sizeof(wide[0]))) {
		*columns = 2;
	}
	return n;
}

size_t text_columns(const char *s)
{
	size_t total = 0, columns;
	while (*s != '\0') {
		s += next_char(s, &columns);
		total += columns;
	}
	return total;
}

void text_fit(const char *s, size_t columns, struct buf *out)
{
	bool cut = text_columns(s) > columns;
	size_t room = cut ? columns - 1 : columns, used = 0, step;
	while (*s != '\0') {
		size_t n = next_char(s, &step);
		if (used + step > room) {
			break;
		}
		/* What comes from strangers must not steer the terminal. */
		bool control = n == 1 && ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f);
		bool c1 = n == 2 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;
		buf_put(out, control || c1 ? "?" : s, control || c1 ? 1 : n);
		used += step;
		s += n;
	}
	if (cut) {
		buf_put_str(out, "…");
	}
}

/* Three figures are enough: 9.99, 99.9, 999. */
static void scaled(char *out, double v, double step, const char *const *units, const char *tail)
{
	while (v >= step && units[1] != NULL) {
		v /= step;
		units++;
	}
	int digits = v >= 99.95 || units[0][0] == '\0' ? 0 : v >= 9.995 ? 1 : 2;
	snprintf(out, FIGURE_SIZE, "%.*f %s%s", digits, v, units[0], tail);
}

void figure_rate(char out[static FIGURE_SIZE], uint64_t bits_per_second)
{
	static const char *const units[] = {"", "k", "M", "G", NULL};
	scaled(out, (double)bits_per_second, 1000, units, "bit/s");
}

void figure_bytes(char out[static FIGURE_SIZE], uint64_t bytes)
{
	static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", NULL};
	scaled(out, (double)bytes, 1024, units, "B");
}

void figure_duration(char out[static FIGURE_SIZE], uint64_t seconds)
{
	unsigned long long h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
	if (h > 0) {
		snprintf(out, FIGURE_SIZE, "%llu:%02llu:%02llu", h, m, s);
	} else {
		snprintf(out, FIGURE_SIZE, "%llu:%02llu", m, s);
	}
}
