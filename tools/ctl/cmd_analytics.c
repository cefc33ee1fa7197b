#include <stdlib.h>
#include <unistd.h>

#include "call.h"
#include "client.h"
#include "output.h"
#include "screen.h"

#define VIEWERS_PAGE 100

static const struct field figures[] = {
	{"Duration", "basicStats.duration", FIELD_SECONDS},
	{"Viewers now", "basicStats.currentViewers", FIELD_COUNT},
	{"  at most", "basicStats.peakViewers", FIELD_COUNT},
	{"  in all", "basicStats.uniqueViewers", FIELD_COUNT},
	{"Watch time", "basicStats.totalWatchTime", FIELD_SECONDS},
	{"  on average", "basicStats.averageWatchTime", FIELD_SECONDS},
	{"Likes", "engagement.totalLikes", FIELD_COUNT},
	{"Chat messages", "engagement.chatMessages", FIELD_COUNT},
	{"  writers", "engagement.chatters", FIELD_COUNT},
	{"Bit rate", "ingest.bitrate", FIELD_RATE},
	{"Frame rate", "ingest.fps", FIELD_FRACTION},
	{"Codecs", "ingest.codecs"},
	{"Interruptions", "ingest.interruptions", FIELD_COUNT},
	{"Dropped samples", "ingest.droppedSamples", FIELD_COUNT},
};

static const struct field products[] = {
	{"PRODUCT", "productId"},
	{"NAME", "name", FIELD_FLEXIBLE},
	{"VIEWS", "views", FIELD_COUNT},
	{"CLICKS", "clicks", FIELD_COUNT},
	{"INQUIRIES", "inquiries", FIELD_COUNT},
	{"SOLD", "purchases", FIELD_COUNT},
	{"REVENUE", "revenue", FIELD_COUNT},
};

static const struct field revenue[] = {
	{"REVENUE (minor units)", "total", FIELD_COUNT},
	{"CURRENCY", "currency"},
	{"ORDERS", "orders", FIELD_COUNT},
};

static const struct field geography[] = {
	{"NEIGHBORHOOD", "neighborhood"}, {"VIEWERS", "viewers", FIELD_COUNT}};

static const struct field timeline[] = {
	{"AT", "at", FIELD_TIME},
	{"VIEWERS", "viewers", FIELD_COUNT},
	{"CHAT", "chat", FIELD_COUNT},
	{"REACTIONS", "reactions", FIELD_COUNT},
};

static void print_table(struct ctl *c, const json_t *answer, const char *member,
	const struct field *fields, size_t n)
{
	json_t *list = json_object_get(answer, member);
	if (json_array_size(list) > 0) {
		putchar('\n');
		output_list(c, json_incref(list), fields, n);
	}
}

/* {"❤": 3, …} */
static void print_reactions(const json_t *counts)
{
	const char *emoji;
	const json_t *count;
	bool first = true;
	json_object_foreach((json_t *)(uintptr_t)counts, emoji, count)
	{
		printf("%s%s %lld", first ? "\nReactions  " : "  ", emoji,
			(long long)json_integer_value(count));
		first = false;
	}
	if (!first) {
		putchar('\n');
	}
}

enum ctl_exit streams_analytics_run(struct ctl *c)
{
	json_t *answer;
	char *path = client_path("/api/v1/streams/{0}/analytics", c->args.operands, 1);
	enum ctl_exit result =
		path != NULL ? client_call(c, "GET", path, NULL, &answer) : CTL_FAILED;
	free(path);
	if (result != CTL_OK) {
		return result;
	}
	output_object(c, json_incref(answer), figures, OUTPUT_COUNT(figures));
	if (!c->json) {
		print_reactions(field_member(answer, "engagement.reactions"));
		print_table(c, field_member(answer, "revenue"), "byCurrency", revenue,
			OUTPUT_COUNT(revenue));
		print_table(c, answer, "products", products, OUTPUT_COUNT(products));
		print_table(c, answer, "geography", geography, OUTPUT_COUNT(geography));
		if (args_has(&c->args, "timeline")) {
			print_table(c, answer, "timeline", timeline, OUTPUT_COUNT(timeline));
		}
	}
	json_decref(answer);
	return CTL_OK;
}

/* Viewers */

static const struct field viewer_fields[] = {
	{"USER", "userId"},
	{"NAME", "username", FIELD_FLEXIBLE},
	{"NEIGHBORHOOD", "neighborhood"},
	{"JOINED", "joinedAt", FIELD_TIME},
	{"WATCHED", "watchTime", FIELD_SECONDS},
	{"GUEST", "guest", FIELD_YES},
};

/* One page more into *whole, whose "viewers" grows; its nextCursor is that of the page. */
static enum ctl_exit take_viewers(struct ctl *c, const char *base, size_t limit, json_t **whole)
{
	struct buf path = {0};
	json_t *page;
	char count[24];
	size_t have = json_array_size(json_object_get(*whole, "viewers"));
	snprintf(count, sizeof(count), "%zu",
		limit > 0 && limit - have < VIEWERS_PAGE ? limit - have : VIEWERS_PAGE);
	buf_put_str(&path, base);
	client_query(&path, "limit", count);
	if (*whole != NULL) {
		client_query(&path, "cursor", field_string(*whole, "nextCursor"));
	}
	enum ctl_exit result = client_call(c, "GET", buf_text(&path), NULL, &page);
	buf_finish(&path);
	if (result != CTL_OK || *whole == NULL) {
		*whole = result == CTL_OK ? page : *whole;
		return result;
	}
	json_array_extend(json_object_get(*whole, "viewers"), json_object_get(page, "viewers"));
	json_object_set(*whole, "nextCursor", json_object_get(page, "nextCursor"));
	json_decref(page);
	return CTL_OK;
}

static bool more_viewers(const json_t *whole, size_t limit)
{
	return field_string(whole, "nextCursor")[0] != '\0' &&
		(limit == 0 || json_array_size(json_object_get(whole, "viewers")) < limit);
}

static void print_viewers(struct ctl *c, json_t *whole)
{
	json_t *viewers = json_object_get(whole, "viewers");
	if (c->json) {
		ctl_print_json(whole);
	} else {
		printf("%.0f watch now.\n", field_number(whole, "count"));
		if (json_array_size(viewers) > 0) {
			putchar('\n');
			output_list(c, json_incref(viewers), viewer_fields,
				OUTPUT_COUNT(viewer_fields));
		}
	}
	json_decref(whole);
}

/* All pages, or as many as --limit asks for. */
static enum ctl_exit fetch_viewers(struct ctl *c, json_t **out)
{
	json_t *whole = NULL;
	size_t limit = 0;
	char *path = client_path("/api/v1/streams/{0}/viewers", c->args.operands, 1);
	enum ctl_exit result = CTL_FAILED;
	if (path != NULL && call_limit(c, &limit)) {
		/* A screen has no room for thousands. */
		limit = limit == 0 && args_has(&c->args, "watch") ? VIEWERS_PAGE : limit;
		do {
			result = take_viewers(c, path, limit, &whole);
		} while (result == CTL_OK && more_viewers(whole, limit));
	}
	free(path);
	if (result == CTL_OK) {
		*out = whole;
	} else {
		json_decref(whole);
	}
	return result;
}

static void describe_viewers(const json_t *whole, struct buf *head, struct buf *body)
{
	const json_t *viewers = json_object_get(whole, "viewers");
	buf_printf(head, "%.0f watch now", field_number(whole, "count"));
	if (json_array_size(viewers) > 0) {
		struct table *table =
			output_make_table(viewers, viewer_fields, OUTPUT_COUNT(viewer_fields));
		table_write(table, output_width(), body);
		table_destroy(&table);
	}
}

enum ctl_exit viewers_run(struct ctl *c)
{
	static const struct screen screen = {.fetch = fetch_viewers, .describe = describe_viewers};
	json_t *whole = NULL;
	size_t limit;
	uint64_t interval_us;
	if (!call_limit(c, &limit) || !screen_interval(c, &interval_us)) {
		return CTL_USAGE;
	}
	enum ctl_exit result = fetch_viewers(c, &whole);
	if (result != CTL_OK) {
		return result;
	}
	if (args_has(&c->args, "watch") && !c->json && isatty(STDOUT_FILENO)) {
		screen_run(c, &screen, whole, interval_us);
	} else {
		print_viewers(c, whole);
	}
	return CTL_OK;
}
