#define LOG_MODULE "storage"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "live/uploads.h"
#include "server_private.h"

#define SECRET_MAX 512

/* The first line of the file; heap. NULL, with a log line, if there is none. */
static char *read_secret(const char *path)
{
	char line[SECRET_MAX] = "", *secret;
	FILE *f = fopen(path, "re");
	bool good = f && fgets(line, sizeof(line), f);

	line[strcspn(line, "\r\n")] = '\0';
	if (!good || !line[0])
		log_error("secret of the storage not read", kv_str("path", path),
			kv_str("reason", f ? "it is empty" : strerror(errno)));
	if (f)
		fclose(f);
	secret = line[0] ? mem_strdup(line) : NULL;
	explicit_bzero(line, sizeof(line));
	return secret;
}

static char *secret_of(const struct config_storage *c)
{
	if (!c->s3_bucket || c->s3_secret || !c->s3_secret_file)
		return mem_strdup(c->s3_secret);
	return read_secret(c->s3_secret_file);
}

void server_use_storage(struct server *s)
{
	const struct config_storage *c = &s->config->storage;
	char *secret = secret_of(c);
	struct uploads_config config = {
		.endpoint = c->s3_endpoint,
		.region = c->s3_region,
		.bucket = c->s3_bucket,
		.access_key = c->s3_access_key,
		.secret = secret,
		.prefix = c->s3_prefix,
		.public_url = c->s3_public_url,
		.ca_file = c->s3_ca_file,
		.user_agent = "soukd/" SOUK_VERSION,
		.path_style = c->s3_path_style,
		.keep_local = c->s3_keep_local,
		.parallel = c->s3_parallel,
		.part_size = c->s3_part_size,
		.connect_us = c->s3_connect_timeout_us,
		.stall_us = c->s3_stall_timeout_us,
		.retry_us = c->s3_retry_base_us,
		.retry_max_us = c->s3_retry_max_us,
	};

	live_registry_upload(s->registry, &config);
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}
