#define LOG_MODULE "storage"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "uploads_private.h"

/* A chat that is larger ends there: nobody reads on in it for days. */
#define CHAT_MAX (32 * 1024 * 1024)

void upload_free(struct upload *u)
{
	replay_close(&u->replay);
	buf_finish(&u->chat);
	upload_plan_finish(&u->plan);
	upload_forget(u);
	upload_settings_unref(u->settings);
	pthread_mutex_destroy(&u->lock);
	free(u->dir);
	free(u->prefix);
	free(u->bucket);
	free(u);
}

static void over(struct upload *u)
{
	if (u->owner)
		uploads_ended(u);
	else
		upload_free(u);
}

static void step_done(void *arg, bool cancelled);

static void submit(struct upload *u, void (*run)(void *arg), unsigned workers)
{
	u->workers = workers;
	for (unsigned i = 0; i < workers; i++)
		work_submit(loop_work(u->owner->registry->loop), WORK_NET, run, step_done, u);
}

/* The next phase that has anything in it; then the look at all of it. */
static void next_phase(struct upload *u)
{
	size_t begin, left;

	for (; u->phase < UPLOAD_PHASES; u->phase++) {
		begin = u->phase ? u->plan.end[u->phase - 1] : 0;
		left = u->plan.end[u->phase] - begin;
		if (left > 0) {
			unsigned parallel = u->settings->config.parallel;
			atomic_store(&u->next, begin);
			submit(u, upload_step_send, left < parallel ? (unsigned)left : parallel);
			return;
		}
	}
	u->verifying = true;
	submit(u, upload_step_verify, 1);
}

static void step_done(void *arg, bool cancelled)
{
	struct upload *u = arg;
	struct uploads *owner = u->owner;

	(void)cancelled;
	if (--u->workers > 0)
		return;
	if (!owner || u->result != S3_OK || u->is_removal || u->verifying ||
		atomic_load(&u->stop)) {
		over(u);
		return;
	}
	if (u->planned)
		u->phase++;
	u->planned = true;
	next_phase(u);
}

static void put_messages(struct upload *u, const json_t *messages)
{
	const json_t *message;
	size_t i;

	json_array_foreach(messages, i, message)
	{
		char *text = json_dumps(message, JSON_COMPACT);
		if (u->chat.len > sizeof("{\"messages\":[") - 1)
			buf_put_u8(&u->chat, ',');
		buf_put_str(&u->chat, text);
		free(text);
	}
}

/* A page a turn. */
static void read_chat(void *arg)
{
	struct upload *u = arg;
	json_t *messages = NULL;
	bool more = false;

	if (!u->owner || atomic_load(&u->stop)) {
		u->workers = 0;
		over(u);
		return;
	}
	if (u->replay && replay_next(u->replay, &messages, &more) == REPO_OK)
		put_messages(u, messages);
	json_decref(messages);
	if (more && u->chat.len < CHAT_MAX) {
		loop_defer(u->owner->registry->loop, read_chat, u);
		return;
	}
	if (u->replay)
		buf_put_str(&u->chat, "],\"earlier\":false,\"next\":null}");
	replay_close(&u->replay);
	submit(u, upload_step_plan, 1);
}

static void placed(void *user, const struct repo_outcome *outcome)
{
	struct upload *u = user;
	struct uuid first = {0};

	if (!u->owner || outcome->result != REPO_OK || atomic_load(&u->stop)) {
		u->workers = 0;
		u->unplaced = outcome->result == REPO_FAILED;
		atomic_store(&u->stop, true);
		over(u);
		return;
	}
	/* None without a chat: the recording is whole without it. */
	if (replay_open(&u->owner->registry->repo, u->stream_id, first, &u->replay) == REPO_OK)
		buf_put_str(&u->chat, "{\"messages\":[");
	read_chat(u);
}

static void place(struct upload *u)
{
	const struct repo *repo = &u->owner->registry->repo;

	u->workers = 1; /* the store's answer */
	repo->uploads->upload_place(repo->impl, u->stream_id, u->bucket, u->prefix, placed, u);
}

struct upload *upload_start(struct uploads *owner, const struct upload_record *row)
{
	struct upload *u = mem_new(struct upload);
	const struct uploads_config *c = &owner->settings->config;

	u->owner = owner;
	u->settings = owner->settings;
	u->settings->refs++;
	u->stream_id = row->stream_id;
	uuid_text(u->id_text, row->stream_id);
	u->dir = live_recording_dir(owner->registry, u->id_text);
	u->is_removal = row->state == UPLOAD_REMOVING;
	u->attempts = row->attempts;
	pthread_mutex_init(&u->lock, NULL);
	if (u->is_removal) {
		u->bucket = mem_strdup(row->bucket);
		u->prefix = mem_strdup(row->prefix);
		submit(u, upload_step_remove, 1);
	} else {
		u->bucket = mem_strdup(c->bucket);
		u->prefix = upload_prefix(c->prefix, u->id_text);
		place(u);
	}
	return u;
}
