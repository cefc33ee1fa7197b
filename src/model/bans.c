#include "model/bans.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

static const char *const kinds[] = {[BAN_ADDRESS] = "address", [BAN_USER] = "user"};

const char *ban_kind_text(enum ban_kind k)
{
	return kinds[k];
}

bool ban_kind_parse(const char *text, enum ban_kind *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (text_eq(text, kinds[i])) {
			*out = (enum ban_kind)i;
			return true;
		}
	}
	return false;
}

void ban_record_finish(struct ban_record *r)
{
	free(r->subject);
	free(r->reason);
	free(r->actor);
	*r = (struct ban_record){0};
}

void ban_record_copy(struct ban_record *out, const struct ban_record *r)
{
	*out = *r;
	out->subject = mem_strdup(r->subject);
	out->reason = mem_strdup(r->reason);
	out->actor = mem_strdup(r->actor);
}

void repo_ban_list_finish(struct repo_ban_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		ban_record_finish(&l->rows[i]);
	}
	free(l->rows);
	*l = (struct repo_ban_list){0};
}
