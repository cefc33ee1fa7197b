#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "http"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/reply.h"
#include "router_private.h"

static void response_finish(struct http_response *p)
{
	for (size_t i = 0; i < p->n_pieces; i++)
		rcbuf_unref(&p->pieces[i]);
	free(p->pieces);
	free((char *)(uintptr_t)p->content_type);
	free((char *)(uintptr_t)p->cache_control);
	free((char *)(uintptr_t)p->etag);
	free((char *)(uintptr_t)p->location);
	free((char *)(uintptr_t)p->extra_headers);
	*p = (struct http_response){0};
}

static void response_copy(struct http_response *out, const struct http_response *p)
{
	*out = *p;
	out->content_type = mem_strdup(p->content_type);
	out->cache_control = mem_strdup(p->cache_control);
	out->etag = mem_strdup(p->etag);
	out->location = mem_strdup(p->location);
	out->extra_headers = mem_strdup(p->extra_headers);
	out->pieces = p->n_pieces ? mem_alloc(p->n_pieces * sizeof(struct rcbuf *)) : NULL;
	for (size_t i = 0; i < p->n_pieces; i++)
		out->pieces[i] = rcbuf_ref(p->pieces[i]);
}

static void outcome_free(struct outcome *o)
{
	idempotency_forget(o);
	audit_record_finish(&o->audit);
	response_finish(&o->response);
	free(o->user_id);
	free(o);
}

void outcome_finish(struct outcome *o)
{
	if (!o)
		return;
	o->request = NULL;
	idempotency_forget(o);
	if (!o->in_flight)
		outcome_free(o);
}

/* Once all is stored; what could not be stored was done nevertheless, and is answered. */
static void on_stored(void *user, const struct repo_outcome *stored)
{
	struct outcome *o = user;
	struct http_response response;

	o->in_flight--;
	if (stored->result != REPO_OK)
		log_error("outcome of a request not stored",
			kv_str("request", o->request ? http_request_id(o->request) : "?"));
	if (o->in_flight)
		return;
	if (!o->request) {
		outcome_free(o);
		return;
	}
	idempotency_forget(o);
	response = o->response;
	o->response = (struct http_response){0};
	http_respond(o->request, &response);
	response_finish(&response);
}

static char *response_text(const struct http_response *p, size_t *len)
{
	struct buf text = {0};
	char *copy;

	for (size_t i = 0; i < p->n_pieces; i++)
		buf_put(&text, rcbuf_data(p->pieces[i]), rcbuf_len(p->pieces[i]));
	*len = text.len;
	copy = mem_strndup(buf_text(&text), text.len);
	buf_finish(&text);
	return copy;
}

static bool on_answer(void *user, struct http_request *r, const struct http_response *response)
{
	struct outcome *o = user;
	const struct repo *repo = &o->router->config.repo;
	size_t len;
	char *text;

	/* Whoever held the request has done with it. */
	http_request_hold(r, NULL, NULL);
	response_copy(&o->response, response);
	text = response_text(response, &len);
	if (o->audited) {
		audit_answered(o, http_request_data(r), response->status);
		o->in_flight++;
		repo->ledger->audit_add(repo->impl, &o->audit, on_stored, o);
	}
	if (o->has_key) {
		o->in_flight++;
		idempotency_end(o, text, len, on_stored);
	}
	free(text);
	return true;
}

void outcome_handle(struct outcome *o)
{
	struct http_request *r = o->request;
	const struct routed *d = http_request_data(r);

	http_request_intercept(r, on_answer, o);
	d->route->handler(d->user, r);
}

void outcome_skip(struct outcome *o)
{
	idempotency_forget(o);
}

void outcome_run(struct router *router, struct http_request *r, struct routed *d)
{
	struct outcome *o;
	bool refused = false, has_key;

	if (!router->config.repo.ledger || d->route->method == HTTP_GET || !d->identified) {
		d->route->handler(d->user, r);
		return;
	}
	o = mem_new(struct outcome);
	o->router = router;
	o->request = r;
	d->outcome = o;
	has_key = idempotency_prepare(o, d, &refused);
	/* Answered, and freed with the request. */
	if (refused)
		return;
	o->has_key = has_key;
	o->audited = audit_wanted(router, r, d);
	if (o->audited)
		audit_prepare(o, d);
	if (!o->has_key && !o->audited) {
		d->route->handler(d->user, r);
		return;
	}
	http_request_keep(r);
	if (o->has_key)
		idempotency_begin(o);
	else
		outcome_handle(o);
}
