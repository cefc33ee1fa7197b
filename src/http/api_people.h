#pragma once

#include "api_internal.h"
#include "model/people.h"

/* What the files of people's paths share; nobody else includes it. */

/* Path values of people's own making: text of 1 to `max` characters of UTF-8. */
bool api_word_is_good(const char *word, size_t max);
#define API_NEIGHBORHOOD_MAX 120 /* characters of a neighbourhood's word */

/*
 * The cursor of a list's query, NULL if there is none. What the store says of one that is not ours
 * (NOT_FOUND of a list) is answered by api_reply_list_fault.
 */
const char *api_cursor(const struct http_request *r, struct api_arg *room);
void api_reply_list_fault(struct http_request *r, enum repo_result result);

/* 404 of a user; 503 of a read that failed. */
void api_reply_no_user(struct http_request *r, enum repo_result result);

#define API_PAGE_FIELDS \
	{"limit", FIELD_INTEGER, .min = 1, .max = 100}, \
	{ \
		"cursor", FIELD_STRING, .min = 1, .max = 600, \
					.text = "nextCursor of the page before." \
	}
