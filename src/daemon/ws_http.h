#pragma once

#include "http/server.h"
#include "ws/transport.h"

/*
 * Joins the two siblings: a request of the HTTP server as the ws floor wants it. upgrade: it came
 * by http_server_on_upgrade. *out lives as long as the request.
 */
void ws_http_request(struct http_request *r, bool upgrade, struct ws_request *out);
