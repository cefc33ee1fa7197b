#include "live/relay_url.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* A shorter value in a key's query is no secret. */
#define VALUE_MIN 4

/* What stands between the scheme and the path; NULL: no scheme of ours. */
static const char *authority_of(const char *url)
{
	if (text_starts(url, "rtmp://"))
		return url + strlen("rtmp://");
	return text_starts(url, "rtmps://") ? url + strlen("rtmps://") : NULL;
}

static bool is_plain(const char *url)
{
	for (const unsigned char *c = (const unsigned char *)url; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '"' || *c == '<' || *c == '>')
			return false;
	return true;
}

static bool port_is_good(const char *text, size_t len)
{
	char port[6];
	uint64_t value;
	if (len == 0 || len >= sizeof(port))
		return false;
	memcpy(port, text, len);
	port[len] = '\0';
	return text_u64(port, 1, 65535, &value);
}

static bool name_is_good(const char *host, size_t len)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	return len > 0 && len < 256 && strspn(host, allowed) >= len;
}

/* "host", "host:port", "[v6]" or "[v6]:port"; no user, no password. */
static bool host_is_good(const char *host, size_t len)
{
	size_t name = 0;
	if (len && host[0] == '[') {
		name = strspn(host + 1, "0123456789abcdefABCDEF:.") + 1;
		if (name < 3 || name >= len || host[name] != ']')
			return false;
		name++;
	} else {
		name = strcspn(host, ":/");
		if (!name_is_good(host, name))
			return false;
	}
	if (name == len)
		return true;
	return name < len && host[name] == ':' && port_is_good(host + name + 1, len - name - 1);
}

bool relay_url_check(const char *url, const char **why)
{
	const char *host = authority_of(url);
	if (!host) {
		*why = "A relay begins with rtmp:// or rtmps://.";
		return false;
	}
	if (strlen(url) > RELAY_URL_MAX || !is_plain(url)) {
		*why = "A relay's URL is too long, or has characters that a URL may not have.";
		return false;
	}
	size_t len = strcspn(host, "/?#");
	if (!host_is_good(host, len)) {
		*why = "A relay names a host, perhaps a port, and no user.";
		return false;
	}
	const char *path = host + len;
	if (path[0] != '/' || strchr("/?#", path[1]) || strchr(path, '#')) {
		*why = "A relay names an application and a key: rtmp://host/app/key.";
		return false;
	}
	return true;
}

char *relay_url_masked(const char *url)
{
	size_t path = strcspn(url, "?#"), keep = path;
	while (keep > 0 && url[keep - 1] != '/')
		keep--;
	return mem_printf("%.*s***", (int)keep, url);
}

static void parse_host(const char *host, size_t len, struct relay_place *out)
{
	size_t name = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");

	out->port = out->tls ? 443 : 1935;
	if (name < len)
		out->port = (unsigned)strtoul(host + name + 1, NULL, 10);
	out->host = host[0] == '[' ? mem_strndup(host + 1, name - 2) : mem_strndup(host, name);
}

void relay_url_parse(const char *url, struct relay_place *out)
{
	const char *host = authority_of(url), *path = host + strcspn(host, "/");
	size_t len = strcspn(path, "?#"), keep = len;

	*out = (struct relay_place){.tls = text_starts(url, "rtmps://")};
	parse_host(host, (size_t)(path - host), out);
	while (path[keep - 1] != '/')
		keep--;
	/* "/app" alone: an application and no key. */
	if (keep == 1)
		keep = len + 1;
	out->app = mem_strndup(path + 1, keep - 2);
	out->key = mem_strdup(keep > len ? path + len : path + keep);
	out->tc_url = mem_printf("%.*s%s", (int)(path + 1 - url), url, out->app);
}

void relay_place_finish(struct relay_place *p)
{
	free(p->host);
	free(p->app);
	free(p->key);
	free(p->tc_url);
	*p = (struct relay_place){0};
}

static size_t common(const char *secret, size_t len, const char *text)
{
	return len && strncmp(text, secret, len) == 0 ? len : 0;
}

/* The value of a parameter of the query; short ones are no secrets. */
static size_t value_len(const char *query, const char *text)
{
	size_t best = 0;

	while (*query) {
		size_t len = strcspn(query, "&"), name = strcspn(query, "=&");
		const char *value = query[name] == '=' ? query + name + 1 : query;
		size_t value_size = len - (size_t)(value - query);
		if (value_size >= VALUE_MIN && value_size > best)
			best = common(value, value_size, text) ? value_size : best;
		query += len + (query[len] == '&');
	}
	return best;
}

/* How many bytes at `text` are of the key, or of a part of it: the longest that fits. */
static size_t secret_len(const char *key, const char *text)
{
	size_t len = strlen(key), name = strcspn(key, "?");
	size_t whole = common(key, len, text), query = 0;

	if (whole)
		return whole;
	if (name < len)
		query = common(key + name + 1, len - name - 1, text);
	if (name < len && !query)
		query = value_len(key + name + 1, text);
	name = common(key, name, text);
	return name > query ? name : query;
}

void relay_place_mask(const struct relay_place *p, const char *text, char *out, size_t size)
{
	size_t at = 0;

	while (*text && at + 4 <= size) {
		size_t secret = secret_len(p->key, text);
		if (!secret) {
			out[at++] = *text++;
			continue;
		}
		memcpy(out + at, "***", 3);
		at += 3;
		text += secret;
	}
	out[at < size ? at : size - 1] = '\0';
}
