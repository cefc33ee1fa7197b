#pragma once

#include <stdbool.h>

/*
 * Where a stream is to be relayed to: rtmp:// or rtmps://, a host (and a port), an application and
 * a key: "rtmp://host/app/key". The key is a secret of the seller's.
 */
#define RELAY_URL_MAX 1000 /* bytes */

/* False, with what is wrong in *why (a sentence, static), if it cannot be one. */
bool relay_url_check(const char *url, const char **why);
/* The URL with stars for all behind the last slash of its path, heap; of one that was checked. */
char *relay_url_masked(const char *url);
