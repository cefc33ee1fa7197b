#include "follow.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "client.h"
#include "fields.h"

#define EVENTS "/api/v1/admin/events"
/* Under the half minute that a call may take. */
#define WAIT_SECONDS "20"
#define RETRY_MS 500

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	stopped = 1;
}

/* A pipe whose reader is gone says so without being written to. */
static bool nobody_reads(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return ferror(stdout) || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR));
}

bool follow_over(void)
{
	return stopped || nobody_reads();
}

/* Without SA_RESTART, so that waits end at once. */
void follow_begin(struct ctl *c)
{
	struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	c->interrupted = follow_over;
}

void follow_pause(unsigned ms)
{
	if (!follow_over())
		poll(NULL, 0, (int)ms);
}

void follow_flush(void)
{
	fflush(stdout);
}

/* --- events --- */

static enum ctl_exit ask(struct follow_events *f, json_t **answer)
{
	struct buf path = {0};
	enum ctl_exit result;

	buf_put_str(&path, EVENTS);
	client_query(&path, "after", f->cursor);
	client_query(&path, "of", f->of);
	client_query(&path, "event", f->names);
	client_query(&path, "wait", f->cursor ? WAIT_SECONDS : NULL);
	result = client_call(f->c, "GET", buf_text(&path), NULL, answer);
	buf_finish(&path);
	if (result != CTL_OK)
		return result;
	free(f->cursor);
	f->cursor = mem_strdup(field_string(*answer, "cursor"));
	return CTL_OK;
}

enum ctl_exit follow_events_open(struct follow_events *f)
{
	json_t *answer;
	enum ctl_exit result = ask(f, &answer);

	if (result == CTL_OK)
		json_decref(answer);
	return result;
}

static void away(struct follow_events *f)
{
	if (!f->lost)
		ctl_error("soukd does not answer; waiting for it");
	f->lost = true;
	follow_pause(RETRY_MS);
}

enum ctl_exit follow_events_read(struct follow_events *f, json_t **answer)
{
	enum ctl_exit result;

	*answer = NULL;
	f->c->patient = true;
	result = ask(f, answer);
	f->c->patient = false;
	if (follow_over() && result != CTL_OK)
		return CTL_OK;
	if (result == CTL_UNREACHABLE) {
		away(f);
		return CTL_OK;
	}
	if (result != CTL_OK)
		return result;
	if (f->lost)
		ctl_error("soukd is back");
	f->lost = false;
	if (json_is_true(json_object_get(*answer, "draining")))
		follow_pause(RETRY_MS);
	return CTL_OK;
}

void follow_events_close(struct follow_events *f)
{
	free(f->cursor);
	f->cursor = NULL;
}
