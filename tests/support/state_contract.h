#pragma once

#include "base/clock.h"
#include "state/state.h"
#include "support/test.h"

/*
 * What every backend of the state is held to. The backend's test makes one with nothing in it, says
 * how time passes and how its answers come, and runs state_contract_tests and state_key_tests.
 */
struct state_backend {
	struct state state;
	void (*turn)(struct state_backend *b); /* until every answer has come */
	void (*pass)(struct state_backend *b, uint64_t ms);
};

/* Tests whose *state is a struct state_backend. */
extern const struct CMUnitTest state_contract_tests[];
extern const size_t n_state_contract_tests;
/* The same, by the keys that the platform knows. */
extern const struct CMUnitTest state_key_tests[];
extern const size_t n_state_key_tests;
