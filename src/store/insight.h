#pragma once

#include "model/insight.h"

/* The table family of model/insight.h. */
extern const struct repo_insight_ops insight_ops;

void insight_put(void *impl, const struct insight_update *u, repo_done done, void *user);
