#include "sales.h"

#include "base/mem.h"
#include "tables.h"

/* Settings of a stream: those of its chat until it is over, the others until it is live. */
#define SETTINGS_OF_CHAT (SETTING_ENABLE_CHAT | SETTING_SLOW_MODE)

struct settings_job {
	struct plain_job plain; /* first */
	struct stream_record stream, after;
	unsigned settings;
};

/* ?1 is the mask of the fields that are written. */
static const char settings_sql[] = "UPDATE streams SET"
				   " title = iif(?1 & 1, ?2, title),"
				   " description = iif(?1 & 2, ?3, description),"
				   " category = iif(?1 & 4, ?4, category),"
				   " audience = iif(?1 & 8, ?5, audience),"
				   " estimated_duration = iif(?1 & 16, ?6, estimated_duration),"
				   " notify_followers = iif(?1 & 32, ?7, notify_followers),"
				   " notify_neighborhood = iif(?1 & 64, ?8, notify_neighborhood),"
				   " enable_chat = iif(?1 & 128, ?9, enable_chat),"
				   " enable_comments = iif(?1 & 256, ?10, enable_comments),"
				   " record_stream = iif(?1 & 512, ?11, record_stream),"
				   " scheduled_at = iif(?1 & 1024, ?12, scheduled_at),"
				   " slow_mode = iif(?1 & 2048, ?13, slow_mode),"
				   " updated_at = now_ms() WHERE id = ?14";

static bool write_settings(struct db *db, const struct stream_record *r, unsigned settings)
{
	struct stmt s = stmt_begin(db, settings_sql);
	stmt_uint(&s, settings);
	stmt_text(&s, r->title);
	stmt_text(&s, r->description);
	stmt_text(&s, r->category);
	stmt_text(&s, stream_audience_text(r->audience));
	stmt_int_unless(&s, r->estimated_duration, 0);
	stmt_int(&s, r->notify_followers);
	stmt_int(&s, r->notify_neighborhood);
	stmt_int(&s, r->enable_chat);
	stmt_int(&s, r->enable_comments);
	stmt_int(&s, r->record_stream);
	stmt_int_unless(&s, (int64_t)r->scheduled_at, 0);
	stmt_uint(&s, r->slow_mode);
	stmt_uuid(&s, r->id);
	return stmt_run(&s);
}

static bool may_change(enum stream_status status, unsigned settings)
{
	return status == STREAM_SCHEDULED ||
		(status == STREAM_LIVE && !(settings & ~(unsigned)SETTINGS_OF_CHAT));
}

static enum repo_result settings_apply(struct db *db, struct store_job *job)
{
	struct settings_job *j = container_of(job, struct settings_job, plain.job);
	enum stream_status status = STREAM_SCHEDULED;
	enum repo_result result = streams_status(db, j->stream.id, &status);
	stream_record_finish(&j->after);
	j->plain.outcome.stream = NULL;
	if (result != REPO_OK) {
		return result;
	}
	if (!may_change(status, j->settings)) {
		return REPO_WRONG_STATE;
	}
	if (!write_settings(db, &j->stream, j->settings) ||
		!products_count(db, j->stream.id, &j->plain.outcome.product_count)) {
		return REPO_FAILED;
	}
	j->plain.outcome.stream = &j->after;
	return streams_get(db, j->stream.id, &j->after);
}

static void settings_finish(struct plain_job *plain)
{
	struct settings_job *j = container_of(plain, struct settings_job, plain);
	stream_record_finish(&j->stream);
	stream_record_finish(&j->after);
}

static void stream_settings(
	void *impl, const struct stream_record *r, unsigned settings, repo_done done, void *user)
{
	struct settings_job *j = mem_new(struct settings_job);
	plain_job_init(&j->plain, "stream settings", settings_apply, settings_finish, done, user);
	stream_record_copy(&j->stream, r);
	j->settings = settings;
	store_submit(impl, &j->plain.job);
}

/* A product changed or deleted. */
struct product_job {
	struct plain_job plain; /* first */
	struct product_record product;
	unsigned fields;
};

static bool product_is_there(struct db *db, const struct product_job *j, bool *failed)
{
	struct stmt s = stmt_begin(db,
		"SELECT 1 FROM products WHERE id = ? AND deleted_at IS NULL"
		" AND seller_id = coalesce(?, seller_id)");
	stmt_uuid(&s, j->product.id);
	stmt_text(&s, j->product.seller_id);
	return stmt_exists(&s, failed);
}

/* ?1 is the mask of the fields that are written. */
static const char product_sql[] = "UPDATE products SET"
				  " name = iif(?1 & 1, ?2, name),"
				  " description = iif(?1 & 2, ?3, description),"
				  " image_url = iif(?1 & 4, ?4, image_url),"
				  " url = iif(?1 & 8, ?5, url),"
				  " price = iif(?1 & 16, ?6, price),"
				  " currency = iif(?1 & 32, ?7, currency),"
				  " stock = iif(?1 & 64, ?8, stock),"
				  " updated_at = now_ms() WHERE id = ?9";

static bool write_product(struct db *db, const struct product_record *r, unsigned fields)
{
	struct stmt s = stmt_begin(db, product_sql);
	stmt_uint(&s, fields);
	stmt_text(&s, r->name);
	stmt_text(&s, r->description);
	stmt_text(&s, r->image_url);
	stmt_text(&s, r->url);
	stmt_int(&s, r->price);
	stmt_text(&s, r->currency);
	stmt_int_unless(&s, r->stock, -1);
	stmt_uuid(&s, r->id);
	return stmt_run(&s);
}

/* A product's revenue is of the orders in its own currency. */
static bool count_revenue_again(struct db *db, const struct product_record *r)
{
	struct stmt s = stmt_begin(db,
		"UPDATE stream_products AS a SET revenue = (SELECT coalesce(sum(o.amount), 0)"
		" FROM orders o WHERE o.product_id = a.product_id AND o.stream_id = a.stream_id"
		" AND o.currency = ?) WHERE a.product_id = ?");
	stmt_text(&s, r->currency);
	stmt_uuid(&s, r->id);
	return stmt_run(&s);
}

static enum repo_result update_apply(struct db *db, struct store_job *job)
{
	const struct product_job *j = container_of(job, struct product_job, plain.job);
	bool failed = false;
	if (!product_is_there(db, j, &failed)) {
		return failed ? REPO_FAILED : REPO_NOT_FOUND;
	}
	bool ok = write_product(db, &j->product, j->fields) &&
		(!(j->fields & PRODUCT_CURRENCY) || count_revenue_again(db, &j->product));
	return ok ? REPO_OK : REPO_FAILED;
}

static bool is_on_air(struct db *db, struct uuid product_id, bool *failed)
{
	struct stmt s = stmt_begin(db,
		"SELECT 1 FROM stream_products a JOIN streams s ON s.id = a.stream_id"
		" WHERE a.product_id = ? AND s.status = 'live'");
	stmt_uuid(&s, product_id);
	return stmt_exists(&s, failed);
}

static bool leave_scheduled(struct db *db, struct uuid product_id)
{
	struct stmt s = stmt_begin(db,
		"DELETE FROM stream_products WHERE product_id = ? AND stream_id IN"
		" (SELECT id FROM streams WHERE status = 'scheduled')");
	stmt_uuid(&s, product_id);
	return stmt_run(&s);
}

static bool mark_deleted(struct db *db, struct uuid product_id)
{
	struct stmt s = stmt_begin(db,
		"UPDATE products SET deleted_at = now_ms(), updated_at = now_ms() WHERE id = ?");
	stmt_uuid(&s, product_id);
	return stmt_run(&s);
}

static enum repo_result delete_apply(struct db *db, struct store_job *job)
{
	const struct product_job *j = container_of(job, struct product_job, plain.job);
	bool failed = false;
	if (!product_is_there(db, j, &failed)) {
		return failed ? REPO_FAILED : REPO_NOT_FOUND;
	}
	if (is_on_air(db, j->product.id, &failed)) {
		return REPO_WRONG_STATE;
	}
	bool ok = !failed && leave_scheduled(db, j->product.id) && mark_deleted(db, j->product.id);
	return ok ? REPO_OK : REPO_FAILED;
}

static void product_finish(struct plain_job *plain)
{
	product_record_finish(&container_of(plain, struct product_job, plain)->product);
}

static void product_update(
	void *impl, const struct product_record *p, unsigned fields, repo_done done, void *user)
{
	struct product_job *j = mem_new(struct product_job);
	plain_job_init(&j->plain, "product update", update_apply, product_finish, done, user);
	product_record_copy(&j->product, p);
	j->fields = fields;
	store_submit(impl, &j->plain.job);
}

static void product_delete(void *impl, struct uuid id, repo_done done, void *user)
{
	struct product_job *j = mem_new(struct product_job);
	plain_job_init(&j->plain, "product delete", delete_apply, product_finish, done, user);
	j->product.id = id;
	store_submit(impl, &j->plain.job);
}

static enum repo_result stream_product(void *impl, struct uuid stream_id, struct uuid product_id,
	struct stream_product_record *out)
{
	struct db *db = store_reader(impl);
	enum stream_status status;
	enum repo_result result = products_in_stream(db, stream_id, product_id, out);
	if (result == REPO_NO_SUCH_PRODUCT &&
		streams_status(db, stream_id, &status) == REPO_NOT_FOUND) {
		return REPO_NOT_FOUND;
	}
	return result;
}

const struct repo_sales_ops sales_ops = {
	.stream_settings = stream_settings,
	.product_update = product_update,
	.product_delete = product_delete,
	.product_tag = sales_product_tag,
	.product_pin = sales_product_pin,
	.product_event = sales_product_event,
	.stream_product = stream_product,
	.revenue = sales_revenue,
	.seller_key_put = sales_seller_key_put,
	.seller_by_key = sales_seller_by_key,
	.seller_stream = sales_seller_stream,
	.relay_list = sales_relay_list,
	.relay_replace = sales_relay_replace,
};
