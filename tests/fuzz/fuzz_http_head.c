#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "fuzz.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head head;
	size_t len = 0;

	if (http_head_look((const char *)data, size, &len) != HEAD_TAKEN)
		return 0;
	must(len <= size);
	char *copy = mem_dup(data, len);
	if (http_head_parse(copy, len, &head) == HEAD_TAKEN) {
		must(head.path[0] == '/');
		must(text_utf8_valid(head.path, strlen(head.path)));
		must(!strstr(head.path, "/../"));
		must(head.http10 || http_head_get(head.lines, "host"));
		must(!http_head_get(head.lines, "upgrade"));
	}
	free(copy);
	return 0;
}
