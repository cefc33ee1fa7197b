#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "fuzz.h"
#include "proto/sio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = mem_dup(data, size);
	struct sio_packet p, again;
	struct buf out = {0};

	if (sio_decode(copy, size, 10, &p)) {
		sio_encode(&out, &p);
		must(out.len <= size + 1);
		must(sio_decode((const char *)out.data, out.len, 10, &again));
		must(again.type == p.type && again.attachments == p.attachments);
		must(again.has_id == p.has_id && again.id == p.id);
		must(again.name_len == p.name_len);
		must(memcmp(again.name, p.name, p.name_len) == 0);
		must(again.json_len == p.json_len);
	}
	buf_finish(&out);
	free(copy);
	return 0;
}
