#include <string.h>

#include "base/buf.h"
#include "base/rcbuf.h"
#include "http/pages.h"
#include "support/test.h"

/* The server's twin: what a request says, and the answer that it got. */
struct http_request {
	enum http_method method;
	const char *path, *accept;
	bool gzip;
	struct http_response answer;
	struct buf body, headers;
};

enum http_method http_request_method(const struct http_request *r)
{
	return r->method;
}

const char *http_request_path(const struct http_request *r)
{
	return r->path;
}

const char *http_request_header(const struct http_request *r, const char *lower_case_name)
{
	return strcmp(lower_case_name, "accept") == 0 ? r->accept : NULL;
}

bool http_request_accepts_gzip(const struct http_request *r)
{
	return r->gzip;
}

void http_respond(struct http_request *r, const struct http_response *response)
{
	assert_int_equal(r->answer.status, 0);
	r->answer = *response;
	for (size_t i = 0; i < response->n_pieces; i++)
		buf_put(&r->body, rcbuf_data(response->pieces[i]), rcbuf_len(response->pieces[i]));
	if (response->extra_headers)
		buf_put_str(&r->headers, response->extra_headers);
}

static void request_finish(struct http_request *r)
{
	buf_finish(&r->body);
	buf_finish(&r->headers);
}

static const char watch_path[] = "/watch/0198f2c1-7a3e-7bb0-9d2e-5f1c3a9e7d11";

static void test_each_path_has_its_page(void **state)
{
	static const struct {
		const char *path, *contains;
		int status;
	} cases[] = {
		{"/", "<h1>Live now</h1>", 200},
		{watch_path, "id=\"stage\"", 200},
		{"/favicon.svg", "<svg", 200},
		{"/favicon.ico", "<svg", 200},
		{"/watch/", "Nothing here", 404},
		{"/watch/not-an-id", "Nothing here", 404},
		{"/watch/0198f2c1-7a3e-7bb0-9d2e-5f1c3a9e7d11/", "Nothing here", 404},
	};
	struct pages *p = pages_create(NULL, NULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request r = {.method = HTTP_GET, .path = cases[i].path};
		assert_true(pages_handle(p, &r));
		assert_int_equal(r.answer.status, cases[i].status);
		assert_non_null(strstr(buf_text(&r.body), cases[i].contains));
		assert_int_equal(r.answer.etag != NULL, cases[i].status == 200);
		request_finish(&r);
	}
	pages_destroy(&p);
	assert_null(p);
}

static void test_other_paths_are_left_alone(void **state)
{
	static const char *const paths[] = {"", "/api/v1/streams", "/watch", "/hls/x", "//"};
	struct pages *p = pages_create(NULL, NULL);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct http_request r = {.method = HTTP_GET, .path = paths[i]};
		assert_false(pages_handle(p, &r));
		assert_int_equal(r.answer.status, 0);
	}
	pages_destroy(&p);
}

static void test_other_methods_are_refused(void **state)
{
	struct pages *p = pages_create(NULL, NULL);
	struct http_request post = {.method = HTTP_POST, .path = "/"};
	struct http_request head = {.method = HTTP_HEAD, .path = "/"};

	assert_true(pages_handle(p, &post));
	assert_int_equal(post.answer.status, 405);
	assert_non_null(strstr(buf_text(&post.headers), "allow: GET, HEAD\r\n"));
	assert_true(pages_handle(p, &head));
	assert_int_equal(head.answer.status, 200);
	request_finish(&post);
	request_finish(&head);
	pages_destroy(&p);
}

static void test_the_compressed_form_is_for_those_who_take_it(void **state)
{
	struct pages *p = pages_create(NULL, NULL);
	struct http_request plain = {.method = HTTP_GET, .path = watch_path};
	struct http_request gzip = {.method = HTTP_GET, .path = watch_path, .gzip = true};

	assert_true(pages_handle(p, &plain) && pages_handle(p, &gzip));
	assert_false(plain.answer.encoded);
	assert_true(gzip.answer.encoded);
	assert_true(gzip.body.len * 2 < plain.body.len);
	assert_memory_equal(gzip.body.data, "\x1f\x8b", 2);
	assert_non_null(strstr(buf_text(&plain.headers), "vary: Accept-Encoding\r\n"));
	assert_null(strstr(buf_text(&gzip.headers), "vary")); /* the server's own then */
	request_finish(&plain);
	request_finish(&gzip);
	pages_destroy(&p);
}

static void test_scripts_are_allowed_by_hash_alone(void **state)
{
	struct pages *p = pages_create("https://live.example.com:8443/base", NULL);
	struct http_request r = {.method = HTTP_GET, .path = watch_path};

	assert_true(pages_handle(p, &r));
	const char *headers = buf_text(&r.headers);
	assert_non_null(strstr(headers, "default-src 'none'; script-src 'sha256-"));
	assert_non_null(strstr(headers, "; style-src 'sha256-"));
	assert_null(strstr(headers, "unsafe"));
	assert_non_null(
		strstr(headers, "connect-src 'self' https: https://live.example.com:8443;"));
	assert_non_null(strstr(headers, "x-content-type-options: nosniff\r\n"));
	assert_non_null(strstr(headers, "referrer-policy: "));
	request_finish(&r);
	pages_destroy(&p);
}

static void test_a_strange_public_url_cannot_write_policy(void **state)
{
	struct pages *p = pages_create("https://x; script-src *", NULL);
	struct http_request r = {.method = HTTP_GET, .path = "/"};

	assert_true(pages_handle(p, &r));
	assert_null(strstr(buf_text(&r.headers), "script-src *"));
	request_finish(&r);
	pages_destroy(&p);
}

static void test_nothing_from_another_host_is_needed(void **state)
{
	static const char *const loads[] = {
		"src=\"http", "src=\"//", "@import", "url(http", "<link rel=\"stylesheet\""};
	struct pages *p = pages_create(NULL, NULL);
	struct http_request r = {.method = HTTP_GET, .path = watch_path};

	assert_true(pages_handle(p, &r));
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		assert_null(strstr(buf_text(&r.body), loads[i]));
	request_finish(&r);
	pages_destroy(&p);
}

static void test_a_browser_gets_a_page_for_nothing(void **state)
{
	struct pages *p = pages_create(NULL, NULL);
	struct http_request r = {.accept = "text/html,application/xhtml+xml,*/*;q=0.8"};
	struct http_request curl = {.accept = "*/*"};

	assert_true(pages_wanted(&r));
	assert_false(pages_wanted(&curl));
	assert_false(pages_wanted(&(struct http_request){0}));
	pages_missing(p, &r);
	assert_int_equal(r.answer.status, 404);
	request_finish(&r);
	pages_destroy(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_path_has_its_page),
		cmocka_unit_test(test_other_paths_are_left_alone),
		cmocka_unit_test(test_other_methods_are_refused),
		cmocka_unit_test(test_the_compressed_form_is_for_those_who_take_it),
		cmocka_unit_test(test_scripts_are_allowed_by_hash_alone),
		cmocka_unit_test(test_a_strange_public_url_cannot_write_policy),
		cmocka_unit_test(test_nothing_from_another_host_is_needed),
		cmocka_unit_test(test_a_browser_gets_a_page_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
