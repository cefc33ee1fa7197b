#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "args.h"
#include "daemon/config.h"

/* One run of soukctl. */
struct ctl {
	struct args args;
	struct config *config; /* NULL if it could not be loaded: see ctl_config */
	struct buf config_errors;
	const char *config_path; /* NULL: defaults alone */
	bool json;
	char *acting; /* a token in another's name (act.h), or NULL */
	bool quiet; /* failed calls are told by their result alone */
	bool patient; /* so is a daemon that does not answer */
	bool (*interrupted)(void); /* ends a call that is under way; NULL: nothing does */
};

/* What main does, testable. */
enum ctl_exit ctl_main(int argc, char *const *argv);
/* The configuration; NULL, with its faults on stderr, if there is none to use. */
const struct config *ctl_config(struct ctl *c);
/* "soukctl: …" on stderr. */
void ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints a JSON value, indented, with a newline; takes no reference. */
void ctl_print_json(const json_t *value);

/* What the commands of commands.c run. */
enum ctl_exit completion_run(struct ctl *c);
enum ctl_exit config_check_run(struct ctl *c);
enum ctl_exit config_example_run(struct ctl *c);
enum ctl_exit config_show_run(struct ctl *c);
enum ctl_exit chat_list_run(struct ctl *c);
enum ctl_exit chat_tail_run(struct ctl *c);
enum ctl_exit db_backup_run(struct ctl *c);
enum ctl_exit db_check_run(struct ctl *c);
enum ctl_exit db_migrate_run(struct ctl *c);
enum ctl_exit doctor_run(struct ctl *c);
enum ctl_exit events_tail_run(struct ctl *c);
enum ctl_exit products_create_run(struct ctl *c);
enum ctl_exit products_list_run(struct ctl *c);
enum ctl_exit streams_analytics_run(struct ctl *c);
enum ctl_exit streams_create_run(struct ctl *c);
enum ctl_exit streams_go_live_run(struct ctl *c);
enum ctl_exit streams_top_run(struct ctl *c);
enum ctl_exit token_run(struct ctl *c);
enum ctl_exit viewers_run(struct ctl *c);
enum ctl_exit vod_export_run(struct ctl *c);
