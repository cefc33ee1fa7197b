#pragma once

#include "ws/json_server.h"

/* data is borrowed. */
struct rcbuf *json_event_frame(const char *name, json_t *data);
struct rcbuf *json_answer_frame(uint64_t ack, json_t *data);
