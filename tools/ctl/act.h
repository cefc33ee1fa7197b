#pragma once

#include "ctl.h"

/*
 * Acting in another's name, for what only an owner may do: a token of one minute, signed with the
 * local secret, travels with the calls from then on. What is stored of the user stays as it is.
 */
enum act_unknown {
	ACT_REFUSE_UNKNOWN, /* nobody of this id: an error */
	ACT_MAKE_SELLER, /* is made, and has the seller's role from now on */
};
enum ctl_exit act_as(struct ctl *c, const char *user, enum act_unknown unknown);
/* The option --as, if it is there. */
enum ctl_exit act_by_option(struct ctl *c);
/* Whether soukctl may choose by itself: not if --as, --token or --url say who is calling. */
bool act_is_free(const struct ctl *c);
/*
 * As this user, or nobody: where --as, --token or --url say who is calling, it must be the same
 * one, so that nobody is shown what is another's.
 */
enum ctl_exit act_as_only(struct ctl *c, const char *user, enum act_unknown unknown);
/* As the seller (sellerId) of what is at this path ("{0}" is the id), if act_is_free. */
enum ctl_exit act_as_seller_of(struct ctl *c, const char *pattern, const char *id);

/* A token signed with the secret of the configuration; NULL with a line on stderr. */
struct jwt_mint;
char *act_mint(struct ctl *c, struct jwt_mint *claims);
