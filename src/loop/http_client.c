#include "loop/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define LOG_MODULE "http-client"

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "loop/timer.h"

#define TIMEOUT_US UINT64_C(30000000)
#define CONNECT_TIMEOUT_US UINT64_C(10000000)
#define ANSWER_MAX 65536
#define IDLE_CONNECTIONS 16L
/* Longer waits are as good as this one. */
#define RETRY_AFTER_MAX_S 86400

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer; /* libcurl's own deadlines */
	struct timer *reaper; /* calls `done` outside of libcurl and of http_client_send */
	char *user_agent, *ca_file;
	struct list calls;
	unsigned n_calls;
};

struct http_client_call {
	struct list link;
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	struct buf answer;
	size_t max_answer;
	bool ignore_answer, too_large;
	char error[CURL_ERROR_SIZE];
	void (*done)(void *user, const struct http_client_answer *answer);
	void *user;
};

/* A descriptor that libcurl wants watched. */
struct socket_watch {
	uv_poll_t handle;
	struct http_client *client;
	curl_socket_t fd;
};

static void reap_soon(struct http_client *c)
{
	if (!timer_active(c->reaper))
		timer_start(c->reaper, 0);
}

static void act(struct http_client *c, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(c->multi, fd, events, &running);
	reap_soon(c);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct socket_watch *w = handle->data;
	struct http_client *c = w->client;
	int flags = 0;

	/* Of CURL_CSELECT_ERR libcurl only says that there is an error: by reading it learns which,
	 * and that a connection which it kept was given up meanwhile. */
	if (status < 0)
		flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	loop_enter(c->loop, "http client");
	act(c, w->fd, flags); /* w may be closed now */
	loop_leave(c->loop);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct socket_watch *watch_socket(struct http_client *c, curl_socket_t fd)
{
	struct socket_watch *w = mem_new(struct socket_watch);

	w->client = c;
	w->fd = fd;
	must(uv_poll_init_socket(loop_uv(c->loop), &w->handle, fd) == 0);
	w->handle.data = w;
	curl_multi_assign(c->multi, fd, w);
	return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	struct http_client *c = user;
	struct socket_watch *w = socket_user;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			uv_close((uv_handle_t *)&w->handle, on_watch_closed);
			curl_multi_assign(c->multi, fd, NULL);
		}
		return 0;
	}
	if (!w)
		w = watch_socket(c, fd);
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	must(uv_poll_start(&w->handle, events, on_poll) == 0);
	return 0;
}

static int on_timer_wanted(CURLM *multi, long ms, void *user)
{
	struct http_client *c = user;

	(void)multi;
	if (ms < 0)
		timer_stop(c->timer);
	else
		timer_start(c->timer, (uint64_t)ms * 1000);
	return 0;
}

static void on_timer(void *user)
{
	act(user, CURL_SOCKET_TIMEOUT, 0);
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	struct http_client_call *call = user;
	size_t len = size * n;

	if (call->ignore_answer)
		return len;
	if (call->answer.len + len > call->max_answer) {
		call->too_large = true;
		return 0;
	}
	buf_put(&call->answer, data, len);
	return len;
}

/* Away from the client, which may be gone by the time that the call is freed. */
static void call_detach(struct http_client_call *call)
{
	curl_multi_remove_handle(call->client->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	list_remove(&call->link);
	call->client->n_calls--;
}

static void call_free(struct http_client_call *call)
{
	call_detach(call);
	buf_finish(&call->answer);
	free(call);
}

static const char *failure(const struct http_client_call *call, CURLcode code)
{
	if (call->too_large)
		return "the answer is too large";
	/* The buffer keeps the first complaint, which may be of a kept connection that was lost. */
	if (code == CURLE_OPERATION_TIMEDOUT && !strstr(call->error, "timed out"))
		return "timed out";
	return call->error[0] ? call->error : curl_easy_strerror(code);
}

static void finish_call(struct http_client_call *call, CURLcode code)
{
	struct http_client_answer answer = {0};
	curl_off_t wait = 0;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status > 0) {
		curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &wait);
		answer.status = (unsigned)status;
		answer.body = buf_text(&call->answer);
		answer.len = call->answer.len;
		if (wait > 0)
			answer.retry_after_us =
				(uint64_t)(wait < RETRY_AFTER_MAX_S ? wait : RETRY_AFTER_MAX_S) *
				1000000;
	} else {
		answer.error = failure(call, code);
	}
	call_detach(call);
	call->done(call->user, &answer);
	buf_finish(&call->answer);
	free(call);
}

static struct http_client_call *next_finished(struct http_client *c, CURLcode *code)
{
	struct http_client_call *call = NULL;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(c->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		*code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		return call;
	}
	return NULL;
}

/* One a turn, as `done` may destroy the client; the timer goes on before it is called. */
static void on_reap(void *user)
{
	struct http_client *c = user;
	CURLcode code = CURLE_OK;
	struct http_client_call *call = next_finished(c, &code);

	if (!call)
		return;
	timer_start(c->reaper, 0);
	finish_call(call, code);
}

static CURLM *create_multi(struct http_client *c, unsigned max_connections)
{
	CURLM *multi = curl_multi_init();

	must(multi != NULL);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)max_connections);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	return multi;
}

struct http_client *http_client_create(struct loop *l, const struct http_client_config *config)
{
	struct http_client *c;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	/* Without it a name that does not resolve would hold up every stream. */
	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS)) {
		log_error("libcurl resolves names in the calling thread: not used");
		curl_global_cleanup();
		return NULL;
	}
	c = mem_new(struct http_client);
	c->loop = l;
	c->user_agent = mem_strdup(config->user_agent);
	c->ca_file = mem_strdup(config->ca_file);
	list_init(&c->calls);
	c->timer = loop_timer_create(l, "http client", on_timer, c);
	c->reaper = loop_timer_create(l, "http client", on_reap, c);
	c->multi = create_multi(c, config->max_connections);
	return c;
}

void http_client_destroy(struct http_client **client)
{
	struct http_client *c = *client;
	struct http_client_call *call, *next;

	if (!c)
		return;
	*client = NULL;
	list_for_each_safe (call, next, &c->calls, link)
		call_free(call);
	/* Closes what was kept open, and so the watches. */
	curl_multi_cleanup(c->multi);
	timer_destroy(&c->timer);
	timer_destroy(&c->reaper);
	free(c->user_agent);
	free(c->ca_file);
	free(c);
	curl_global_cleanup();
}

static void set_safety(CURL *easy, const struct http_client *c)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A name that is still being looked up must not hold up the loop when it is given up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	if (c->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
	if (c->user_agent)
		curl_easy_setopt(easy, CURLOPT_USERAGENT, c->user_agent);
}

static void set_limits(CURL *easy, const struct http_client_request *r)
{
	uint64_t timeout = r->timeout_us ? r->timeout_us : TIMEOUT_US;
	uint64_t connect = r->connect_timeout_us ? r->connect_timeout_us : CONNECT_TIMEOUT_US;

	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout / 1000));
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect / 1000));
}

static void set_content(struct http_client_call *call, const struct http_client_request *r)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_URL, r->url);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	if (r->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, r->body);
	}
	if (!strcmp(r->method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	/* Bodies are small: no asking first. */
	call->headers = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; i < r->n_headers; i++)
		call->headers = curl_slist_append(call->headers, r->headers[i]);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_callbacks(struct http_client_call *call)
{
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
}

struct http_client_call *http_client_send(struct http_client *c,
	const struct http_client_request *request,
	void (*done)(void *user, const struct http_client_answer *answer), void *user)
{
	struct http_client_call *call = mem_new(struct http_client_call);

	call->client = c;
	call->easy = curl_easy_init();
	must(call->easy != NULL);
	call->max_answer = request->max_answer ? request->max_answer : ANSWER_MAX;
	call->ignore_answer = request->ignore_answer;
	call->done = done;
	call->user = user;
	set_safety(call->easy, c);
	set_limits(call->easy, request);
	set_content(call, request);
	set_callbacks(call);
	list_append(&c->calls, &call->link);
	c->n_calls++;
	/* Only arms the timer: even an address without sense is reported by the loop. */
	must(curl_multi_add_handle(c->multi, call->easy) == CURLM_OK);
	return call;
}

void http_client_cancel(struct http_client_call **call)
{
	if (!*call)
		return;
	call_free(*call);
	*call = NULL;
}

unsigned http_client_active(const struct http_client *c)
{
	return c->n_calls;
}
