#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "fuzz.h"
#include "proto/ws_frame.h"

#define MAX_MESSAGE 4096

static void look(const struct ws_event *e)
{
	if (e->kind == WS_EVENT_MESSAGE) {
		must(e->len <= MAX_MESSAGE);
		must(e->binary || text_utf8_valid((const char *)e->data, e->len));
	}
	if (e->kind == WS_EVENT_PING || e->kind == WS_EVENT_PONG)
		must(e->len <= WS_CONTROL_MAX);
}

/* The first byte says in which pieces the others come. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ws_reader reader;
	struct ws_event e = {.kind = WS_EVENT_NONE};

	if (!size)
		return 0;
	ws_reader_init(&reader, MAX_MESSAGE);
	size_t step = data[0] ? data[0] : size;
	for (size_t at = 1; at < size && e.kind != WS_EVENT_ERROR; at += step) {
		size_t n = size - at < step ? size - at : step, done = 0, used;
		uint8_t *piece = mem_dup(data + at, n);
		do {
			ws_reader_read(&reader, piece + done, n - done, &used, &e);
			look(&e);
			done += used;
			must(done <= n);
		} while (e.kind != WS_EVENT_NONE && e.kind != WS_EVENT_ERROR);
		must(e.kind == WS_EVENT_ERROR || done == n);
		free(piece);
	}
	ws_reader_finish(&reader);
	return 0;
}
