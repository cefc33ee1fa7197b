#include "live/health_json.h"

json_t *live_advice_json(const struct live_health_report *report)
{
	json_t *list = json_array();

	for (enum live_advice a = 0; a < LIVE_ADVICES; a++) {
		char text[200];
		if (!(report->verdict.advice & 1u << a))
			continue;
		live_advice_text(a, &report->figures, &report->frame, text, sizeof(text));
		json_array_append_new(list,
			json_pack("{s:s, s:s}", "code", live_advice_code(a), "message", text));
	}
	return list;
}
