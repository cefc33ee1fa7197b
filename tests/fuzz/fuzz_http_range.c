#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "fuzz.h"
#include "proto/http_range.h"

/* The first two bytes are the size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	uint64_t length = data[0] == 255 ? UINT64_MAX : (uint64_t)data[0] << 8 | data[1];
	uint64_t first, last;
	char *text = mem_strndup((const char *)data + 2, size - 2);
	if (http_range_parse(text, length, &first, &last) == HTTP_RANGE_PARTIAL) {
		must(first <= last && last < length);
	}
	free(text);
	return 0;
}
