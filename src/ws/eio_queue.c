#include <stdlib.h>

#include "base/mem.h"
#include "eio_private.h"

#define QUEUE_FIRST 4

void eio_queue_add(struct eio_session *s, struct rcbuf *frame)
{
	if (s->n_frames == s->cap_frames) {
		s->cap_frames = s->cap_frames ? 2 * s->cap_frames : QUEUE_FIRST;
		s->frames = mem_realloc(s->frames, s->cap_frames * sizeof(*s->frames));
	}
	s->frames[s->n_frames++] = rcbuf_ref(frame);
	s->queued += rcbuf_len(frame);
}

void eio_queue_finish(struct eio_session *s)
{
	for (unsigned i = 0; i < s->n_frames; i++)
		rcbuf_unref(&s->frames[i]);
	free(s->frames);
	s->frames = NULL;
	s->n_frames = s->cap_frames = 0;
	s->queued = 0;
}

/* A frame is a packet with a head before it. */
static void put_frames(struct buf *body, const struct rcbuf *frames)
{
	struct eio_packet p;
	const uint8_t *data;
	size_t pos = 0, len;
	bool binary;

	while (ws_frames_next(frames, &pos, &binary, &data, &len))
		if (eio_decode(data, len, binary, &p))
			eio_payload_put(body, &p);
}

void eio_poll_answer(struct eio_session *s, int last)
{
	struct ws_request poll = s->poll;
	struct buf body = {0};

	for (unsigned i = 0; i < s->n_frames; i++)
		put_frames(&body, s->frames[i]);
	eio_queue_finish(s);
	if (last >= 0)
		eio_payload_put(&body, &(struct eio_packet){.type = (enum eio_type)last});
	s->poll.ops = NULL;
	poll.ops->respond(poll.impl,
		&(struct ws_answer){.status = 200,
			.content_type = "text/plain; charset=UTF-8",
			.body = body.data,
			.len = body.len});
	buf_finish(&body);
}

static void flush(void *arg)
{
	struct eio_session *s = arg;

	s->flush_asked = false;
	if (!s->ended && s->poll.ops && s->n_frames)
		eio_poll_answer(s, -1);
}

void eio_poll_answer_later(struct eio_session *s)
{
	if (s->flush_asked || !s->poll.ops)
		return;
	s->flush_asked = true;
	loop_defer(s->server->loop, flush, s);
}

void eio_queue_move(struct eio_session *s)
{
	struct rcbuf **frames = s->frames;
	unsigned n = s->n_frames;

	s->frames = NULL;
	s->n_frames = s->cap_frames = 0;
	s->queued = 0;
	for (unsigned i = 0; i < n; i++) {
		eio_session_send(s, frames[i]);
		rcbuf_unref(&frames[i]);
	}
	free(frames);
}
