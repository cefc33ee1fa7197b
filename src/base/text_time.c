#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/text.h"

void text_time(char out[static TEXT_TIME_SIZE], uint64_t wall_ms)
{
	/* Beyond the year 9999 the form has no place. */
	static const uint64_t last_ms = 253402300799999;
	struct tm tm;
	uint64_t ms = wall_ms < last_ms ? wall_ms : last_ms;
	time_t seconds = (time_t)(ms / 1000);

	must(gmtime_r(&seconds, &tm) != NULL);
	snprintf(out, TEXT_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
		(unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		(unsigned)tm.tm_sec % 100, (unsigned)(ms % 1000));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* n digits that make a number in [min, max], then one of the characters of `after` (if given). */
static bool read_part(const char **s, int n, int min, int max, const char *after, int *out)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (!is_digit(**s)) {
			return false;
		}
		v = v * 10 + (*(*s)++ - '0');
	}
	if (v < min || v > max) {
		return false;
	}
	if (after != NULL) {
		if (**s == '\0' || strchr(after, **s) == NULL) {
			return false;
		}
		(*s)++;
	}
	*out = v;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_fraction(const char **s, int *ms)
{
	static const int weights[] = {100, 10, 1};
	*ms = 0;
	if (**s != '.') {
		return true;
	}
	(*s)++;
	if (!is_digit(**s)) {
		return false;
	}
	for (size_t i = 0; is_digit(**s); i++, (*s)++) {
		*ms += i < 3 ? (**s - '0') * weights[i] : 0;
	}
	return true;
}

static bool read_offset(const char *s, int64_t *seconds)
{
	int sign = *s == '-' ? -1 : 1, hours, minutes;
	*seconds = 0;
	if ((*s == 'Z' || *s == 'z') && s[1] == '\0') {
		return true;
	}
	if (*s != '+' && *s != '-') {
		return false;
	}
	s++;
	if (!read_part(&s, 2, 0, 23, ":", &hours) || !read_part(&s, 2, 0, 59, NULL, &minutes)) {
		return false;
	}
	*seconds = (int64_t)sign * (hours * 3600 + minutes * 60);
	return *s == '\0';
}

bool text_time_parse(const char *s, uint64_t *wall_ms)
{
	int year, month, day, hour, minute, second, ms;
	int64_t offset;
	/* Second 60 is a leap second (RFC 3339 section 5.6); it counts as the next one's start. */
	if (!read_part(&s, 4, 1970, 9999, "-", &year) || !read_part(&s, 2, 1, 12, "-", &month) ||
		!read_part(&s, 2, 1, days_in_month(year, month), "Tt", &day) ||
		!read_part(&s, 2, 0, 23, ":", &hour) || !read_part(&s, 2, 0, 59, ":", &minute) ||
		!read_part(&s, 2, 0, 60, NULL, &second) || !read_fraction(&s, &ms) ||
		!read_offset(s, &offset)) {
		return false;
	}
	struct tm tm = {.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute,
		.tm_sec = second};
	int64_t seconds = (int64_t)timegm(&tm) - offset;
	if (seconds < 0) {
		return false;
	}
	*wall_ms = (uint64_t)seconds * 1000 + (uint64_t)ms;
	return true;
}
