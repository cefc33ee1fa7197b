#pragma once

#include "base/buf.h"
#include "media/window.h"

/* One EXT-X-DATERANGE line (RFC 8216 4.3.2.7), for the live and the VOD playlist. */
void playlist_put_range(struct buf *out, const struct media_daterange *r);
