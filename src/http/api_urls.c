#include <stdio.h>
#include <string.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"

#define HTTP_PORT 8080
#define RTMP_PORT 1935
#define RTMPS_PORT 443

/* A Host header is the peer's word: only what can be one goes into a URL. */
static bool host_is_good(const char *host)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";

	return host && *host && strlen(host) < 256 && strspn(host, allowed) == strlen(host);
}

/* Cuts the port off "host:port" or "[v6]:port". */
static void cut_port(char *host)
{
	char *end = host[0] == '[' ? strchr(host, ']') : NULL;
	char *colon = strchr(end ? end : host, ':');

	if (colon)
		*colon = '\0';
}

static void from_public_url(const char *url, struct api_urls *out)
{
	const char *host = strstr(url, "://");
	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		len--;
	snprintf(out->base, sizeof(out->base), "%.*s", (int)len, url);
	out->tls = text_starts(url, "https://");
	host = host ? host + 3 : url;
	snprintf(out->host, sizeof(out->host), "%.*s", (int)strcspn(host, "/?#"), host);
	cut_port(out->host);
}

/* host: as the peer says it, or NULL. */
static void from_host(const struct api *a, const char *host, bool tls, struct api_urls *out)
{
	char fallback[32];

	if (!host_is_good(host)) {
		snprintf(fallback, sizeof(fallback), "127.0.0.1:%u",
			a->config.http_port ? a->config.http_port : HTTP_PORT);
		host = fallback;
	}
	out->tls = tls;
	snprintf(out->base, sizeof(out->base), "%s://%s", tls ? "https" : "http", host);
	snprintf(out->host, sizeof(out->host), "%s", host);
	cut_port(out->host);
}

void api_urls_of(const struct api *a, const struct http_request *r, struct api_urls *out)
{
	const char *host = http_request_header(r, "host");
	const char *proto = http_request_header(r, "x-forwarded-proto");

	api_viewer_of(r, out);
	if (a->config.public_url) {
		from_public_url(a->config.public_url, out);
		return;
	}
	if (!host)
		host = http_request_header(r, ":authority");
	from_host(a, http_request_local(r) ? NULL : host,
		http_request_tls(r) || text_eq(proto, "https"), out);
}

static char *rtmp_url(
	const char *scheme, const char *host, unsigned port, unsigned usual, const char *app)
{
	if (port == usual)
		return mem_printf("%s://%s/%s", scheme, host, app);
	return mem_printf("%s://%s:%u/%s", scheme, host, port, app);
}

char *api_rtmp_url(const struct api *a, const char *host)
{
	struct api_urls urls = {0};

	if (a->config.public_url)
		from_public_url(a->config.public_url, &urls);
	else
		from_host(a, host, false, &urls);
	return api_url_rtmp(a, &urls);
}

char *api_url_rtmp(const struct api *a, const struct api_urls *u)
{
	const struct api_config *c = &a->config;

	if (!c->rtmp_port && c->rtmps_port)
		return rtmp_url("rtmps", u->host, c->rtmps_port, RTMPS_PORT, c->rtmp_app);
	return rtmp_url("rtmp", u->host, c->rtmp_port, RTMP_PORT, c->rtmp_app);
}

static char *stream_url(
	const struct api_urls *u, const char *folder, struct uuid stream, const char *rest)
{
	char id[UUID_TEXT_SIZE];

	uuid_text(id, stream);
	return mem_printf("%s/%s/%s%s", u->base, folder, id, rest);
}

char *api_url_watch(const struct api_urls *u, struct uuid stream)
{
	return stream_url(u, "watch", stream, "");
}
