#include "http/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rcbuf.h"
#include "model/uuid.h"
#include "web_pages.h"

#define WATCH "/watch/"

/* Pages change with the binary: they are kept, and asked for again each time. */
static const char revalidate[] = "no-cache";
static const char keep_a_day[] = "public, max-age=86400";

struct page {
	const struct web_page *source;
	const char *cache_control;
	struct rcbuf *body, *gzip;
	char *headers, *headers_plain; /* those of the plain form name what it depends on */
};

struct pages {
	struct page watch, home, missing, icon;
};

/* "https://host:port" of a URL, as a CSP source; "" if it is none. */
static void put_origin(struct buf *b, const char *url)
{
	const char *host = url ? strstr(url, "://") : NULL;
	if (!host || strpbrk(url, " ;,\"'\r\n"))
		return;
	buf_put(b, " ", 1);
	buf_put(b, url, (size_t)(host - url) + 3 + strcspn(host + 3, "/?#"));
}

/*
 * Scripts and styles only as they stand in the page (CSP level 3, section 8.4). Media and product
 * pictures may be elsewhere: a CDN, a store.
 */
static void put_headers(struct buf *b, const struct web_page *source, const char *public_url,
	const char *storage_url)
{
	buf_put_str(b, "content-security-policy: default-src 'none'; script-src ");
	buf_put_str(b, source->script_source);
	buf_put_str(b, "; style-src ");
	buf_put_str(b, source->style_source);
	buf_put_str(b, "; img-src 'self' data: https:");
	put_origin(b, storage_url);
	buf_put_str(b, "; media-src 'self' blob: https:");
	put_origin(b, public_url);
	put_origin(b, storage_url);
	buf_put_str(b, "; connect-src 'self' https:");
	put_origin(b, public_url);
	put_origin(b, storage_url);
	buf_put_str(b,
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'self'\r\n"
		"x-content-type-options: nosniff\r\n"
		"referrer-policy: strict-origin-when-cross-origin\r\n");
}

static char *take_text(struct buf *b)
{
	char *text = mem_strdup(buf_text(b));
	buf_finish(b);
	return text;
}

static void page_init(struct page *p, const struct web_page *source, const char *public_url,
	const char *storage_url)
{
	struct buf b = {0};

	p->source = source;
	p->cache_control = source == &web_page_icon ? keep_a_day : revalidate;
	p->body = rcbuf_from(source->body, source->body_len);
	p->gzip = rcbuf_from(source->gzip, source->gzip_len);
	put_headers(&b, source, public_url, storage_url);
	p->headers = take_text(&b);
	buf_put_str(&b, p->headers);
	buf_put_str(&b, "vary: Accept-Encoding\r\n");
	p->headers_plain = take_text(&b);
}

static void page_finish(struct page *p)
{
	rcbuf_unref(&p->body);
	rcbuf_unref(&p->gzip);
	free(p->headers);
	free(p->headers_plain);
}

struct pages *pages_create(const char *public_url, const char *storage_url)
{
	struct pages *p = mem_new(struct pages);

	page_init(&p->watch, &web_page_watch, public_url, storage_url);
	page_init(&p->home, &web_page_home, public_url, storage_url);
	page_init(&p->missing, &web_page_missing, public_url, storage_url);
	page_init(&p->icon, &web_page_icon, public_url, storage_url);
	return p;
}

void pages_destroy(struct pages **p)
{
	if (!*p)
		return;
	page_finish(&(*p)->watch);
	page_finish(&(*p)->home);
	page_finish(&(*p)->missing);
	page_finish(&(*p)->icon);
	free(*p);
	*p = NULL;
}

static void respond(struct http_request *r, int status, struct page *page)
{
	bool gzip = http_request_accepts_gzip(r);

	http_respond(r,
		&(struct http_response){
			.status = status,
			.content_type = page->source->type,
			.cache_control = status == 200 ? page->cache_control : NULL,
			.etag = status == 200 ? page->source->etag : NULL,
			.extra_headers = gzip ? page->headers : page->headers_plain,
			.encoded = gzip,
			.kind = HTTP_BODY_PIECES,
			.pieces = gzip ? &page->gzip : &page->body,
			.n_pieces = 1,
		});
}

/* The page at a path; NULL if it is no page's. */
static struct page *page_at(struct pages *p, const char *path)
{
	struct uuid id;

	if (strcmp(path, "/") == 0)
		return &p->home;
	if (strcmp(path, "/favicon.svg") == 0 || strcmp(path, "/favicon.ico") == 0)
		return &p->icon;
	if (strncmp(path, WATCH, strlen(WATCH)) != 0)
		return NULL;
	return uuid_parse(path + strlen(WATCH), &id) ? &p->watch : &p->missing;
}

bool pages_handle(struct pages *p, struct http_request *r)
{
	struct page *page = page_at(p, http_request_path(r));

	if (!page)
		return false;
	if (!(http_request_method(r) & (HTTP_GET | HTTP_HEAD)))
		http_respond(r,
			&(struct http_response){
				.status = 405, .extra_headers = "allow: GET, HEAD\r\n"});
	else
		respond(r, page == &p->missing ? 404 : 200, page);
	return true;
}

bool pages_wanted(const struct http_request *r)
{
	const char *accept = http_request_header(r, "accept");
	return accept && strstr(accept, "text/html");
}

void pages_missing(struct pages *p, struct http_request *r)
{
	respond(r, 404, &p->missing);
}
