#include "model/chat.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const kind_texts[] = {[MUTE_WRITING] = "mute", [MUTE_BAN] = "ban"};

const char *mute_kind_text(enum mute_kind k)
{
	return kind_texts[k];
}

bool mute_kind_parse(const char *text, enum mute_kind *out)
{
	for (int k = MUTE_WRITING; k <= MUTE_BAN; k++) {
		if (strcmp(kind_texts[k], text) == 0) {
			*out = (enum mute_kind)k;
			return true;
		}
	}
	return false;
}

void chat_record_finish(struct chat_record *r)
{
	free(r->user_id);
	free(r->username);
	free(r->avatar);
	free(r->message);
	free(r->client_id);
	*r = (struct chat_record){0};
}

void chat_record_copy(struct chat_record *out, const struct chat_record *r)
{
	*out = *r;
	out->user_id = mem_strdup(r->user_id);
	out->username = mem_strdup(r->username);
	out->avatar = mem_strdup(r->avatar);
	out->message = mem_strdup(r->message);
	out->client_id = mem_strdup(r->client_id);
}

void repo_chat_page_finish(struct repo_chat_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		chat_record_finish(&p->rows[i]);
	}
	free(p->rows);
	free(p->next_cursor);
	*p = (struct repo_chat_page){0};
}

void repo_chat_news_finish(struct repo_chat_news *n)
{
	for (size_t i = 0; i < n->n; i++) {
		chat_record_finish(&n->rows[i]);
	}
	free(n->rows);
	free(n->deleted);
	*n = (struct repo_chat_news){0};
}

void mute_record_finish(struct mute_record *r)
{
	free(r->user_id);
	free(r->moderator_id);
	*r = (struct mute_record){0};
}

void repo_mute_list_finish(struct repo_mute_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		mute_record_finish(&l->rows[i]);
	}
	free(l->rows);
	*l = (struct repo_mute_list){0};
}
