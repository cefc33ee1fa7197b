#include "model/ledger.h"

#include <stdlib.h>

void audit_record_finish(struct audit_record *r)
{
	free(r->actor);
	free(r->action);
	free(r->target);
	free(r->detail);
	free(r->address);
	free(r->request_id);
	*r = (struct audit_record){0};
}

void repo_audit_page_finish(struct repo_audit_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		audit_record_finish(&p->rows[i]);
	}
	free(p->rows);
	free(p->next_cursor);
	*p = (struct repo_audit_page){0};
}
