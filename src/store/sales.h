#pragma once

#include "model/sales.h"
#include "store_private.h"

/* The family `sales` (model/sales.h), a file a group; sales.c puts them together. */

/* sales_showcase.c: what viewers are shown, and what they do with it. */
void sales_product_tag(void *impl, struct uuid stream_id, struct uuid product_id, double x,
	double y, int64_t timestamp_seconds, repo_sale_done done, void *user);
void sales_product_pin(void *impl, struct uuid stream_id, struct uuid product_id, bool pinned,
	repo_sale_done done, void *user);
void sales_product_event(void *impl, struct uuid stream_id, struct uuid product_id,
	enum product_event e, const struct order_record *order, repo_sale_done done, void *user);
enum repo_result sales_revenue(
	void *impl, struct uuid stream_id, struct repo_revenue **out, size_t *n);

/* sales_keys.c: permanent keys and relay targets. */
void sales_seller_key_put(void *impl, const char *seller_id,
	const uint8_t hash[STREAM_KEY_HASH_SIZE], repo_done done, void *user);
enum repo_result sales_seller_by_key(
	void *impl, const uint8_t hash[STREAM_KEY_HASH_SIZE], char **seller_id);
enum repo_result sales_seller_stream(void *impl, const char *seller_id, uint64_t now_ms,
	uint64_t ahead_ms, struct stream_record *out);
enum repo_result sales_relay_list(
	void *impl, struct uuid stream_id, struct relay_record **out, size_t *n);
void sales_relay_replace(void *impl, struct uuid stream_id, const struct relay_record *relays,
	size_t n, repo_done done, void *user);

extern const struct repo_sales_ops sales_ops;
