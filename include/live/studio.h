#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "live/registry.h"
#include "model/repo.h"
#include "model/sales.h"

/*
 * The seller's actions on a stream, as rest.md orders them: the rules, no wire format. Used by the
 * REST API and the admin API alike. Answers come later, on the loop, never inside the call.
 */
enum studio_result {
	STUDIO_OK,
	STUDIO_NOT_FOUND,
	STUDIO_FORBIDDEN, /* not yours, or role missing */
	STUDIO_NOT_SCHEDULED,
	STUDIO_NOT_LIVE, /* wrong state */
	STUDIO_OVER, /* ended or cancelled */
	STUDIO_NO_PRODUCTS,
	STUDIO_CHECKLIST, /* go-live's conditions */
	STUDIO_DUPLICATE_PRODUCT,
	STUDIO_FOREIGN_PRODUCT,
	STUDIO_UNKNOWN_PRODUCT,
	STUDIO_DRAINING,
	STUDIO_FAILED,
};

struct studio_caller {
	const char *user_id;
	unsigned roles; /* enum user_role bits */
};

struct studio_answer {
	enum studio_result result;
	const struct stream_record *stream; /* after the action; NULL on failure */
	uint32_t product_count;
	struct uuid product_id; /* the product at fault */
	const char *stream_key; /* go-live and rotate: shown this once; else NULL */
	uint32_t notifications;
};
typedef void (*studio_done)(void *user, const struct studio_answer *answer);

struct studio;
struct studio *studio_create(struct loop *l, struct repo repo, struct live_registry *registry);
void studio_destroy(struct studio **s);

/* `draft` holds the settings; id, seller, status and times are set here. */
void studio_create_stream(struct studio *s, const struct studio_caller *caller,
	const struct stream_record *draft, const struct uuid *product_ids, size_t n,
	studio_done done, void *user);
void studio_attach(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct uuid *product_ids, size_t n, studio_done done, void *user);
/* Only while scheduled: those fields of `draft` that `settings` (enum stream_setting) names. */
void studio_settings(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct stream_record *draft, unsigned settings, studio_done done, void *user);
/* vouched: the operator goes live without products and checklist (soukctl streams create --live).
 */
struct studio_go_live {
	bool camera_ready, checklist_complete, vouched;
};
void studio_go_live(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct studio_go_live *request, studio_done done, void *user);
void studio_rotate_key(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	studio_done done, void *user);
/* The caller's permanent key: a new one (shown once, in place of any before) or none. */
void studio_seller_key(struct studio *s, const struct studio_caller *caller, bool wanted,
	studio_done done, void *user);
/* Replaces the relay targets of a scheduled or live stream; the URLs were checked (relay_url.h). */
void studio_relays(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	const struct relay_record *relays, size_t n, studio_done done, void *user);
/* Them as they are, now: an array for the caller on STUDIO_OK. */
enum studio_result studio_list_relays(struct studio *s, const struct studio_caller *caller,
	struct uuid stream_id, struct relay_record **out, size_t *n);
void studio_end(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	studio_done done, void *user);
/* Cancels a scheduled one, deletes an ended or cancelled one with its recording. */
void studio_delete(struct studio *s, const struct studio_caller *caller, struct uuid stream_id,
	studio_done done, void *user);
