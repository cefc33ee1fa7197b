#pragma once

#include "args.h"

/* The options of the commands, by command; help, completion and the parser live from them. */
extern const struct args_option options_audit[];
extern const struct args_option options_bans_add[];
extern const struct args_option options_chat_ban[];
extern const struct args_option options_chat_list[];
extern const struct args_option options_chat_mute[];
extern const struct args_option options_chat_tail[];
extern const struct args_option options_config_show[];
extern const struct args_option options_connections[];
extern const struct args_option options_events_tail[];
extern const struct args_option options_limit[]; /* --limit alone */
extern const struct args_option options_neighborhoods_set[];
extern const struct args_option options_notifications[];
extern const struct args_option options_outbox_list[];
extern const struct args_option options_products_create[];
extern const struct args_option options_products_event[];
extern const struct args_option options_products_list[];
extern const struct args_option options_products_tag[];
extern const struct args_option options_products_update[];
extern const struct args_option options_sockets[];
extern const struct args_option options_streams_analytics[];
extern const struct args_option options_streams_create[];
extern const struct args_option options_streams_go_live[];
extern const struct args_option options_streams_list[];
extern const struct args_option options_streams_settings[];
extern const struct args_option options_streams_top[];
extern const struct args_option options_token[];
extern const struct args_option options_users_list[];
extern const struct args_option options_users_set[];
extern const struct args_option options_viewers[];
extern const struct args_option options_vod_list[];
