#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "http_private.h"

enum http_method http_request_method(const struct http_request *r)
{
	return r->method;
}

const char *http_request_path(const struct http_request *r)
{
	return r->path;
}

const char *http_request_query(const struct http_request *r)
{
	return r->query;
}

bool http_request_arg(const struct http_request *r, const char *name, char *out, size_t size)
{
	size_t name_len = strlen(name);

	for (const char *at = r->query; *at;) {
		size_t len = strcspn(at, "&");
		if (len >= name_len && strncmp(at, name, name_len) == 0 &&
			(len == name_len || at[name_len] == '=')) {
			size_t skip = len == name_len ? len : name_len + 1;
			return text_form_decode(at + skip, len - skip, out, size);
		}
		at += len + (at[len] == '&');
	}
	return false;
}

const uint8_t *http_request_body(const struct http_request *r, size_t *len)
{
	*len = r->body.len;
	return r->body.data;
}

const char *http_request_id(const struct http_request *r)
{
	return r->id;
}

const char *http_request_address(const struct http_request *r)
{
	return r->conn->address;
}

bool http_request_tls(const struct http_request *r)
{
	return r->conn->edge->tls;
}

bool http_request_local(const struct http_request *r)
{
	return r->conn->edge->local;
}

int http_request_peer_uid(const struct http_request *r)
{
	return r->conn->uid;
}

bool http_request_draining(const struct http_request *r)
{
	return r->server->draining;
}

struct http_server *http_request_server(const struct http_request *r)
{
	return r->server;
}

void http_request_set_data(struct http_request *r, void *data, void (*free_fn)(void *data))
{
	must(!r->data);
	r->data = data;
	r->data_free = free_fn;
}

void *http_request_data(const struct http_request *r)
{
	return r->data;
}

void http_request_hold(struct http_request *r, void (*gone)(void *user), void *user)
{
	must(r->phase == HTTP_HANDLING);
	r->gone = gone;
	r->gone_user = user;
}

void http_request_keep(struct http_request *r)
{
	must(r->phase == HTTP_HANDLING);
	r->kept = true;
}

void http_request_intercept(struct http_request *r,
	bool (*before)(void *user, struct http_request *r, const struct http_response *response),
	void *user)
{
	must(r->phase == HTTP_HANDLING);
	r->before = before;
	r->before_user = user;
}
