#pragma once

#include "http/auth.h"

/*
 * Keeps the users of tokens in the store: remembers a digest of the claims last seen of each (of a
 * bounded number, the longest unseen is forgotten), so that not every request reads or writes.
 */
struct auth_users;

struct auth_users *auth_users_create(struct repo repo, unsigned max);
void auth_users_destroy(struct auth_users **u);
void auth_users_see(struct auth_users *u, const struct jwt_claims *claims);
