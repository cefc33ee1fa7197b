#include <string.h>

#include "args.h"
#include "ctl.h"

const struct args_option args_globals[] = {
	{"config", "FILE",
		"configuration of the daemon (default: $SOUKD_CONFIG, conf/soukd.ini, "
		"/etc/souk/soukd.ini)"},
	{"set", "KEY=VALUE", "override a key of the configuration, as section.key=value",
		.repeated = true},
	{"socket", "FILE", "Unix socket of the daemon (default: by the configuration)"},
	{"url", "URL", "speak HTTP to a daemon elsewhere, with --token"},
	{"token", "TOKEN", "token of an admin for --url (default: $SOUKCTL_TOKEN)"},
	{"json", NULL, "print JSON, for scripts"},
	{"help", NULL, "explain"},
	{"version", NULL, "print the version"},
	{0},
};

static const struct args_option token_options[] = {
	{"sub", "ID", "user id", .required = true},
	{"role", "ROLE", "seller, buyer, moderator or admin; may be repeated",
		"seller buyer moderator admin", .required = true, .repeated = true},
	{"name", "NAME", "name that others see"},
	{"avatar", "URL", "picture of the user"},
	{"neighborhood", "NAME", "where the user lives"},
	{"ttl", "DURATION", "how long it is valid (default: 1h)"},
	{0},
};

static const struct args_option create_options[] = {
	{"seller", "ID", "user id of the seller; made if need be", .required = true},
	{"title", "TITLE", "title of the stream", .required = true},
	{"description", "TEXT", "description of the stream"},
	{"category", "WORD", "category of the stream"},
	{"audience", "WHO", "everyone, followers or neighborhood (default: everyone)",
		"everyone followers neighborhood"},
	{"no-record", NULL, "do not record it"},
	{"live", NULL, "go live at once, without products and checklist"},
	{0},
};

static const struct args_option list_options[] = {
	{"status", "STATUS", "scheduled, live, ended or cancelled",
		"scheduled live ended cancelled"},
	{"seller", "ID", "of this seller only"},
	{"category", "WORD", "of this category only"},
	{"limit", "N", "at most so many (default: all)"},
	{0},
};

static const struct args_option vod_list_options[] = {
	{"state", "STATE", "open, ready, failed or deleted", "open ready failed deleted"},
	{"limit", "N", "at most so many (default: all)"},
	{0},
};

static const struct args_option top_options[] = {
	{"once", NULL, "print one snapshot and stop"},
	{0},
};

static const struct args_option show_options[] = {
	{"changed", NULL, "only keys that differ from the default"},
	{0},
};

const struct args_command args_commands[] = {
	{NULL, "status", "", "Say how the daemon is", NULL, status_run},
	{NULL, "doctor", "", "Look for what is wrong on this machine, and say how to mend it", NULL,
		doctor_run},
	{NULL, "token", "", "Make a token with the local secret", token_options, token_run},
	{"streams", "create", "", "Create a stream, and go live with --live", create_options,
		streams_create_run},
	{"streams", "list", "", "List streams, live ones first", list_options, streams_list_run},
	{"streams", "show", "ID", "Show a stream with its ingest", NULL, streams_show_run},
	{"streams", "go-live", "ID", "Go live without products and checklist; prints the key", NULL,
		streams_go_live_run},
	{"streams", "end", "ID", "End a live stream", NULL, streams_end_run},
	{"streams", "kick", "ID", "Cut off the publisher; it may come back", NULL,
		streams_kick_run},
	{"streams", "rotate-key", "ID", "Replace the stream key; the old one stops at once", NULL,
		streams_rotate_key_run},
	{"streams", "top", "", "Watch live streams", top_options, streams_top_run},
	{"vod", "list", "", "List recordings", vod_list_options, vod_list_run},
	{"vod", "show", "ID", "Show a recording", NULL, vod_show_run},
	{"vod", "delete", "ID", "Delete a recording", NULL, vod_delete_run},
	{"vod", "export", "ID FILE|FOLDER", "Save a recording as MP4", NULL, vod_export_run},
	{"db", "migrate", "", "Bring the database to this version", NULL, db_migrate_run},
	{"db", "check", "", "Check the database", NULL, db_check_run},
	{"db", "backup", "FILE", "Copy the database, while it is used or not", NULL, db_backup_run},
	{"config", "check", "", "Check the configuration", NULL, config_check_run},
	{"config", "show", "", "Print what is in force, and where it comes from", show_options,
		config_show_run},
	{"config", "example", "", "Print a file with every key and its default", NULL,
		config_example_run},
	{NULL, "limits", "", "Show the daemon's limits and how much of them is used", NULL,
		limits_run},
	{NULL, "drain", "", "Let the daemon finish its work and stop", NULL, drain_run},
	{NULL, "completion", "SHELL", "Print the completion script of bash or zsh", NULL,
		completion_run},
	{0},
};

const char *args_group_help(const char *group)
{
	static const struct {
		const char *group, *help;
	} groups[] = {
		{"streams", "Streams: make them, watch them, end them."},
		{"vod", "Recordings."},
		{"db", "The database; works with and without a running daemon."},
		{"config", "The configuration."},
	};
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (strcmp(groups[i].group, group) == 0) {
			return groups[i].help;
		}
	}
	return "";
}
