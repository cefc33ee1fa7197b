#include <unistd.h>

#include "client.h"
#include "output.h"
#include "screen.h"

static const struct field top_fields[] = {
	{"STREAM", "streamId"},
	{"TITLE", "title", FIELD_FLEXIBLE},
	{"STATE", "state"},
	{"ON AIR", "duration", FIELD_SECONDS},
	{"RATE", "ingest.bitrate", FIELD_RATE},
	{"FPS", "ingest.frameRate", FIELD_FRACTION},
	{"PICTURE", "ingest", FIELD_PICTURE},
	{"HEALTH", "ingest.health.status"},
	{"VIEWERS", "currentViewers", FIELD_COUNT},
	{"DROPS", "ingest.droppedSamples", FIELD_COUNT},
	{"CUTS", "ingest.interruptions", FIELD_COUNT},
};

static enum ctl_exit fetch(struct ctl *c, json_t **list)
{
	return client_call(c, "GET", "/api/v1/admin/streams", NULL, list);
}

static void describe(const json_t *list, struct buf *head, struct buf *body)
{
	double rate_sum = 0, viewers = 0;
	size_t row;
	const json_t *stream;
	char rate[FIGURE_SIZE];
	json_array_foreach(list, row, stream)
	{
		rate_sum += field_number(stream, "ingest.bitrate");
		viewers += field_number(stream, "currentViewers");
	}
	figure_rate(rate, (uint64_t)rate_sum);
	buf_printf(head, "%zu live   %s   %.0f viewers", json_array_size(list), rate, viewers);
	struct table *table = output_make_table(list, top_fields, OUTPUT_COUNT(top_fields));
	table_write(table, output_width(), body);
	table_destroy(&table);
}

enum ctl_exit streams_top_run(struct ctl *c)
{
	static const struct screen screen = {.fetch = fetch, .describe = describe};
	uint64_t interval_us;
	json_t *list;
	if (!screen_interval(c, &interval_us)) {
		return CTL_USAGE;
	}
	enum ctl_exit result = fetch(c, &list);
	if (result != CTL_OK) {
		return result;
	}
	if (c->json || args_has(&c->args, "once") || !isatty(STDOUT_FILENO)) {
		output_list(c, list, top_fields, OUTPUT_COUNT(top_fields));
	} else {
		screen_run(c, &screen, list, interval_us);
	}
	return CTL_OK;
}
