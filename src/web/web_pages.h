#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The pages that build.mjs made, compiled in: complete documents with their style and script
 * inside, that load nothing from another host. Immutable, for the life of the process.
 */
struct web_page {
	const char *type; /* Content-Type */
	const uint8_t *body;
	size_t body_len;
	const uint8_t *gzip; /* the same, compressed */
	size_t gzip_len;
	const char *etag; /* with quotes; of the plain form */
	/* Sources for a Content-Security-Policy: the hashes of what stands in the page, or 'none'.
	 */
	const char *style_source, *script_source;
};

extern const struct web_page web_page_watch; /* /watch/{id} */
extern const struct web_page web_page_home; /* / */
extern const struct web_page web_page_missing; /* what is shown with a 404 */
extern const struct web_page web_page_icon; /* /favicon.svg */
