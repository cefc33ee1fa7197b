#include "ws_http.h"

#include <stdlib.h>

#include "base/mem.h"
#include "http/websocket.h"

/* One WebSocket between the floors; freed when its owner has let go of it, or it is over. */
struct link {
	const struct ws_link_events *events;
	void *user;
};

static void on_message(void *user, const uint8_t *data, size_t len, bool binary)
{
	struct link *l = user;

	l->events->message(l->user, data, len, binary);
}

static void on_pong(void *user)
{
	struct link *l = user;

	if (l->events->pong)
		l->events->pong(l->user);
}

static void on_closed(void *user, unsigned code)
{
	struct link *l = user;

	l->events->closed(l->user, code);
	free(l);
}

static const struct http_websocket_ops websocket_ops = {
	.message = on_message, .pong = on_pong, .closed = on_closed};

/* Links are known to the floor above as their WebSockets: nothing lies between the two. */
static bool link_send(void *impl, struct rcbuf *frames)
{
	return http_websocket_send(impl, frames);
}

static bool link_write(void *impl, struct rcbuf *frames)
{
	return http_websocket_write(impl, frames);
}

static size_t link_queued(void *impl)
{
	return http_websocket_queued(impl);
}

static void link_close(void *impl, unsigned code, const char *reason)
{
	free(http_websocket_user(impl));
	http_websocket_close(impl, code, reason);
}

static void link_abort(void *impl)
{
	free(http_websocket_user(impl));
	http_websocket_abort(impl);
}

static const struct ws_link_ops link_ops = {.send = link_send,
	.write = link_write,
	.queued = link_queued,
	.close = link_close,
	.abort = link_abort};

static bool request_arg(void *impl, const char *name, char *out, size_t size)
{
	return http_request_arg(impl, name, out, size);
}

static const char *request_header(void *impl, const char *name)
{
	return http_request_header(impl, name);
}

static void request_hold(void *impl, void (*gone)(void *user), void *user)
{
	http_request_hold(impl, gone, user);
}

static void request_respond(void *impl, const struct ws_answer *answer)
{
	struct rcbuf *body = rcbuf_from(answer->body ? answer->body : "", answer->len);

	http_respond(impl,
		&(struct http_response){.status = answer->status,
			.content_type = answer->content_type,
			.extra_headers = answer->extra_headers,
			.cors = true,
			.kind = answer->status == 204 ? HTTP_BODY_NONE : HTTP_BODY_PIECES,
			.pieces = &body,
			.n_pieces = 1});
	rcbuf_unref(&body);
}

static struct ws_link request_accept(void *impl, const struct ws_accept *accept)
{
	struct link *l = mem_new(struct link);
	struct http_websocket *ws;

	l->events = accept->events;
	l->user = accept->user;
	ws = http_websocket_accept(impl,
		&(struct http_websocket_config){.ops = &websocket_ops,
			.user = l,
			.max_message = accept->max_message,
			.max_queue = accept->max_queue});
	return (struct ws_link){&link_ops, ws};
}

static const struct ws_request_ops request_ops = {
	.arg = request_arg,
	.header = request_header,
	.hold = request_hold,
	.respond = request_respond,
	.accept = request_accept,
};

static enum ws_method method_of(const struct http_request *r)
{
	switch (http_request_method(r)) {
	case HTTP_GET:
		return WS_GET;
	case HTTP_POST:
		return WS_POST;
	case HTTP_OPTIONS:
		return WS_OPTIONS;
	case HTTP_HEAD:
	case HTTP_PUT:
	case HTTP_PATCH:
	case HTTP_DELETE:
		break;
	}
	return WS_OTHER;
}

static const char *host_of(const struct http_request *r)
{
	const char *host = http_request_header(r, "host");

	return host ? host : http_request_header(r, ":authority");
}

void ws_http_request(struct http_request *r, bool upgrade, struct ws_request *out)
{
	*out = (struct ws_request){.ops = &request_ops,
		.impl = r,
		.method = method_of(r),
		.upgrade = upgrade,
		.path = http_request_path(r),
		.address = http_request_address(r),
		.host = host_of(r)};
	out->body = http_request_body(r, &out->body_len);
}
