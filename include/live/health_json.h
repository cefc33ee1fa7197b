#pragma once

#include <jansson.h>

#include "live/stream.h"

/* What is to be changed, for the API and for events alike: [{code, message}]. */
json_t *live_advice_json(const struct live_health_report *report);
