#pragma once

#include "model/record.h"
#include "ws/peer.h"

/* What the event layer asks of the server; impl and user are struct server. Loop thread only. */

/* sockets_tokens.c: whose token it is. What it does not say of its user is as it is stored. */
extern const struct ws_auth_ops sockets_auth;

/* sockets_urls.c. Heap. Of a stream that is not for everyone, with the viewer's own token; NULL:
 * this viewer (NULL: a guest) gets none. */
char *sockets_hls_url(void *user, const struct stream_record *row, const char *viewer);
char *sockets_vod_url(void *user, const struct stream_record *row, const char *viewer);
/* Where encoders publish, without a key; host: how the client calls this server, or NULL. */
char *sockets_rtmp_url(void *user, const char *host);
/* Why no stream can begin here now, a sentence; NULL: it can. */
const char *sockets_unready(void *user);
