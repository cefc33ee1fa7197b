#include "calls.h"

#define CHAT "/api/v1/streams/{0}/chat"
#define MUTES "/api/v1/streams/{0}/mutes"

const struct call call_chat_delete = {
	.method = "DELETE", .path = CHAT "/{1}", .said = "It is gone for everyone."};

static const struct call_field say_body[] = {{"1", "message", CALL_OPERAND}, {0}};

static const struct field say_fields[] = {
	{"Message", "id"}, {"By", "userId"}, {"At", "timestamp", FIELD_TIME}};

/* An operator is nobody whom viewers know: it is the seller who speaks, or the one of --as. */
const struct call call_chat_say = {.method = "POST",
	.path = CHAT,
	.as = CALL_OWNER,
	.body = say_body,
	CALL_FIELDS(say_fields)};

static const struct field mute_fields[] = {
	{"User", "userId"},
	{"Kind", "kind"},
	{"Until", "until", FIELD_TIME},
	{"By", "moderatorId"},
	{"Since", "createdAt", FIELD_TIME},
};

static const struct field mute_list_fields[] = {
	{"USER", "userId"},
	{"KIND", "kind"},
	{"UNTIL", "until", FIELD_TIME},
	{"BY", "moderatorId"},
	{"SINCE", "createdAt", FIELD_TIME},
};

static const struct call_field mute_body[] = {
	{"1", "user_id", CALL_OPERAND},
	{"for", "seconds", CALL_SECONDS},
	{0},
};

static const struct call_field ban_body[] = {
	{"1", "user_id", CALL_OPERAND},
	{"for", "seconds", CALL_SECONDS},
	{"", "ban", CALL_TRUE},
	{0},
};

const struct call call_chat_mute = {
	.method = "POST", .path = MUTES, .body = mute_body, CALL_FIELDS(mute_fields)};

const struct call call_chat_ban = {
	.method = "POST", .path = MUTES, .body = ban_body, CALL_FIELDS(mute_fields)};

const struct call call_chat_mutes = {.method = "GET", .path = MUTES, CALL_FIELDS(mute_list_fields)};

static const struct call_field slow_body[] = {{"1", "slow_mode", CALL_INTEGER_OPERAND}, {0}};

static const struct field slow_fields[] = {
	{"Stream", "streamId"},
	{"Title", "title"},
	{"Seconds between messages", "slowMode", FIELD_COUNT},
};

const struct call call_chat_slow = {.method = "PATCH",
	.path = "/api/v1/streams/{0}/settings",
	.body = slow_body,
	CALL_FIELDS(slow_fields)};

const struct call call_chat_unmute = {
	.method = "DELETE", .path = MUTES "/{1}", .said = "The user may write again."};
