#pragma once

#include "http/router.h"

/* Shapes of answers (http/router.h) that several files of the API use; see api_json.c, api_call.c
 * for what fills them. */
extern const struct shape api_shape_stream; /* an element of a list */
extern const struct shape api_shape_created; /* with productCount */
extern const struct shape api_shape_details; /* with productCount and products */
extern const struct shape api_shape_product;
extern const struct shape api_shape_stream_product; /* a product in a stream */
extern const struct shape api_shape_shown_product; /* the same with its streamId */
extern const struct shape api_shape_live; /* go-live */
extern const struct shape api_shape_key; /* rotate-key */
extern const struct shape api_shape_ended;
extern const struct shape api_shape_stats;
extern const struct shape api_shape_position;
extern const struct shape api_shape_admin_stream; /* live in this process */
extern const struct shape api_shape_admin_details;
extern const struct shape api_shape_admin_created; /* live at once: with key and URL */
