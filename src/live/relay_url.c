#include "live/relay_url.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

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
