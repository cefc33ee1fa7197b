#include "people.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "stmt.h"

/* How many users a page looks at, so that no read takes long. */
#define WINDOW 500

char *people_cursor_text(const char *id)
{
	size_t len = strlen(id);
	char *out = mem_alloc(text_base64url_size(len));
	text_base64url(out, id, len);
	return out;
}

char *people_cursor_parse(const char *cursor)
{
	char id[4 * USER_ID_MAX + 1];
	size_t len;
	if (cursor == NULL) {
		return mem_strdup("");
	}
	if (!text_unbase64url(cursor, strlen(cursor), id, sizeof(id) - 1, &len) || len == 0 ||
		memchr(id, '\0', len) != NULL || !text_utf8_valid(id, len)) {
		return NULL;
	}
	return mem_strndup(id, len);
}

void people_read_user(struct stmt *s, struct user_record *out)
{
	out->id = stmt_col_text(s);
	out->name = stmt_col_text(s);
	out->avatar = stmt_col_text(s);
	out->neighborhood = stmt_col_text(s);
	out->roles = stmt_col_u32(s);
	out->created_at = stmt_col_uint(s);
	out->updated_at = stmt_col_uint(s);
}

enum repo_result people_read_users(struct stmt *s, unsigned limit, struct repo_user_page *out)
{
	out->rows = mem_alloc(limit * sizeof(*out->rows));
	while (stmt_step(s)) {
		if (out->n == limit) {
			out->next_cursor = people_cursor_text(out->rows[limit - 1].id);
			break;
		}
		people_read_user(s, &out->rows[out->n++]);
	}
	if (!stmt_end(s)) {
		repo_user_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

/* The first column says whether a row passes; the page ends where it is full or the window is. */
static void fill(struct stmt *s, unsigned limit, struct repo_user_page *out)
{
	char *last = NULL;
	out->rows = mem_alloc(limit * sizeof(*out->rows));
	for (unsigned seen = 0; stmt_step(s); seen++) {
		struct user_record row;
		if (out->n == limit || seen == WINDOW) {
			out->next_cursor = people_cursor_text(last);
			break;
		}
		bool passes = stmt_col_bool(s);
		people_read_user(s, &row);
		free(last);
		last = mem_strdup(row.id);
		if (passes) {
			out->rows[out->n++] = row;
		} else {
			user_record_finish(&row);
		}
	}
	free(last);
}

enum repo_result people_user_list(void *impl, const char *text, unsigned role, unsigned limit,
	const char *cursor, struct repo_user_page *out)
{
	*out = (struct repo_user_page){0};
	char *after = people_cursor_parse(cursor);
	if (after == NULL) {
		return REPO_NOT_FOUND;
	}
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT (?1 IS NULL OR instr(lower(u.id), lower(?1)) > 0"
		" OR instr(lower(coalesce(u.name, '')), lower(?1)) > 0)"
		" AND (?2 = 0 OR u.roles & ?2), " PEOPLE_USER_COLUMNS
		" FROM users u WHERE u.id > ?3 ORDER BY u.id");
	stmt_text(&s, text);
	stmt_uint(&s, role);
	stmt_text(&s, after);
	fill(&s, limit, out);
	bool ok = stmt_end(&s);
	free(after);
	if (!ok) {
		repo_user_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

const struct repo_people_ops people_ops = {
	.user_list = people_user_list,
	.follow = follows_put,
	.unfollow = follows_delete,
	.is_following = follows_is_following,
	.follow_counts = follows_counts,
	.followers = follows_followers,
	.following = follows_following,
	.following_ids = follows_following_ids,
	.follow_watch = follows_watch,
	.seen_get = seen_get,
	.seen_put = seen_put,
	.neighborhood_get = neighborhoods_get,
	.neighborhood_list = neighborhoods_list,
	.neighborhood_put = neighborhoods_put,
	.neighborhood_delete = neighborhoods_delete,
	.are_near = neighborhoods_are_near,
	.notification_list = notifications_list,
	.notification_unread = notifications_unread,
	.notification_read = notifications_read,
	.notification_watch = notifications_watch,
	.device_put = devices_put,
	.device_delete = devices_delete,
	.device_remove = devices_remove,
	.device_list = devices_list,
};
