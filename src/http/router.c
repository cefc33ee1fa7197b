#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "http"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "http/reply.h"
#include "router_private.h"

#define MAX_NAMES 100000
#define METHODS 7
#define DRAIN_RETRY_SECONDS 5

static void routed_free(void *data)
{
	struct routed *d = data;

	outcome_finish(d->outcome);
	identity_finish(&d->identity);
	json_decref(d->body);
	free(d);
}

struct router *router_create(const struct router_config *config)
{
	struct router *router = mem_new(struct router);

	router->config = *config;
	router->addresses = buckets_create(config->address_rate, config->address_burst, MAX_NAMES);
	router->users = buckets_create(config->user_rate, config->user_burst, MAX_NAMES);
	router->internal_from = mem_strdup(config->internal_from);
	router->running = map_create();
	return router;
}

void router_destroy(struct router **r)
{
	if (!*r)
		return;
	buckets_destroy(&(*r)->addresses);
	buckets_destroy(&(*r)->users);
	free((*r)->internal_from);
	map_destroy((*r)->running);
	free((*r)->tables);
	free(*r);
	*r = NULL;
}

void router_add(struct router *router, const struct route *routes, unsigned n, void *user)
{
	router->tables =
		mem_realloc(router->tables, (router->n_tables + 1) * sizeof(*router->tables));
	router->tables[router->n_tables++] =
		(struct router_table){.routes = routes, .n = n, .user = user};
}

void router_limits(struct router *router, double address_rate, double address_burst,
	double user_rate, double user_burst)
{
	buckets_configure(router->addresses, address_rate, address_burst);
	buckets_configure(router->users, user_rate, user_burst);
}

void router_idempotency(struct router *router, uint64_t ttl_us, unsigned keys)
{
	router->config.idempotency_ttl_us = ttl_us;
	router->config.idempotency_keys = keys;
}

enum auth_result router_identify(
	void *auth, const struct auth_peer *peer, struct identity *out, const char **why)
{
	return auth_check(auth, peer, out, why);
}

static bool is_at(const struct route *route, const char *path, struct routed *d)
{
	return route_match(route->path, path, d->params, sizeof(d->params), d->values) ||
		(route->alias &&
			route_match(route->alias, path, d->params, sizeof(d->params), d->values));
}

/*
 * The route of this method and path; methods of other routes with this path are gathered in
 * *others. A literal path stands before a pattern in the tables if both match.
 */
static const struct route *find(const struct router *router, enum http_method method,
	const char *path, struct routed *d, unsigned *others)
{
	*others = 0;
	for (unsigned t = 0; t < router->n_tables; t++)
		for (unsigned i = 0; i < router->tables[t].n; i++) {
			const struct route *route = &router->tables[t].routes[i];
			if (!is_at(route, path, d))
				continue;
			if (route->method == method) {
				d->user = router->tables[t].user;
				return route;
			}
			*others |= route->method;
		}
	return NULL;
}

bool router_knows(const struct router *router, const char *path)
{
	struct routed d;
	unsigned others;

	return find(router, 0, path, &d, &others) || others;
}

static void allow_line(unsigned methods, char *out, size_t size)
{
	size_t at = (size_t)snprintf(out, size, "allow: OPTIONS");

	if (methods & HTTP_GET)
		methods |= HTTP_HEAD;
	for (unsigned bit = 1; bit < 1u << METHODS; bit <<= 1)
		if (methods & bit & ~(unsigned)HTTP_OPTIONS)
			at += (size_t)snprintf(out + at, size - at, ", %s",
				http_method_text((enum http_method)bit));
	snprintf(out + at, size - at, "\r\n");
}

/* The answer to OPTIONS, a browser's preflight included (tokens travel in a header, no cookies). */
static void answer_options(struct http_request *r, unsigned methods)
{
	char allow[128], lines[512];

	allow_line(methods, allow, sizeof(allow));
	snprintf(lines, sizeof(lines),
		"%saccess-control-allow-methods: %s"
		"access-control-allow-headers: Authorization, Content-Type, Idempotency-Key, "
		"X-Request-Id\r\naccess-control-max-age: 86400\r\n",
		allow, allow + strlen("allow: "));
	http_respond(
		r, &(struct http_response){.status = 204, .cors = true, .extra_headers = lines});
}

static void answer_no_route(struct http_request *r, unsigned others)
{
	char allow[128];

	if (!others) {
		reply_error(r, 404, "not_found", "There is nothing at this path.", NULL);
	} else if (http_request_method(r) == HTTP_OPTIONS) {
		answer_options(r, others);
	} else {
		allow_line(others, allow, sizeof(allow));
		reply_error_with(r, 405, "method_not_allowed",
			"This path does not take the method.", NULL, allow);
	}
}

static void answer_unauthorized(struct http_request *r, enum auth_result result, const char *why)
{
	char challenge[256], line[300];

	auth_challenge(result, why, challenge, sizeof(challenge));
	snprintf(line, sizeof(line), "www-authenticate: %s\r\n", challenge);
	reply_error_with(r, 401, auth_result_code(result), why, NULL, line);
}

/* user_id NULL: without a token that is good. False: answered with 429. */
static bool take_one(const struct router *router, struct http_request *r, const char *user_id)
{
	uint64_t wait, now = loop_now_us(router->config.loop);
	bool ok;

	if (user_id)
		ok = buckets_take(router->users, user_id, now, &wait);
	else
		ok = buckets_take(router->addresses, http_request_address(r), now, &wait);
	if (ok)
		return true;
	reply_retry(r, 429, "rate_limited", "Too many requests: slow down.",
		(unsigned)((wait + 999999) / 1000000));
	return false;
}

/* False: answered with 429. */
static bool within_limits(const struct router *router, struct http_request *r, struct routed *d)
{
	if (d->route->unlimited || http_request_local(r))
		return true;
	return take_one(router, r, d->identified ? d->identity.user_id : NULL);
}

static enum auth_result look_who(const struct router *router, const struct http_request *r,
	struct identity *out, const char **why)
{
	struct auth_peer peer = {
		.authorization = http_request_header(r, "authorization"),
		.local = http_request_local(r),
		.uid = http_request_peer_uid(r),
	};

	return router->config.identify
		? router->config.identify(router->config.user, &peer, out, why)
		: AUTH_MISSING;
}

bool router_counts(const struct router *router, struct http_request *r)
{
	struct identity who = {0};
	const char *why;
	bool ok;

	if (http_request_local(r))
		return true;
	ok = take_one(router, r, look_who(router, r, &who, &why) == AUTH_OK ? who.user_id : NULL);
	identity_finish(&who);
	return ok;
}

/* Sets the identity; false: answered. */
static bool identify(const struct router *router, struct http_request *r, struct routed *d)
{
	const char *why = "A token is required.";
	enum auth_result result = look_who(router, r, &d->identity, &why);

	d->identified = result == AUTH_OK;
	bool open = d->route->who == ROUTE_PUBLIC || d->route->who == ROUTE_INTERNAL;
	if (d->identified || (result == AUTH_MISSING && open))
		return true;
	/* Trying tokens costs as much as asking without one. */
	if (within_limits(router, r, d))
		answer_unauthorized(r, result, why);
	return false;
}

/* An IPv4 peer of an IPv6 socket is written with this in front. */
#define MAPPED "::ffff:"

static bool is_inside(const struct router *router, const struct http_request *r)
{
	const char *address = http_request_address(r), *at = router->internal_from;

	if (http_request_local(r))
		return true;
	if (text_starts(address, MAPPED))
		address += strlen(MAPPED);
	while (at && *at) {
		size_t len;
		at += strspn(at, ", ");
		len = strcspn(at, ", ");
		if (len && len == strlen(address) && memcmp(at, address, len) == 0)
			return true;
		at += len;
	}
	return false;
}

static bool may(const struct router *router, struct http_request *r, const struct routed *d)
{
	unsigned roles = d->identity.roles;

	if (d->identity.is_local)
		return true;
	switch (d->route->who) {
	case ROUTE_PUBLIC:
	case ROUTE_USER:
		return true;
	case ROUTE_SELLER:
		return roles & (ROLE_SELLER | ROLE_ADMIN);
	case ROUTE_MODERATOR:
		return roles & (ROLE_MODERATOR | ROLE_ADMIN);
	case ROUTE_ADMIN:
		return roles & ROLE_ADMIN;
	case ROUTE_INTERNAL:
		return (roles & ROLE_ADMIN) || is_inside(router, r);
	}
	return false;
}

static void answer_fault(struct http_request *r, const struct route_fault *f)
{
	reply_error(r, f->status, f->code, f->message, f->field[0] ? f->field : NULL);
}

/* False: answered. */
static bool check(struct http_request *r, struct routed *d)
{
	const struct route *route = d->route;
	struct route_fault fault;
	size_t len;
	const uint8_t *body = http_request_body(r, &len);

	if (!route->plain &&
		!route_check_query(route->query, route->n_query, http_request_query(r), &fault)) {
		answer_fault(r, &fault);
		return false;
	}
	const char *type = http_request_header(r, "content-type");
	bool ok = route->form
		? route_check_form(route->body, route->n_body, type, body, len, &d->body, &fault)
		: route_check_body(route->body, route->n_body, type, body, len, &d->body, &fault);
	if (ok)
		return true;
	answer_fault(r, &fault);
	return false;
}

static bool is_banned(const struct router *router, const struct routed *d)
{
	return router->config.banned && d->identified && !d->identity.is_local &&
		router->config.banned(router->config.banned_user, d->identity.user_id);
}

static bool admitted(const struct router *router, struct http_request *r, struct routed *d)
{
	if (http_request_draining(r) && d->route->who != ROUTE_ADMIN && !d->route->plain) {
		reply_retry(r, 503, "draining",
			"This server is about to stop: try again in a moment.",
			DRAIN_RETRY_SECONDS);
		return false;
	}
	if (!identify(router, r, d) || !within_limits(router, r, d))
		return false;
	if (is_banned(router, d)) {
		reply_error(r, 403, "banned", "This account is banned from this server.", NULL);
		return false;
	}
	if (!may(router, r, d)) {
		reply_error(r, 403, "forbidden", "Your role does not allow this.", NULL);
		return false;
	}
	return check(r, d);
}

void router_handle(struct router *router, struct http_request *r)
{
	struct routed *d = mem_new(struct routed);
	enum http_method method = http_request_method(r);
	unsigned others;

	d->route = find(
		router, method == HTTP_HEAD ? HTTP_GET : method, http_request_path(r), d, &others);
	/* From here on it goes with the request, whoever answers. */
	http_request_set_data(r, d, routed_free);
	if (!d->route)
		answer_no_route(r, others);
	else if (admitted(router, r, d))
		outcome_run(router, r, d);
}

const char *router_param(const struct http_request *r, const char *name)
{
	const struct routed *d = http_request_data(r);
	const char *at = d->route->path;
	size_t len = strlen(name);

	for (unsigned i = 0; i < ROUTE_PARAMS && (at = strchr(at, '{')); i++) {
		at++;
		if (strncmp(at, name, len) == 0 && at[len] == '}')
			return d->values[i];
	}
	must_not_reach();
}

bool router_param_uuid(struct http_request *r, const char *name, struct uuid *out)
{
	if (uuid_parse(router_param(r, name), out))
		return true;
	reply_error(r, 404, "not_found", "There is nothing with this id.", NULL);
	return false;
}

json_t *router_body(const struct http_request *r)
{
	const struct routed *d = http_request_data(r);
	return d->body;
}

const struct identity *router_identity(const struct http_request *r)
{
	const struct routed *d = http_request_data(r);
	return d->identified ? &d->identity : NULL;
}

bool router_has_role(const struct http_request *r, enum user_role role)
{
	const struct identity *who = router_identity(r);
	return who && (who->is_local || (who->roles & role));
}

bool router_given(const struct http_request *r, const char *name)
{
	json_t *value = json_object_get(router_body(r), name);
	return value && !json_is_null(value);
}

const char *router_text(const struct http_request *r, const char *name, const char *fallback)
{
	const char *text = json_string_value(json_object_get(router_body(r), name));
	return text ? text : fallback;
}

json_int_t router_integer(const struct http_request *r, const char *name, json_int_t fallback)
{
	json_t *value = json_object_get(router_body(r), name);
	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double router_number(const struct http_request *r, const char *name, double fallback)
{
	json_t *value = json_object_get(router_body(r), name);
	return json_is_number(value) ? json_number_value(value) : fallback;
}

bool router_bool(const struct http_request *r, const char *name, bool fallback)
{
	json_t *value = json_object_get(router_body(r), name);
	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

unsigned router_limit(const struct http_request *r)
{
	char text[8];
	uint64_t limit;

	if (http_request_arg(r, "limit", text, sizeof(text)) &&
		text_u64(text, 1, ROUTE_LIMIT_MAX, &limit))
		return (unsigned)limit;
	return 20;
}

void router_each(
	const struct router *router, void (*each)(void *arg, const struct route *route), void *arg)
{
	for (unsigned t = 0; t < router->n_tables; t++)
		for (unsigned i = 0; i < router->tables[t].n; i++)
			each(arg, &router->tables[t].routes[i]);
}
