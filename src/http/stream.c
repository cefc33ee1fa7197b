#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http_private.h"

/* Bodies whose end is not known: pieces are put behind those that wait, and forgotten when they
 * are written (write.c). On HTTP/1.1 each is a chunk, so that the peer can tell an end from a
 * connection that broke. */

static void forget_written(struct http_out *o)
{
	for (size_t i = 0; i < o->piece; i++)
		rcbuf_unref(&o->pieces[i]);
	o->n_pieces -= o->piece;
	memmove(o->pieces, o->pieces + o->piece, o->n_pieces * sizeof(*o->pieces));
	o->piece = 0;
}

static void grow(struct http_out *o)
{
	size_t room = 4 * (o->room ? o->room : HTTP_PIECES_INLINE);
	struct rcbuf **pieces = mem_alloc(room * sizeof(*pieces));

	memcpy(pieces, o->pieces, o->n_pieces * sizeof(*pieces));
	if (o->pieces != o->inline_pieces)
		free(o->pieces);
	o->pieces = pieces;
	o->room = room;
}

static void put_piece(struct http_out *o, struct rcbuf *piece)
{
	if (o->piece * 2 >= o->n_pieces)
		forget_written(o);
	if (o->n_pieces == (o->room ? o->room : HTTP_PIECES_INLINE))
		grow(o);
	o->pieces[o->n_pieces++] = rcbuf_ref(piece);
	o->left += rcbuf_len(piece);
}

/* Between the chunks, and around them. */
static void put_seam(struct http_out *o, const char *text, size_t len)
{
	size_t skip = o->has_chunks ? 0 : strlen("\r\n");
	struct rcbuf *seam = rcbuf_from(text + skip, len - skip);

	put_piece(o, seam);
	rcbuf_unref(&seam);
	o->has_chunks = true;
}

void http_stream_put(struct http_request *r, struct rcbuf *piece)
{
	struct http_out *o = &r->out;
	char text[24];

	/* An empty chunk would be the last one. */
	if (!rcbuf_len(piece))
		return;
	if (o->is_chunked)
		put_seam(o, text,
			(size_t)snprintf(text, sizeof(text), "\r\n%zx\r\n", rcbuf_len(piece)));
	put_piece(o, piece);
}

uint64_t http_stream_left(const struct http_request *r)
{
	return r->out.left;
}

void http_stream_fill(struct http_request *r)
{
	struct http_out *o = &r->out;

	if (!o->stream.more)
		return;
	o->filling = true;
	o->stream.more(o->stream.user);
	o->filling = false;
}

bool http_stream_idle(const struct http_request *r)
{
	const struct http_out *o = &r->out;

	return !o->left && !o->has_ended && (r->h2 ? o->head_sent : !o->head.len);
}

void http_stream_wake(struct http_request *r)
{
	if (!r->out.filling)
		http_write(r, false);
}

void http_stream_end(struct http_request *r)
{
	static const char last[] = "\r\n0\r\n\r\n";

	r->out.stream = (struct http_stream){0};
	if (r->out.is_chunked)
		put_seam(&r->out, last, strlen(last));
	r->out.has_ended = true;
	http_stream_wake(r);
}

/* On HTTP/2 the other streams of the connection stay. */
void http_stream_abort(struct http_request *r)
{
	r->out.stream = (struct http_stream){0};
	r->out.is_aborted = true;
	if (r->h2 && !r->conn->closing && !r->conn->killed)
		lws_callback_on_writable(r->wsi);
	else
		http_conn_kill(r->conn);
}
