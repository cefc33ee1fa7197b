#define LOG_MODULE "outbox"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/jwt.h"
#include "server_private.h"

#define ERROR_SIZE 256

/* The secret that webhooks are signed with, if there are any; heap. */
static bool load_secret(
	const struct config_webhooks *c, char **secret, char *error, size_t error_size)
{
	*secret = NULL;
	if (!c->url)
		return true;
	*secret = c->secret ? mem_strdup(c->secret)
			    : jwt_secret_load(c->secret_file, true, error, error_size);
	return *secret != NULL;
}

static void drop_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static struct deliverer_config settings(const struct config *c, const char *secret)
{
	return (struct deliverer_config){
		.webhook_url = c->webhooks.url,
		.webhook_secret = secret,
		.public_url = c->server.public_url,
		.webhook_timeout_us = c->webhooks.timeout_us,
		.push_timeout_us = c->push.timeout_us,
		.retry_base_us = c->webhooks.retry_base_us,
		.give_up_us = c->webhooks.give_up_us,
		.fcm_service_account = c->push.fcm_service_account,
		.fcm_url = c->push.fcm_url,
		.user_agent = "soukd/" SOUK_VERSION,
	};
}

bool server_create_delivery(struct server *s, char *error, size_t error_size)
{
	char *secret;
	struct deliverer_config config;

	if (!load_secret(&s->config->webhooks, &secret, error, error_size))
		return false;
	config = settings(s->config, secret);
	s->deliverer = deliverer_create(s->loop, store_repo(s->store), &config, error, error_size);
	drop_secret(secret);
	if (!s->deliverer)
		return false;
	s->interruptions = interruptions_create(s->registry, store_repo(s->store));
	return true;
}

void server_reload_delivery(struct server *s)
{
	char error[ERROR_SIZE], *secret;
	struct deliverer_config config;

	if (!load_secret(&s->config->webhooks, &secret, error, sizeof(error))) {
		log_error("webhooks not reloaded: they stay as they were", kv_str("reason", error));
		return;
	}
	config = settings(s->config, secret);
	deliverer_reconfigure(s->deliverer, &config);
	drop_secret(secret);
}
