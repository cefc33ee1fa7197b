#pragma once

#include "model/repo.h"

/*
 * Follows, neighbourhoods, notifications and devices: a family of the repo (`repo.people`), under
 * the rules of model/repo.h. What reads give is owned by the caller.
 */

/* Two neighbourhoods are near if they are one, or their places are no further apart (great
 * circle). Source: the go-live document, "within 2km". */
#define PEOPLE_NEAR_METERS 2000.0

struct neighborhood_record {
	char *id; /* the word of the tokens' claim `neighborhood` */
	char *name;
	double lat, lon; /* degrees, WGS 84 */
	uint64_t created_at, updated_at;
};
void neighborhood_record_finish(struct neighborhood_record *r);

struct notification_record {
	struct uuid id;
	char *user_id;
	char *type; /* "stream_live", … */
	struct uuid stream_id; /* none: about no stream */
	char *title, *body;
	uint64_t created_at, read_at; /* read_at 0: unread */
};
void notification_record_finish(struct notification_record *r);

enum device_platform { DEVICE_ANDROID, DEVICE_IOS, DEVICE_WEB };
const char *device_platform_text(enum device_platform p);
bool device_platform_parse(const char *text, enum device_platform *out);

struct device_record {
	struct uuid id;
	char *user_id;
	enum device_platform platform;
	char *token;
	uint64_t created_at, updated_at;
};
void device_record_finish(struct device_record *r);

struct repo_user_page {
	struct user_record *rows;
	size_t n;
	char *next_cursor;
};
void repo_user_page_finish(struct repo_user_page *p);

struct repo_neighborhood_page {
	struct neighborhood_record *rows;
	size_t n;
	char *next_cursor;
};
void repo_neighborhood_page_finish(struct repo_neighborhood_page *p);

struct repo_notification_page {
	struct notification_record *rows;
	size_t n;
	char *next_cursor;
};
void repo_notification_page_finish(struct repo_notification_page *p);

struct repo_device_list {
	struct device_record *rows;
	size_t n;
};
void repo_device_list_finish(struct repo_device_list *l);

/* Ids of users. */
struct repo_id_list {
	char **ids;
	size_t n;
};
void repo_id_list_finish(struct repo_id_list *l);

/* When a user was last heard of; the id is borrowed. */
struct seen_record {
	const char *user_id;
	uint64_t seen_at; /* ms since 1970 */
};
#define SEEN_MAX 500 /* rows of one call */

/* `follower` follows `followed` from now on, or no longer. Texts are borrowed. */
typedef void (*follow_watcher)(
	void *user, const char *follower, const char *followed, bool follows);

/* Notifications that were written together, to users who did not have them. Texts are borrowed. */
struct notification_notice {
	const char *user_id;
	struct uuid id;
	uint64_t created_at;
};
struct notification_news {
	const char *type, *title, *body;
	struct uuid stream_id;
	const struct notification_notice *rows;
	size_t n; /* 1 to some thousand */
};
typedef void (*notification_watcher)(void *user, const struct notification_news *news);

/* Cursors of lists of users and neighbourhoods are the last id, base64url; NOT_FOUND: none of
 * ours. */
struct repo_people_ops {
	/* All users by id; text: in the id or the name, NULL: any. role 0: any. */
	enum repo_result (*user_list)(void *impl, const char *text, unsigned role, unsigned limit,
		const char *cursor, struct repo_user_page *out);

	/* Follows. DUPLICATE never: to follow twice is to follow, to unfollow twice is not to.
	 * NOT_FOUND: one of the two; WRONG_STATE: nobody follows oneself. */
	void (*follow)(
		void *impl, const char *follower, const char *followed, repo_done done, void *user);
	void (*unfollow)(
		void *impl, const char *follower, const char *followed, repo_done done, void *user);
	/* OK or NOT_FOUND. */
	enum repo_result (*is_following)(void *impl, const char *follower, const char *followed);
	enum repo_result (*follow_counts)(
		void *impl, const char *id, uint32_t *followers, uint32_t *following);
	/* Those who follow `id`, by id. */
	enum repo_result (*followers)(void *impl, const char *id, unsigned limit,
		const char *cursor, struct repo_user_page *out);
	/* Those whom `id` follows, by id. */
	enum repo_result (*following)(void *impl, const char *id, unsigned limit,
		const char *cursor, struct repo_user_page *out);

	/* The same as bare ids, and without a cursor: the first `limit` of them. */
	enum repo_result (*following_ids)(
		void *impl, const char *id, unsigned limit, struct repo_id_list *out);
	/* From now on fn is called on the loop after each commit of a follow or unfollow. One
	 * watcher; NULL: nobody. */
	void (*follow_watch)(void *impl, follow_watcher fn, void *user);

	/* When users were last seen: as many as ids (at most SEEN_MAX), in their order; 0: never,
	 * or there is no such user. Writes never go back in time, and make no user. */
	enum repo_result (*seen_get)(
		void *impl, const char *const *user_ids, size_t n, uint64_t *seen_at);
	void (*seen_put)(
		void *impl, const struct seen_record *rows, size_t n, repo_done done, void *user);

	/* Neighbourhoods. */
	enum repo_result (*neighborhood_get)(
		void *impl, const char *id, struct neighborhood_record *out);
	enum repo_result (*neighborhood_list)(
		void *impl, unsigned limit, const char *cursor, struct repo_neighborhood_page *out);
	void (*neighborhood_put)(
		void *impl, const struct neighborhood_record *n, repo_done done, void *user);
	void (*neighborhood_delete)(void *impl, const char *id, repo_done done, void *user);
	/* OK: a and b are near (PEOPLE_NEAR_METERS); NOT_FOUND: not, or one has no place. One word
	 * is near itself, with or without a place. */
	enum repo_result (*are_near)(void *impl, const char *a, const char *b);

	/*
	 * Notifications. Those of a stream that goes live are written by stream_go_live itself (for
	 * followers and neighbours as the stream's settings say, in steps; its `done` comes when
	 * all are stored, with their number in outcome.notifications).
	 */
	enum repo_result (*notification_list)(void *impl, const char *user_id, bool unread_only,
		unsigned limit, const char *cursor, struct repo_notification_page *out);
	enum repo_result (*notification_unread)(void *impl, const char *user_id, uint32_t *count);
	/* ids NULL: all of the user's. Others' ids change nothing. */
	void (*notification_read)(void *impl, const char *user_id, const struct uuid *ids, size_t n,
		uint64_t read_at, repo_done done, void *user);

	/*
	 * From now on fn is called on the loop after each commit that wrote notifications, for
	 * whoever has sockets of these users. One watcher; NULL: nobody. It is a hint: after a
	 * crash or a failing disk some are stored that nobody was told of.
	 */
	void (*notification_watch)(void *impl, notification_watcher fn, void *user);

	/* Devices. A token that another user had moves to this one, under a new id; detail: the id
	 * that it is stored with. DUPLICATE never; WRONG_STATE: the user has DEVICES_MAX already;
	 * NOT_FOUND without the user. */
	void (*device_put)(void *impl, const struct device_record *d, repo_done done, void *user);
	/* By token; user_id NULL: whoever has it (the push service says that it is gone). */
	void (*device_delete)(
		void *impl, const char *user_id, const char *token, repo_done done, void *user);
	/* By id. NOT_FOUND: the user has no such device. */
	void (*device_remove)(
		void *impl, const char *user_id, struct uuid id, repo_done done, void *user);
	enum repo_result (*device_list)(
		void *impl, const char *user_id, struct repo_device_list *out);
};
#define DEVICES_MAX 20 /* of one user */
