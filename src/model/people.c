#include "model/people.h"

#include <stdlib.h>
#include <string.h>

static const char *const platform_texts[] = {
	[DEVICE_ANDROID] = "android",
	[DEVICE_IOS] = "ios",
	[DEVICE_WEB] = "web",
};

const char *device_platform_text(enum device_platform p)
{
	return platform_texts[p];
}

bool device_platform_parse(const char *text, enum device_platform *out)
{
	for (size_t i = 0; i < sizeof(platform_texts) / sizeof(platform_texts[0]); i++) {
		if (strcmp(platform_texts[i], text) == 0) {
			*out = (enum device_platform)i;
			return true;
		}
	}
	return false;
}

void neighborhood_record_finish(struct neighborhood_record *r)
{
	free(r->id);
	free(r->name);
	*r = (struct neighborhood_record){0};
}

void notification_record_finish(struct notification_record *r)
{
	free(r->user_id);
	free(r->type);
	free(r->title);
	free(r->body);
	*r = (struct notification_record){0};
}

void device_record_finish(struct device_record *r)
{
	free(r->user_id);
	free(r->token);
	*r = (struct device_record){0};
}

void repo_user_page_finish(struct repo_user_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		user_record_finish(&p->rows[i]);
	}
	free(p->rows);
	free(p->next_cursor);
	*p = (struct repo_user_page){0};
}

void repo_neighborhood_page_finish(struct repo_neighborhood_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		neighborhood_record_finish(&p->rows[i]);
	}
	free(p->rows);
	free(p->next_cursor);
	*p = (struct repo_neighborhood_page){0};
}

void repo_notification_page_finish(struct repo_notification_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		notification_record_finish(&p->rows[i]);
	}
	free(p->rows);
	free(p->next_cursor);
	*p = (struct repo_notification_page){0};
}

void repo_device_list_finish(struct repo_device_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		device_record_finish(&l->rows[i]);
	}
	free(l->rows);
	*l = (struct repo_device_list){0};
}

void repo_id_list_finish(struct repo_id_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->ids[i]);
	}
	free(l->ids);
	*l = (struct repo_id_list){0};
}
