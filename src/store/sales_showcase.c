#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "outbox.h"
#include "sales.h"
#include "tables.h"

/* A tag, a pin or an event of one product in one stream. */
struct sale_job {
	struct store_job job; /* first */
	struct uuid stream_id, product_id;
	double x, y;
	int64_t timestamp_seconds;
	bool pinned;
	enum product_event event;
	struct order_record order; /* order_id NULL: none */
	struct stream_product_record after;
	repo_sale_done done;
	void *user;
};

static void complete(struct store_job *job)
{
	struct sale_job *j = container_of(job, struct sale_job, job);
	const struct repo_sale_outcome outcome = {
		.result = job->result,
		.product = job->result == REPO_OK ? &j->after : NULL,
	};
	if (j->done != NULL) {
		j->done(j->user, &outcome);
	}
	free(j->order.order_id);
	free(j->order.currency);
	free(j->order.user_id);
	stream_product_record_finish(&j->after);
	free(j);
}

static struct sale_job *create(const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job), struct uuid stream_id,
	struct uuid product_id, repo_sale_done done, void *user)
{
	struct sale_job *j = mem_new(struct sale_job);
	j->job = (struct store_job){.name = name, .apply = apply, .complete = complete};
	j->stream_id = stream_id;
	j->product_id = product_id;
	j->done = done;
	j->user = user;
	return j;
}

/* OK, NOT_FOUND, NO_SUCH_PRODUCT, WRONG_STATE or FAILED. */
static enum repo_result check(struct db *db, const struct sale_job *j, bool also_ended)
{
	bool failed = false;
	enum stream_status status = STREAM_SCHEDULED;
	enum repo_result result = streams_status(db, j->stream_id, &status);
	if (result != REPO_OK) {
		return result;
	}
	struct stmt s = stmt_begin(
		db, "SELECT 1 FROM stream_products WHERE stream_id = ? AND product_id = ?");
	stmt_uuid(&s, j->stream_id);
	stmt_uuid(&s, j->product_id);
	if (!stmt_exists(&s, &failed)) {
		return failed ? REPO_FAILED : REPO_NO_SUCH_PRODUCT;
	}
	bool allowed = status == STREAM_LIVE || (also_ended && status == STREAM_ENDED);
	return allowed ? REPO_OK : REPO_WRONG_STATE;
}

/* The row after the write. */
static enum repo_result read_after(struct db *db, struct sale_job *j)
{
	stream_product_record_finish(&j->after);
	return products_in_stream(db, j->stream_id, j->product_id, &j->after);
}

static bool write_tag(struct db *db, const struct sale_job *j)
{
	struct stmt s = stmt_begin(db,
		"UPDATE stream_products SET x_position = ?, y_position = ?, timestamp_seconds = ?,"
		" updated_at = now_ms() WHERE stream_id = ? AND product_id = ?");
	stmt_real(&s, j->x);
	stmt_real(&s, j->y);
	stmt_int(&s, j->timestamp_seconds);
	stmt_uuid(&s, j->stream_id);
	stmt_uuid(&s, j->product_id);
	return stmt_run(&s);
}

static bool announce_tag(struct db *db, const struct sale_job *j)
{
	struct stmt s = stmt_begin(db,
		OUTBOX_INSERT("webhook", "product.tagged", "uuid_text(a.stream_id)",
			"json_object('streamId', uuid_text(a.stream_id), 'productId',"
			" uuid_text(a.product_id), 'sellerId', p.seller_id, 'name', p.name,"
			" 'position', json_object('x', a.x_position, 'y', a.y_position),"
			" 'timestampSeconds', a.timestamp_seconds, 'updatedAt',"
			" iso_time(a.updated_at))") " FROM stream_products a JOIN products p ON "
						    "p.id = a.product_id"
						    " WHERE a.stream_id = ? AND a.product_id = ?");
	stmt_uuid(&s, j->stream_id);
	stmt_uuid(&s, j->product_id);
	return outbox_run(&s, OUTBOX_WEBHOOK);
}

static enum repo_result tag_apply(struct db *db, struct store_job *job)
{
	struct sale_job *j = container_of(job, struct sale_job, job);
	enum repo_result result = check(db, j, false);
	if (result != REPO_OK) {
		return result;
	}
	return write_tag(db, j) && announce_tag(db, j) ? read_after(db, j) : REPO_FAILED;
}

void sales_product_tag(void *impl, struct uuid stream_id, struct uuid product_id, double x,
	double y, int64_t timestamp_seconds, repo_sale_done done, void *user)
{
	struct sale_job *j = create("product tag", tag_apply, stream_id, product_id, done, user);
	j->x = x;
	j->y = y;
	j->timestamp_seconds = timestamp_seconds;
	store_submit(impl, &j->job);
}

/* One pin a stream: the others' go. Rows that stay as they are keep their updated_at. */
static bool write_pin(struct db *db, const struct sale_job *j)
{
	struct stmt s = stmt_begin(db,
		"UPDATE stream_products SET pinned = (product_id = ?1 AND ?2), updated_at = "
		"now_ms()"
		" WHERE stream_id = ?3 AND pinned <> (product_id = ?1 AND ?2)"
		" AND (?2 OR product_id = ?1)");
	stmt_uuid(&s, j->product_id);
	stmt_int(&s, j->pinned);
	stmt_uuid(&s, j->stream_id);
	return stmt_run(&s);
}

static enum repo_result pin_apply(struct db *db, struct store_job *job)
{
	struct sale_job *j = container_of(job, struct sale_job, job);
	enum repo_result result = check(db, j, false);
	if (result != REPO_OK) {
		return result;
	}
	return write_pin(db, j) ? read_after(db, j) : REPO_FAILED;
}

void sales_product_pin(void *impl, struct uuid stream_id, struct uuid product_id, bool pinned,
	repo_sale_done done, void *user)
{
	struct sale_job *j = create("product pin", pin_apply, stream_id, product_id, done, user);
	j->pinned = pinned;
	store_submit(impl, &j->job);
}

static const char *count_sql(enum product_event e)
{
	switch (e) {
	case PRODUCT_VIEW:
		return "UPDATE stream_products SET views = views + 1, updated_at = now_ms()"
		       " WHERE stream_id = ? AND product_id = ?";
	case PRODUCT_CLICK:
		return "UPDATE stream_products SET clicks = clicks + 1, updated_at = now_ms()"
		       " WHERE stream_id = ? AND product_id = ?";
	case PRODUCT_INQUIRY:
		return "UPDATE stream_products SET inquiries = inquiries + 1,"
		       " updated_at = now_ms() WHERE stream_id = ? AND product_id = ?";
	case PRODUCT_PURCHASE:
		return "UPDATE stream_products SET purchases = purchases + 1,"
		       " updated_at = now_ms() WHERE stream_id = ? AND product_id = ?";
	}
	return "";
}

static bool write_count(struct db *db, const struct sale_job *j)
{
	struct stmt s = stmt_begin(db, count_sql(j->event));
	stmt_uuid(&s, j->stream_id);
	stmt_uuid(&s, j->product_id);
	return stmt_run(&s);
}

static bool order_is_known(struct db *db, const char *order_id, bool *failed)
{
	struct stmt s = stmt_begin(db, "SELECT 1 FROM orders WHERE order_id = ?");
	stmt_text(&s, order_id);
	return stmt_exists(&s, failed);
}

static bool insert_order(struct db *db, const struct sale_job *j)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO orders (order_id, stream_id, product_id, user_id, amount, currency,"
		" created_at) VALUES (?, ?, ?, ?, ?, ?, now_ms())");
	stmt_text(&s, j->order.order_id);
	stmt_uuid(&s, j->stream_id);
	stmt_uuid(&s, j->product_id);
	stmt_text(&s, j->order.user_id);
	stmt_int(&s, j->order.amount);
	stmt_text(&s, j->order.currency);
	return stmt_run(&s);
}

static bool add_revenue(struct db *db, const struct sale_job *j)
{
	struct stmt s = stmt_begin(db,
		"UPDATE stream_products SET revenue = revenue + ? WHERE stream_id = ?"
		" AND product_id = ? AND ? = (SELECT p.currency FROM products p"
		" WHERE p.id = stream_products.product_id)");
	stmt_int(&s, j->order.amount);
	stmt_uuid(&s, j->stream_id);
	stmt_uuid(&s, j->product_id);
	stmt_text(&s, j->order.currency);
	return stmt_run(&s);
}

static bool announce_order(struct db *db, const struct sale_job *j)
{
	struct stmt s = stmt_begin(db,
		OUTBOX_INSERT("webhook", "order.recorded", "uuid_text(stream_id)",
			"json_object('orderId', order_id, 'streamId', uuid_text(stream_id),"
			" 'productId', uuid_text(product_id), 'userId', user_id, 'amount', amount,"
			" 'currency', currency, 'createdAt', iso_time(created_at))") " FROM orders "
										     "WHERE "
										     "order_id = "
										     "?");
	stmt_text(&s, j->order.order_id);
	return outbox_run(&s, OUTBOX_WEBHOOK);
}

static enum repo_result write_order(struct db *db, const struct sale_job *j)
{
	bool failed = false;
	if (order_is_known(db, j->order.order_id, &failed)) {
		return REPO_DUPLICATE;
	}
	bool ok = !failed && insert_order(db, j) && add_revenue(db, j) && announce_order(db, j);
	return ok ? REPO_OK : REPO_FAILED;
}

static enum repo_result event_apply(struct db *db, struct store_job *job)
{
	struct sale_job *j = container_of(job, struct sale_job, job);
	enum repo_result result = check(db, j, true);
	if (result == REPO_OK && j->order.order_id != NULL) {
		result = write_order(db, j);
	}
	if (result != REPO_OK) {
		return result;
	}
	return write_count(db, j) ? read_after(db, j) : REPO_FAILED;
}

void sales_product_event(void *impl, struct uuid stream_id, struct uuid product_id,
	enum product_event e, const struct order_record *order, repo_sale_done done, void *user)
{
	struct sale_job *j =
		create("product event", event_apply, stream_id, product_id, done, user);
	j->event = e;
	if (order != NULL) {
		j->order = (struct order_record){
			.order_id = mem_strdup(order->order_id),
			.amount = order->amount,
			.currency = mem_strdup(order->currency),
			.user_id = mem_strdup(order->user_id),
		};
	}
	store_submit(impl, &j->job);
}

static void read_revenue(struct stmt *s, struct repo_revenue *out)
{
	char *currency = stmt_col_text(s);
	*out = (struct repo_revenue){0};
	memcpy(out->currency, currency, strnlen(currency, sizeof(out->currency) - 1));
	free(currency);
	out->total = stmt_col_int(s);
	out->orders = stmt_col_u32(s);
}

enum repo_result sales_revenue(
	void *impl, struct uuid stream_id, struct repo_revenue **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT currency, sum(amount), count(*) FROM orders WHERE stream_id = ?"
		" GROUP BY currency ORDER BY count(*) DESC, currency");
	*out = NULL;
	*n = 0;
	stmt_uuid(&s, stream_id);
	while (stmt_step(&s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		read_revenue(&s, &(*out)[(*n)++]);
	}
	if (!stmt_end(&s)) {
		free(*out);
		*out = NULL;
		*n = 0;
		return REPO_FAILED;
	}
	return REPO_OK;
}
