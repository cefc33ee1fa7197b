#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "ledger.h"
#include "stmt.h"

#define COLUMNS "id, at, actor, action, target, detail, address, request_id"

struct audit_job {
	struct plain_job plain;
	struct audit_record record;
};

static void audit_finish(struct plain_job *p)
{
	audit_record_finish(&container_of(p, struct audit_job, plain)->record);
}

static enum repo_result audit_apply(struct db *db, struct store_job *job)
{
	struct plain_job *p = container_of(job, struct plain_job, job);
	const struct audit_record *r = &container_of(p, struct audit_job, plain)->record;
	struct stmt s = stmt_begin(db,
		"INSERT INTO audit_log (at, actor, action, target, detail, address, request_id)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)");
	stmt_uint(&s, r->at);
	stmt_text(&s, r->actor);
	stmt_text(&s, r->action);
	stmt_text(&s, r->target);
	stmt_text(&s, r->detail);
	stmt_text(&s, r->address);
	stmt_text(&s, r->request_id);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

void ledger_audit_add(void *impl, const struct audit_record *r, repo_done done, void *user)
{
	struct audit_job *j = mem_new(struct audit_job);
	j->record = (struct audit_record){
		.at = clock_wall_ms(store_clock(impl)),
		.actor = mem_strdup(r->actor),
		.action = mem_strdup(r->action),
		.target = mem_strdup(r->target),
		.detail = mem_strdup(r->detail),
		.address = mem_strdup(r->address),
		.request_id = mem_strdup(r->request_id),
	};
	plain_job_init(&j->plain, "audit_add", audit_apply, audit_finish, done, user);
	store_submit(impl, &j->plain.job);
}

static void read_audit(struct stmt *s, struct audit_record *out)
{
	*out = (struct audit_record){0};
	out->id = stmt_col_int(s);
	out->at = stmt_col_uint(s);
	out->actor = stmt_col_text(s);
	out->action = stmt_col_text(s);
	out->target = stmt_col_text(s);
	out->detail = stmt_col_text(s);
	out->address = stmt_col_text(s);
	out->request_id = stmt_col_text(s);
}

enum repo_result ledger_audit_list(void *impl, const char *actor, unsigned limit,
	const char *cursor, struct repo_audit_page *out)
{
	uint64_t before = INT64_MAX;
	*out = (struct repo_audit_page){0};
	if (cursor != NULL && !text_u64(cursor, 1, INT64_MAX, &before)) {
		return REPO_NOT_FOUND;
	}
	struct stmt s = stmt_begin(store_reader(impl),
		actor != NULL ? "SELECT " COLUMNS " FROM audit_log WHERE id < ? AND actor = ?"
				" ORDER BY id DESC"
			      : "SELECT " COLUMNS " FROM audit_log WHERE id < ? ORDER BY id DESC");
	stmt_uint(&s, before);
	if (actor != NULL) {
		stmt_text(&s, actor);
	}
	out->rows = mem_alloc(limit * sizeof(*out->rows));
	while (stmt_step(&s)) {
		if (out->n == limit) {
			out->next_cursor = mem_printf("%lld", (long long)out->rows[limit - 1].id);
			break;
		}
		read_audit(&s, &out->rows[out->n++]);
	}
	if (!stmt_end(&s)) {
		repo_audit_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}
