#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "fuzz.h"
#include "proto/eio.h"

static void encode_all(uint8_t *body, size_t size, struct buf *out)
{
	struct eio_payload payload;
	struct eio_packet p;

	eio_payload_init(&payload, body, size);
	while (eio_payload_next(&payload, &p) == EIO_NEXT_PACKET)
		eio_payload_put(out, &p);
}

/* A body of polling: what is decoded and encoded is the same again, the malformed end left out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = mem_dup(data, size);
	struct buf once = {0}, twice = {0};

	encode_all(copy, size, &once);
	must(once.len <= size);
	must(!once.len || memcmp(once.data, data, once.len) == 0);
	free(copy);
	copy = mem_dup(once.data, once.len);
	if (once.len)
		encode_all(copy, once.len, &twice);
	must(once.len == twice.len);
	free(copy);
	buf_finish(&once);
	buf_finish(&twice);
	return 0;
}
