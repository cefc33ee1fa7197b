#include "journal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libavutil/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

enum { FLAG_DISCONTINUITY = 1, FLAG_INDEPENDENT = 2, FLAG_KEEP = 4, FLAG_MPEGTS = 8 };

static uint32_t line_crc(const void *data, size_t len)
{
	return av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), 0, data, len);
}

static void put_line(struct buf *out, struct buf *line)
{
	buf_printf(out, "%08" PRIx32 " ", line_crc(line->data, line->len));
	buf_put(out, line->data, line->len);
	buf_put_u8(out, '\n');
	buf_finish(line);
}

/* "-" stands for no text, so that fields never vanish. */
static void put_text(struct buf *out, const char *s)
{
	buf_put_u8(out, ' ');
	if (!s || !*s)
		buf_put_u8(out, '-');
	for (; s && *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("._:", *s))
			buf_put_u8(out, (uint8_t)*s);
		else
			buf_printf(out, "%%%02x", (unsigned char)*s);
	}
}

void journal_put_init(struct buf *out, const struct journal_init *init)
{
	struct buf line = {0};

	buf_printf(&line, "I %u %u %" PRIu64, init->rendition, init->number, init->bytes);
	put_text(&line, init->description.video);
	put_text(&line, init->description.audio);
	buf_printf(&line, " %u %u %u", init->description.width, init->description.height,
		init->description.channels);
	put_line(out, &line);
}

void journal_put_segment(struct buf *out, const struct recording_entry *e)
{
	struct buf line = {0};
	unsigned flags = (e->discontinuity ? FLAG_DISCONTINUITY : 0u) |
		(e->independent ? FLAG_INDEPENDENT : 0u) | (e->keep ? FLAG_KEEP : 0u) |
		(e->container == MEDIA_CONTAINER_MPEGTS ? FLAG_MPEGTS : 0u);

	buf_printf(&line,
		"S %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %u %" PRIu64
		" %" PRIu64,
		e->rendition, e->sequence, e->start_us, e->duration_us, e->wall_ms, e->bytes,
		e->init, flags, e->target_us, e->part_target_us);
	put_line(out, &line);
}

void journal_put_range(struct buf *out, const struct media_daterange *r)
{
	struct buf line = {0};

	buf_printf(&line, "D %" PRIu64 " %" PRIu64 " %d", r->wall_ms, r->duration_ms,
		r->end_on_next ? 1 : 0);
	put_text(&line, r->id);
	put_text(&line, r->class_name);
	put_text(&line, r->attributes);
	put_line(out, &line);
}

static char *get_text(const char *s)
{
	char *out, *to;

	if (strcmp(s, "-") == 0)
		return NULL;
	out = to = mem_strdup(s);
	for (; *s; s++) {
		unsigned byte;
		if (*s == '%' && sscanf(s + 1, "%2x", &byte) == 1 && s[1] && s[2]) {
			*to++ = (char)byte;
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return out;
}

static void copy_text(char *out, size_t size, const char *s)
{
	char *text = get_text(s);

	text_copy(out, size, text ? text : "");
	free(text);
}

/* Makes room for one more element in an array that doubles at each power of two. */
static void *grown(void *array, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? mem_realloc(array, (n ? n * 2 : 1) * size) : array;
}

static void parse_init(struct journal *j, const char *line)
{
	struct journal_init init = {0};
	struct media_description *d = &init.description;
	char video[3 * sizeof(d->video)] = "-", audio[3 * sizeof(d->audio)] = "-";

	/* Earlier versions wrote no description. */
	if (sscanf(line, "I %u %u %" SCNu64 " %143s %143s %u %u %u", &init.rendition, &init.number,
		    &init.bytes, video, audio, &d->width, &d->height, &d->channels) < 3)
		return;
	copy_text(d->video, sizeof(d->video), video);
	copy_text(d->audio, sizeof(d->audio), audio);
	j->inits = grown(j->inits, j->n_inits, sizeof(*j->inits));
	j->inits[j->n_inits++] = init;
}

static void parse_segment(struct journal *j, const char *line)
{
	struct recording_entry e;
	unsigned flags;

	if (sscanf(line,
		    "S %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		    " %u %u %" SCNu64 " %" SCNu64,
		    &e.rendition, &e.sequence, &e.start_us, &e.duration_us, &e.wall_ms, &e.bytes,
		    &e.init, &flags, &e.target_us, &e.part_target_us) != 10)
		return;
	e.discontinuity = flags & FLAG_DISCONTINUITY;
	e.independent = flags & FLAG_INDEPENDENT;
	e.keep = flags & FLAG_KEEP;
	e.container = flags & FLAG_MPEGTS ? MEDIA_CONTAINER_MPEGTS : MEDIA_CONTAINER_CMAF;
	j->entries = grown(j->entries, j->n_entries, sizeof(*j->entries));
	j->entries[j->n_entries++] = e;
}

static void parse_range(struct journal *j, char *line)
{
	struct media_daterange r = {0};
	char *fields[7], *rest = NULL;
	size_t n = 0;

	for (char *f = strtok_r(line, " ", &rest); f && n < 7; f = strtok_r(NULL, " ", &rest))
		fields[n++] = f;
	if (n != 7)
		return;
	r.wall_ms = strtoull(fields[1], NULL, 10);
	r.duration_ms = strtoull(fields[2], NULL, 10);
	r.end_on_next = strcmp(fields[3], "1") == 0;
	r.id = get_text(fields[4]);
	r.class_name = get_text(fields[5]);
	r.attributes = get_text(fields[6]);
	j->ranges = grown(j->ranges, j->n_ranges, sizeof(*j->ranges));
	j->ranges[j->n_ranges++] = r;
}

static void parse_line(struct journal *j, const char *line, size_t len)
{
	char *end, *copy;
	unsigned long crc;

	/* After a power cut the end may be zeros. */
	if (len < 10 || line[8] != ' ' || memchr(line, '\0', len))
		return;
	copy = mem_strndup(line, len);
	crc = strtoul(copy, &end, 16);
	if (end == copy + 8 && crc == line_crc(copy + 9, len - 9)) {
		switch (copy[9]) {
		case 'I':
			parse_init(j, copy + 9);
			break;
		case 'S':
			parse_segment(j, copy + 9);
			break;
		case 'D':
			parse_range(j, copy + 9);
			break;
		}
	}
	free(copy);
}

void journal_parse(struct journal *j, const char *text, size_t len)
{
	const char *end = text + len, *newline;

	for (; (newline = memchr(text, '\n', (size_t)(end - text))); text = newline + 1)
		parse_line(j, text, (size_t)(newline - text));
}

static bool read_whole(int fd, struct buf *out)
{
	ssize_t n;

	while ((n = read(fd, buf_reserve(out, 65536), 65536)) != 0) {
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			out->len += (size_t)n;
	}
	return true;
}

bool journal_load(struct journal *j, const char *dir)
{
	char *path = mem_printf("%s/journal", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf text = {0};
	bool ok = fd >= 0 && read_whole(fd, &text);

	*j = (struct journal){0};
	if (ok && text.len)
		journal_parse(j, (const char *)text.data, text.len);
	if (fd >= 0)
		close(fd);
	buf_finish(&text);
	free(path);
	return ok;
}

void journal_finish(struct journal *j)
{
	for (size_t i = 0; i < j->n_ranges; i++) {
		free((char *)j->ranges[i].id);
		free((char *)j->ranges[i].class_name);
		free((char *)j->ranges[i].attributes);
	}
	free(j->entries);
	free(j->inits);
	free(j->ranges);
	*j = (struct journal){0};
}

void journal_describe(const struct journal *j, unsigned rendition, struct media_description *out)
{
	*out = (struct media_description){0};
	for (size_t i = j->n_inits; i-- > 0;) {
		if (j->inits[i].rendition == rendition) {
			*out = j->inits[i].description;
			return;
		}
	}
}

static bool file_has_size(char *path, uint64_t bytes)
{
	struct stat st;
	bool ok = stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes;

	free(path);
	return ok;
}

bool journal_has_init(const struct journal *j, const char *dir, unsigned rendition, unsigned number)
{
	/* The newest line of a number holds: one may have been written again. */
	for (size_t i = j->n_inits; i-- > 0;) {
		const struct journal_init *init = &j->inits[i];
		if (init->rendition == rendition && init->number == number)
			return file_has_size(
				mem_printf("%s/init_%u_%u.mp4", dir, rendition, number),
				init->bytes);
	}
	return false;
}

char *journal_segment_path(const char *dir, const struct recording_entry *e)
{
	return mem_printf("%s/seg_%u_%" PRIu64 ".%s", dir, e->rendition, e->sequence,
		media_container_suffix(e->container));
}

bool journal_has_segment(const char *dir, const struct recording_entry *e)
{
	return file_has_size(journal_segment_path(dir, e), e->bytes);
}
