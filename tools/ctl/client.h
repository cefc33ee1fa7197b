#pragma once

#include "ctl.h"

/*
 * The daemon's HTTP API over its Unix socket, or over --url with a token. Calls block, at most half
 * a minute (downloads: as long as bytes come).
 */

/*
 * One request; `body` is borrowed and may be NULL. On CTL_OK *data is the answer's "data" (a new
 * reference, JSON null for an empty answer). On failure what went wrong is printed to stderr.
 */
enum ctl_exit client_call(
	struct ctl *c, const char *method, const char *path, const json_t *body, json_t **data);
/* All pages of a list, up to `limit` items (0: all). The path may have a query. */
enum ctl_exit client_list(struct ctl *c, const char *path, size_t limit, json_t **array);
/* The body of a GET into a file. The status is the HTTP one; nothing is printed. */
enum ctl_exit client_download(struct ctl *c, const char *path, FILE *file, long *status);
/* The token that goes with the calls; NULL: none. */
const char *client_token(const struct ctl *c);
/* Whether the daemon answers; prints nothing. */
bool client_alive(struct ctl *c);
/*
 * A pattern with "{0}", "{1}" replaced by these ids, percent-encoded. Caller frees; NULL, with a
 * line on stderr, if one of them cannot be an id (it would change what the path means).
 */
char *client_path(const char *pattern, const char *const *ids, size_t n);
/* Appends &name=value (percent-encoded) to a path, with '?' if it is the first. NULL: nothing. */
void client_query(struct buf *path, const char *name, const char *value);
