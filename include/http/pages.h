#pragma once

#include <stdbool.h>

#include "http/server.h"

/*
 * The pages that are compiled in: `/` (who is live), `/watch/{id}`, the icon, and what a browser
 * sees for an address that is nothing. They come with a Content-Security-Policy by hashes, an ETag
 * and, for peers that take it, in the form that was compressed at build time. Loop thread only.
 */
struct pages;

/*
 * public_url: `[server] public_url` or NULL; media may be loaded from there besides the page's own
 * host. Copied.
 */
struct pages *pages_create(const char *public_url, const char *storage_url);
void pages_destroy(struct pages **p); /* nulls; *p may be NULL */

/*
 * Answers a request for a page. False, with nothing answered, if the path is not one of theirs. A
 * watch page needs a well-formed id, else it is a 404; whether there is such a stream the page
 * itself asks the API. Other methods than GET and HEAD: 405.
 */
bool pages_handle(struct pages *p, struct http_request *r);

/* True if the peer would rather see a page than JSON (Accept names text/html). */
bool pages_wanted(const struct http_request *r);
/* 404 as a page. */
void pages_missing(struct pages *p, struct http_request *r);
