#define LOG_MODULE "studio"

#include "live/studio.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "internal.h"

enum action {
	ACTION_CREATE,
	ACTION_ATTACH,
	ACTION_SETTINGS,
	ACTION_GO_LIVE,
	ACTION_ROTATE,
	ACTION_SELLER_KEY,
	ACTION_RELAYS,
	ACTION_END,
	ACTION_DELETE
};

struct studio {
	struct loop *loop;
	struct repo repo;
	struct live_registry *registry;
	struct list calls; /* call.link */
};

/*
 * One action under way. The store's answer may come after the studio is gone: then `studio` is
 * NULL, the caller had its answer, and the call is only freed.
 */
struct call {
	struct list link;
	struct studio *studio;
	enum action action;
	studio_done done;
	void *user;
	char key[LIVE_KEY_SIZE];
	char *seller_id; /* of a permanent key */
	struct uuid stream_id;
	enum studio_result refusal; /* of one that never reached the store */
};

static const char *action_text(enum action a)
{
	switch (a) {
	case ACTION_CREATE:
		return "stream created";
	case ACTION_ATTACH:
		return "products attached";
	case ACTION_SETTINGS:
		return "stream settings changed";
	case ACTION_GO_LIVE:
		return "stream went live";
	case ACTION_ROTATE:
		return "stream key rotated";
	case ACTION_SELLER_KEY:
		return "permanent key changed";
	case ACTION_RELAYS:
		return "relay targets changed";
	case ACTION_END:
		return "stream ended";
	case ACTION_DELETE:
		return "stream deleted";
	}
	return "";
}

struct studio *studio_create(struct loop *l, struct repo repo, struct live_registry *registry)
{
	struct studio *s = mem_new(struct studio);

	s->loop = l;
	s->repo = repo;
	s->registry = registry;
	list_init(&s->calls);
	return s;
}

static void call_answer(struct call *c, const struct studio_answer *answer)
{
	list_remove(&c->link);
	c->studio = NULL;
	c->done(c->user, answer);
}

static void call_free(struct call *c)
{
	explicit_bzero(c->key, sizeof(c->key));
	free(c->seller_id);
	free(c);
}

void studio_destroy(struct studio **s)
{
	const struct studio_answer failed = {.result = STUDIO_FAILED};
	struct call *c, *next;

	if (!*s)
		return;
	list_for_each_safe (c, next, &(*s)->calls, link)
		call_answer(c, &failed);
	free(*s);
	*s = NULL;
}

static struct call *call_create(
	struct studio *s, enum action action, struct uuid stream_id, studio_done done, void *user)
{
	struct call *c = mem_new(struct call);

	c->studio = s;
	c->action = action;
	c->stream_id = stream_id;
	c->done = done;
	c->user = user;
	list_append(&s->calls, &c->link);
	return c;
}

static void on_refusal(void *arg)
{
	struct call *c = arg;
	const struct studio_answer answer = {.result = c->refusal};

	if (c->studio)
		call_answer(c, &answer);
	call_free(c);
}

static void call_refuse(struct call *c, enum studio_result refusal)
{
	c->refusal = refusal;
	loop_defer(c->studio->loop, on_refusal, c);
}

/* What it means that the status forbids the action. */
static enum studio_result wrong_state(enum action action)
{
	switch (action) {
	case ACTION_CREATE:
	case ACTION_ATTACH:
	case ACTION_SETTINGS:
	case ACTION_GO_LIVE:
	case ACTION_DELETE:
		return STUDIO_NOT_SCHEDULED;
	case ACTION_ROTATE:
	case ACTION_SELLER_KEY:
	case ACTION_END:
		return STUDIO_NOT_LIVE;
	case ACTION_RELAYS:
		return STUDIO_OVER;
	}
	return STUDIO_FAILED;
}

static enum studio_result translate(enum repo_result r, enum action action)
{
	switch (r) {
	case REPO_OK:
		return STUDIO_OK;
	case REPO_NOT_FOUND:
		return STUDIO_NOT_FOUND;
	case REPO_WRONG_STATE:
		return wrong_state(action);
	case REPO_DUPLICATE:
		return STUDIO_DUPLICATE_PRODUCT;
	case REPO_NOT_OWNER:
		return STUDIO_FOREIGN_PRODUCT;
	case REPO_NO_PRODUCTS:
		return STUDIO_NO_PRODUCTS;
	case REPO_NO_SUCH_PRODUCT:
		return STUDIO_UNKNOWN_PRODUCT;
	case REPO_FAILED:
		return STUDIO_FAILED;
	}
	return STUDIO_FAILED;
}

static void log_done(const struct call *c)
{
	char id[UUID_TEXT_SIZE];

	uuid_text(id, c->stream_id);
	if (c->seller_id)
		log_info(action_text(c->action), kv_str("seller", c->seller_id));
	else
		log_info(action_text(c->action), kv_str("stream", id));
}

/* Whoever relays hears of it before the answer is given. */
static void tell_relays(const struct call *c)
{
	struct live_stream *live = live_registry_find(c->studio->registry, c->stream_id);

	if (c->action == ACTION_RELAYS && live)
		signal_emit(&c->studio->registry->relays, live);
}

/* The store's answer, for all actions. */
static void on_outcome(void *user, const struct repo_outcome *outcome)
{
	struct call *c = user;
	struct studio_answer answer = {
		.result = translate(outcome->result, c->action),
		.stream = outcome->stream,
		.product_count = outcome->product_count,
		.product_id = outcome->detail,
		.notifications = outcome->notifications,
	};

	if (answer.result == STUDIO_OK) {
		answer.stream_key = c->key[0] ? c->key : NULL;
		log_done(c);
	}
	if (c->studio && answer.result == STUDIO_OK)
		tell_relays(c);
	if (c->studio)
		call_answer(c, &answer);
	call_free(c);
}

void studio_create_stream(struct studio *s, const struct studio_caller *caller,
	const struct stream_record *draft, const struct uuid *product_ids, size_t n,
	studio_done done, void *user)
{
	const struct clock *clock = loop_clock(s->loop);
	struct stream_record row = *draft;
	struct call *c;

	row.id = uuid_new(clock);
	row.seller_id = (char *)caller->user_id;
	row.status = STREAM_SCHEDULED;
	row.created_at = row.updated_at = clock_wall_ms(clock);
	row.started_at = row.ended_at = 0;
	row.has_key = false;
	c = call_create(s, ACTION_CREATE, row.id, done, user);
	if (s->registry->draining)
		call_refuse(c, STUDIO_DRAINING);
	else if (!(caller->roles & ROLE_SELLER))
		call_refuse(c, STUDIO_FORBIDDEN);
	else
		s->repo.ops->stream_create(s->repo.impl, &row, product_ids, n, on_outcome, c);
}

enum allowed { ALLOWED_OWNER, ALLOWED_OWNER_OR_ADMIN };

/*
 * The stream that the action is about, if the caller may; the status is checked again inside the
 * write's transaction. *row is to be finished on STUDIO_OK.
 */
static enum studio_result find(struct studio *s, const struct studio_caller *caller, struct uuid id,
	enum allowed allowed, struct stream_record *row)
{
	enum repo_result r = s->repo.ops->stream_get(s->repo.impl, id, row);

	if (r != REPO_OK)
		return r == REPO_NOT_FOUND ? STUDIO_NOT_FOUND : STUDIO_FAILED;
	if (text_eq(row->seller_id, caller->user_id) ||
		(allowed == ALLOWED_OWNER_OR_ADMIN && (caller->roles & ROLE_ADMIN)))
		return STUDIO_OK;
	stream_record_finish(row);
	return STUDIO_FORBIDDEN;
}

void studio_attach(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct uuid *product_ids, size_t n, studio_done done, void *user)
{
	struct call *c = call_create(s, ACTION_ATTACH, stream_id, done, user);
	struct stream_record row;
	enum studio_result r = find(s, caller, stream_id, ALLOWED_OWNER, &row);

	if (r != STUDIO_OK) {
		call_refuse(c, r);
		return;
	}
	stream_record_finish(&row);
	s->repo.ops->stream_attach(s->repo.impl, stream_id, product_ids, n, on_outcome, c);
}

void studio_settings(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct stream_record *draft, unsigned settings, studio_done done, void *user)
{
	struct call *c = call_create(s, ACTION_SETTINGS, stream_id, done, user);
	struct stream_record row, wanted = *draft;
	enum studio_result r = find(s, caller, stream_id, ALLOWED_OWNER, &row);

	if (r != STUDIO_OK) {
		call_refuse(c, r);
		return;
	}
	stream_record_finish(&row);
	wanted.id = stream_id;
	s->repo.sales->stream_settings(s->repo.impl, &wanted, settings, on_outcome, c);
}

static void on_live(void *user, const struct repo_outcome *outcome)
{
	struct call *c = user;

	if (c->studio && outcome->result == REPO_OK)
		live_registry_open_stored(c->studio->registry, c->stream_id);
	on_outcome(user, outcome);
}

static enum studio_result may_go_live(struct studio *s, const struct studio_caller *caller,
	struct uuid stream_id, const struct studio_go_live *request)
{
	struct stream_record row;
	enum studio_result r = find(s, caller, stream_id,
		request->vouched ? ALLOWED_OWNER_OR_ADMIN : ALLOWED_OWNER, &row);

	if (r != STUDIO_OK)
		return r;
	if (s->registry->draining)
		r = STUDIO_DRAINING;
	else if (!request->vouched && !(request->camera_ready && request->checklist_complete))
		r = STUDIO_CHECKLIST;
	else if (row.status != STREAM_SCHEDULED)
		r = STUDIO_NOT_SCHEDULED;
	stream_record_finish(&row);
	return r;
}

void studio_go_live(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct studio_go_live *request, studio_done done, void *user)
{
	const struct clock *clock = loop_clock(s->loop);
	struct call *c = call_create(s, ACTION_GO_LIVE, stream_id, done, user);
	enum studio_result r = may_go_live(s, caller, stream_id, request);
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	if (r != STUDIO_OK) {
		call_refuse(c, r);
		return;
	}
	live_key_new(clock, c->key);
	live_key_hash(c->key, hash);
	s->repo.ops->stream_go_live(
		s->repo.impl, stream_id, clock_wall_ms(clock), hash, !request->vouched, on_live, c);
}

static void on_rotated(void *user, const struct repo_outcome *outcome)
{
	struct call *c = user;

	if (c->studio && outcome->result == REPO_OK)
		live_registry_rekey(c->studio->registry, outcome->stream);
	on_outcome(user, outcome);
}

void studio_rotate_key(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	studio_done done, void *user)
{
	struct call *c = call_create(s, ACTION_ROTATE, stream_id, done, user);
	struct stream_record row;
	enum studio_result r = find(s, caller, stream_id, ALLOWED_OWNER, &row);
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	if (r != STUDIO_OK) {
		call_refuse(c, r);
		return;
	}
	stream_record_finish(&row);
	live_key_new(loop_clock(s->loop), c->key);
	live_key_hash(c->key, hash);
	s->repo.ops->stream_rotate_key(s->repo.impl, stream_id, hash, on_rotated, c);
}

static void on_seller_key(void *user, const struct repo_outcome *outcome)
{
	struct call *c = user;
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	if (c->studio && outcome->result == REPO_OK) {
		live_key_hash(c->key, hash);
		live_registry_rekey_seller(
			c->studio->registry, c->seller_id, c->key[0] ? hash : NULL);
	}
	on_outcome(user, outcome);
}

void studio_seller_key(struct studio *s, const struct studio_caller *caller, bool wanted,
	studio_done done, void *user)
{
	struct call *c = call_create(s, ACTION_SELLER_KEY, (struct uuid){{0}}, done, user);
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	if (!(caller->roles & ROLE_SELLER)) {
		call_refuse(c, STUDIO_FORBIDDEN);
		return;
	}
	c->seller_id = mem_strdup(caller->user_id);
	if (wanted) {
		live_key_new(loop_clock(s->loop), c->key);
		live_key_hash(c->key, hash);
	}
	s->repo.sales->seller_key_put(
		s->repo.impl, c->seller_id, wanted ? hash : NULL, on_seller_key, c);
}

void studio_relays(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct relay_record *relays, size_t n, studio_done done, void *user)
{
	struct call *c = call_create(s, ACTION_RELAYS, stream_id, done, user);
	struct stream_record row;
	enum studio_result r = find(s, caller, stream_id, ALLOWED_OWNER, &row);

	if (r != STUDIO_OK) {
		call_refuse(c, r);
		return;
	}
	stream_record_finish(&row);
	s->repo.sales->relay_replace(s->repo.impl, stream_id, relays, n, on_outcome, c);
}

enum studio_result studio_list_relays(struct studio *s, const struct studio_caller *caller,
	struct uuid stream_id, struct relay_record **out, size_t *n)
{
	struct stream_record row;
	enum studio_result r = find(s, caller, stream_id, ALLOWED_OWNER, &row);

	if (r != STUDIO_OK)
		return r;
	stream_record_finish(&row);
	return s->repo.sales->relay_list(s->repo.impl, stream_id, out, n) == REPO_OK
		? STUDIO_OK
		: STUDIO_FAILED;
}

void studio_end(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	studio_done done, void *user)
{
	struct call *c = call_create(s, ACTION_END, stream_id, done, user);
	struct live_stream *live = live_registry_find(s->registry, stream_id);
	struct stream_record row;
	enum studio_result r = find(s, caller, stream_id, ALLOWED_OWNER_OR_ADMIN, &row);
	bool own;

	if (r != STUDIO_OK) {
		call_refuse(c, r);
		return;
	}
	own = text_eq(row.seller_id, caller->user_id);
	/* Live and not here: it went live a moment ago, and its followers are being told. */
	if (!live)
		live = live_registry_open_stored(s->registry, stream_id);
	if (row.status != STREAM_LIVE || !live || live_stream_state(live) == LIVE_FINISHING)
		call_refuse(c, STUDIO_NOT_LIVE);
	else
		live_registry_end(s->registry, live, own ? LIVE_END_REQUESTED : LIVE_END_ADMIN,
			on_outcome, c);
	stream_record_finish(&row);
}

/* The files are gone (or there were none): now the rows. */
static void on_recording_deleted(void *user, const struct repo_outcome *outcome)
{
	struct call *c = user;
	struct studio *s = c->studio;

	if (s && (outcome->result == REPO_OK || outcome->result == REPO_NOT_FOUND))
		s->repo.ops->stream_delete(s->repo.impl, c->stream_id, on_outcome, c);
	else
		on_outcome(user, outcome);
}

void studio_delete(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	studio_done done, void *user)
{
	struct call *c = call_create(s, ACTION_DELETE, stream_id, done, user);
	struct stream_record row;
	enum studio_result r = find(s, caller, stream_id, ALLOWED_OWNER_OR_ADMIN, &row);
	enum stream_status status;

	if (r != STUDIO_OK) {
		call_refuse(c, r);
		return;
	}
	status = row.status;
	stream_record_finish(&row);
	switch (status) {
	case STREAM_SCHEDULED:
		s->repo.ops->stream_cancel(s->repo.impl, stream_id, on_outcome, c);
		break;
	case STREAM_LIVE:
		call_refuse(c, STUDIO_NOT_SCHEDULED);
		break;
	case STREAM_CANCELLED:
		s->repo.ops->stream_delete(s->repo.impl, stream_id, on_outcome, c);
		break;
	case STREAM_ENDED:
		live_registry_delete_recording(s->registry, stream_id, on_recording_deleted, c);
		break;
	}
}
