#pragma once

#include "daemon/config.h"
#include "http/server.h"
#include "live/chat.h"
#include "live/registry.h"
#include "loop/loop.h"
#include "rtmp/relay.h"
#include "rtmp/server.h"

/* The configuration as each floor wants it. The results borrow the config's texts. */
struct live_config settings_live(const struct config *c);
struct chat_config settings_chat(const struct config *c);
struct rtmp_server_config settings_rtmp(const struct config *c);
struct relay_config settings_relay(const struct config *c);
struct http_config settings_http(const struct config *c);
/* False if the level's text is none (config_load has checked it). */
bool settings_log(const struct config *c);
