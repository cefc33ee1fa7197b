#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOG_MODULE "lws"

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "loop/lws.h"
#include "loop_private.h"

/* Each connection may have a file open beside its socket; the rest is for store, logs and disk. */
#define RESERVED_DESCRIPTORS 1024
#define DEFAULT_DESCRIPTORS 65536
#define HEADER_BYTES 16384
#define SERVICE_BYTES 65536
#define PACKET_BYTES (1024 * 1024)
#define RX_BYTES 512

/* All zero: no pings, no hang-ups by libwebsockets' clock. */
static const lws_retry_bo_t no_retry;

/* libwebsockets' own levels are about a client's health as often as ours: one step down. */
static void emit(int level, const char *line)
{
	char text[400];
	size_t len = strcspn(line, "\n");
	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	for (size_t i = 0; i < len; i++)
		text[i] = (unsigned char)line[i] < 0x20 ? ' ' : line[i];
	text[len] = '\0';
	if (level & LLL_ERR)
		log_warn("libwebsockets says", kv_str("text", text));
	else if (level & LLL_WARN)
		log_info("libwebsockets says", kv_str("text", text));
	else
		log_debug("libwebsockets says", kv_str("text", text));
}

/*
 * libwebsockets sizes its descriptor table by RLIMIT_NOFILE (a bound of its own would make its
 * look-up linear), and containers set that limit to a thousand million.
 */
static void limit_descriptors(unsigned max_connections)
{
	struct rlimit limit;
	rlim_t want = max_connections ? 2 * (rlim_t)max_connections + RESERVED_DESCRIPTORS
				      : DEFAULT_DESCRIPTORS;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_warn("cannot set the limit of descriptors", kv_u64("wanted", want));
	if (limit.rlim_cur < want)
		log_warn("fewer descriptors than asked for", kv_u64("wanted", want),
			kv_u64("limit", limit.rlim_cur));
}

bool loop_lws_create(struct loop *l, unsigned max_connections)
{
	struct lws_context_creation_info info = {0};
	void *loops[] = {&l->uv};
	int level = LLL_ERR | LLL_WARN;

	if (log_enabled(LOG_DEBUG, LOG_MODULE))
		level |= LLL_NOTICE;
	lws_set_log_level(level, emit);
	limit_descriptors(max_connections);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	info.foreign_loops = loops;
	info.pcontext = &l->lws;
	info.max_http_header_data = HEADER_BYTES;
	info.pt_serv_buf_size = SERVICE_BYTES;
	info.retry_and_idle_policy = &no_retry;
	info.gid = (gid_t)-1;
	info.uid = (uid_t)-1;
	l->lws = lws_create_context(&info);
	return l->lws;
}

/*
 * With a loop of ours the context goes in two steps: the first closes all handles, which ends in
 * later turns of the loop; the second frees what they pointed to. Whichever version finishes
 * by itself in between nulls l->lws.
 */
void loop_lws_destroy(struct loop *l)
{
	if (!l->lws)
		return;
	lws_context_destroy(l->lws);
	loop_turn(l);
	if (l->lws)
		lws_context_destroy(l->lws);
	loop_turn(l);
	l->lws = NULL;
	for (unsigned i = 0; i < l->n_vhost_names; i++)
		free(l->vhost_names[i]);
	free(l->vhost_names);
}

void loop_vhost_info(struct lws_context_creation_info *info)
{
	memset(info, 0, sizeof(*info));
	info->port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info->retry_and_idle_policy = &no_retry;
	info->gid = (gid_t)-1;
	info->uid = (uid_t)-1;
	info->ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
}

struct lws_vhost *loop_vhost_create(struct loop *l, struct lws_context_creation_info *info)
{
	char *name = mem_printf(":%s", info->vhost_name);

	l->vhost_names =
		mem_realloc(l->vhost_names, (l->n_vhost_names + 1) * sizeof(*l->vhost_names));
	l->vhost_names[l->n_vhost_names++] = name;
	info->vhost_name = name;
	return lws_create_vhost(l->lws, info);
}

struct lws *loop_vhost_adopt(struct lws_vhost *vhost, int fd, bool raw, void *opaque)
{
	lws_adopt_desc_t desc = {
		.vh = vhost,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL | (raw ? 0 : LWS_ADOPT_HTTP),
		.fd.sockfd = fd,
		.opaque = opaque,
	};
	return lws_adopt_descriptor_vhost_via_info(&desc);
}

void loop_lws_kill(struct loop *l, struct lws *wsi)
{
	lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
	loop_lws_wake(l);
}

void loop_lws_kill_now(struct lws *wsi)
{
	lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
}

void loop_lws_wake(struct loop *l)
{
	lws_cancel_service(l->lws);
}
