#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/auth.h"
#include "http/server.h"
#include "model/repo.h"
#include "model/uuid.h"

/*
 * One table of routes: what a path does, who may ask, what may be in the body. The same table
 * answers 404, 405 (with Allow), 401, 403, 429 and 503, checks every body and query before a
 * handler runs, and is written out as the OpenAPI document, so that none of these can differ from
 * the others. Loop thread only.
 */
struct router;

enum route_who {
	ROUTE_PUBLIC, /* a token is looked at if there is one; a bad one is a 401 here too */
	ROUTE_USER,
	ROUTE_SELLER, /* sellers, admins, and the operator at the Unix socket */
	ROUTE_MODERATOR,
	ROUTE_ADMIN, /* admins, and the operator at the Unix socket; also while draining */
	/* Other servers of the platform: by the Unix socket, from an address of `internal_from`,
	 * or with an admin's token. */
	ROUTE_INTERNAL,
};

enum field_type {
	FIELD_STRING, /* min, max: code points */
	FIELD_INTEGER, /* min, max: value */
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_TIME, /* ISO 8601 with an offset */
	FIELD_UUID,
	FIELD_UUIDS, /* array; min, max: elements */
	FIELD_STRINGS, /* array of strings; min, max: elements */
};

/* A field of a JSON body or an argument of the query. */
struct route_field {
	const char *name;
	enum field_type type;
	bool required;
	bool nullable; /* JSON null counts as not given */
	double min, max; /* both 0: no bound */
	const char *const *words; /* the values that a string may have, ended by NULL */
	const char *text; /* for the document */
};

/* What an answer holds, for the document and for the test that holds answers against it. */
enum shape_type {
	SHAPE_TEXT,
	SHAPE_INTEGER,
	SHAPE_NUMBER,
	SHAPE_BOOL,
	SHAPE_TIME,
	SHAPE_UUID,
	SHAPE_OBJECT, /* of `of` */
	SHAPE_LIST, /* of objects of `of`, or of texts where that is NULL */
	SHAPE_COUNTS, /* an object of integers under any names */
	SHAPE_ANY, /* any object */
};

struct shape;
struct shape_field {
	const char *name;
	enum shape_type type;
	bool nullable;
	bool optional; /* may be absent */
	const struct shape *of;
	const char *text;
};

/* An object with exactly these fields; `name` is its component in the document. */
struct shape {
	const char *name;
	const struct shape_field *fields;
	unsigned n;
};

struct route {
	enum http_method method; /* GET serves HEAD as well */
	const char *path; /* "/api/v1/streams/{id}/products" */
	enum route_who who;
	const char *summary;
	const struct route_field *body; /* NULL: no body, or {} */
	unsigned n_body;
	const struct route_field *query;
	unsigned n_query;
	int status; /* of success, for the document; 0: 200 */
	const char *answer; /* what `data` holds, for the document */
	/* Of `data`, or of an element of a list; of the whole answer where that is plain. */
	const struct shape *shape;
	/* Codes beyond those that follow from the table (401, 403 by role, 422 of fields, 429, …):
	 * "404 stream_not_found, 409 stream_not_live". */
	const char *errors;
	bool list; /* the answer is a page with nextCursor */
	const struct shape *page; /* fields of a page beside those, NULL: none */
	bool plain; /* the answer is not JSON in the envelope (metrics, health) */
	bool unlimited; /* no limit of requests (health checks) */
	/* Another path that answers the same, with the same braces in the same order; NULL: none */
	const char *alias;
	/* A body may also be a form (application/x-www-form-urlencoded): its first values of the
	 * text fields make the object, what else it holds is ignored. */
	bool form;
	/*
	 * Answers now, or holds the request. Body and query were checked; what router_body gives
	 * lives as long as the request.
	 */
	void (*handler)(void *user, struct http_request *r);
};

struct router_config {
	struct loop *loop;
	const char *title, *version; /* of the document */
	/* As auth_check; `user` is the first argument. NULL: everybody is anonymous. */
	enum auth_result (*identify)(
		void *user, const struct auth_peer *peer, struct identity *out, const char **why);
	void *user;
	/* Whether nothing is wanted from this user; NULL: nobody is banned. */
	bool (*banned)(void *banned_user, const char *user_id);
	void *banned_user;
	/* Requests per second and burst, per address without and per user with a token; 0: none. */
	double address_rate, address_burst, user_rate, user_burst;
	/* Addresses that ROUTE_INTERNAL serves without a token, with commas between; copied. NULL:
	 * none. */
	const char *internal_from;
	/*
	 * Idempotency keys and the audit log, where its ledger is not NULL: a POST with a token and
	 * an Idempotency-Key is done once, what follows within the time gets its answer; what
	 * admins and moderators do is written down before it is answered.
	 */
	struct repo repo;
	uint64_t idempotency_ttl_us;
	unsigned idempotency_keys; /* of one user; 0: no bound */
};

struct router *router_create(const struct router_config *config);
void router_destroy(struct router **r);
/* The table is borrowed and must outlive the router; `user` goes to its handlers. */
void router_add(struct router *router, const struct route *routes, unsigned n, void *user);
/* Always answers or hands to a handler: the end of the line for a request. */
void router_handle(struct router *router, struct http_request *r);
/* True if some route has this path, whatever the method. */
bool router_knows(const struct router *router, const char *path);
/* For what is asked beside the tables: counts it as a request of its caller; false: answered with
 * 429. */
bool router_counts(const struct router *router, struct http_request *r);
void router_limits(struct router *router, double address_rate, double address_burst,
	double user_rate, double user_burst);
void router_idempotency(struct router *router, uint64_t ttl_us, unsigned keys);

/* auth_check in the shape of `identify`. */
enum auth_result router_identify(
	void *auth, const struct auth_peer *peer, struct identity *out, const char **why);

/* Inside a handler, and as long as the request lives. */
const char *router_param(const struct http_request *r, const char *name);
/* False, with 404 `not_found` answered, if it is not a UUID. */
bool router_param_uuid(struct http_request *r, const char *name, struct uuid *out);
json_t *router_body(const struct http_request *r); /* borrowed; an object, maybe empty */
const struct identity *router_identity(const struct http_request *r); /* NULL: anonymous */
bool router_has_role(const struct http_request *r, enum user_role role); /* local: every role */

/* Typed looks into a checked body; the default where the field was not given or null. */
const char *router_text(const struct http_request *r, const char *name, const char *fallback);
json_int_t router_integer(const struct http_request *r, const char *name, json_int_t fallback);
double router_number(const struct http_request *r, const char *name, double fallback);
bool router_bool(const struct http_request *r, const char *name, bool fallback);
bool router_given(const struct http_request *r, const char *name); /* and not null */
#define ROUTE_LIMIT_MAX 100
/* `limit` of a list's query (1-100, 20); checked if the route's query table names it. */
unsigned router_limit(const struct http_request *r);

/* The document (OpenAPI 3.0.3); a new reference. */
json_t *router_openapi(const struct router *router);
/* Every method and path, in the order of adding. */
void router_each(
	const struct router *router, void (*each)(void *arg, const struct route *route), void *arg);

/* The check alone, without a request: for tests and fuzzing. */
struct route_fault {
	int status;
	const char *code;
	char message[200];
	char field[64]; /* "": none */
};
/* A body as it came; *out is a new reference to an object on success. */
bool route_check_body(const struct route_field *fields, unsigned n, const char *content_type,
	const void *body, size_t len, json_t **out, struct route_fault *fault);
/* The same, of a route that takes forms. */
bool route_check_form(const struct route_field *fields, unsigned n, const char *content_type,
	const void *body, size_t len, json_t **out, struct route_fault *fault);
/* A query as it came (without '?'). */
bool route_check_query(
	const struct route_field *fields, unsigned n, const char *query, struct route_fault *fault);
/* Matches a decoded path with a pattern; the values of the braces in order, in `scratch`. */
#define ROUTE_PARAMS 4
bool route_match(const char *pattern, const char *path, char *scratch, size_t size,
	const char *values[static ROUTE_PARAMS]);
