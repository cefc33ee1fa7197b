#pragma once

#include "model/people.h"
#include "stmt.h"
#include "store_private.h"

/* The table families of people; see model/people.h. One file each. */

enum repo_result people_user_list(void *impl, const char *text, unsigned role, unsigned limit,
	const char *cursor, struct repo_user_page *out);
/* A cursor is an id; heap, or NULL if it is none of ours. cursor NULL: "", before every id. */
char *people_cursor_parse(const char *cursor);
char *people_cursor_text(const char *id);
/* Columns of a user in the order that people_read_user takes them. */
#define PEOPLE_USER_COLUMNS \
	"u.id, u.name, u.avatar, u.neighborhood, u.roles, u.created_at, u.updated_at"
void people_read_user(struct stmt *s, struct user_record *out);
/* Reads a SELECT of user columns to its end, of one row more than a page has. */
enum repo_result people_read_users(struct stmt *s, unsigned limit, struct repo_user_page *out);

void follows_put(
	void *impl, const char *follower, const char *followed, repo_done done, void *user);
void follows_delete(
	void *impl, const char *follower, const char *followed, repo_done done, void *user);
enum repo_result follows_is_following(void *impl, const char *follower, const char *followed);
enum repo_result follows_counts(
	void *impl, const char *id, uint32_t *followers, uint32_t *following);
enum repo_result follows_followers(
	void *impl, const char *id, unsigned limit, const char *cursor, struct repo_user_page *out);
enum repo_result follows_following(
	void *impl, const char *id, unsigned limit, const char *cursor, struct repo_user_page *out);

enum repo_result follows_following_ids(
	void *impl, const char *id, unsigned limit, struct repo_id_list *out);
void follows_watch(void *impl, follow_watcher fn, void *user);

/* Whom the loop has for follows. A write that is under way holds it: it outlives the store then.
 * Loop thread only. */
struct follow_watch;
struct follow_watch *follow_watch_create(void);
void follow_watch_close(struct follow_watch **w); /* nobody is told any more; NULL is fine */

enum repo_result seen_get(void *impl, const char *const *user_ids, size_t n, uint64_t *seen_at);
void seen_put(void *impl, const struct seen_record *rows, size_t n, repo_done done, void *user);

enum repo_result neighborhoods_get(void *impl, const char *id, struct neighborhood_record *out);
enum repo_result neighborhoods_list(
	void *impl, unsigned limit, const char *cursor, struct repo_neighborhood_page *out);
void neighborhoods_put(void *impl, const struct neighborhood_record *n, repo_done done, void *user);
void neighborhoods_delete(void *impl, const char *id, repo_done done, void *user);
enum repo_result neighborhoods_are_near(void *impl, const char *a, const char *b);

/* Words of neighbourhoods, sorted by their bytes. */
struct near_words {
	char **words;
	size_t n;
};
/* Those near this one, itself among them. */
enum repo_result neighborhoods_near(struct db *db, const char *word, struct near_words *out);
bool near_words_has(const struct near_words *w, const char *word); /* NULL: no */
void near_words_finish(struct near_words *w);

enum repo_result notifications_list(void *impl, const char *user_id, bool unread_only,
	unsigned limit, const char *cursor, struct repo_notification_page *out);
enum repo_result notifications_unread(void *impl, const char *user_id, uint32_t *count);
void notifications_read(void *impl, const char *user_id, const struct uuid *ids, size_t n,
	uint64_t read_at, repo_done done, void *user);

void notifications_watch(void *impl, notification_watcher fn, void *user);

void devices_put(void *impl, const struct device_record *d, repo_done done, void *user);
void devices_delete(void *impl, const char *user_id, const char *token, repo_done done, void *user);
void devices_remove(void *impl, const char *user_id, struct uuid id, repo_done done, void *user);
enum repo_result devices_list(void *impl, const char *user_id, struct repo_device_list *out);

extern const struct repo_people_ops people_ops;
