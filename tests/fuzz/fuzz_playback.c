#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "fuzz.h"
#include "http/playback.h"

/* As a token: nobody guesses one. As a viewer's id: what is signed comes back. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[PLAYBACK_KEY_SIZE] = "thirty-two bytes, and no secret";
	const struct uuid stream = {{7}}, other = {{8}};
	char *text = mem_strndup((const char *)data, size);
	char token[PLAYBACK_TOKEN_SIZE], viewer[PLAYBACK_VIEWER_SIZE];

	must(playback_check(key, stream, text, 1000, viewer) == PLAYBACK_BAD);
	if (playback_token(key, stream, text, 2000, token)) {
		must(strlen(token) < sizeof(token));
		must(playback_check(key, stream, token, 1999, viewer) == PLAYBACK_OK);
		must(strcmp(viewer, text) == 0);
		must(playback_check(key, stream, token, 2000, viewer) == PLAYBACK_EXPIRED);
		must(playback_check(key, other, token, 1999, viewer) == PLAYBACK_BAD);
	}
	free(text);
	return 0;
}
