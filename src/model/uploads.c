#include "model/uploads.h"

#include <stdlib.h>

#include "base/text.h"

static const char *const states[] = {
	[UPLOAD_WAITING] = "waiting",
	[UPLOAD_STORED] = "stored",
	[UPLOAD_REMOVING] = "removing",
	[UPLOAD_KEPT] = "kept",
};

const char *upload_state_text(enum upload_state s)
{
	return states[s];
}

bool upload_state_parse(const char *text, enum upload_state *out)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (text_eq(text, states[i])) {
			*out = (enum upload_state)i;
			return true;
		}
	}
	return false;
}

void upload_record_finish(struct upload_record *r)
{
	free(r->bucket);
	free(r->prefix);
	free(r->url);
	free(r->last_error);
	*r = (struct upload_record){0};
}
