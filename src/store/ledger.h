#pragma once

#include "model/ledger.h"
#include "store_private.h"

/* ledger.c, ledger_audit.c: the family of include/model/ledger.h. */
extern const struct repo_ledger_ops ledger_ops;

void ledger_prune(void *impl, const struct ledger_prune *what, repo_done done, void *user);
void ledger_audit_add(void *impl, const struct audit_record *r, repo_done done, void *user);
enum repo_result ledger_audit_list(void *impl, const char *actor, unsigned limit,
	const char *cursor, struct repo_audit_page *out);
