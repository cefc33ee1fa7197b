#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/signal.h"
#include "live/registry.h"
#include "live/studio.h"
#include "model/sales.h"

/*
 * What viewers are shown of a stream's products, and what they do with them: the rules of tags,
 * pins and events (spec rest.md, "Streams"), no wire format. Answers come later, on the loop, never
 * inside the call. Needs a repo with the family `sales`.
 */
enum showcase_result {
	SHOWCASE_OK,
	SHOWCASE_NOT_FOUND, /* the stream */
	SHOWCASE_FORBIDDEN, /* not the caller's stream */
	SHOWCASE_NOT_IN_STREAM, /* the product */
	SHOWCASE_NOT_LIVE, /* the status forbids it */
	SHOWCASE_DUPLICATE_ORDER, /* counted before */
	SHOWCASE_FAILED,
};

struct showcase_answer {
	enum showcase_result result;
	const struct stream_product_record *product; /* after the action; NULL on failure */
};
typedef void (*showcase_done)(void *user, const struct showcase_answer *answer);

enum showcase_action { SHOWCASE_TAGGED, SHOWCASE_PINNED, SHOWCASE_UNPINNED, SHOWCASE_EVENT };
const char *showcase_action_text(enum showcase_action a); /* tagged, pinned, unpinned, event */

/* What the signal tells, after the commit. Borrowed for the emission. */
struct showcase_change {
	enum showcase_action action;
	struct uuid stream_id;
	const struct stream_product_record *product;
	enum product_event event; /* of SHOWCASE_EVENT */
	const struct order_record *order; /* of a purchase, else NULL */
	const char *user_id; /* who did it; NULL: a guest */
};

struct showcase;
struct showcase *showcase_create(struct loop *l, struct repo repo, struct live_registry *registry);
void showcase_destroy(struct showcase **s); /* nulls; what is under way fails */
/* data: struct showcase_change. Tags and pins are in the playlists by then. */
struct signal *showcase_changed(struct showcase *s);

/* Where a product is in the picture, in 0..1 from the left and the top, and when. */
struct showcase_place {
	double x, y;
	int64_t timestamp_seconds; /* since the stream's first frame; -1: now */
};
/* Tag and pin: the owner, while live. */
void showcase_tag(struct showcase *s, const struct studio_caller *caller, struct uuid stream_id,
	struct uuid product_id, const struct showcase_place *place, showcase_done done, void *user);
void showcase_pin(struct showcase *s, const struct studio_caller *caller, struct uuid stream_id,
	struct uuid product_id, bool pinned, showcase_done done, void *user);
/* Anybody, while live or ended. order: of a purchase, else NULL. user_id NULL: a guest. */
void showcase_event(struct showcase *s, const char *user_id, struct uuid stream_id,
	struct uuid product_id, enum product_event event, const struct order_record *order,
	showcase_done done, void *user);
