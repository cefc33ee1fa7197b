#pragma once

#include "call.h"

/* What the commands ask of the daemon, by command. */

/* calls_streams.c */
extern const struct call call_streams_delete, call_streams_end, call_streams_kick,
	call_streams_list, call_streams_rotate_key, call_streams_settings, call_streams_show;
extern const struct call call_relay_list, call_relay_set;
extern const struct call call_vod_delete, call_vod_list, call_vod_show;
extern const struct call call_keys_check, call_keys_remove, call_keys_set;
/* What an encoder and a viewer need. */
extern const struct field calls_access_fields[6];

/* calls_chat.c */
extern const struct call call_chat_ban, call_chat_delete, call_chat_mute, call_chat_mutes,
	call_chat_say, call_chat_slow, call_chat_unmute;

/* calls_products.c */
extern const struct call call_products_attach, call_products_delete, call_products_event,
	call_products_pin, call_products_show, call_products_tag, call_products_unpin,
	call_products_update;

/* calls_people.c */
extern const struct call call_users_follow, call_users_followers, call_users_following,
	call_users_list, call_users_presence, call_users_set, call_users_show, call_users_unfollow;
extern const struct call call_neighborhoods_delete, call_neighborhoods_list, call_neighborhoods_set;
extern const struct call call_devices_delete, call_devices_list;
extern const struct call call_notifications_list, call_notifications_read;

/* calls_system.c */
extern const struct call call_connections_close, call_connections_list;
extern const struct call call_sockets_close, call_sockets_list;
extern const struct call call_bans_add, call_bans_lift, call_bans_list;
extern const struct call call_audit, call_config_reload, call_drain, call_limits, call_outbox_list,
	call_outbox_retry, call_status;
