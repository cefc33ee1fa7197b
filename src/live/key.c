#include <openssl/evp.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "live/registry.h"

#define KEY_BYTES 24

void live_key_hash(const char *key, uint8_t out[STREAM_KEY_HASH_SIZE])
{
	unsigned n = 0;

	must(EVP_Digest(key, strlen(key), out, &n, EVP_sha256(), NULL) == 1);
	must(n == STREAM_KEY_HASH_SIZE);
}

void live_key_new(const struct clock *clock, char out[static LIVE_KEY_SIZE])
{
	uint8_t random[KEY_BYTES];

	clock_random(clock, random, sizeof(random));
	text_base64url(out, random, sizeof(random));
	explicit_bzero(random, sizeof(random));
}
