#include "options.h"

#define YES_NO "yes|no", .words = "yes no"
#define LIMIT \
	{ \
		"limit", "N", "at most so many (default: all)" \
	}

const struct args_option args_globals[] = {
	{"config", "FILE",
		"configuration of the daemon (default: $SOUKD_CONFIG, conf/soukd.ini, "
		"/etc/souk/soukd.ini)"},
	{"set", "KEY=VALUE", "override a key of the configuration, as section.key=value",
		.repeated = true},
	{"socket", "FILE", "Unix socket of the daemon (default: by the configuration)"},
	{"url", "URL", "speak HTTP to a daemon elsewhere, with --token"},
	{"token", "TOKEN", "token of the caller (default with --url: $SOUKCTL_TOKEN)"},
	{"as", "USER", "act as this user, by a token made with the local secret"},
	{"json", NULL, "print JSON, for scripts"},
	{"help", NULL, "explain"},
	{"version", NULL, "print the version"},
	{0},
};

const struct args_option options_limit[] = {LIMIT, {0}};

const struct args_option options_token[] = {
	{"sub", "ID", "user id", .required = true},
	{"role", "ROLE", "seller, buyer, moderator or admin; may be repeated",
		"seller buyer moderator admin", .required = true, .repeated = true},
	{"name", "NAME", "name that others see"},
	{"avatar", "URL", "picture of the user"},
	{"neighborhood", "NAME", "where the user lives"},
	{"ttl", "DURATION", "how long it is valid (default: 1h)"},
	{0},
};

const struct args_option options_audit[] = {
	{"actor", "USER", "what this user did only"},
	LIMIT,
	{0},
};

const struct args_option options_connections[] = {
	{"kind", "KIND", "rtmp or http", "rtmp http"},
	{"address", "ADDRESS", "of this address only"},
	{"limit", "N", "at most so many (default: 1000)"},
	{0},
};

const struct args_option options_sockets[] = {
	{"stream", "ID", "who joined this stream only"},
	{"user", "ID", "of this user only"},
	{"address", "ADDRESS", "of this address only"},
	{"framing", "NAME", "socket.io, json or realtime", "socket.io json realtime"},
	{"limit", "N", "at most so many (default: 1000)"},
	{0},
};

const struct args_option options_events_tail[] = {
	{"stream", "ID", "what is said in this stream only"},
	{"user", "ID", "what is said to this user only"},
	{"event", "PATTERN", "these events only, such as 'chat:*'; may be repeated",
		.repeated = true},
	{"count", "N", "stop after N events"},
	{0},
};

const struct args_option options_bans_add[] = {
	{"for", "DURATION", "how long (default: until it is lifted)"},
	{"reason", "TEXT", "why, for the operators"},
	{0},
};

const struct args_option options_config_show[] = {
	{"changed", NULL, "only keys that differ from the default"},
	{0},
};

const struct args_option options_outbox_list[] = {
	{"limit", "N", "at most so many (default: 20)"},
	{0},
};

/* Streams */

const struct args_option options_streams_create[] = {
	{"seller", "ID", "user id of the seller; made if need be", .required = true},
	{"title", "TITLE", "title of the stream", .required = true},
	{"description", "TEXT", "description of the stream"},
	{"category", "WORD", "category of the stream"},
	{"audience", "WHO", "everyone, followers or neighborhood (default: everyone)",
		"everyone followers neighborhood"},
	{"duration", "MINUTES", "how long it is meant to be"},
	{"product", "ID", "show this product of the seller; may be repeated", .repeated = true},
	{"at", "TIME", "when it is due, such as 2026-01-31T18:00:00Z (default: now)"},
	{"no-notify", NULL, "tell no followers"},
	{"notify-neighborhood", NULL, "tell who lives within 2 km"},
	{"no-chat", NULL, "without chat"},
	{"no-comments", NULL, "without comments"},
	{"no-record", NULL, "do not record it"},
	{"live", NULL, "go live at once, without products and checklist"},
	{0},
};

const struct args_option options_streams_settings[] = {
	{"title", "TITLE", "title of the stream"},
	{"description", "TEXT", "description of the stream (none: without)"},
	{"category", "WORD", "category of the stream (none: without)"},
	{"audience", "WHO", "everyone, followers or neighborhood",
		"everyone followers neighborhood"},
	{"duration", "MINUTES", "how long it is meant to be"},
	{"at", "TIME", "when it is due, such as 2026-01-31T18:00:00Z (none: now)"},
	{"notify-followers", YES_NO, .help = "tell the seller's followers"},
	{"notify-neighborhood", YES_NO, .help = "tell who lives within 2 km"},
	{"chat", YES_NO, .help = "with chat"},
	{"comments", YES_NO, .help = "with comments"},
	{"record", YES_NO, .help = "record it"},
	{0},
};

const struct args_option options_streams_list[] = {
	{"status", "STATUS", "scheduled, live, ended or cancelled",
		"scheduled live ended cancelled"},
	{"seller", "ID", "of this seller only"},
	{"category", "WORD", "of this category only"},
	{"neighborhood", "NAME", "of sellers who live there only"},
	{"search", "TEXT", "with this text in the title or the description"},
	LIMIT,
	{0},
};

const struct args_option options_streams_go_live[] = {
	{"checklist", NULL,
		"as the seller, whose camera is ready and whose checklist is complete: needs a "
		"product"},
	{0},
};

const struct args_option options_streams_analytics[] = {
	{"timeline", NULL, "with the timeline, a line for each 5 s"},
	{0},
};

const struct args_option options_streams_top[] = {
	{"once", NULL, "print one snapshot and stop"},
	{"interval", "DURATION", "refresh so often (default: 1s)"},
	{0},
};

const struct args_option options_viewers[] = {
	LIMIT,
	{"watch", NULL, "refresh the list until q"},
	{"interval", "DURATION", "refresh so often (default: 1s)"},
	{0},
};

const struct args_option options_vod_list[] = {
	{"state", "STATE", "open, ready, failed or deleted", "open ready failed deleted"},
	LIMIT,
	{0},
};

/* Chat */

const struct args_option options_chat_list[] = {
	{"limit", "N", "at most so many (default: 100)"},
	{0},
};

const struct args_option options_chat_tail[] = {
	{"lines", "N", "begin with the last N messages (default: 10)"},
	{"since", "DURATION", "begin with what was said within it, such as 10m"},
	{"once", NULL, "print these and stop"},
	{0},
};

const struct args_option options_chat_mute[] = {
	{"for", "DURATION", "how long, such as 10m", .required = true},
	{0},
};

const struct args_option options_chat_ban[] = {
	{"for", "DURATION", "how long (default: for the life of the stream)"},
	{0},
};

/* Products */

const struct args_option options_products_list[] = {
	{"seller", "ID", "of this seller"},
	{"stream", "ID", "shown in this stream, with places and counters"},
	LIMIT,
	{0},
};

const struct args_option options_products_create[] = {
	{"seller", "ID", "user id of the seller; made if need be", .required = true},
	{"name", "NAME", "name of the product", .required = true},
	{"price", "N", "price in minor units (cents)", .required = true},
	{"currency", "CODE", "currency, such as EUR (ISO 4217)", .required = true},
	{"description", "TEXT", "description of the product"},
	{"image", "URL", "picture of the product"},
	{"link", "URL", "page of the product"},
	{"stock", "N", "how many there are (default: not counted)"},
	{0},
};

const struct args_option options_products_update[] = {
	{"name", "NAME", "name of the product"},
	{"price", "N", "price in minor units (cents)"},
	{"currency", "CODE", "currency, such as EUR (ISO 4217)"},
	{"description", "TEXT", "description of the product (none: without)"},
	{"image", "URL", "picture of the product (none: without)"},
	{"link", "URL", "page of the product (none: without)"},
	{"stock", "N", "how many there are (none: not counted)"},
	{0},
};

const struct args_option options_products_tag[] = {
	{"x", "X", "from the left, 0 to 1", .required = true},
	{"y", "Y", "from the top, 0 to 1", .required = true},
	{"seconds", "N", "when, in seconds from the beginning (default: now)"},
	{0},
};

const struct args_option options_products_event[] = {
	{"order", "ID", "the order's id, of a purchase: no order counts twice"},
	{"amount", "N", "what was paid, in minor units (cents)"},
	{"currency", "CODE", "currency, such as EUR (ISO 4217)"},
	{0},
};

/* People */

const struct args_option options_users_list[] = {
	{"role", "ROLE", "with this role only", "seller buyer moderator admin"},
	{"search", "TEXT", "with this text in the id or the name"},
	LIMIT,
	{0},
};

const struct args_option options_users_set[] = {
	{"name", "NAME", "name that others see (none: without)"},
	{"role", "ROLE", "seller, buyer, moderator or admin; may be repeated; replaces all",
		"seller buyer moderator admin", .repeated = true},
	{"avatar", "URL", "picture of the user (none: without)"},
	{"neighborhood", "NAME", "where the user lives (none: without)"},
	{0},
};

const struct args_option options_neighborhoods_set[] = {
	{"lat", "DEGREES", "latitude, north is positive", .required = true},
	{"lon", "DEGREES", "longitude, east is positive", .required = true},
	{"name", "NAME", "what people call it (default: the id)"},
	{0},
};

const struct args_option options_notifications[] = {
	{"unread", NULL, "those only that were not read"},
	LIMIT,
	{0},
};
