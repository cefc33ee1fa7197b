#include "fake.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/text.h"
#include "proto/ws_frame.h"

#define TURNS 20
#define ROOM 100000

void fake_start(struct fake *f)
{
	clock_manual_init(&f->clock, 1700000000000000ull);
	f->loop =
		loop_create(&(struct loop_config){.clock = &f->clock.clock, .max_connections = 8});
	assert_non_null(f->loop);
}

void fake_stop(struct fake *f)
{
	loop_destroy(f->loop);
}

void fake_turn(struct fake *f)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
}

void fake_advance(struct fake *f, uint64_t us)
{
	clock_manual_advance(&f->clock, us);
	/* The timers below count real milliseconds: as many as the shortest of them takes. */
	for (int i = 0; i < TURNS; i++)
		uv_run(loop_uv(f->loop), UV_RUN_ONCE);
}

static bool link_send(void *impl, struct rcbuf *frame)
{
	struct fake_link *l = impl;
	const uint8_t *data;
	size_t len;
	bool binary;

	if (l->closed || rcbuf_len(frame) > l->room)
		return false;
	l->room -= rcbuf_len(frame);
	assert_true(ws_frame_payload(frame, &binary, &data, &len));
	if (binary)
		buf_put_str(&l->sent, "b:");
	for (size_t i = 0; i < len; i++)
		buf_printf(&l->sent, binary ? "%02x" : "%c", data[i]);
	buf_put_u8(&l->sent, '|');
	return true;
}

static size_t link_queued(void *impl)
{
	return 0;
}

static void link_close(void *impl, unsigned code, const char *reason)
{
	struct fake_link *l = impl;

	assert_false(l->closed);
	l->closed = true;
	l->code = code;
}

static void link_abort(void *impl)
{
	link_close(impl, 0, NULL);
}

static const struct ws_link_ops link_ops = {.send = link_send,
	.write = link_send,
	.queued = link_queued,
	.close = link_close,
	.abort = link_abort};

void fake_link_text(struct fake_link *l, const char *text)
{
	assert_false(l->closed);
	l->events->message(l->user, (const uint8_t *)text, strlen(text), false);
}

void fake_link_binary(struct fake_link *l, const void *data, size_t len)
{
	assert_false(l->closed);
	l->events->message(l->user, data, len, true);
}

void fake_link_drop(struct fake_link *l, unsigned code)
{
	assert_false(l->closed);
	l->closed = true;
	l->events->closed(l->user, code);
}

const char *fake_link_sent(struct fake_link *l)
{
	static char text[8192];

	text_copy(text, sizeof(text), buf_text(&l->sent));
	buf_reset(&l->sent);
	return text;
}

void fake_link_finish(struct fake_link *l)
{
	buf_finish(&l->sent);
}

static bool request_arg(void *impl, const char *name, char *out, size_t size)
{
	struct fake_request *r = impl;
	const char *value = strcmp(name, "EIO") == 0 ? r->eio
		: strcmp(name, "transport") == 0     ? r->transport
		: strcmp(name, "sid") == 0	     ? r->sid
						     : NULL;

	return value && text_copy(out, size, value);
}

static const char *request_header(void *impl, const char *name)
{
	return NULL;
}

static void request_hold(void *impl, void (*gone)(void *user), void *user)
{
	struct fake_request *r = impl;

	r->held = true;
	r->gone = gone;
	r->gone_user = user;
}

static void request_respond(void *impl, const struct ws_answer *answer)
{
	struct fake_request *r = impl;

	assert_int_equal(r->status, 0);
	r->status = answer->status;
	r->held = false;
	if (answer->len)
		buf_put(&r->body, answer->body, answer->len);
}

static struct ws_link request_accept(void *impl, const struct ws_accept *accept)
{
	struct fake_request *r = impl;

	*r->link = (struct fake_link){
		.accepted = true, .room = ROOM, .events = accept->events, .user = accept->user};
	r->status = 101;
	return (struct ws_link){&link_ops, r->link};
}

static const struct ws_request_ops request_ops = {
	.arg = request_arg,
	.header = request_header,
	.hold = request_hold,
	.respond = request_respond,
	.accept = request_accept,
};

static struct ws_request request(struct fake_request *r, const char *transport, const char *sid)
{
	*r = (struct fake_request){.eio = "4", .transport = transport};
	text_copy(r->sid, sizeof(r->sid), sid ? sid : "");
	return (struct ws_request){
		.ops = &request_ops, .impl = r, .path = "/", .address = "192.0.2.1"};
}

struct ws_request fake_polling(struct fake_request *r, const char *sid, const char *body)
{
	struct ws_request out = request(r, "polling", sid);

	out.method = body ? WS_POST : WS_GET;
	out.body = (const uint8_t *)body;
	out.body_len = body ? strlen(body) : 0;
	return out;
}

struct ws_request fake_upgrade(struct fake_request *r, const char *sid, struct fake_link *l)
{
	struct ws_request out = request(r, "websocket", sid);

	r->link = l;
	out.upgrade = true;
	return out;
}

const char *fake_answer(struct fake_request *r)
{
	static char text[8192];

	if (!r->status)
		return r->held ? "held" : "nothing";
	snprintf(text, sizeof(text), "%d %s", r->status, buf_text(&r->body));
	return text;
}

void fake_request_finish(struct fake_request *r)
{
	buf_finish(&r->body);
}

void fake_sid(const char *open, char out[static 64])
{
	const char *at = strstr(open, "\"sid\":\"");

	assert_non_null(at);
	at += 7;
	snprintf(out, 64, "%.*s", (int)strcspn(at, "\""), at);
}
