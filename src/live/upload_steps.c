#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "uploads_private.h"

/* What runs on the network lane: no word to the loop's structs but what struct upload allows. */

/* An object as the server's list has it. */
struct remote {
	uint64_t size;
	char etag[S3_ETAG_SIZE];
	char *name;
};

static struct s3 *client_of(struct upload *u)
{
	const struct uploads_config *c = &u->settings->config;

	return s3_create(
		&(struct s3_config){
			.endpoint = c->endpoint,
			.region = c->region,
			.bucket = u->bucket,
			.access_key = c->access_key,
			.secret = c->secret,
			.ca_file = c->ca_file,
			.user_agent = c->user_agent,
			.path_style = c->path_style,
			.connect_us = c->connect_us,
			.stall_us = c->stall_us,
			.part_size = c->part_size,
		},
		&u->stop);
}

/* The first failure is the one that is told. */
static void fail(
	struct upload *u, enum s3_result result, const char *error, uint64_t retry_after_us)
{
	pthread_mutex_lock(&u->lock);
	if (u->result == S3_OK) {
		u->result = result;
		u->retry_after_us = retry_after_us;
		text_copy(u->error, sizeof(u->error), error);
	}
	pthread_mutex_unlock(&u->lock);
	atomic_store(&u->failing, true);
}

static void fail_by(struct upload *u, struct s3 *s, enum s3_result result)
{
	if (result != S3_OK)
		fail(u, result, s3_error(s), s3_retry_after_us(s));
}

/* The name behind the prefix; NULL: of another folder. */
static const char *name_of(const struct upload *u, const char *key)
{
	size_t len = strlen(u->prefix);

	return strncmp(key, u->prefix, len) == 0 ? key + len : NULL;
}

static void note(void *user, const char *key, uint64_t size, const char *etag)
{
	struct upload *u = user;
	const char *name = name_of(u, key);
	struct remote *remote;

	if (!name || map_get(u->there, name, strlen(name)))
		return;
	remote = mem_new(struct remote);
	remote->size = size;
	text_copy(remote->etag, sizeof(remote->etag), etag);
	remote->name = mem_strdup(name);
	map_put(u->there, name, strlen(name), remote);
}

void upload_forget(struct upload *u)
{
	size_t pos = 0;
	void *value;

	while (u->there && map_next(u->there, &pos, &value)) {
		free(((struct remote *)value)->name);
		free(value);
	}
	map_destroy(u->there);
	u->there = NULL;
}

/* As the server has them now. */
static enum s3_result look(struct upload *u, struct s3 *s)
{
	upload_forget(u);
	u->there = map_create();
	return s3_list(s, u->prefix, note, u);
}

/* chat.json into the folder, whole or not at all. */
static bool write_chat(struct upload *u)
{
	char *path = mem_printf("%s/chat.json", u->dir), *part = mem_printf("%s.tmp", path);
	FILE *f = fopen(part, "we");
	bool good = f && fwrite(u->chat.data, 1, u->chat.len, f) == u->chat.len;

	good = f && fclose(f) == 0 && good && rename(part, path) == 0;
	if (!good)
		fail(u, S3_LOCAL, strerror(errno), 0);
	free(part);
	free(path);
	return good;
}

void upload_step_plan(void *arg)
{
	struct upload *u = arg;
	struct s3 *s = client_of(u);
	unsigned aborted = 0;
	enum s3_result result;

	if (u->chat.len && !write_chat(u)) {
		s3_destroy(&s);
		return;
	}
	if (!upload_plan_make(u->dir, &u->plan)) {
		fail(u, S3_LOCAL, u->plan.fault, 0);
	} else {
		result = s3_abort_all(s, u->prefix, &aborted);
		/* Not every server has such a list. */
		if (result == S3_OK || result == S3_REFUSED || result == S3_MISSING)
			result = look(u, s);
		fail_by(u, s, result);
	}
	s3_destroy(&s);
}

static bool is_there(const struct upload *u, const struct upload_object *o)
{
	const struct remote *r = map_get(u->there, o->name, strlen(o->name));

	return r && r->size == o->size && text_eq(r->etag, o->etag);
}

static enum s3_result send_object(struct upload *u, struct s3 *s, struct upload_object *o)
{
	char *path = mem_printf("%s/%s", u->dir, o->name);
	char *key = mem_printf("%s%s", u->prefix, o->name);
	enum s3_result result;
	struct s3_file file;

	result = s3_file_digest(s, path, &file);
	o->size = file.size;
	text_copy(o->etag, sizeof(o->etag), file.etag);
	text_copy(o->digest, sizeof(o->digest), file.digest);
	if (result == S3_OK && !is_there(u, o)) {
		result = s3_put(
			s, key, &file, upload_content_type(o->name), upload_cache_control(o->name));
		atomic_fetch_add(result == S3_OK ? &u->sent : &u->lost, 1);
		atomic_fetch_add(&u->sent_bytes, result == S3_OK ? file.size : 0);
	}
	if (result == S3_OK) {
		atomic_fetch_add(&u->done, 1);
		atomic_fetch_add(&u->done_bytes, file.size);
	}
	s3_file_finish(&file);
	free(key);
	free(path);
	return result;
}

void upload_step_send(void *arg)
{
	struct upload *u = arg;
	struct s3 *s = client_of(u);

	while (!atomic_load(&u->failing)) {
		size_t i = atomic_fetch_add(&u->next, 1);
		if (i >= u->plan.end[u->phase])
			break;
		fail_by(u, s, send_object(u, s, &u->plan.objects[i]));
	}
	s3_destroy(&s);
}

/* By its own metadata, where the server's ETags are no MD5. */
static bool is_whole(struct upload *u, struct s3 *s, const struct upload_object *o)
{
	const struct remote *r = map_get(u->there, o->name, strlen(o->name));
	enum s3_result result;
	struct s3_head head;
	char *key;

	if (is_there(u, o))
		return true;
	if (r && r->size == o->size) {
		key = mem_printf("%s%s", u->prefix, o->name);
		result = s3_head(s, key, &head);
		free(key);
		if (result == S3_OK && strspn(head.etag, "0123456789abcdef") < 32 &&
			head.size == o->size && text_eq(head.digest, o->digest))
			return true;
		if (result != S3_OK && result != S3_MISSING) {
			fail_by(u, s, result);
			return false;
		}
	}
	char *error = mem_printf("%s is not there as it was sent", o->name);
	fail(u, S3_MISMATCH, error, 0);
	free(error);
	return false;
}

void upload_step_verify(void *arg)
{
	struct upload *u = arg;
	struct s3 *s = client_of(u);
	enum s3_result result = look(u, s);

	fail_by(u, s, result);
	for (size_t i = 0; i < u->plan.n && result == S3_OK; i++)
		if (!is_whole(u, s, &u->plan.objects[i]))
			break;
	s3_destroy(&s);
}

static enum s3_result remove_all(struct upload *u, struct s3 *s)
{
	enum s3_result result = S3_OK;
	size_t pos = 0;
	void *value;

	while (result == S3_OK && map_next(u->there, &pos, &value)) {
		char *key = mem_printf("%s%s", u->prefix, ((struct remote *)value)->name);
		result = s3_delete(s, key);
		free(key);
	}
	return result;
}

void upload_step_remove(void *arg)
{
	struct upload *u = arg;
	struct s3 *s = client_of(u);
	unsigned aborted = 0;
	enum s3_result result = s3_abort_all(s, u->prefix, &aborted);

	if (result == S3_OK || result == S3_REFUSED || result == S3_MISSING)
		result = look(u, s);
	if (result == S3_OK)
		result = remove_all(u, s);
	if (result == S3_OK)
		result = look(u, s);
	fail_by(u, s, result);
	if (result == S3_OK && map_count(u->there) > 0)
		fail(u, S3_AGAIN, "objects are still there", 0);
	s3_destroy(&s);
}
