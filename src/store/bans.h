#pragma once

#include "model/bans.h"
#include "store_private.h"

extern const struct repo_ban_ops bans_ops;
