#include "calls.h"

#define USER "/api/v1/users/{0}"
#define NEIGHBORHOOD "/api/v1/neighborhoods/{0}"

static const struct field user_list_fields[] = {
	{"ID", "id"},
	{"NAME", "name", FIELD_FLEXIBLE},
	{"ROLES", "roles", FIELD_WORDS},
	{"NEIGHBORHOOD", "neighborhood"},
	{"FOLLOWERS", "followers", FIELD_COUNT},
};

static const struct field user_fields[] = {
	{"User", "id"},
	{"Name", "name"},
	{"Roles", "roles", FIELD_WORDS},
	{"Avatar", "avatar"},
	{"Neighborhood", "neighborhood"},
	{"Followers", "followers", FIELD_COUNT},
	{"Following", "following", FIELD_COUNT},
};

static const struct call_field user_query[] = {{"role", "role"}, {"search", "q"}, {0}};

const struct call call_users_list = {
	.method = "GET",
	.path = "/api/v1/users",
	.query = user_query,
	.is_list = true,
	CALL_FIELDS(user_list_fields),
};

const struct call call_users_show = {.method = "GET", .path = USER, CALL_FIELDS(user_fields)};

static const struct call_field set_body[] = {
	{"name", "name", CALL_TEXT_OR_NULL},
	{"role", "roles", CALL_LIST},
	{"avatar", "avatar", CALL_TEXT_OR_NULL},
	{"neighborhood", "neighborhood", CALL_TEXT_OR_NULL},
	{0},
};

const struct call call_users_set = {.method = "PUT",
	.path = USER,
	.body = set_body,
	.needs_field = true,
	CALL_FIELDS(user_fields)};

const struct call call_users_followers = {
	.method = "GET", .path = USER "/followers", .is_list = true, CALL_FIELDS(user_list_fields)};

const struct call call_users_following = {
	.method = "GET", .path = USER "/following", .is_list = true, CALL_FIELDS(user_list_fields)};

static const struct field follow_fields[] = {
	{"User", "userId"},
	{"Followed", "isFollowing", FIELD_YES},
	{"Followers", "followers", FIELD_COUNT},
};

/* The follower is the one who acts: the path names whom. */
const struct call call_users_follow = {.method = "PUT",
	.path = "/api/v1/users/{1}/follow",
	.as = CALL_USER,
	CALL_FIELDS(follow_fields)};

const struct call call_users_unfollow = {.method = "DELETE",
	.path = "/api/v1/users/{1}/follow",
	.as = CALL_USER,
	CALL_FIELDS(follow_fields)};

static const struct field neighborhood_fields[] = {
	{"Neighborhood", "id"},
	{"Name", "name"},
	{"Latitude", "lat", FIELD_PLACE},
	{"Longitude", "lon", FIELD_PLACE},
	{"Updated", "updatedAt", FIELD_TIME},
};

static const struct field neighborhood_list_fields[] = {
	{"ID", "id"},
	{"NAME", "name", FIELD_FLEXIBLE},
	{"LAT", "lat", FIELD_PLACE},
	{"LON", "lon", FIELD_PLACE},
	{"UPDATED", "updatedAt", FIELD_TIME},
};

const struct call call_neighborhoods_list = {.method = "GET",
	.path = "/api/v1/neighborhoods",
	.is_list = true,
	CALL_FIELDS(neighborhood_list_fields)};

static const struct call_field neighborhood_body[] = {
	{"lat", "lat", CALL_NUMBER},
	{"lon", "lon", CALL_NUMBER},
	{"name", "name"},
	{0},
};

const struct call call_neighborhoods_set = {.method = "PUT",
	.path = NEIGHBORHOOD,
	.body = neighborhood_body,
	CALL_FIELDS(neighborhood_fields)};

const struct call call_neighborhoods_delete = {
	.method = "DELETE", .path = NEIGHBORHOOD, .said = "It is gone."};

static const struct field notification_fields[] = {
	{"AT", "createdAt", FIELD_TIME},
	{"READ", "readAt", FIELD_TIME},
	{"TYPE", "type"},
	{"STREAM", "streamId"},
	{"TITLE", "title", FIELD_FLEXIBLE},
	{"TEXT", "body"},
};

static const struct call_field notification_query[] = {{"unread", "unread", CALL_SWITCH}, {0}};

const struct call call_notifications_list = {
	.method = "GET",
	.path = "/api/v1/notifications",
	.as = CALL_USER,
	.query = notification_query,
	.is_list = true,
	CALL_FIELDS(notification_fields),
};

static const struct field unread_fields[] = {{"Unread", "unreadCount", FIELD_COUNT}};

static const struct call_field read_body[] = {{"", "all", CALL_TRUE}, {0}};

const struct call call_notifications_read = {
	.method = "POST",
	.path = "/api/v1/notifications/read",
	.as = CALL_USER,
	.body = read_body,
	CALL_FIELDS(unread_fields),
};

static const struct field presence_fields[] = {{"User", "userId"}, {"Status", "status"}};

const struct call call_users_presence = {
	.method = "GET", .path = USER "/presence", CALL_FIELDS(presence_fields)};

static const struct field device_fields[] = {
	{"ID", "id"},
	{"PLATFORM", "platform"},
	{"SINCE", "createdAt", FIELD_TIME},
	{"UPDATED", "updatedAt", FIELD_TIME},
	{"TOKEN", "token", FIELD_FLEXIBLE},
};

const struct call call_devices_list = {
	.method = "GET", .path = "/api/v1/devices", .as = CALL_USER, CALL_FIELDS(device_fields)};

const struct call call_devices_delete = {.method = "DELETE",
	.path = "/api/v1/devices/{1}",
	.as = CALL_USER,
	.said = "Nothing is pushed to it any more."};
