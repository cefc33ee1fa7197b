#pragma once

#include <jansson.h>

#include "http/api.h"
#include "http/router.h"
#include "live/chat.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "model/repo_memory.h"
#include "server_support.h"
#include "state/audience.h"
#include "state/state_memory.h"
#include "store/store.h"

/*
 * The whole API over a real server and router, the rules of live/, and a repo in memory (or the
 * store, whose families that one lacks, with an audience that ticks by hand). Bodies are
 * written with ' for ", and answers are asked by paths such as "data.seller.name".
 */
#define NOWHERE "0190b5a0-7c3e-7abc-8def-0123456789ab"
#define READY "{'camera_ready': true, 'checklist_complete': true}"

struct world {
	struct fixture fixture;
	struct repo_memory *memory;
	struct timer *committer;
	struct repo repo;
	struct mailbox *mailbox; /* these are NULL over a repo in memory */
	struct store *store;
	struct state_memory *state_memory;
	struct audience *audience;
	struct chat *chat;
	struct live_registry *registry;
	struct studio *studio;
	struct auth *auth;
	struct router *router;
	struct api *api;
	char media_root[32];
	char *secret_file;
	char *seller, *other, *buyer, *admin; /* tokens */
	bool draining, store_healthy;
	char *backup_path;
	int status; /* of the last answer */
	json_t *answer;
	char head[4096];
};

/* For cmocka: *state is the world. */
int world_setup(void **state);
int world_setup_on_store(void **state);
int world_teardown(void **state);

/* The status; the answer is kept in the world. token and body may be NULL. */
int world_call(
	struct world *w, const char *method, const char *path, const char *token, const char *body);
/* On /api/v1/streams/{id} and what follows. */
int on_stream(struct world *w, const char *method, const char *id, const char *rest,
	const char *token, const char *body);
/* "data.seller.name", "data.0.id"; NULL if there is no such thing. */
json_t *world_at(struct world *w, const char *path);
const char *text_at(struct world *w, const char *path); /* "": none */
json_int_t number_at(struct world *w, const char *path);
void assert_error(struct world *w, int status, const char *code);

/* Ids, to be freed. */
char *make_product(struct world *w, const char *token);
char *make_stream(struct world *w, bool with_product);
char *make_live(struct world *w);
