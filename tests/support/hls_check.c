#include "support/hls_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

/* Texts of seconds are cut to a few digits. */
#define EPSILON_US 1500
#define HINT "EXT-X-PRELOAD-HINT"

static void fault(struct buf *faults, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fault(struct buf *faults, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_printf(faults, "%s\n", text);
}

static char *line_copy(const char *from, size_t n)
{
	return mem_strndup(from, n);
}

/* Finds NAME in an attribute list (4.2); a copy without quotes, NULL if it is not there. */
static char *attribute(const char *list, const char *name, struct buf *faults)
{
	char *found = NULL;
	const char *p = list;

	while (*p) {
		size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
		const char *value = p + n + 1;
		size_t len;
		bool quoted;
		if (n == 0 || p[n] != '=') {
			fault(faults, "4.2 attribute list: %s", p);
			return found;
		}
		quoted = *value == '"';
		len = quoted ? strcspn(value + 1, "\"") : strcspn(value, ",");
		if ((quoted && value[1 + len] != '"') || (!quoted && len == 0))
			fault(faults, "4.2 attribute value: %s", p);
		if (strlen(name) == n && strncmp(p, name, n) == 0) {
			if (found)
				fault(faults, "4.2 attribute twice: %s", name);
			free(found);
			found = line_copy(value + quoted, len);
		}
		p = value + len + (quoted && value[1 + len] ? 2 : 0);
		if (*p == ',')
			p++;
		else if (*p)
			fault(faults, "4.2 attribute list goes on: %s", p);
		if (*p && p[-1] != ',')
			return found;
	}
	return found;
}

static uint64_t seconds_us(const char *s, struct buf *faults)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || (*end && *end != ',') || v < 0 || strspn(s, "0123456789.,") < 1)
		fault(faults, "decimal-floating-point: %s", s);
	return (uint64_t)(v * 1e6 + 0.5);
}

static uint64_t integer(const char *s, struct buf *faults)
{
	char *end;
	uint64_t v = strtoull(s, &end, 10);

	if (end == s || *end || *s == '-')
		fault(faults, "decimal-integer: %s", s);
	return v;
}

static uint64_t attribute_us(const char *list, const char *name, struct buf *faults)
{
	char *text = attribute(list, name, faults);
	uint64_t us = text ? seconds_us(text, faults) : 0;

	free(text);
	return us;
}

static bool attribute_yes(const char *list, const char *name, struct buf *faults)
{
	char *text = attribute(list, name, faults);
	bool yes = text && strcmp(text, "YES") == 0;

	if (text && !yes)
		fault(faults, "%s is YES or absent: %s", name, text);
	free(text);
	return yes;
}

static uint64_t date_ms(const char *s, struct buf *faults)
{
	struct tm tm = {0};
	unsigned ms = 0;
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!rest || sscanf(rest, ".%3uZ", &ms) != 1 || strlen(rest) != 5) {
		fault(faults, "4.4.4.6 date: %s", s);
		return 0;
	}
	return (uint64_t)timegm(&tm) * 1000 + ms;
}

static struct hls_segment *add_segment(struct hls_playlist *p)
{
	/* Long playlists: room for twice as many at each power of two. */
	if ((p->n & (p->n - 1)) == 0)
		p->segments =
			mem_realloc(p->segments, (p->n ? p->n * 2 : 1) * sizeof(*p->segments));
	p->segments[p->n] = (struct hls_segment){0};
	return &p->segments[p->n++];
}

struct parser {
	struct hls_playlist *p;
	struct buf *faults;
	struct hls_segment next;
	bool has_duration;
	char *map;
	unsigned seen;
};

static void put_part(struct parser *x, const char *value)
{
	struct hls_segment *s = &x->next;
	char *uri = attribute(value, "URI", x->faults);

	s->parts = mem_realloc(s->parts, (s->n_parts + 1) * sizeof(*s->parts));
	s->parts[s->n_parts++] = (struct hls_part){
		.uri = uri,
		.duration_us = attribute_us(value, "DURATION", x->faults),
		.independent = attribute_yes(value, "INDEPENDENT", x->faults),
	};
	if (!uri)
		fault(x->faults, "4.4.4.9 a part has a URI: %s", value);
}

static void put_control(struct parser *x, const char *value)
{
	x->p->blocks = attribute_yes(value, "CAN-BLOCK-RELOAD", x->faults);
	x->p->part_hold_back_us = attribute_us(value, "PART-HOLD-BACK", x->faults);
	x->p->hold_back_us = attribute_us(value, "HOLD-BACK", x->faults);
	x->p->skip_until_us = attribute_us(value, "CAN-SKIP-UNTIL", x->faults);
	x->p->skips_ranges = attribute_yes(value, "CAN-SKIP-DATERANGES", x->faults);
}

static void put_hint(struct parser *x, const char *value)
{
	char *type = attribute(value, "TYPE", x->faults);

	if (!type || strcmp(type, "PART") != 0)
		fault(x->faults, "4.4.5.3 type of the hint: %s", value);
	if (x->p->hint)
		fault(x->faults, "4.4.5.3 one hint of a type");
	free(type);
	free(x->p->hint);
	x->p->hint = attribute(value, "URI", x->faults);
}

static void put_range(struct parser *x, const char *value)
{
	char *id = attribute(value, "ID", x->faults);
	char *start = attribute(value, "START-DATE", x->faults);

	if (!id || !*id)
		fault(x->faults, "4.4.5.1 DATERANGE has an ID");
	if (!start || date_ms(start, x->faults) == 0)
		fault(x->faults, "4.4.5.1 DATERANGE has a START-DATE");
	x->p->n_ranges++;
	free(id);
	free(start);
}

static void put_report(struct parser *x, const char *value)
{
	char *uri = attribute(value, "URI", x->faults);
	char *msn = attribute(value, "LAST-MSN", x->faults);

	if (!uri || !*uri || strstr(uri, "://"))
		fault(x->faults, "4.4.5.4 RENDITION-REPORT has a relative URI");
	if (!msn || !*msn)
		fault(x->faults, "4.4.5.4 RENDITION-REPORT has a LAST-MSN");
	free(uri);
	free(msn);
}

static void put_map(struct parser *x, const char *value)
{
	free(x->map);
	x->map = attribute(value, "URI", x->faults);
}

static void put_skip(struct parser *x, const char *value)
{
	char *n = attribute(value, "SKIPPED-SEGMENTS", x->faults);

	if (!n || (x->p->skip = integer(n, x->faults)) == 0)
		fault(x->faults, "4.4.5.2 SKIP leaves something out: %s", value);
	free(n);
}

static void put_early(struct parser *x, const char *name, const char *value)
{
	struct hls_playlist *p = x->p;

	if (p->n > 0 || x->next.n_parts > 0)
		fault(x->faults, "4.4.3 %s stands before the first segment", name);
	if (strcmp(name, "EXT-X-MEDIA-SEQUENCE") == 0) {
		p->has_sequence = true;
		p->sequence = integer(value, x->faults);
	} else {
		p->discontinuity_sequence = integer(value, x->faults);
	}
}

static void put_target(struct parser *x, const char *value)
{
	x->p->has_target = true;
	x->p->target_s = integer(value, x->faults);
}

static void put_part_info(struct parser *x, const char *value)
{
	x->p->has_parts_info = true;
	x->p->part_target_us = attribute_us(value, "PART-TARGET", x->faults);
}

static void put_duration(struct parser *x, const char *value)
{
	if (x->has_duration)
		fault(x->faults, "4.4.4.1 EXTINF twice");
	if (!strchr(value, ','))
		fault(x->faults, "4.4.4.1 EXTINF ends with a comma: %s", value);
	x->has_duration = true;
	x->next.duration_us = seconds_us(value, x->faults);
}

static void put_date(struct parser *x, const char *value)
{
	x->next.date_ms = date_ms(value, x->faults);
}

static void put_version(struct parser *x, const char *value)
{
	x->p->version = integer(value, x->faults);
}

static void put_type(struct parser *x, const char *value)
{
	x->p->vod = strcmp(value, "VOD") == 0;
	x->p->event = strcmp(value, "EVENT") == 0;
	if (!x->p->vod && !x->p->event)
		fault(x->faults, "4.4.3.5 EVENT or VOD: %s", value);
}

static void put_flag(struct parser *x, const char *name)
{
	if (strcmp(name, "EXT-X-INDEPENDENT-SEGMENTS") == 0)
		x->p->independent = true;
	else if (strcmp(name, "EXT-X-DISCONTINUITY") == 0)
		x->next.discontinuity = true;
	else if (strcmp(name, "EXT-X-GAP") == 0)
		x->next.gap = true;
	else if (strcmp(name, "EXT-X-ENDLIST") == 0)
		x->p->ended = true;
}

static const struct tag {
	const char *name;
	bool once;
	void (*put)(struct parser *x, const char *value);
} tags[] = {
	{"EXT-X-VERSION", true, put_version},
	{"EXT-X-TARGETDURATION", true, put_target},
	{"EXT-X-SERVER-CONTROL", true, put_control},
	{"EXT-X-PART-INF", true, put_part_info},
	{"EXT-X-MEDIA-SEQUENCE", true, NULL},
	{"EXT-X-DISCONTINUITY-SEQUENCE", true, NULL},
	{"EXT-X-SKIP", true, put_skip},
	{"EXT-X-PLAYLIST-TYPE", true, put_type},
	{"EXT-X-INDEPENDENT-SEGMENTS", true, NULL},
	{"EXT-X-ENDLIST", true, NULL},
	{"EXT-X-DISCONTINUITY", false, NULL},
	{"EXT-X-GAP", false, NULL},
	{"EXT-X-MAP", false, put_map},
	{"EXT-X-PROGRAM-DATE-TIME", false, put_date},
	{"EXTINF", false, put_duration},
	{"EXT-X-PART", false, put_part},
	{HINT, false, put_hint},
	{"EXT-X-DATERANGE", false, put_range},
	{"EXT-X-RENDITION-REPORT", false, put_report},
};

static void put_tag(struct parser *x, const char *line)
{
	size_t n = strcspn(line, ":");
	const char *value = line[n] ? line + n + 1 : "";

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		const struct tag *t = &tags[i];
		if (strlen(t->name) != n || strncmp(line, t->name, n) != 0)
			continue;
		if (t->once && (x->seen & 1u << i))
			fault(x->faults, "4.4 tag only once: %s", t->name);
		x->seen |= 1u << i;
		if (t->put)
			t->put(x, value);
		else if (strstr(t->name, "-SEQUENCE"))
			put_early(x, t->name, value);
		else
			put_flag(x, t->name);
		return;
	}
	fault(x->faults, "unknown tag: %s", line);
}

static void put_uri(struct parser *x, const char *line)
{
	struct hls_segment *s = add_segment(x->p);

	if (!x->has_duration)
		fault(x->faults, "4.4.4.1 EXTINF before each URI: %s", line);
	*s = x->next;
	s->uri = mem_strdup(line);
	s->map = mem_strdup(x->map);
	x->p->n_whole = x->p->n;
	x->next = (struct hls_segment){0};
	x->has_duration = false;
}

static void parse_lines(struct parser *x, const char *text)
{
	for (const char *end; *text; text = end + 1) {
		end = strchrnul(text, '\n');
		char *line = line_copy(text, (size_t)(end - text));
		if (line[0] == '#' && strncmp(line, "#EXT", 4) == 0)
			put_tag(x, line + 1);
		else if (line[0])
			put_uri(x, line);
		free(line);
		if (!*end)
			break;
	}
}

void hls_playlist_parse(struct hls_playlist *out, const char *text, struct buf *faults)
{
	struct parser x = {.p = out, .faults = faults};
	size_t len = strlen(text);

	*out = (struct hls_playlist){.text = mem_strdup(text)};
	if (strncmp(text, "#EXTM3U\n", 8) != 0) {
		fault(faults, "4.4.1.1 first line is EXTM3U");
		return;
	}
	if (strchr(text, '\r'))
		fault(faults, "4.1 lines end alike");
	if (text[len - 1] != '\n')
		fault(faults, "4.1 the last line is whole");
	parse_lines(&x, text + 8);
	if (x.next.n_parts > 0 || x.next.date_ms || x.next.discontinuity) {
		struct hls_segment *open = add_segment(out);
		*open = x.next;
		open->map = mem_strdup(x.map);
	}
	if (x.has_duration)
		fault(faults, "4.4.4.1 EXTINF without a URI");
	free(x.map);
}

void hls_playlist_finish(struct hls_playlist *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct hls_segment *s = &p->segments[i];
		for (size_t k = 0; k < s->n_parts; k++)
			free(s->parts[k].uri);
		free(s->parts);
		free(s->uri);
		free(s->map);
	}
	free(p->segments);
	free(p->hint);
	free(p->text);
	*p = (struct hls_playlist){0};
}

static uint64_t parts_us(const struct hls_segment *s)
{
	uint64_t us = 0;

	for (size_t i = 0; i < s->n_parts; i++)
		us += s->parts[i].duration_us;
	return us;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* A transport stream: it needs no init segment, and old players take it by its version. */
static bool is_ts(const struct hls_segment *s)
{
	const char *name = s->uri ? s->uri : s->n_parts ? s->parts[0].uri : "";
	size_t len = strcspn(name, "?");

	return len > 3 && strncmp(name + len - 3, ".ts", 3) == 0;
}

static void check_segments(const struct hls_playlist *p, struct buf *faults)
{
	for (size_t i = 0; i < p->n_whole; i++) {
		const struct hls_segment *s = &p->segments[i];
		const struct hls_segment *last = i ? s - 1 : NULL;
		if ((s->duration_us + 500000) / 1000000 > p->target_s)
			fault(faults, "4.4.3.1 %s lasts %" PRIu64 " us, target %" PRIu64 " s",
				s->uri, s->duration_us, p->target_s);
		if (s->duration_us == 0)
			fault(faults, "4.4.4.1 %s lasts nothing", s->uri);
		if (s->n_parts && distance(parts_us(s), s->duration_us) > 2000 + EPSILON_US)
			fault(faults, "parts of %s do not add up", s->uri);
		if (!s->map && !p->skip && !is_ts(s))
			fault(faults, "4.4.4.5 no EXT-X-MAP for %s", s->uri);
		if (!s->date_ms)
			fault(faults, "media.md: no EXT-X-PROGRAM-DATE-TIME at %s", s->uri);
		else if (last && last->date_ms && !s->discontinuity &&
			distance(s->date_ms, last->date_ms + last->duration_us / 1000) > 300)
			fault(faults, "date of %s does not follow", s->uri);
		if (s->map && is_ts(s))
			fault(faults, "4.4.4.5 EXT-X-MAP for %s", s->uri);
		if (last && last->map && s->map && strcmp(last->map, s->map) != 0 &&
			!s->discontinuity)
			fault(faults, "4.4.4.3 %s: codecs change without DISCONTINUITY", s->uri);
	}
}

static void check_parts(const struct hls_playlist *p, struct buf *faults)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct hls_segment *s = &p->segments[i];
		for (size_t k = 0; k < s->n_parts; k++) {
			const struct hls_part *part = &s->parts[k];
			bool last = s->uri && k + 1 == s->n_parts;
			if (part->duration_us > p->part_target_us + EPSILON_US)
				fault(faults, "4.4.4.9 %s lasts %" PRIu64 " us, over PART-TARGET",
					part->uri, part->duration_us);
			if (!last &&
				part->duration_us * 100 + EPSILON_US * 100 < p->part_target_us * 85)
				fault(faults, "4.4.4.9 %s lasts %" PRIu64 " us, under 85 %%",
					part->uri, part->duration_us);
		}
		if (p->independent && s->n_parts && !s->parts[0].independent)
			fault(faults, "4.4.2.1 %s is not INDEPENDENT", s->parts[0].uri);
	}
}

static void check_head(const struct hls_playlist *p, struct buf *faults)
{
	bool maps = p->n == 0 || !is_ts(&p->segments[0]);

	if (maps && p->version < 6)
		fault(faults, "7 EXT-X-MAP needs version 6");
	if (!maps && !p->skip && p->version != 3)
		fault(faults, "7 decimal EXTINF needs version 3, and nothing needs more");
	if (p->skip && p->version < 9)
		fault(faults, "7 EXT-X-SKIP needs version 9");
	if (!p->has_target)
		fault(faults, "4.4.3.1 EXT-X-TARGETDURATION is required");
}

void hls_check_live(const struct hls_playlist *p, struct buf *faults)
{
	check_head(p, faults);
	if (!p->has_parts_info || p->part_target_us == 0)
		fault(faults, "4.4.3.7 PART-INF is required with parts");
	if (!p->blocks)
		fault(faults, "B.1 CAN-BLOCK-RELOAD");
	if (p->part_hold_back_us + EPSILON_US < 3 * p->part_target_us)
		fault(faults, "4.4.3.8 PART-HOLD-BACK at least three part targets");
	if (p->hold_back_us && p->hold_back_us < 3 * p->target_s * 1000000)
		fault(faults, "4.4.3.8 HOLD-BACK at least three target durations");
	if (p->skip_until_us < 6 * p->target_s * 1000000)
		fault(faults, "4.4.3.8 CAN-SKIP-UNTIL at least six target durations");
	if (!p->ended && !p->hint)
		fault(faults, "B.1 a preload hint always");
	if (p->ended && (p->hint || p->n > p->n_whole))
		fault(faults, "nothing to come after the end");
	check_segments(p, faults);
	check_parts(p, faults);
}

void hls_check_vod(const struct hls_playlist *p, struct buf *faults)
{
	check_head(p, faults);
	if (!p->vod || !p->ended)
		fault(faults, "4.4.3.5 a VOD says so and ends");
	if (p->hint || p->blocks || p->has_parts_info || p->n > p->n_whole)
		fault(faults, "a VOD has nothing to wait for");
	check_segments(p, faults);
}

void hls_check_multivariant(const char *text, struct buf *faults)
{
	static const char *const needed[] = {"BANDWIDTH", "CODECS", "AVERAGE-BANDWIDTH"};
	const char *tag = strstr(text, "\n#EXT-X-STREAM-INF:");
	char *list, *values[3];

	if (strncmp(text, "#EXTM3U\n", 8) != 0)
		fault(faults, "4.4.1.1 first line is EXTM3U");
	if (!tag) {
		fault(faults, "4.4.6.2 no variant");
		return;
	}
	tag += strlen("\n#EXT-X-STREAM-INF:");
	list = line_copy(tag, strcspn(tag, "\n"));
	for (size_t i = 0; i < 3; i++) {
		values[i] = attribute(list, needed[i], faults);
		if (!values[i])
			fault(faults, "4.4.6.2 %s", needed[i]);
	}
	if (values[0] && values[2] && integer(values[0], faults) < integer(values[2], faults))
		fault(faults, "4.4.6.2 the peak is at least the average");
	for (size_t i = 0; i < 3; i++)
		free(values[i]);
	tag += strlen(list);
	if (tag[0] != '\n' || tag[1] == '\0' || tag[1] == '#')
		fault(faults, "4.4.6.2 a URI follows");
	free(list);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_same(
	const struct hls_segment *a, const struct hls_segment *b, bool maps, struct buf *faults)
{
	size_t n = a->n_parts < b->n_parts ? a->n_parts : b->n_parts;

	if (a->uri &&
		(!same_text(a->uri, b->uri) || a->duration_us != b->duration_us ||
			a->date_ms != b->date_ms || a->discontinuity != b->discontinuity ||
			(maps && !same_text(a->map, b->map))))
		fault(faults, "6.2.1 a segment may not change: %s", a->uri);
	for (size_t i = 0; i < n; i++) {
		if (!same_text(a->parts[i].uri, b->parts[i].uri) ||
			a->parts[i].duration_us != b->parts[i].duration_us ||
			a->parts[i].independent != b->parts[i].independent)
			fault(faults, "6.2.1 a part may not change: %s", a->parts[i].uri);
	}
	if (b->n_parts < a->n_parts && b->n_parts > 0)
		fault(faults, "6.2.2 parts go a segment at a time: %s", b->parts[0].uri);
}

void hls_check_delta(
	const struct hls_playlist *full, const struct hls_playlist *delta, struct buf *faults)
{
	if (full->sequence != delta->sequence || delta->skip + delta->n != full->n) {
		fault(faults, "6.2.5.1 a delta stands for the full playlist");
		return;
	}
	for (size_t i = 0; i < delta->n; i++)
		check_same(&full->segments[delta->skip + i], &delta->segments[i], false, faults);
	uint64_t kept = 0;
	for (size_t i = 0; i < delta->n; i++)
		kept += delta->segments[i].uri ? delta->segments[i].duration_us
					       : parts_us(&delta->segments[i]);
	if (kept + EPSILON_US < full->skip_until_us && delta->skip > 0)
		fault(faults, "4.4.5.2 only what is older than the skip boundary is left out");
	if (!same_text(full->hint, delta->hint) || full->ended != delta->ended)
		fault(faults, "6.2.5.1 a delta ends as the full playlist");
}

static void check_removed(
	const struct hls_playlist *from, const struct hls_playlist *to, struct buf *faults)
{
	uint64_t expected = from->discontinuity_sequence, gone = to->sequence - from->sequence;

	if (gone > from->n)
		return;
	for (size_t i = 0; i < gone; i++)
		expected += from->segments[i].discontinuity;
	if (to->discontinuity_sequence != expected)
		fault(faults, "6.2.2 DISCONTINUITY-SEQUENCE %" PRIu64 " where %" PRIu64 " is due",
			to->discontinuity_sequence, expected);
	for (size_t i = gone; i < from->n && i - gone < to->n; i++)
		check_same(&from->segments[i], &to->segments[i - gone], true, faults);
}

void hls_check_change(
	const struct hls_playlist *from, const struct hls_playlist *to, struct buf *faults)
{
	if (from->target_s != to->target_s)
		fault(faults, "4.4.3.1 the target duration must not change");
	if (from->part_target_us != to->part_target_us)
		fault(faults, "4.4.3.7 the part target must not change");
	if (to->independent && !from->independent)
		fault(faults, "4.4.2.1 INDEPENDENT-SEGMENTS cannot come back");
	/* A rendition that comes back begins anew, and can promise nothing any more. */
	bool anew = to->sequence >= from->sequence + from->n_whole;

	if (from->event != to->event && !(from->event && anew))
		fault(faults, "4.4.3.5 the type of a playlist does not change");
	if (from->event && to->event && to->sequence != from->sequence)
		fault(faults, "4.4.3.5 nothing is taken out of an EVENT");
	if (to->sequence < from->sequence) {
		fault(faults, "4.4.3.2 the media sequence never goes back");
		return;
	}
	if (to->sequence + to->n_whole < from->sequence + from->n_whole)
		fault(faults, "6.2.1 segments may not be taken from the end");
	if (from->ended && strcmp(from->text, to->text) != 0)
		fault(faults, "6.2.1 nothing changes after the end");
	check_removed(from, to, faults);
}
