#include "ws/events_auth.h"

#include "payload.h"
#include "ws/user_rooms.h"

#define AUTH_RATE 10

static json_t *welcome_json(const struct peer *p)
{
	json_t *answer = json_pack("{s:s, s:o}", "userId", p->who.user_id, "expiresAt",
		payload_time(p->who.expires_ms));

	user_rooms_place(p, answer);
	return answer;
}

static void authenticate(void *user, struct event_call *call)
{
	struct peer *p = call->peer;
	const char *code = NULL, *why = NULL;

	switch (peer_identify(p, event_text(call, "token", ""), &code, &why)) {
	case PEER_IDENTIFIED:
		event_answer(call, welcome_json(p));
		return;
	case PEER_REFUSED:
		event_refuse(call, code, why, 0);
		return;
	case PEER_ANOTHER:
		event_refuse(call, "forbidden", "This socket is another user's.", 0);
		return;
	case PEER_TOO_MANY:
		event_refuse(call, "too_many_sockets", "This user has too many sockets.", 0);
		return;
	}
}

static const struct event_field fields[] = {{"token", EVENT_TEXT, .required = true, .min = 1}};

static const struct event_spec specs[] = {
	{"auth", EVENT_ANYBODY, fields, 1, .rate = AUTH_RATE, .handle = authenticate},
};

void events_auth_add(struct events *e)
{
	events_add(e, specs, 1, NULL);
}
