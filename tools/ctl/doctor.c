#include "doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"

#define FOUND_SIZE 1024

static const char *const state_words[] = {"ok", "warn", "fail"};

void doctor_add(struct doctor *d, const char *check, enum finding_state state, const char *mend,
	const char *fmt, ...)
{
	char found[FOUND_SIZE];
	va_list args;
	va_start(args, fmt);
	vsnprintf(found, sizeof(found), fmt, args);
	va_end(args);
	json_array_append_new(d->findings,
		json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "state", state_words[state],
			"found", found, "mend", state == FINDING_OK ? NULL : mend));
	d->failed = d->failed || state == FINDING_FAIL;
}

static void check_daemon(struct doctor *d)
{
	d->alive = client_alive(d->ctl);
	if (d->alive) {
		doctor_add(d, "daemon", FINDING_OK, NULL, "it answers");
	} else {
		doctor_add(d, "daemon", FINDING_WARN,
			"start it (systemctl start soukd), or name its configuration by --config",
			"it does not answer");
	}
}

static void check_config(struct doctor *d)
{
	const char *path = d->ctl->config_path != NULL ? d->ctl->config_path : "the defaults";
	if (d->config != NULL) {
		doctor_add(d, "config", FINDING_OK, NULL, "%s", path);
		return;
	}
	const char *faults = buf_text(&d->ctl->config_errors);
	doctor_add(d, "config", FINDING_FAIL, "mend the lines that soukctl config check names",
		"%.*s", (int)strcspn(faults, "\n"), faults);
}

static void examine(struct doctor *d)
{
	check_config(d);
	if (d->config == NULL) {
		return;
	}
	check_daemon(d);
	doctor_permissions(d);
	doctor_ports(d);
	doctor_clock(d);
	doctor_media(d);
	doctor_secret(d);
	doctor_store(d);
	doctor_certificate(d);
	doctor_webhooks(d);
	doctor_push(d);
	doctor_outbox(d);
	doctor_storage(d);
	doctor_redis(d);
	doctor_descriptors(d);
	doctor_plugin(d);
}

static void print_findings(const json_t *findings)
{
	size_t i;
	const json_t *f;
	json_array_foreach(findings, i, f)
	{
		const char *mend = field_string(f, "mend");
		printf("%-5s %-12s %s\n", field_string(f, "state"), field_string(f, "check"),
			field_string(f, "found"));
		if (mend[0] != '\0') {
			printf("%-5s %-12s mend: %s\n", "", "", mend);
		}
	}
}

enum ctl_exit doctor_run(struct ctl *c)
{
	struct doctor d = {.ctl = c, .config = c->config, .findings = json_array()};
	c->quiet = true;
	examine(&d);
	if (c->json) {
		ctl_print_json(d.findings);
	} else {
		print_findings(d.findings);
	}
	json_decref(d.findings);
	return d.failed ? CTL_FAILED : CTL_OK;
}
