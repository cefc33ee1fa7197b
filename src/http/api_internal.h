#pragma once

#include <jansson.h>

#include "http/api.h"
#include "http/server.h"

/* What the files of the API share; nobody else includes it. */

struct api {
	struct api_config config; /* texts owned */
	uint64_t started_mono_us, started_wall_ms;
};

/* The server's address as the caller sees it, for URLs in answers. */
struct api_urls {
	char base[320]; /* "https://shop.example", no slash at the end */
	char host[260]; /* without port */
	bool tls;
};
void api_urls_of(const struct api *a, const struct http_request *r, struct api_urls *out);
/* New strings, owned by the caller. */
char *api_url_rtmp(const struct api *a, const struct api_urls *u);
char *api_url_hls(const struct api_urls *u, struct uuid stream);
char *api_url_watch(const struct api_urls *u, struct uuid stream);

/* JSON of values: NULL, 0 and false flags become null where the name says "or_null". */
json_t *api_text_or_null(const char *text);
json_t *api_time_or_null(uint64_t wall_ms);
json_t *api_id(struct uuid id);

/* A stream as src/http/README.md describes it; products and counts are the caller's to add. */
json_t *api_stream_json(
	const struct api *a, const struct api_urls *u, const struct stream_record *r);
/* Seconds on air so far or in all; null before. */
json_t *api_stream_duration(const struct api *a, const struct stream_record *r);
json_t *api_stats_json(const struct stream_record *r);
json_t *api_product_json(const struct product_record *p);
/* The products of a stream with their place in it; NULL if the store failed. */
json_t *api_stream_products_json(const struct api *a, struct uuid stream);
