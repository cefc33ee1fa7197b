#define LOG_MODULE "auth"

#include "auth_users.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"

#define DIGEST_SIZE 32

struct seen {
	struct list link; /* the one seen last is first */
	char *id;
	uint8_t digest[DIGEST_SIZE];
};

/* A write under way; `users` is NULL once they are gone. */
struct put {
	struct list link;
	struct auth_users *users;
	char *id;
};

struct auth_users {
	struct repo repo;
	unsigned max;
	struct map *by_id; /* struct seen */
	struct list seen, puts;
};

struct auth_users *auth_users_create(struct repo repo, unsigned max)
{
	struct auth_users *u = mem_new(struct auth_users);

	u->repo = repo;
	u->max = max;
	u->by_id = map_create();
	list_init(&u->seen);
	list_init(&u->puts);
	return u;
}

static void forget(struct auth_users *u, struct seen *s)
{
	map_remove_str(u->by_id, s->id);
	list_remove(&s->link);
	free(s->id);
	free(s);
}

void auth_users_destroy(struct auth_users **u)
{
	struct seen *s, *next_seen;
	struct put *p, *next_put;

	if (!*u)
		return;
	list_for_each_safe (s, next_seen, &(*u)->seen, link)
		forget(*u, s);
	list_for_each_safe (p, next_put, &(*u)->puts, link) {
		list_remove(&p->link);
		p->users = NULL;
	}
	map_destroy((*u)->by_id);
	free(*u);
	*u = NULL;
}

static void digest_text(struct buf *b, const char *text)
{
	buf_put_u8(b, text ? 1 : 0);
	if (text)
		buf_put(b, text, strlen(text) + 1);
}

static void digest(const struct jwt_claims *c, uint8_t out[static DIGEST_SIZE])
{
	struct buf b = {0};

	digest_text(&b, c->name);
	digest_text(&b, c->avatar);
	digest_text(&b, c->neighborhood);
	buf_put_u8(&b, c->has_roles);
	buf_put_u32(&b, c->roles);
	must(EVP_Digest(b.data, b.len, out, NULL, EVP_sha256(), NULL) == 1);
	buf_finish(&b);
}

/* True if these claims were seen before; remembers them. */
static bool remember(struct auth_users *u, const struct jwt_claims *c)
{
	struct seen *s = map_get_str(u->by_id, c->sub);
	uint8_t now[DIGEST_SIZE];
	bool same;

	digest(c, now);
	if (!s) {
		if (map_count(u->by_id) >= u->max)
			forget(u, container_of(u->seen.prev, struct seen, link));
		s = mem_new(struct seen);
		list_init(&s->link);
		s->id = mem_strdup(c->sub);
		map_put_str(u->by_id, s->id, s);
	}
	same = memcmp(s->digest, now, sizeof(now)) == 0;
	memcpy(s->digest, now, sizeof(now));
	list_remove(&s->link);
	list_prepend(&u->seen, &s->link);
	return same;
}

static void on_put(void *user, const struct repo_outcome *outcome)
{
	struct put *p = user;
	struct seen *s = p->users ? map_get_str(p->users->by_id, p->id) : NULL;

	if (outcome->result != REPO_OK) {
		log_error("user not stored", kv_str("user", p->id),
			kv_str("result", repo_result_text(outcome->result)));
		if (s)
			forget(p->users, s);
	}
	list_remove(&p->link);
	free(p->id);
	free(p);
}

static void set(struct auth_users *u, const struct user_record *row, unsigned fields)
{
	struct put *p = mem_new(struct put);

	p->users = u;
	p->id = mem_strdup(row->id);
	list_append(&u->puts, &p->link);
	u->repo.ops->user_note(u->repo.impl, row, fields, on_put, p);
}

static bool differs(const char *stored, const char *claim)
{
	return claim && !text_eq(stored, claim);
}

/*
 * Only what the token says is written, whatever was read: the platform may be setting the rest at
 * this moment.
 */
void auth_users_see(struct auth_users *u, const struct jwt_claims *claims)
{
	const struct user_record said = {.id = (char *)claims->sub,
		.name = (char *)claims->name,
		.avatar = (char *)claims->avatar,
		.neighborhood = (char *)claims->neighborhood,
		.roles = claims->roles};
	struct user_record row = {0};
	unsigned fields = 0;
	bool unknown;

	if (remember(u, claims))
		return;
	unknown = u->repo.ops->user_get(u->repo.impl, claims->sub, &row) != REPO_OK;
	if (differs(row.name, claims->name))
		fields |= USER_NAME;
	if (differs(row.avatar, claims->avatar))
		fields |= USER_AVATAR;
	if (differs(row.neighborhood, claims->neighborhood))
		fields |= USER_NEIGHBORHOOD;
	if (claims->has_roles && row.roles != claims->roles)
		fields |= USER_ROLES;
	if (unknown || fields)
		set(u, &said, fields);
	user_record_finish(&row);
}
