#include <string.h>

#include "args.h"
#include "calls.h"
#include "ctl.h"
#include "options.h"

#define STREAM "0190a5a0-0000-7000-8000-000000000001"
#define PRODUCT "0190a5a0-0000-7000-8000-000000000002"
#define MESSAGE "0190a5a0-0000-7000-8000-000000000003"

const struct args_command args_commands[] = {
	/* The daemon */
	{NULL, "status", "", "Say how the daemon is", NULL,
		"soukctl status\nsoukctl status --json\n", NULL, &call_status},
	{NULL, "doctor", "", "Look for what is wrong on this machine, and say how to mend it", NULL,
		"soukctl doctor\nsoukctl doctor --config /etc/souk/soukd.ini\n", doctor_run, NULL},
	{NULL, "limits", "", "Show the daemon's limits and how much of them is used", NULL,
		"soukctl limits\n", NULL, &call_limits},
	{NULL, "audit", "", "Show what admins, moderators and the operator did, newest first",
		options_audit, "soukctl audit --limit 20\nsoukctl audit --actor anna\n", NULL,
		&call_audit},
	{NULL, "drain", "", "Let the daemon finish its work and stop", NULL, "soukctl drain\n",
		NULL, &call_drain},
	{NULL, "token", "", "Make a token with the local secret", options_token,
		"soukctl token --sub anna --role seller --ttl 30d\n"
		"soukctl token --sub bob --role buyer --name Bob --neighborhood harbour\n",
		token_run, NULL},

	{"connections", "list", "", "List open connections", options_connections,
		"soukctl connections list --kind rtmp\n", NULL, &call_connections_list},
	{"connections", "close", "ID", "Close a connection at once", NULL,
		"soukctl connections close r1\n", NULL, &call_connections_close},
	{"sockets", "list", "", "List clients of the event layer, the eldest first",
		options_sockets,
		"soukctl sockets list --stream " STREAM "\nsoukctl sockets list --user bob\n", NULL,
		&call_sockets_list},
	{"sockets", "close", "ID", "Close a socket; its client may come back", NULL,
		"soukctl sockets close ws-12\n", NULL, &call_sockets_close},
	{"events", "tail", "", "Follow what is said in rooms; Ctrl-C stops", options_events_tail,
		"soukctl events tail\n"
		"soukctl events tail --stream " STREAM " --event 'chat:*' --json\n",
		events_tail_run, NULL},
	{"bans", "list", "", "List whom the daemon wants nothing from", NULL, "soukctl bans list\n",
		NULL, &call_bans_list},
	{"bans", "add", "KIND SUBJECT", "Ban an address, a network or a user from the daemon",
		options_bans_add,
		"soukctl bans add address 192.0.2.0/24 --for 1h\n"
		"soukctl bans add user mallory --reason spam\n",
		NULL, &call_bans_add},
	{"bans", "lift", "KIND SUBJECT", "Lift a ban", NULL, "soukctl bans lift user mallory\n",
		NULL, &call_bans_lift},

	{"outbox", "list", "", "List webhooks and push messages that were not delivered yet",
		options_outbox_list, "soukctl outbox list --limit 100\n", NULL, &call_outbox_list},
	{"outbox", "retry", "", "Send again what was given up", NULL, "soukctl outbox retry\n",
		NULL, &call_outbox_retry},

	/* Streams */
	{"streams", "create", "", "Create a stream, and go live with --live",
		options_streams_create,
		"soukctl streams create --seller anna --title 'Morning market' --live\n"
		"soukctl streams create --seller anna --title Rugs --product " PRODUCT
		" --at 2026-01-31T18:00:00Z\n",
		streams_create_run, NULL},
	{"streams", "list", "", "List streams, live ones first", options_streams_list,
		"soukctl streams list --status live\nsoukctl streams list --seller anna --json\n",
		NULL, &call_streams_list},
	{"streams", "show", "ID", "Show a stream with its ingest", NULL,
		"soukctl streams show " STREAM "\n", NULL, &call_streams_show},
	{"streams", "settings", "ID", "Change the settings of a scheduled stream",
		options_streams_settings,
		"soukctl streams settings " STREAM " --audience followers --chat no\n", NULL,
		&call_streams_settings},
	{"streams", "go-live", "ID",
		"Go live without products and checklist; prints the key, this once",
		options_streams_go_live,
		"soukctl streams go-live " STREAM "\nsoukctl streams go-live " STREAM
		" --checklist\n",
		streams_go_live_run, NULL},
	{"streams", "top", "", "Watch live streams; q stops", options_streams_top,
		"soukctl streams top\nsoukctl streams top --once\n", streams_top_run, NULL},
	{"streams", "kick", "ID", "Cut off the publisher; it may come back", NULL,
		"soukctl streams kick " STREAM "\n", NULL, &call_streams_kick},
	{"streams", "rotate-key", "ID", "Replace the stream key; the old one stops at once", NULL,
		"soukctl streams rotate-key " STREAM "\n", NULL, &call_streams_rotate_key},
	{"streams", "end", "ID", "End a live stream", NULL, "soukctl streams end " STREAM "\n",
		NULL, &call_streams_end},
	{"streams", "delete", "ID",
		"Cancel a scheduled stream, or delete an ended one with its recording", NULL,
		"soukctl streams delete " STREAM "\n", NULL, &call_streams_delete},
	{"streams", "analytics", "ID", "Show who watched, wrote, clicked and bought",
		options_streams_analytics, "soukctl streams analytics " STREAM " --timeline\n",
		streams_analytics_run, NULL},
	{"streams", "viewers", "ID", "Say how many watch and who; of an ended one, who did",
		options_viewers, "soukctl streams viewers " STREAM "\n", viewers_run, NULL},
	{NULL, "viewers", "STREAM", "Say how many watch a stream and who", options_viewers,
		"soukctl viewers " STREAM " --json\nsoukctl viewers " STREAM " --watch\n",
		viewers_run, NULL},

	/* Products */
	{"products", "list", "", "List a seller's products, or those of a stream",
		options_products_list,
		"soukctl products list --seller anna\nsoukctl products list --stream " STREAM "\n",
		products_list_run, NULL},
	{"products", "show", "ID", "Show a product", NULL, "soukctl products show " PRODUCT "\n",
		NULL, &call_products_show},
	{"products", "create", "", "Create a product", options_products_create,
		"soukctl products create --seller anna --name Rug --price 12900 --currency EUR\n",
		products_create_run, NULL},
	{"products", "attach", "STREAM PRODUCT...", "Show products in a scheduled stream", NULL,
		"soukctl products attach " STREAM " " PRODUCT "\n", NULL, &call_products_attach},

	{"products", "update", "ID", "Change a product", options_products_update,
		"soukctl products update " PRODUCT " --price 9900 --stock none\n", NULL,
		&call_products_update},
	{"products", "delete", "ID", "Delete a product; streams that showed it keep it", NULL,
		"soukctl products delete " PRODUCT "\n", NULL, &call_products_delete},
	{"products", "tag", "STREAM PRODUCT", "Say where in the picture a product is",
		options_products_tag,
		"soukctl products tag " STREAM " " PRODUCT " --x 0.3 --y 0.75\n", NULL,
		&call_products_tag},
	{"products", "pin", "STREAM PRODUCT", "Show a product to the viewers, in place of others",
		NULL, "soukctl products pin " STREAM " " PRODUCT "\n", NULL, &call_products_pin},
	{"products", "unpin", "STREAM PRODUCT", "Show a product no more", NULL,
		"soukctl products unpin " STREAM " " PRODUCT "\n", NULL, &call_products_unpin},
	{"products", "event", "STREAM PRODUCT TYPE",
		"Count a view, click, inquiry or purchase of a product", options_products_event,
		"soukctl products event " STREAM " " PRODUCT " click\n"
		"soukctl products event " STREAM " " PRODUCT
		" purchase --order A1 --amount 12900 --currency EUR\n",
		NULL, &call_products_event},

	/* Keys and relays */
	{"keys", "set", "SELLER", "Give a seller a new permanent key; prints it, this once", NULL,
		"soukctl keys set anna\n", NULL, &call_keys_set},
	{"keys", "remove", "SELLER", "Take a seller's permanent key away", NULL,
		"soukctl keys remove anna\n", NULL, &call_keys_remove},
	{"keys", "check", "KEY", "Say which stream a key would feed", NULL,
		"soukctl keys check B1M7pIiRjx61sEOx8DdT5yiQGJMbUCo4\n", NULL, &call_keys_check},
	{"keys", "rotate", "STREAM", "Replace the key of a stream; the old one stops at once", NULL,
		"soukctl keys rotate " STREAM "\n", NULL, &call_streams_rotate_key},
	{"relay", "list", "STREAM", "List where a stream is sent on to", NULL,
		"soukctl relay list " STREAM "\n", NULL, &call_relay_list},
	{"relay", "set", "STREAM [URL...]", "Say where a stream is sent on to; no URL: nowhere",
		NULL,
		"soukctl relay set " STREAM " rtmp://a.example/live/KEY\n"
		"soukctl relay set " STREAM "\n",
		NULL, &call_relay_set},

	/* Chat */
	{"chat", "tail", "STREAM", "Follow the chat of a stream; Ctrl-C stops", options_chat_tail,
		"soukctl chat tail " STREAM "\nsoukctl chat tail " STREAM " --since 10m --json\n",
		chat_tail_run, NULL},
	{"chat", "list", "STREAM", "Show what was said, oldest first", options_chat_list,
		"soukctl chat list " STREAM " --limit 500\n", chat_list_run, NULL},
	{"chat", "say", "STREAM TEXT", "Write as the seller, or as somebody else with --as", NULL,
		"soukctl chat say " STREAM " 'Back in five minutes'\n", NULL, &call_chat_say},
	{"chat", "delete", "STREAM MESSAGE", "Delete a message for everyone", NULL,
		"soukctl chat delete " STREAM " " MESSAGE "\n", NULL, &call_chat_delete},
	{"chat", "mute", "STREAM USER", "Let a user write nothing for some time", options_chat_mute,
		"soukctl chat mute " STREAM " bob --for 10m\n", NULL, &call_chat_mute},
	{"chat", "ban", "STREAM USER", "Let a user neither write nor watch", options_chat_ban,
		"soukctl chat ban " STREAM " mallory\n", NULL, &call_chat_ban},
	{"chat", "unmute", "STREAM USER", "Lift a mute or a ban", NULL,
		"soukctl chat unmute " STREAM " bob\n", NULL, &call_chat_unmute},
	{"chat", "slow", "STREAM SECONDS",
		"Let viewers wait so long between two messages; 0: no longer", NULL,
		"soukctl chat slow " STREAM " 30\nsoukctl chat slow " STREAM " 0\n", NULL,
		&call_chat_slow},
	{"chat", "mutes", "STREAM", "List who is muted or banned in a stream", NULL,
		"soukctl chat mutes " STREAM "\n", NULL, &call_chat_mutes},

	/* People */
	{"users", "list", "", "List users by id", options_users_list,
		"soukctl users list --role seller\n", NULL, &call_users_list},
	{"users", "show", "USER", "Show a user", NULL, "soukctl users show anna\n", NULL,
		&call_users_show},
	{"users", "set", "USER", "Set fields of a user, or make one", options_users_set,
		"soukctl users set anna --name Anna --role seller --neighborhood harbour\n", NULL,
		&call_users_set},
	{"users", "follow", "USER SELLER", "Let a user follow another", NULL,
		"soukctl users follow bob anna\n", NULL, &call_users_follow},
	{"users", "unfollow", "USER SELLER", "Let a user follow another no more", NULL,
		"soukctl users unfollow bob anna\n", NULL, &call_users_unfollow},
	{"users", "followers", "USER", "List who follows a user", options_limit,
		"soukctl users followers anna\n", NULL, &call_users_followers},
	{"users", "following", "USER", "List whom a user follows", options_limit,
		"soukctl users following bob\n", NULL, &call_users_following},
	{"users", "presence", "USER", "Say whether a user is there", NULL,
		"soukctl users presence bob\n", NULL, &call_users_presence},
	{"neighborhoods", "list", "", "List neighborhoods", options_limit,
		"soukctl neighborhoods list\n", NULL, &call_neighborhoods_list},
	{"neighborhoods", "set", "ID", "Say where a neighborhood is", options_neighborhoods_set,
		"soukctl neighborhoods set harbour --lat 53.5438 --lon=9.9661 --name Harbour\n",
		NULL, &call_neighborhoods_set},
	{"neighborhoods", "delete", "ID", "Forget where a neighborhood is", NULL,
		"soukctl neighborhoods delete harbour\n", NULL, &call_neighborhoods_delete},
	{"notifications", "list", "USER", "List a user's notifications, newest first",
		options_notifications, "soukctl notifications list bob --unread\n", NULL,
		&call_notifications_list},
	{"notifications", "read", "USER", "Mark all of a user's notifications as read", NULL,
		"soukctl notifications read bob\n", NULL, &call_notifications_read},
	{"devices", "list", "USER", "List the devices that a user's notifications are pushed to",
		NULL, "soukctl devices list bob\n", NULL, &call_devices_list},
	{"devices", "delete", "USER DEVICE", "Push no more to a device", NULL,
		"soukctl devices delete bob " MESSAGE "\n", NULL, &call_devices_delete},

	/* Recordings */
	{"vod", "list", "", "List recordings, newest first", options_vod_list,
		"soukctl vod list --state failed\n", NULL, &call_vod_list},
	{"vod", "show", "ID", "Show the recording of a stream", NULL,
		"soukctl vod show " STREAM "\n", NULL, &call_vod_show},
	{"vod", "delete", "ID", "Delete a recording", NULL, "soukctl vod delete " STREAM "\n", NULL,
		&call_vod_delete},
	{"vod", "export", "ID FILE|FOLDER", "Save a recording as MP4", NULL,
		"soukctl vod export " STREAM " market.mp4\n", vod_export_run, NULL},

	/* Files */
	{"db", "migrate", "", "Bring the database to this version", NULL, "soukctl db migrate\n",
		db_migrate_run, NULL},
	{"db", "check", "", "Check the database", NULL, "soukctl db check\n", db_check_run, NULL},
	{"db", "backup", "FILE", "Copy the database to a new file, while it is used or not", NULL,
		"soukctl db backup /var/backups/souk.db\n", db_backup_run, NULL},
	{"config", "check", "", "Check the configuration", NULL,
		"soukctl config check --config conf/soukd.ini\n", config_check_run, NULL},
	{"config", "show", "", "Print what is in force, and where it comes from",
		options_config_show, "soukctl config show --changed\n", config_show_run, NULL},
	{"config", "example", "", "Print a file with every key and its default", NULL,
		"soukctl config example > soukd.ini\n", config_example_run, NULL},
	{"config", "reload", "", "Let the daemon read its configuration again", NULL,
		"soukctl config reload\n", NULL, &call_config_reload},
	{NULL, "completion", "SHELL", "Print the completion script of bash, zsh or fish", NULL,
		"source <(soukctl completion bash)\nsource <(soukctl completion zsh)\n"
		"soukctl completion fish | source\n",
		completion_run, NULL},
	{0},
};

const char *args_group_help(const char *group)
{
	static const struct {
		const char *group, *help;
	} groups[] = {
		{"streams", "Streams: make them, watch them, end them."},
		{"products", "Products, and what is shown of them in a stream."},
		{"chat", "The chat of a stream, and who may not write there."},
		{"keys", "Keys for encoders; their texts are shown once and never stored."},
		{"relay", "Where streams are sent on to."},
		{"outbox", "What others have to be told."},
		{"users", "Users: sellers, buyers and who looks after them."},
		{"neighborhoods", "Where the neighborhoods are, whose names users carry."},
		{"notifications", "What users were told."},
		{"devices", "What users carry, for push messages."},
		{"connections", "Who is connected."},
		{"sockets", "Clients of the event layer."},
		{"events", "What is said in the rooms of the event layer."},
		{"bans", "Bans from the whole daemon; those of a stream are with chat."},
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
