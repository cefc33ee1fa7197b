#include "model/sales.h"

#include <stdlib.h>
#include <string.h>

static const char *const events[] = {
	[PRODUCT_VIEW] = "view",
	[PRODUCT_CLICK] = "click",
	[PRODUCT_INQUIRY] = "inquiry",
	[PRODUCT_PURCHASE] = "purchase",
};

const char *product_event_text(enum product_event e)
{
	return events[e];
}

bool product_event_parse(const char *text, enum product_event *out)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (strcmp(events[i], text) == 0) {
			*out = (enum product_event)i;
			return true;
		}
	}
	return false;
}

void relay_record_finish(struct relay_record *r)
{
	free(r->url);
	*r = (struct relay_record){0};
}
