#include <stdlib.h>

#include "store_private.h"

static void complete(struct store_job *job)
{
	struct plain_job *p = container_of(job, struct plain_job, job);
	p->outcome.result = job->result;
	if (p->done != NULL) {
		p->done(p->user, &p->outcome);
	}
	if (p->finish != NULL) {
		p->finish(p);
	}
	free(p);
}

void plain_job_init(struct plain_job *p, const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job),
	void (*finish)(struct plain_job *p), repo_done done, void *user)
{
	p->job = (struct store_job){.name = name, .apply = apply, .complete = complete};
	p->finish = finish;
	p->done = done;
	p->user = user;
}
