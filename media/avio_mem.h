#pragma once

#include <libavformat/avio.h>

#include "base/buf.h"

/* An AVIOContext that appends what is written to a buf. NULL without memory. */
AVIOContext *avio_mem_create(struct buf *out);
void avio_mem_destroy(AVIOContext **io);
