#pragma once

#include <stddef.h>
#include <stdint.h>

/* What each target defines: run by libFuzzer, or by tests/support/fuzz_replay.c on the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
