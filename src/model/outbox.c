#include "model/outbox.h"

#include <stdlib.h>

#include "base/text.h"

static const char *const kinds[] = {[OUTBOX_WEBHOOK] = "webhook", [OUTBOX_PUSH] = "push"};

const char *outbox_kind_text(enum outbox_kind k)
{
	return kinds[k];
}

bool outbox_kind_parse(const char *text, enum outbox_kind *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (text_eq(text, kinds[i])) {
			*out = (enum outbox_kind)i;
			return true;
		}
	}
	return false;
}

void outbox_record_finish(struct outbox_record *r)
{
	free(r->event);
	free(r->target);
	free(r->payload);
	free(r->last_error);
	*r = (struct outbox_record){0};
}

void outbox_list_finish(struct outbox_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		outbox_record_finish(&l->rows[i]);
	}
	free(l->rows);
	*l = (struct outbox_list){0};
}
