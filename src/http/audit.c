#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "router_private.h"

/*
 * Who of those that may do more than others did what: every write by an admin, a moderator or the
 * operator at the Unix socket on what is not their own, every write under /admin, and every write
 * of one who acts in another's name.
 */
#define TEXT_MAX 100
#define ELEMENTS_MAX 10

static bool is_streams_own(const struct repo *repo, const char *id, const char *user_id)
{
	struct stream_record row;
	struct uuid uuid;
	bool own;

	if (!uuid_parse(id, &uuid) || repo->ops->stream_get(repo->impl, uuid, &row) != REPO_OK)
		return false;
	own = text_eq(row.seller_id, user_id);
	stream_record_finish(&row);
	return own;
}

static bool is_products_own(const struct repo *repo, const char *id, const char *user_id)
{
	struct product_record row;
	struct uuid uuid;
	bool own;

	if (!uuid_parse(id, &uuid) || repo->ops->product_get(repo->impl, uuid, &row) != REPO_OK)
		return false;
	own = text_eq(row.seller_id, user_id);
	product_record_finish(&row);
	return own;
}

/* Whether what the path names belongs to the caller. A path that names nobody's belongs to all. */
static bool is_own(const struct router *router, const struct routed *d)
{
	const struct repo *repo = &router->config.repo;
	const char *path = d->route->path, *id = d->values[0], *user_id = d->identity.user_id;

	if (text_starts(path, "/api/v1/streams/{id}"))
		return is_streams_own(repo, id, user_id);
	if (text_starts(path, "/api/v1/products/{id}"))
		return is_products_own(repo, id, user_id);
	if (text_starts(path, "/api/v1/users/{id}"))
		return text_eq(id, user_id);
	return true;
}

/* What everybody may do needs no power: following, chatting, looking at a product. */
static bool is_anybodys(const struct route *route)
{
	static const char *const ends[] = {"/follow", "/chat"};
	size_t len = strlen(route->path);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (len > n && strcmp(route->path + len - n, ends[i]) == 0)
			return true;
	}
	return route->who == ROUTE_PUBLIC || route->who == ROUTE_INTERNAL;
}

bool audit_wanted(const struct router *router, struct http_request *r, const struct routed *d)
{
	const struct identity *who = &d->identity;

	if (who->actor)
		return true;
	if (!who->is_local && !(who->roles & (ROLE_ADMIN | ROLE_MODERATOR)))
		return false;
	if (d->route->who == ROUTE_ADMIN || d->route->who == ROUTE_MODERATOR)
		return true;
	return !is_anybodys(d->route) && !is_own(router, d);
}

/* What the braces of the path stand for, as in the path. */
static char *target_of(const struct routed *d)
{
	struct buf text = {0};
	const char *at = d->route->path;
	char *copy;

	for (unsigned i = 0; i < ROUTE_PARAMS && (at = strchr(at, '{')); i++, at++)
		buf_printf(&text, "%s%s", i ? "/" : "", d->values[i]);
	copy = text.len ? mem_strdup(buf_text(&text)) : NULL;
	buf_finish(&text);
	return copy;
}

void audit_prepare(struct outcome *o, const struct routed *d)
{
	o->audit = (struct audit_record){
		.actor = mem_strdup(d->identity.actor ? d->identity.actor : d->identity.user_id),
		.action = mem_printf("%s %s", http_method_text(d->route->method), d->route->path),
		.target = target_of(d),
		.address = mem_strdup(http_request_address(o->request)),
		.request_id = mem_strdup(http_request_id(o->request)),
	};
}

/* Addresses may hold a password or a key as well. */
static bool is_secret(const char *name)
{
	static const char *const words[] = {"key", "token", "secret", "password", "url"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

static json_t *short_text(const char *text)
{
	size_t len = strlen(text);

	if (len <= TEXT_MAX)
		return json_string(text);
	for (len = TEXT_MAX; len && !text_utf8_valid(text, len);)
		len--;
	return json_sprintf("%.*s…", (int)len, text);
}

static json_t *short_scalar(json_t *value)
{
	if (json_is_string(value))
		return short_text(json_string_value(value));
	return json_is_object(value) || json_is_array(value) ? json_string("…")
							     : json_incref(value);
}

/* What a list says counts as much as a single word: which roles somebody was given. */
static json_t *short_array(json_t *value)
{
	json_t *out, *element;
	size_t i;

	if (json_array_size(value) > ELEMENTS_MAX)
		return json_sprintf("%zu elements", json_array_size(value));
	out = json_array();
	json_array_foreach(value, i, element) json_array_append_new(out, short_scalar(element));
	return out;
}

static json_t *short_value(const char *name, json_t *value)
{
	if (is_secret(name))
		return json_string("***");
	return json_is_array(value) ? short_array(value) : short_scalar(value);
}

static json_t *short_body(json_t *body)
{
	json_t *out = json_object(), *value;
	const char *name;

	json_object_foreach(body, name, value)
		json_object_set_new(out, name, short_value(name, value));
	return out;
}

void audit_answered(struct outcome *o, const struct routed *d, int status)
{
	json_t *detail = json_pack("{s:i}", "status", status);

	if (http_request_local(o->request))
		json_object_set_new(detail, "uid", json_integer(http_request_peer_uid(o->request)));
	if (d->identity.actor)
		json_object_set_new(detail, "as", json_string(d->identity.user_id));
	if (json_object_size(d->body))
		json_object_set_new(detail, "body", short_body(d->body));
	free(o->audit.detail);
	o->audit.detail = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
}
