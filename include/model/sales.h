#pragma once

#include "model/repo.h"

/*
 * What is shown and sold on a stream: a family of the repo (`repo.sales`), under the rules of
 * model/repo.h.
 */
enum product_event { PRODUCT_VIEW, PRODUCT_CLICK, PRODUCT_INQUIRY, PRODUCT_PURCHASE };
const char *product_event_text(enum product_event e); /* view, click, inquiry, purchase */
bool product_event_parse(const char *text, enum product_event *out);

struct order_record {
	char *order_id; /* the platform's; unique over all streams */
	int64_t amount; /* minor units */
	char *currency; /* ISO 4217 */
	char *user_id; /* the buyer, NULL: not known */
};

struct repo_sale_outcome {
	enum repo_result result; /* DUPLICATE: this order was counted before */
	const struct stream_product_record *product; /* after the write; NULL on failure */
};
typedef void (*repo_sale_done)(void *user, const struct repo_sale_outcome *outcome);

struct repo_revenue {
	char currency[4];
	int64_t total; /* minor units */
	uint32_t orders;
};

struct relay_record {
	struct uuid id;
	char *url;
	uint64_t created_at;
};
void relay_record_finish(struct relay_record *r);

/* Which fields an update writes; the others stay as they are, whoever else writes them. */
enum stream_setting {
	SETTING_TITLE = 1 << 0,
	SETTING_DESCRIPTION = 1 << 1,
	SETTING_CATEGORY = 1 << 2,
	SETTING_AUDIENCE = 1 << 3,
	SETTING_ESTIMATED_DURATION = 1 << 4,
	SETTING_NOTIFY_FOLLOWERS = 1 << 5,
	SETTING_NOTIFY_NEIGHBORHOOD = 1 << 6,
	SETTING_ENABLE_CHAT = 1 << 7,
	SETTING_ENABLE_COMMENTS = 1 << 8,
	SETTING_RECORD_STREAM = 1 << 9,
	SETTING_SCHEDULED_AT = 1 << 10,
	SETTING_SLOW_MODE = 1 << 11,
};
enum product_field {
	PRODUCT_NAME = 1 << 0,
	PRODUCT_DESCRIPTION = 1 << 1,
	PRODUCT_IMAGE_URL = 1 << 2,
	PRODUCT_URL = 1 << 3,
	PRODUCT_PRICE = 1 << 4,
	PRODUCT_CURRENCY = 1 << 5,
	PRODUCT_STOCK = 1 << 6,
};

struct repo_sales_ops {
	/* The settings of a stream (enum stream_setting, ored), only while scheduled; those of its
	 * chat alone (ENABLE_CHAT, SLOW_MODE) while it is live as well. */
	void (*stream_settings)(void *impl, const struct stream_record *s, unsigned settings,
		repo_done done, void *user);

	/*
	 * Products; NOT_FOUND for one that is deleted or, in an update, of another seller than
	 * p->seller_id. A deleted one is gone from lists, cannot be attached and leaves scheduled
	 * streams, but stays in those that showed it; WRONG_STATE while it is in a live stream.
	 */
	void (*product_update)(void *impl, const struct product_record *p, unsigned fields,
		repo_done done, void *user);
	void (*product_delete)(void *impl, struct uuid id, repo_done done, void *user);

	/* NOT_FOUND without the stream, NO_SUCH_PRODUCT if it is not in it, WRONG_STATE where the
	 * status forbids it. Tag and pin: only while live. */
	void (*product_tag)(void *impl, struct uuid stream_id, struct uuid product_id, double x,
		double y, int64_t timestamp_seconds, repo_sale_done done, void *user);
	/* One at a time: the one before is unpinned. */
	void (*product_pin)(void *impl, struct uuid stream_id, struct uuid product_id, bool pinned,
		repo_sale_done done, void *user);
	/*
	 * Counts one, while live or ended; order: of a purchase only. A product's `revenue` in a
	 * stream is of the orders in the product's own currency; `revenue` below knows them all.
	 */
	void (*product_event)(void *impl, struct uuid stream_id, struct uuid product_id,
		enum product_event e, const struct order_record *order, repo_sale_done done,
		void *user);
	enum repo_result (*stream_product)(void *impl, struct uuid stream_id,
		struct uuid product_id, struct stream_product_record *out);
	/* By currency, the largest number of orders first; *out is an array for the caller. */
	enum repo_result (*revenue)(
		void *impl, struct uuid stream_id, struct repo_revenue **out, size_t *n);

	/* A seller's permanent key. NULL hash: none from now on. */
	void (*seller_key_put)(void *impl, const char *seller_id,
		const uint8_t hash[STREAM_KEY_HASH_SIZE], repo_done done, void *user);
	/* The seller of a permanent key (heap), or NOT_FOUND. */
	enum repo_result (*seller_by_key)(
		void *impl, const uint8_t hash[STREAM_KEY_HASH_SIZE], char **seller_id);
	/* What such a key feeds: the seller's live stream, else the scheduled one that is due
	 * (scheduled_at NULL or at most `ahead_ms` in the future; the earliest). NOT_FOUND: none.
	 */
	enum repo_result (*seller_stream)(void *impl, const char *seller_id, uint64_t now_ms,
		uint64_t ahead_ms, struct stream_record *out);

	/* Relay targets of a stream, in order. Replaced only while scheduled or live. */
	enum repo_result (*relay_list)(
		void *impl, struct uuid stream_id, struct relay_record **out, size_t *n);
	void (*relay_replace)(void *impl, struct uuid stream_id, const struct relay_record *relays,
		size_t n, repo_done done, void *user);
};
