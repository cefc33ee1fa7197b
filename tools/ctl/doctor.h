#pragma once

#include "ctl.h"

/*
 * What `soukctl doctor` looks at. Each check appends findings: what was found, and, unless it is
 * fine, how to mend it.
 */
enum finding_state { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
	struct ctl *ctl;
	const struct config *config;
	bool alive; /* the daemon answers */
	json_t *findings; /* [{check, state, found, mend}] */
	bool failed;
};

void doctor_add(struct doctor *d, const char *check, enum finding_state state, const char *mend,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* doctor_files.c: the disk */
void doctor_media(struct doctor *d);
void doctor_secret(struct doctor *d);
void doctor_store(struct doctor *d);
void doctor_certificate(struct doctor *d);
void doctor_permissions(struct doctor *d);
/* doctor_outside.c: what the daemon tells others */
void doctor_webhooks(struct doctor *d);
void doctor_push(struct doctor *d);
void doctor_outbox(struct doctor *d);
void doctor_storage(struct doctor *d);
/* doctor_system.c: the machine */
void doctor_ports(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_descriptors(struct doctor *d);
void doctor_plugin(struct doctor *d);
void doctor_redis(struct doctor *d);
