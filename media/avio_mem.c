#include "avio_mem.h"

#include "compat.h"

#define AVIO_BUFFER 16384

static int append(void *user, COMPAT_AVIO_CONST uint8_t *data, int size)
{
	buf_put(user, data, (size_t)size);
	return size;
}

AVIOContext *avio_mem_create(struct buf *out)
{
	uint8_t *buffer = av_malloc(AVIO_BUFFER);
	AVIOContext *io;

	if (!buffer)
		return NULL;
	io = avio_alloc_context(buffer, AVIO_BUFFER, 1, out, NULL, append, NULL);
	if (!io)
		av_free(buffer);
	return io;
}

void avio_mem_destroy(AVIOContext **io)
{
	if (*io)
		av_freep(&(*io)->buffer);
	avio_context_free(io);
}
