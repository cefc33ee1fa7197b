#pragma once

#include "base/bucket.h"
#include "http/router.h"
#include "model/ledger.h"

/* What the files of the router share (router, outcome, idempotency, audit, openapi and
 * openapi_answers); nobody else includes it. */

struct router_table {
	const struct route *routes;
	unsigned n;
	void *user;
};

struct router {
	struct router_config config;
	struct router_table *tables;
	unsigned n_tables;
	struct buckets *addresses, *users;
	char *internal_from; /* as configured; NULL: nobody */
	struct map *running; /* idempotency keys of requests under way, to their struct outcome */
};

#define ROUTE_PARAMS_SIZE 512

/* What a request carries from the router to its handler. */
struct routed {
	const struct route *route;
	void *user;
	struct identity identity;
	bool identified;
	json_t *body;
	struct outcome *outcome; /* NULL: nothing is kept of this request */
	const char *values[ROUTE_PARAMS];
	char params[ROUTE_PARAMS_SIZE];
};

/* outcome.c: what is written around a request: its idempotency key before and after it, its line
 * in the audit log after it. The answer leaves when all of that is stored. */
#define IDEMPOTENCY_HASH_SIZE 32
#define IDEMPOTENCY_NAME_SIZE (2 * IDEMPOTENCY_HASH_SIZE + 1)

struct outcome {
	struct router *router;
	struct http_request *request; /* NULL: it is gone, with the server */
	unsigned in_flight; /* writes whose end will be told */
	bool audited;
	struct audit_record audit; /* its detail is set with the answer */

	bool has_key;
	char *user_id;
	char name[IDEMPOTENCY_NAME_SIZE]; /* under which the store knows the key */
	char *running; /* its name in router->running, NULL: not there */
	uint8_t fingerprint[IDEMPOTENCY_HASH_SIZE], secret[IDEMPOTENCY_HASH_SIZE];

	struct http_response response; /* texts and pieces owned, once there is an answer */
};

/* Runs the route's handler, now or when the key is reserved; or answers. */
void outcome_run(struct router *router, struct http_request *r, struct routed *d);
/* The handler, with what was begun. */
void outcome_handle(struct outcome *o);
/* An answer instead of the handler's: nothing is kept. */
void outcome_skip(struct outcome *o);
/* With the request; writes that are under way go on. */
void outcome_finish(struct outcome *o);

/* idempotency.c */
/* True if the request has a key that counts; false with *refused set: it was answered. */
bool idempotency_prepare(struct outcome *o, const struct routed *d, bool *refused);
void idempotency_begin(struct outcome *o);
/* The write that ends it, for this answer. */
void idempotency_end(struct outcome *o, const char *text, size_t len, repo_done done);
void idempotency_forget(struct outcome *o);

/* audit.c */
bool audit_wanted(const struct router *router, struct http_request *r, const struct routed *d);
void audit_prepare(struct outcome *o, const struct routed *d);
void audit_answered(struct outcome *o, const struct routed *d, int status);

/* openapi_answers.c */
json_t *openapi_responses(const struct route *route);
/* The components that the routes' shapes are; each once. */
void openapi_add_shapes(json_t *schemas, const struct route *route);
