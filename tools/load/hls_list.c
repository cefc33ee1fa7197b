#include "hls_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* The value of NAME="…" or NAME=… in an attribute list; NULL if it is not there. */
static char *attribute(const char *list, const char *name)
{
	size_t n = strlen(name);
	while (*list) {
		const char *value = strchr(list, '=');
		if (!value)
			return NULL;
		bool found = (size_t)(value - list) == n && memcmp(list, name, n) == 0;
		value++;
		bool quoted = *value == '"';
		value += quoted;
		size_t len = strcspn(value, quoted ? "\"" : ",");
		if (found)
			return mem_strndup(value, len);
		list = value + len;
		list += quoted && *list == '"';
		list += *list == ',';
	}
	return NULL;
}

static void item_add(struct hls_list *l, char *uri, uint64_t msn, int part)
{
	if ((l->n_items & (l->n_items - 1)) == 0)
		l->items = mem_realloc(
			l->items, (l->n_items ? l->n_items * 2 : 1) * sizeof(*l->items));
	l->items[l->n_items++] = (struct hls_item){.uri = uri, .msn = msn, .part = part};
}

static bool attribute_is(const char *list, const char *name, const char *value)
{
	char *got = attribute(list, name);
	bool is = text_eq(got, value);
	free(got);
	return is;
}

static void text_replace(char **slot, char *value)
{
	free(*slot);
	*slot = value;
}

static const char *tag_value(const char *line, const char *tag)
{
	return text_starts(line, tag) ? line + strlen(tag) : NULL;
}

static void tag_take(struct hls_list *l, const char *line)
{
	const char *v;
	uint64_t n;
	if ((v = tag_value(line, "#EXT-X-MEDIA-SEQUENCE:")) && text_u64(v, 0, INT64_MAX, &n))
		l->next_msn = n;
	else if ((v = tag_value(line, "#EXT-X-TARGETDURATION:")) && text_u64(v, 0, 86400, &n))
		l->target_us = n * 1000000;
	else if ((v = tag_value(line, "#EXT-X-SERVER-CONTROL:")))
		l->can_block = attribute_is(v, "CAN-BLOCK-RELOAD", "YES");
	else if ((v = tag_value(line, "#EXT-X-MAP:")))
		text_replace(&l->map, attribute(v, "URI"));
	else if ((v = tag_value(line, "#EXT-X-PRELOAD-HINT:")) && attribute_is(v, "TYPE", "PART"))
		text_replace(&l->hint, attribute(v, "URI"));
	else if ((v = tag_value(line, "#EXT-X-SKIP:"))) {
		char *skipped = attribute(v, "SKIPPED-SEGMENTS");
		if (skipped && text_u64(skipped, 0, INT32_MAX, &n))
			l->next_msn += n;
		free(skipped);
	} else if ((v = tag_value(line, "#EXT-X-PART:"))) {
		char *uri = attribute(v, "URI");
		l->has_parts = true;
		if (uri)
			item_add(l, uri, l->next_msn, l->next_part++);
	} else if (text_starts(line, "#EXT-X-ENDLIST"))
		l->ended = true;
}

bool hls_list_parse(struct hls_list *l, const char *text, size_t len)
{
	*l = (struct hls_list){0};
	bool variant = false;
	char *copy = mem_strndup(text, len), *rest = copy, *line = strsep(&rest, "\n");
	bool ok = line && text_starts(line, "#EXTM3U");
	while (ok && (line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (text_starts(line, "#EXT-X-STREAM-INF:")) {
			variant = true;
		} else if (line[0] == '#') {
			tag_take(l, line);
		} else if (line[0] && variant) {
			if (!l->variant)
				l->variant = mem_strdup(line);
		} else if (line[0]) {
			item_add(l, mem_strdup(line), l->next_msn++, -1);
			l->next_part = 0;
		}
	}
	free(copy);
	return ok;
}

void hls_list_finish(struct hls_list *l)
{
	for (size_t i = 0; i < l->n_items; i++)
		free(l->items[i].uri);
	free(l->items);
	free(l->variant);
	free(l->map);
	free(l->hint);
	*l = (struct hls_list){0};
}

bool hls_resolve(const char *base, const char *uri, char *out, size_t size)
{
	const char *scheme = strstr(uri, "://");
	if (scheme)
		uri = strchrnul(scheme + 3, '/');
	if (*uri == '/' || scheme)
		return text_copy(out, size, *uri ? uri : "/");
	size_t dir = strcspn(base, "?");
	while (dir > 0 && base[dir - 1] != '/')
		dir--;
	int n = snprintf(out, size, "%.*s%s", (int)dir, base, uri);
	return n >= 0 && (size_t)n < size;
}
