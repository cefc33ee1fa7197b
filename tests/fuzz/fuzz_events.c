#include <stdlib.h>
#include <string.h>

#include "all_events.h"
#include "base/must.h"
#include "base/text.h"
#include "fuzz.h"
#include "json_private.h"
#include "proto/ws_frame.h"

/* A client's frame of /ws, and the payload against the fields of the event that it names. */

static void check_field(const struct event_field *f, const struct event_call *call)
{
	struct uuid id;

	if (f->required)
		must(event_given(call, f->name));
	if (!event_given(call, f->name))
		return;
	if (f->type == EVENT_UUID)
		must(event_uuid(call, f->name, &id));
	if (f->type == EVENT_TEXT && f->max > 0)
		must(text_utf8_count(event_text(call, f->name, "")) <= (size_t)f->max);
	if (f->type == EVENT_TEXTS || f->type == EVENT_UUIDS)
		must((double)json_array_size(json_object_get(call->data, f->name)) <= f->max);
	if (f->type == EVENT_INTEGER && f->max > 0)
		must((double)event_integer(call, f->name, -1) >= f->min);
}

static void check_payload(const struct event_spec *spec, json_t *data)
{
	struct event_call call = {.spec = spec, .data = data};
	char why[160];

	why[0] = '\0';
	if (!event_check(spec, data, why, sizeof(why))) {
		must(why[0] && why[strlen(why) - 1] == '.');
		return;
	}
	for (size_t i = 0; i < spec->n_fields; i++)
		check_field(&spec->fields[i], &call);
}

/* What we write of it can be read again. */
static void check_frame(const struct json_message *m)
{
	struct rcbuf *frame = json_framing_plain.event(m->event, m->data);
	struct json_message again;
	const uint8_t *data;
	size_t len;
	bool binary;

	must(ws_frame_payload(frame, &binary, &data, &len) && !binary);
	must(!json_framing_plain.parse(data, len, &again));
	must(strcmp(again.event, m->event) == 0 && json_equal(again.data, m->data));
	json_decref(again.root);
	rcbuf_unref(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct event_spec *spec;
	struct json_message m;

	if (json_framing_plain.parse(data, size, &m)) {
		must(!m.root);
		return 0;
	}
	spec = events_find(all_events(), m.event);
	if (spec && m.data)
		check_payload(spec, m.data);
	if (m.data)
		check_frame(&m);
	json_decref(m.root);
	return 0;
}
