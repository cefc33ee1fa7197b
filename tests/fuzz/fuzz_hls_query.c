#include <string.h>

#include "base/must.h"
#include "fuzz.h"
#include "proto/hls_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hls_query q;
	if (hls_query_parse((const char *)data, size, &q)) {
		must(q.has_msn || !q.has_part);
		must(memchr(q.token, 0, sizeof(q.token)) != NULL);
	}
	return 0;
}
