#pragma once

#include <stdbool.h>

/*
 * Assertions in three tiers; raw assert() is banned by tools/check. None of them may ever be
 * reachable from what a peer sends: network input is an error to report, not a contract of ours.
 *
 *   must(cond)     our state is corrupt if this fails: log and abort, in every build type
 *   should(cond)   a bug, but one that can be survived: logs once per call, yields the condition,
 *                  so that the caller writes   if (!should(x)) return …;
 *   must_not_reach() a branch that cannot happen
 */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))
#define should(cond) ((cond) ? true : should_failed(#cond, __FILE__, __LINE__))
#define must_not_reach() must_failed("unreachable", __FILE__, __LINE__)

_Noreturn void must_failed(const char *what, const char *file, int line);
bool should_failed(const char *what, const char *file, int line);
