#include "market_rig.h"

#include <stdlib.h>

void market_init(struct market *m)
{
	char *error = NULL;

	*m = (struct market){0};
	rig_init(&m->rig);
	live_registry_destroy(&m->rig.registry);
	m->mailbox = mailbox_create(m->rig.loop);
	m->store = store_open(
		&(struct store_config){
			.url = "sqlite::memory:", .post = mailbox_post_fn, .post_user = m->mailbox},
		&error);
	assert_non_null(m->store);
	m->rig.repo = store_repo(m->store);
	rig_open_registry(&m->rig);
	m->showcase = showcase_create(m->rig.loop, m->rig.repo, m->rig.registry);
	m->studio = studio_create(m->rig.loop, m->rig.repo, m->rig.registry);
}

void market_finish(struct market *m)
{
	showcase_destroy(&m->showcase);
	studio_destroy(&m->studio);
	live_registry_destroy(&m->rig.registry);
	store_close(m->store);
	mailbox_destroy(&m->mailbox);
	rig_finish(&m->rig);
}

struct uuid market_product(struct market *m, const struct live_case *c)
{
	struct repo repo = m->rig.repo;
	struct product_record p = {
		.id = uuid_new(&clock_system),
		.seller_id = (char *)"seller",
		.name = (char *)"Shoe",
		.price = 100,
		.currency = (char *)"EUR",
		.stock = -1,
		.created_at = 1,
		.updated_at = 1,
	};
	struct answer a = {0};

	repo.ops->product_create(repo.impl, &p, rig_answer, &a);
	run_until(&m->rig, a.came);
	assert_int_equal(a.result, REPO_OK);
	if (!c)
		return p.id;
	a.came = false;
	repo.ops->stream_attach(repo.impl, c->id, &p.id, 1, rig_answer, &a);
	run_until(&m->rig, a.came);
	assert_int_equal(a.result, REPO_OK);
	return p.id;
}

void market_schedule(struct market *m, const struct live_case *c, uint64_t at)
{
	struct repo repo = m->rig.repo;
	struct stream_record row = {.id = c->id, .scheduled_at = at};
	struct answer a = {0};

	repo.sales->stream_settings(repo.impl, &row, SETTING_SCHEDULED_AT, rig_answer, &a);
	run_until(&m->rig, a.came);
	assert_int_equal(a.result, REPO_OK);
}
