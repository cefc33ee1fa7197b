#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a load goes: SCHEME://HOST[:PORT]/PATH. */
struct target {
	char scheme[8];
	char host[64]; /* without brackets */
	uint16_t port; /* 1935 or 80 where the URL has none */
	char path[1024]; /* with the leading slash and the query */
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

/*
 * Hosts are numeric addresses or "localhost": a load tool has no business with names. Others than
 * loopback are refused unless `anywhere` is set. False with a reason that lives for ever.
 */
bool target_parse(struct target *t, const char *url, bool anywhere, const char **why);

/* A non-blocking TCP connection under way; -1 with errno set. */
int target_connect(const struct target *t);
