#include "live_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "media/log.h"
#include "media/vod.h"
#include "support/h264_make.h"

void rig_init(struct live_rig *r)
{
	*r = (struct live_rig){.config = {
				       .media = {.part_target_us = 200000,
					       .segment_target_us = 1000000,
					       .max_jump_us = 3000000,
					       .window = 6,
					       .memory_segments = 2},
				       .grace_us = 60000000,
				       .unpublished_us = 60000000,
				       .mp4 = LIVE_MP4_END,
			       }};
	log_set_levels("off");
	media_log_setup();
	if (getenv("SOUK_TEST_WORKERS"))
		r->config.workers = (unsigned)strtoul(getenv("SOUK_TEST_WORKERS"), NULL, 10);
	r->config.worker_queue = 8 << 20;
	snprintf(r->root, sizeof(r->root), "/tmp/souk-live-XXXXXX");
	assert_non_null(mkdtemp(r->root));
	snprintf(r->media_root, sizeof(r->media_root), "%s/media", r->root);
	r->config.media_root = r->media_root;
	r->metrics = metrics_create();
	r->loop = loop_create(&(struct loop_config){.clock = &clock_system,
		.metrics = r->metrics,
		.max_connections = 16,
		.work_threads_fast = 1,
		.work_threads_slow = 1});
	r->memory = repo_memory_create(&clock_system);
	r->repo = repo_memory_repo(r->memory);
	rig_open_registry(r);
}

void rig_open_registry(struct live_rig *r)
{
	r->registry = live_registry_create(r->loop, r->repo, &r->config);
}

void rig_crash(struct live_rig *r)
{
	live_registry_destroy(&r->registry);
	for (unsigned i = 0; i < 50; i++)
		rig_turn(r);
}

static void remove_tree(const char *root)
{
	DIR *d = opendir(root);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *path = mem_printf("%s/%s", root, entry->d_name);
		if (entry->d_name[0] != '.')
			vod_delete(path);
		free(path);
	}
	if (d)
		closedir(d);
	else
		unlink(root);
	rmdir(root);
}

void rig_finish(struct live_rig *r)
{
	live_registry_destroy(&r->registry);
	repo_memory_run(r->memory);
	loop_destroy(r->loop);
	repo_memory_run(r->memory);
	repo_memory_destroy(r->memory);
	metrics_destroy(r->metrics);
	remove_tree(r->media_root);
	remove_tree(r->root);
}

void rig_answer(void *user, const struct repo_outcome *outcome)
{
	struct answer *a = user;

	a->came = true;
	a->result = outcome->result;
}

static void write_user(struct live_rig *r)
{
	struct user_record seller = {.id = (char *)"seller", .roles = ROLE_SELLER};

	r->repo.ops->user_put(r->repo.impl, &seller, NULL, NULL);
}

void rig_stream(struct live_rig *r, struct live_case *c, bool live, bool record)
{
	uint64_t now = clock_wall_ms(&clock_system);
	struct stream_record row = {
		.id = uuid_new(&clock_system),
		.seller_id = (char *)"seller",
		.title = (char *)"A stream",
		.status = STREAM_SCHEDULED,
		.record_stream = record,
		.created_at = now,
	};
	struct answer made = {0};
	uint8_t hash[STREAM_KEY_HASH_SIZE];

	*c = (struct live_case){.id = row.id};
	uuid_text(c->id_text, row.id);
	live_key_new(&clock_system, c->key);
	live_key_hash(c->key, hash);
	write_user(r);
	r->repo.ops->stream_create(r->repo.impl, &row, NULL, 0, rig_answer, &made);
	run_until(r, made.came);
	assert_int_equal(made.result, REPO_OK);
	made.came = false;
	if (live)
		r->repo.ops->stream_go_live(
			r->repo.impl, row.id, now, hash, false, rig_answer, &made);
	else
		r->repo.ops->stream_rotate_key(r->repo.impl, row.id, hash, rig_answer, &made);
	run_until(r, made.came);
	assert_int_equal(made.result, REPO_OK);
	if (!live)
		return;
	assert_int_equal(r->repo.ops->stream_get(r->repo.impl, c->id, &row), REPO_OK);
	assert_non_null(live_registry_open(r->registry, &row));
	stream_record_finish(&row);
}

enum stream_status rig_status(struct live_rig *r, const struct live_case *c, char reason[32])
{
	struct stream_record row;
	enum stream_status status;

	assert_int_equal(r->repo.ops->stream_get(r->repo.impl, c->id, &row), REPO_OK);
	status = row.status;
	if (reason)
		snprintf(reason, 32, "%s", row.end_reason ? row.end_reason : "");
	stream_record_finish(&row);
	return status;
}

bool rig_recording(struct live_rig *r, const struct live_case *c, struct recording_record *out)
{
	bool there = r->repo.ops->recording_get(r->repo.impl, c->id, out) == REPO_OK;

	recording_record_finish(&(struct recording_record){.path = out->path});
	out->path = NULL;
	return there;
}

bool rig_has_file(struct live_rig *r, const struct live_case *c, const char *name)
{
	char *path = mem_printf("%s/%s/%s", r->media_root, c->id_text, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static void admitted(struct live_publisher *p, struct live_stream *s)
{
	struct encoder *e = container_of(p, struct encoder, publisher);

	e->admitted = true;
	e->stream = s;
}

static void refused(struct live_publisher *p, enum live_refusal reason)
{
	struct encoder *e = container_of(p, struct encoder, publisher);

	e->refused = true;
	e->refusal = reason;
}

static void kicked(struct live_publisher *p, enum live_kick reason)
{
	struct encoder *e = container_of(p, struct encoder, publisher);

	assert_null(p->stream);
	e->kicked = true;
	e->kick = reason;
}

static void faulted(struct live_publisher *p, const struct live_fault *fault)
{
	struct encoder *e = container_of(p, struct encoder, publisher);

	e->faulted = true;
	e->fault = *fault;
}

static void flow(struct live_publisher *p)
{
	container_of(p, struct encoder, publisher)->flows++;
}

void rig_join(struct live_rig *r, struct encoder *e, const char *key)
{
	static const struct live_publisher_ops ops = {.admitted = admitted,
		.refused = refused,
		.kicked = kicked,
		.faulted = faulted,
		.flow = flow};

	*e = (struct encoder){.publisher = {.ops = &ops, .address = "192.0.2.1"}};
	live_publisher_join(&e->publisher, r->registry, key);
	assert_false(e->admitted || e->refused); /* never inside the call */
}

void rig_publish(struct live_rig *r, struct encoder *e, const struct live_case *c)
{
	rig_join(r, e, c->key);
	run_until(r, e->admitted || e->refused);
	assert_true(e->admitted);
	assert_ptr_equal(e->stream, live_registry_find(r->registry, c->id));
}

static void send_video(struct encoder *e, uint32_t ms, bool key)
{
	uint8_t slice[64] = {0, 0, 0, 60, key ? 0x65 : 0x41};
	struct media_sample sample = {.kind = MEDIA_VIDEO,
		.key = key,
		.timestamp_ms = ms,
		.data = slice,
		.len = sizeof(slice)};

	live_publisher_sample(&e->publisher, &sample);
}

static void send_audio(struct encoder *e, uint32_t ms)
{
	const uint8_t frame[32] = {0x21};
	struct media_sample sample = {
		.kind = MEDIA_AUDIO, .timestamp_ms = ms, .data = frame, .len = sizeof(frame)};

	live_publisher_sample(&e->publisher, &sample);
}

void rig_feed(struct encoder *e, double seconds)
{
	const uint8_t sound[] = {0x11, 0x90};
	uint8_t picture[256];
	size_t n = h264_make_config(picture, sizeof(picture), 320, 240);
	uint32_t end = e->ms + (uint32_t)(seconds * 1000);

	live_publisher_configure(&e->publisher, MEDIA_VIDEO, 0, MEDIA_CODEC_H264, picture, n);
	live_publisher_configure(&e->publisher, MEDIA_AUDIO, 0, MEDIA_CODEC_AAC, sound, 2);
	for (uint32_t at = e->ms; at < end; at++) {
		if (at % 40 == 0)
			send_video(e, at, at % 1000 == 0);
		if (at % 64 == 0 || at % 64 == 21 || at % 64 == 42)
			send_audio(e, at); /* 1024 samples at 48 kHz */
	}
	e->ms = end;
}

void rig_turn(struct live_rig *r)
{
	uv_run(loop_uv(r->loop), UV_RUN_NOWAIT);
	repo_memory_run(r->memory);
	usleep(500);
}

uint64_t rig_deadline(void)
{
	return clock_mono_us(&clock_system) + 30000000;
}
