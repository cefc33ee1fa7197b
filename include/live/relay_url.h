#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Where a stream is to be relayed to: rtmp:// or rtmps://, a host (and a port), an application and
 * a key: "rtmp://host/app/key". The key is a secret of the seller's.
 */
#define RELAY_URL_MAX 1000 /* bytes */

/* False, with what is wrong in *why (a sentence, static), if it cannot be one. */
bool relay_url_check(const char *url, const char **why);
/* The URL with stars for all behind the last slash of its path, heap; of one that was checked. */
char *relay_url_masked(const char *url);

/* What an encoder would be told of such a place. Texts are the place's own. */
struct relay_place {
	bool tls;
	char *host; /* without the brackets of IPv6 */
	unsigned port; /* 1935, or 443 with TLS, unless the URL says it */
	char *app; /* all of the path up to its last slash; of a path without one: the path */
	char *key; /* what follows it, with the query; "": none */
	char *tc_url; /* the URL up to the key */
};
void relay_url_parse(const char *url, struct relay_place *out); /* of one that was checked */
void relay_place_finish(struct relay_place *p);
/*
 * Copies a text that may repeat the place's key, whole or in part as keys are cut (before and
 * behind its '?', and each value there), with stars for it; what does not fit is left out.
 */
void relay_place_mask(const struct relay_place *p, const char *text, char *out, size_t size);
