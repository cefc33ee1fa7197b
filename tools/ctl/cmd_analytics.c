#include <stdlib.h>

#include "call.h"
#include "client.h"
#include "output.h"

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

static void print_revenue(const json_t *revenue)
{
	const char *currency = field_string(revenue, "currency");
	if (field_number(revenue, "orders") > 0) {
		printf("\nRevenue    %.0f minor units of %s, %.0f orders\n",
			field_number(revenue, "total"), currency[0] != '\0' ? currency : "?",
			field_number(revenue, "orders"));
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
		print_revenue(field_member(answer, "revenue"));
		print_table(c, answer, "products", products, OUTPUT_COUNT(products));
		print_table(c, answer, "geography", geography, OUTPUT_COUNT(geography));
		if (args_has(&c->args, "timeline")) {
			print_table(c, answer, "timeline", timeline, OUTPUT_COUNT(timeline));
		}
	}
	json_decref(answer);
	return CTL_OK;
}
