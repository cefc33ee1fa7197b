#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "uploads_private.h"

/* Where the texts are: the struct is copied and compared by this table. */
static const size_t texts[] = {
	offsetof(struct uploads_config, endpoint),
	offsetof(struct uploads_config, region),
	offsetof(struct uploads_config, bucket),
	offsetof(struct uploads_config, access_key),
	offsetof(struct uploads_config, secret),
	offsetof(struct uploads_config, prefix),
	offsetof(struct uploads_config, public_url),
	offsetof(struct uploads_config, ca_file),
	offsetof(struct uploads_config, user_agent),
};

static const char **text_at(const struct uploads_config *c, size_t i)
{
	return (const char **)(void *)((char *)(uintptr_t)c + texts[i]);
}

struct upload_settings *upload_settings_create(const struct uploads_config *config)
{
	struct upload_settings *s = mem_new(struct upload_settings);

	s->refs = 1;
	s->config = *config;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*text_at(&s->config, i) = mem_strdup(*text_at(config, i));
	return s;
}

void upload_settings_unref(struct upload_settings *s)
{
	if (!s || --s->refs > 0)
		return;
	explicit_bzero((char *)(uintptr_t)s->config.secret, strlen(s->config.secret));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free((char *)(uintptr_t)*text_at(&s->config, i));
	free(s);
}

bool upload_settings_equal(const struct upload_settings *s, const struct uploads_config *config)
{
	const struct uploads_config *c = &s->config;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!text_eq(*text_at(c, i), *text_at(config, i)))
			return false;
	return c->path_style == config->path_style && c->keep_local == config->keep_local &&
		c->parallel == config->parallel && c->part_size == config->part_size &&
		c->connect_us == config->connect_us && c->stall_us == config->stall_us &&
		c->retry_us == config->retry_us && c->retry_max_us == config->retry_max_us;
}

uint64_t upload_wait_us(const struct uploads_config *c, enum s3_result result, uint32_t attempts,
	uint64_t retry_after_us)
{
	uint64_t wait = c->retry_us;

	for (uint32_t i = 1; i < attempts && wait < c->retry_max_us; i++)
		wait *= 2;
	/* What only a person can mend is not asked for often. */
	if (result == S3_DENIED || result == S3_NO_BUCKET || result == S3_REFUSED ||
		wait > c->retry_max_us)
		wait = c->retry_max_us;
	return retry_after_us > wait ? retry_after_us : wait;
}
