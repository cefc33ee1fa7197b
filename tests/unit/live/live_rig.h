#pragma once

#include "base/metrics.h"
#include "live/registry.h"
#include "model/repo_memory.h"
#include "support/test.h"

/* A registry on a real loop, a repo in memory and a folder of its own for media; with as many media
 * workers as SOUK_TEST_WORKERS in the environment says. */
struct live_rig {
	struct metrics *metrics;
	struct loop *loop;
	struct repo_memory *memory;
	struct repo repo;
	struct live_config config;
	struct live_registry *registry;
	char root[64], media_root[80];
	unsigned streams;
};

/* A stream of the store, with its key. */
struct live_case {
	struct uuid id;
	char id_text[UUID_TEXT_SIZE];
	char key[LIVE_KEY_SIZE];
};

struct encoder {
	struct live_publisher publisher;
	struct live_stream *stream;
	bool admitted, refused, kicked, faulted;
	struct live_fault fault;
	unsigned flows; /* how often its being held was another */
	enum live_refusal refusal;
	enum live_kick kick;
	uint32_t ms; /* its clock */
};

struct answer {
	bool came;
	enum repo_result result;
};

void rig_init(struct live_rig *r);
void rig_finish(struct live_rig *r); /* with the registry, if it is still there */
void rig_open_registry(struct live_rig *r);
/* As a process that dies: no stream is ended. The repo goes on. */
void rig_crash(struct live_rig *r);

/* Creates a stream; live: goes live and is opened in the registry. */
void rig_stream(struct live_rig *r, struct live_case *c, bool live, bool record);
enum stream_status rig_status(struct live_rig *r, const struct live_case *c, char reason[32]);
bool rig_recording(struct live_rig *r, const struct live_case *c, struct recording_record *out);
bool rig_has_file(struct live_rig *r, const struct live_case *c, const char *name);

void rig_join(struct live_rig *r, struct encoder *e, const char *key);
/* Joins and is let in. */
void rig_publish(struct live_rig *r, struct encoder *e, const struct live_case *c);
/* Configures and sends that much of a picture with sound. */
void rig_feed(struct encoder *e, double seconds);
void rig_answer(void *user, const struct repo_outcome *outcome);

/* One turn of the loop and of the repo. */
void rig_turn(struct live_rig *r);
uint64_t rig_deadline(void);
#define run_until(r, condition) \
	do { \
		uint64_t deadline_ = rig_deadline(); \
		while (!(condition)) { \
			assert_true(clock_mono_us(&clock_system) < deadline_); \
			rig_turn(r); \
		} \
	} while (0)
