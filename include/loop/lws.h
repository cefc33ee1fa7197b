#pragma once

#include <libwebsockets.h>
#include <stdbool.h>

#include "loop/loop.h"

/*
 * What the edges need of libwebsockets beyond its own header; differences between its versions
 * (4.1.6 in Debian 12, 4.3.3 in Ubuntu 24.04, 4.3.5 in Debian 13) are kept in src/loop/lws.c.
 */

/*
 * Fills what every vhost here has in common: never listens by itself, no idle or ping timers of
 * libwebsockets (they live in one sorted list with linear insert), small receive buffers, large
 * writes, TLS 1.2 and up. The caller sets name, protocols (static: they must outlive the vhost),
 * options and certificates, then calls loop_vhost_create.
 */
void loop_vhost_info(struct lws_context_creation_info *info);

/*
 * libwebsockets gives a request to the vhost whose name begins with its Host, or to the first one
 * that was made, whatever socket it came by. Names are made unreachable here (a colon in front), so
 * that it is always the first one: make the HTTP vhost before all others. The name is copied.
 *
 * NULL if libwebsockets refuses (a certificate that cannot be read). */
struct lws_vhost *loop_vhost_create(struct loop *l, struct lws_context_creation_info *info);

/*
 * Gives an accepted socket to a vhost and takes the descriptor whatever happens (closed on
 * failure). `opaque` is there from the first callback on (lws_get_opaque_user_data).
 * raw: protocols[0] as raw socket; else HTTP. tls as the vhost says.
 */
struct lws *loop_vhost_adopt(struct lws_vhost *vhost, int fd, bool raw, void *opaque);

/*
 * Closes a connection soon, from outside its callbacks. No close frame is sent. Its callbacks for
 * closing come later, from the loop.
 */
void loop_lws_kill(struct loop *l, struct lws *wsi);

/* Closes at once; not from inside the connection's own callbacks. For tearing down. */
void loop_lws_kill_now(struct lws *wsi);

/* Makes the loop look at timeouts and events that were set outside a libwebsockets callback. */
void loop_lws_wake(struct loop *l);
