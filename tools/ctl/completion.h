#pragma once

#include "args.h"

/* What the scripts of the shells share. */

/* Whether the group of a command was that of one before it in the table. */
bool completion_group_is_old(const struct args_command *c);
void completion_put_fish(struct buf *out);
