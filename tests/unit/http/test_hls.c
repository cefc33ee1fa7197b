#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/hls.h"
#include "live/uploads.h"
#include "server_support.h"

/*
 * A stream and a window of the test's own, in place of those of live and media: what is in the
 * window is a position, and a playlist is its text.
 */
struct media_window {
	uint64_t msn, part, generation, target_us;
	unsigned lookups;
	struct media_text *texts; /* between head and tail of its playlist */
	size_t n_texts;
};

struct live_stream {
	struct uuid id;
	struct media_window window;
	struct signal updated, destroyed;
};

static struct live_stream *only_stream;

struct live_stream *live_registry_find(struct live_registry *r, struct uuid id)
{
	return only_stream && uuid_eq(only_stream->id, id) ? only_stream : NULL;
}

/* Who waits for a progressive file; the test answers. */
static void (*mp4_done)(void *user, bool ok);
static void *mp4_user;

char *live_registry_upload_url(struct live_registry *r, struct uuid stream_id)
{
	(void)r;
	(void)stream_id;
	return NULL;
}

void live_registry_make_mp4(struct live_registry *r, struct uuid stream_id,
	void (*done)(void *user, bool ok), void *user)
{
	mp4_done = done;
	mp4_user = user;
}

static void answer_mp4(bool ok)
{
	void (*done)(void *user, bool ok) = mp4_done;
	assert_non_null(done);
	mp4_done = NULL;
	done(mp4_user, ok);
}

struct uuid live_stream_id(const struct live_stream *s)
{
	return s->id;
}

struct media_window *live_stream_window(struct live_stream *s)
{
	return &s->window;
}

struct signal *live_stream_updated(struct live_stream *s)
{
	return &s->updated;
}

struct signal *live_stream_destroyed(struct live_stream *s)
{
	return &s->destroyed;
}

uint64_t media_window_target_us(const struct media_window *w, unsigned rendition)
{
	return w->target_us;
}

uint64_t media_window_generation(const struct media_window *w)
{
	return w->generation;
}

enum media_lookup media_window_multivariant(
	struct media_window *w, const char *suffix, struct buf *out)
{
	buf_printf(out, "multivariant%s", suffix ? suffix : "");
	return MEDIA_FOUND;
}

enum media_lookup media_window_playlist_pieces(struct media_window *w, unsigned rendition,
	const struct media_playlist_query *q, struct media_playlist *p)
{
	struct buf *out = &p->head;

	w->lookups++;
	if (rendition)
		return MEDIA_GONE;
	if (q->has_msn && q->msn > w->msn + 1)
		return MEDIA_TOO_FAR;
	if (q->has_msn && (q->msn > w->msn || (q->msn == w->msn && q->part >= w->part)))
		return MEDIA_WAIT;
	buf_printf(out, "at %u.%u%s%s", (unsigned)w->msn, (unsigned)w->part,
		q->brief		 ? " brief"
			: q->skip_ranges ? " skip all"
			: q->skip	 ? " skip"
					 : "",
		q->uri_suffix ? q->uri_suffix : "");
	/* Long enough for gzip to pay. */
	for (int i = 0; i < 40; i++)
		buf_put_str(out, "\n#EXTINF:2.000,");
	if (w->n_texts == 0)
		return MEDIA_FOUND;
	p->texts = mem_zalloc(w->n_texts * sizeof(*p->texts));
	for (; p->n_texts < w->n_texts; p->n_texts++)
		p->texts[p->n_texts] = &w->texts[p->n_texts];
	buf_put_str(&p->tail, "\nthe end\n");
	return MEDIA_FOUND;
}

void media_playlist_finish(struct media_playlist *p)
{
	free(p->texts);
	buf_finish(&p->head);
	buf_finish(&p->tail);
}

enum media_lookup media_window_media(
	struct media_window *w, const char *name, struct media_body *out)
{
	char next[64];

	snprintf(next, sizeof(next), "part_0_%u_%u.m4s", (unsigned)w->msn, (unsigned)w->part);
	if (strcmp(name, next) == 0)
		return MEDIA_WAIT;
	if (strcmp(name, "part_0_7_0.m4s") != 0 && strcmp(name, "part_0_7_0.ts") != 0)
		return MEDIA_GONE;
	*out = (struct media_body){.n_pieces = 2, .len = 6, .id = 70};
	out->pieces = mem_zalloc(2 * sizeof(*out->pieces));
	out->pieces[0] = rcbuf_from("abc", 3);
	out->pieces[1] = rcbuf_from("def", 3);
	return MEDIA_FOUND;
}

void media_body_finish(struct media_body *b)
{
	for (size_t i = 0; i < b->n_pieces; i++)
		rcbuf_unref(&b->pieces[i]);
	free(b->pieces);
	free(b->path);
}

#define ID "0190b5a0-7c3e-7abc-8def-0123456789ab"
#define OTHER "0190b5a0-7c3e-7abc-8def-0123456789ac"

struct world {
	struct fixture f;
	struct hls *hls;
	struct live_stream stream;
	struct client c;
	char root[32];
};

static void serve(void *user, struct http_request *r)
{
	struct world *w = user;

	if (!hls_handle(w->hls, r))
		http_respond_text(r, 418, "text/plain", "not for hls");
}

static enum hls_access access_by(
	void *user, struct uuid stream, const char *token, const char *authorization)
{
	if (strcmp(token, "bad") == 0)
		return HLS_REFUSED;
	if (strcmp(token, "gone") == 0)
		return HLS_UNKNOWN;
	return token[0] == 'a' || authorization ? HLS_FOR_ONE : HLS_FOR_ALL;
}

static void put_file(struct world *w, const char *id, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", w->root, id);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s", w->root, id, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void world_start(struct world *w)
{
	*w = (struct world){.root = "/tmp/souk-hls-XXXXXX"};
	assert_non_null(mkdtemp(w->root));
	assert_true(uuid_parse(ID, &w->stream.id));
	w->stream.window =
		(struct media_window){.msn = 7, .part = 2, .generation = 1, .target_us = 2000000};
	signal_init(&w->stream.updated);
	signal_init(&w->stream.destroyed);
	only_stream = &w->stream;
	fixture_start(&w->f, serve, w);
	w->hls = hls_create(&(struct hls_config){
		.loop = w->f.loop, .media_root = w->root, .access = access_by});
	client_open(&w->c, &w->f);
}

static void world_stop(struct world *w)
{
	char command[64];

	client_close(&w->c);
	hls_destroy(&w->hls);
	fixture_stop(&w->f);
	snprintf(command, sizeof(command), "rm -r %s", w->root);
	assert_int_equal(system(command), 0);
}

static void ask(struct client *c, const char *path, const char *headers, struct answer *a)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers);
	client_send(c, text);
	if (a)
		client_read(c, a, true);
}

static void await_waiting(struct world *w, unsigned n)
{
	while (hls_waiting(w->hls) != n)
		fixture_turn(&w->f);
}

static void advance(struct world *w)
{
	w->stream.window.part++;
	w->stream.window.generation++;
	signal_emit(&w->stream.updated, &w->stream);
}

static void answers_what_is_there(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *body, *line;
	} cases[] = {
		{"/hls/" ID "/index.m3u8", 200, "multivariant",
			"content-type: application/vnd.apple.mpegurl"},
		{"/hls/" ID "/stream_0.m3u8", 200, "at 7.2\n", "cache-control: no-cache"},
		{"/hls/" ID "/stream_0.m3u8?_HLS_msn=7&_HLS_part=1", 200, "at 7.2\n",
			"cache-control: public, max-age=12\r\n"},
		{"/hls/" ID "/stream_0.m3u8?_HLS_msn=3", 200, "at 7.2\n", "etag: \""},
		{"/hls/" ID "/stream_0.m3u8?_HLS_skip=YES", 200, "at 7.2 skip",
			"access-control-allow-origin: *"},
		{"/hls/" ID "/stream_0.m3u8?_HLS_skip=v2", 200, "at 7.2 skip all", "etag: \""},
		{"/hls/" ID "/stream_0.m3u8?window=live", 200, "at 7.2 brief", "etag: \""},
		{"/hls/" ID "/index.m3u8?window=live", 200, "multivariant?window=live", "etag: \""},
		{"/hls/" ID "/index.m3u8?window=live&token=abc", 200,
			"multivariant?token=abc&window=live", "etag: \""},
		{"/hls/" ID "/stream_0.m3u8?window=all", 400, "bad_query", "no-store"},
		{"/hls/" ID "/stream_0.m3u8?token=abc", 200, "at 7.2?token=abc", "vary: "},
		{"/hls/" ID "/stream_0.m3u8?token=abc", 200, "at 7.2?token=abc",
			"cache-control: private, no-cache\r\n"},
		{"/hls/" ID "/stream_0.m3u8?_HLS_msn=3&token=abc", 200, "at 7.2?token=abc",
			"cache-control: private, max-age=12\r\n"},
		{"/hls/" ID "/index.m3u8?token=abc", 200, "multivariant?token=abc",
			"cache-control: private, no-cache\r\n"},
		{"/hls/" ID "/part_0_7_0.m4s?token=abc", 200, "abcdef",
			"cache-control: private, max-age=31536000, immutable\r\n"},
		/* Where everybody may watch a token says nothing. */
		{"/hls/" ID "/stream_0.m3u8?token=xyz", 200, "at 7.2\n",
			"cache-control: no-cache\r\n"},
		{"/hls/" ID "/part_0_7_0.m4s", 200, "abcdef",
			"cache-control: public, max-age=31536000, immutable"},
		{"/hls/" ID "/part_0_7_0.m4s", 200, "abcdef", "content-type: video/mp4"},
		{"/hls/" ID "/part_0_7_0.m4s", 200, "abcdef", "accept-ranges: bytes"},
		{"/hls/" ID "/part_0_7_0.ts", 200, "abcdef", "content-type: video/mp2t"},
		{"/hls/" ID "/seg_0_99.ts", 404, "not_found", "no-store"},
		{"/hls/" ID "/init_0_1.ts", 404, "not_found", "no-store"},
		{"/hls/" ID "/stream_0.m3u8?_HLS_msn=9", 400, "too_far_ahead", "no-store"},
		{"/hls/" ID "/stream_0.m3u8?_HLS_msn=x", 400, "bad_query", "no-store"},
		{"/hls/" ID "/stream_0.m3u8?_HLS_part=1", 400, "bad_query", "no-store"},
		{"/hls/" ID "/stream_0.m3u8?token=bad", 403, "forbidden", "no-store"},
		{"/hls/" ID "/stream_0.m3u8?token=a%22b", 403, "forbidden", "no-store"},
		{"/hls/" ID "/stream_1.m3u8", 404, "not_found", "no-store"},
		{"/hls/" ID "/seg_0_99.m4s", 404, "not_found", "no-store"},
		{"/hls/" ID "/recording.mp4", 404, "not_found", "no-store"},
		{"/hls/" ID "/secret", 404, "not_found", "no-store"},
		{"/hls/" ID "/", 404, "not_found", "no-store"},
		{"/hls/" ID, 404, "not_found", "no-store"},
		{"/hls/nonsense/index.m3u8", 404, "not_found", "no-store"},
		{"/hls/" OTHER "/index.m3u8", 404, "stream_not_found", "no-store"},
		{"/elsewhere", 418, "not for hls", "no-store"},
	};
	struct world w;
	world_start(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a;
		ask(&w.c, cases[i].path, "", &a);
		if (a.status != cases[i].status || !strstr(buf_text(&a.body), cases[i].body) ||
			!answer_has(&a, cases[i].line))
			fail_msg("%s: %s%s", cases[i].path, a.head, buf_text(&a.body));
		answer_finish(&a);
	}
	world_stop(&w);
}

static void a_header_serves_as_well_as_a_token(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w.c, "/hls/" ID "/stream_0.m3u8", "Authorization: Bearer x\r\n", &a);
	assert_int_equal(a.status, 200);
	assert_true(answer_has(&a, "\r\ncache-control: private, no-cache\r\n"));
	assert_memory_equal(a.body.data, "at 7.2\n", 7);
	answer_finish(&a);
	/* What that made is nobody's in particular. */
	ask(&w.c, "/hls/" ID "/stream_0.m3u8", "", &a);
	assert_true(answer_has(&a, "\r\ncache-control: no-cache\r\n"));
	answer_finish(&a);
	world_stop(&w);
}

static void waiting_answers_are_for_whom_they_were_made(void **state)
{
	static const char *const queries[] = {"", "&token=abc", "&token=abd"};
	static const char *const starts[] = {
		"at 7.3\n", "at 7.3?token=abc\n", "at 7.3?token=abd\n"};
	struct world w;
	struct client viewers[3];
	world_start(&w);
	for (unsigned i = 0; i < 3; i++) {
		char path[128];
		snprintf(path, sizeof(path), "/hls/" ID "/stream_0.m3u8?_HLS_msn=7&_HLS_part=2%s",
			queries[i]);
		client_open(&viewers[i], &w.f);
		ask(&viewers[i], path, "", NULL);
	}
	await_waiting(&w, 3);
	advance(&w);
	for (unsigned i = 0; i < 3; i++) {
		struct answer a;
		client_read(&viewers[i], &a, true);
		assert_memory_equal(a.body.data, starts[i], strlen(starts[i]));
		assert_true(answer_has(&a,
			i ? "cache-control: private, max-age=12\r\n"
			  : "cache-control: public, max-age=12\r\n"));
		answer_finish(&a);
		client_close(&viewers[i]);
	}
	world_stop(&w);
}

static void recordings_carry_the_token_on(void **state)
{
	static const char stored[] =
		"#EXTM3U\n#EXT-X-MAP:URI=\"init_0_0.mp4\"\n"
		"#EXT-X-DATERANGE:ID=\"a\",X-URI=\"left.alone\"\n"
		"#EXTINF:2.0,\nseg_0_0.m4s\n\n#EXT-X-MAP:BYTERANGE=\"1@0\",URI="
		"\"init_0_1.mp4\",X=1\r\nseg_0_1.m4s\r\nseg_0_2.m4s";
	static const char expected[] =
		"#EXTM3U\n#EXT-X-MAP:URI=\"init_0_0.mp4?token=abc\"\n"
		"#EXT-X-DATERANGE:ID=\"a\",X-URI=\"left.alone\"\n"
		"#EXTINF:2.0,\nseg_0_0.m4s?token=abc\n\n#EXT-X-MAP:BYTERANGE=\"1@0\",URI="
		"\"init_0_1.mp4?token=abc\",X=1\r\nseg_0_1.m4s?token=abc\r\nseg_0_2.m4s?token=abc";
	struct world w;
	struct answer a;
	world_start(&w);
	put_file(&w, ID, "index.m3u8", stored);
	put_file(&w, ID, "seg_0_1.m4s", "0123456789");
	ask(&w.c, "/vod/" ID "/index.m3u8", "", &a);
	assert_string_equal(buf_text(&a.body), stored);
	assert_true(answer_has(&a, "cache-control: public, max-age=60\r\n"));
	answer_finish(&a);
	ask(&w.c, "/vod/" ID "/index.m3u8?token=abc", "", &a);
	assert_string_equal(buf_text(&a.body), expected);
	assert_true(answer_has(&a, "cache-control: private, no-cache\r\n"));
	answer_finish(&a);
	ask(&w.c, "/vod/" ID "/seg_0_1.m4s?token=abc", "", &a);
	assert_int_equal(a.status, 200);
	assert_true(answer_has(&a, "cache-control: private, max-age=31536000, immutable\r\n"));
	answer_finish(&a);
	ask(&w.c, "/vod/" ID "/seg_0_1.m4s?token=bad", "", &a);
	assert_int_equal(a.status, 403);
	answer_finish(&a);
	/* Files whose stream was deleted are nobody's. */
	ask(&w.c, "/vod/" ID "/seg_0_1.m4s?token=gone", "", &a);
	assert_int_equal(a.status, 404);
	answer_finish(&a);
	world_stop(&w);
}

static void blocked_requests_share_one_lookup(void **state)
{
	struct world w;
	struct client viewers[20];
	world_start(&w);
	for (unsigned i = 0; i < 20; i++) {
		client_open(&viewers[i], &w.f);
		ask(&viewers[i], "/hls/" ID "/stream_0.m3u8?_HLS_msn=7&_HLS_part=2", "", NULL);
	}
	ask(&w.c, "/hls/" ID "/stream_0.m3u8?_HLS_msn=8&_HLS_part=0", "", NULL);
	await_waiting(&w, 21);
	w.stream.window.lookups = 0;
	advance(&w);
	assert_int_equal(w.stream.window.lookups, 2);
	for (unsigned i = 0; i < 20; i++) {
		struct answer a;
		client_read(&viewers[i], &a, true);
		assert_int_equal(a.status, 200);
		assert_memory_equal(a.body.data, "at 7.3", 6);
		answer_finish(&a);
		client_close(&viewers[i]);
	}
	assert_int_equal(hls_waiting(w.hls), 1);
	world_stop(&w);
}

static void hinted_part_waits(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w.c, "/hls/" ID "/part_0_7_2.m4s", "", NULL);
	await_waiting(&w, 1);
	advance(&w);
	client_read(&w.c, &a, true);
	/* This window has no such part even now: what matters is that it was asked again. */
	assert_int_equal(a.status, 404);
	answer_finish(&a);
	world_stop(&w);
}

static void waiting_ends_after_three_targets(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w.c, "/hls/" ID "/stream_0.m3u8?_HLS_msn=8", "", NULL);
	await_waiting(&w, 1);
	clock_manual_advance(&w.f.clock, 6000000);
	for (int i = 0; i < 20; i++)
		fixture_turn(&w.f);
	assert_int_equal(hls_waiting(w.hls), 1);
	clock_manual_advance(&w.f.clock, 1);
	client_read(&w.c, &a, true);
	assert_int_equal(a.status, 503);
	assert_true(answer_has(&a, "\r\nretry-after: 1\r\n"));
	answer_finish(&a);
	assert_int_equal(hls_waiting(w.hls), 0);
	world_stop(&w);
}

static void waiting_ends_with_the_peer(void **state)
{
	struct world w;
	world_start(&w);
	ask(&w.c, "/hls/" ID "/stream_0.m3u8?_HLS_msn=8", "", NULL);
	await_waiting(&w, 1);
	client_close(&w.c);
	await_waiting(&w, 0);
	advance(&w);
	world_stop(&w);
}

static void waiting_ends_with_the_server(void **state)
{
	struct world w;
	world_start(&w);
	ask(&w.c, "/hls/" ID "/stream_0.m3u8?_HLS_msn=7&_HLS_part=2", "", NULL);
	await_waiting(&w, 1);
	/* Its answer is on the way to a later turn when everything ends. */
	advance(&w);
	world_stop(&w);
}

static void ended_stream_leads_to_its_vod(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	put_file(&w, ID, "index.m3u8", "#EXTM3U\n");
	ask(&w.c, "/hls/" ID "/stream_0.m3u8?_HLS_msn=8&token=abc", "", NULL);
	await_waiting(&w, 1);
	only_stream = NULL;
	signal_emit(&w.stream.destroyed, &w.stream);
	client_read(&w.c, &a, true);
	assert_int_equal(a.status, 302);
	assert_true(answer_has(&a, "\r\nlocation: /vod/" ID "/index.m3u8?token=abc\r\n"));
	answer_finish(&a);
	ask(&w.c, "/hls/" ID "/index.m3u8", "", &a);
	assert_int_equal(a.status, 302);
	answer_finish(&a);
	ask(&w.c, "/hls/" ID "/seg_0_1.m4s", "", &a);
	assert_int_equal(a.status, 404);
	answer_finish(&a);
	world_stop(&w);
}

static void recordings_are_served_by_name_only(void **state)
{
	static const char *const bad[] = {"journal", "index.m3u8.tmp", ".", "..", "seg_0_1.m4s.x",
		"seg_0_01.m4s", "seg_0.m4s", "seg_0_1_2.m4s", "part_0_1_2.m4s", "xrecording.mp4",
		"seg_0_1.mp4", "init_0_1.m4s", "init_0_1.ts", "seg_0_1.tsx", "%2e%2e%2fsecret",
		"seg_999_1.m4s", "seg_0_1111111111111111111111.m4s"};
	struct world w;
	struct answer a;
	world_start(&w);
	put_file(&w, ID, "index.m3u8", "#EXTM3U\n");
	put_file(&w, ID, "seg_0_1.m4s", "0123456789");
	put_file(&w, ID, "journal", "secret");
	ask(&w.c, "/vod/" ID "/index.m3u8", "", &a);
	assert_string_equal(buf_text(&a.body), "#EXTM3U\n");
	answer_finish(&a);
	ask(&w.c, "/vod/" ID "/seg_0_1.m4s", "Range: bytes=3-5\r\n", &a);
	assert_int_equal(a.status, 206);
	assert_string_equal(buf_text(&a.body), "345");
	char condition[128];
	snprintf(condition, sizeof(condition), "If-None-Match: %.*s\r\n",
		(int)strcspn(strstr(a.head, "etag: ") + 6, "\r"), strstr(a.head, "etag: ") + 6);
	answer_finish(&a);
	ask(&w.c, "/vod/" ID "/seg_0_1.m4s", condition, &a);
	assert_int_equal(a.status, 304);
	answer_finish(&a);
	put_file(&w, ID, "seg_0_2.ts", "0123456789");
	ask(&w.c, "/vod/" ID "/seg_0_2.ts", "", &a);
	assert_non_null(strstr(a.head, "content-type: video/mp2t\r\n"));
	answer_finish(&a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "/vod/" ID "/%s", bad[i]);
		client_close(&w.c);
		client_open(&w.c, &w.f);
		ask(&w.c, path, "", &a);
		/* 400: nobody gets as far as here with dots to climb by. */
		if (a.status != 404 && a.status != 400)
			fail_msg("%s: %d", bad[i], a.status);
		answer_finish(&a);
	}
	world_stop(&w);
}

static void await_mp4_ask(struct world *w)
{
	while (!mp4_done)
		fixture_turn(&w->f);
}

static void a_progressive_file_is_made_when_first_asked_for(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w.c, "/vod/" ID "/recording.mp4", "", NULL);
	await_mp4_ask(&w);
	answer_mp4(false);
	client_read(&w.c, &a, true);
	assert_int_equal(a.status, 404);
	answer_finish(&a);
	ask(&w.c, "/vod/" ID "/recording.mp4", "Range: bytes=0-3\r\n", NULL);
	await_mp4_ask(&w);
	put_file(&w, ID, "recording.mp4", "0123456789");
	answer_mp4(true);
	client_read(&w.c, &a, true);
	assert_int_equal(a.status, 206);
	assert_string_equal(buf_text(&a.body), "0123");
	answer_finish(&a);
	/* It is there now. */
	ask(&w.c, "/vod/" ID "/recording.mp4", "", &a);
	assert_int_equal(a.status, 200);
	answer_finish(&a);
	assert_null(mp4_done);
	world_stop(&w);
}

static void whoever_waits_for_a_progressive_file_may_go(void **state)
{
	struct world w;
	world_start(&w);
	ask(&w.c, "/vod/" ID "/recording.mp4", "", NULL);
	await_mp4_ask(&w);
	client_close(&w.c);
	for (int i = 0; i < 20; i++)
		fixture_turn(&w.f);
	answer_mp4(true);
	client_open(&w.c, &w.f);
	/* And the server may go first. */
	ask(&w.c, "/vod/" ID "/recording.mp4", "", NULL);
	await_mp4_ask(&w);
	world_stop(&w);
	answer_mp4(true);
}

static void playlists_are_compressed_and_revalidated(void **state)
{
	struct world w;
	struct answer a;
	char condition[128];
	world_start(&w);
	ask(&w.c, "/hls/" ID "/stream_0.m3u8", "Accept-Encoding: br, gzip;q=0.5\r\n", &a);
	assert_true(answer_has(&a, "\r\ncontent-encoding: gzip\r\n"));
	assert_true(answer_has(&a, "\r\nvary: Accept-Encoding\r\n"));
	assert_memory_equal(a.body.data, "\x1f\x8b", 2);
	const char *etag = strstr(a.head, "etag: ") + 6;
	snprintf(condition, sizeof(condition), "If-None-Match: %.*s\r\n", (int)strcspn(etag, "\r"),
		etag);
	answer_finish(&a);
	ask(&w.c, "/hls/" ID "/stream_0.m3u8", condition, &a);
	assert_int_equal(a.status, 304);
	answer_finish(&a);
	w.stream.window.generation++;
	ask(&w.c, "/hls/" ID "/stream_0.m3u8", condition, &a);
	assert_int_equal(a.status, 200);
	answer_finish(&a);
	ask(&w.c, "/hls/" ID "/stream_0.m3u8", "Accept-Encoding: gzip;q=0\r\n", &a);
	assert_false(answer_has(&a, "content-encoding"));
	answer_finish(&a);
	world_stop(&w);
}

#define LONG_TEXTS 40

static void long_texts_make(struct media_window *w)
{
	w->texts = mem_zalloc(LONG_TEXTS * sizeof(*w->texts));
	for (; w->n_texts < LONG_TEXTS; w->n_texts++) {
		struct buf text = {0};
		for (int i = 0; i < 128; i++)
			buf_printf(&text, "\n#EXTINF:2.00000,\nseg_0_%zu.m4s",
				w->n_texts * 128 + (size_t)i);
		w->texts[w->n_texts].bytes = rcbuf_from(text.data, text.len);
		buf_finish(&text);
	}
}

static size_t packed(const struct media_window *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_texts; i++)
		n += w->texts[i].packed != NULL;
	return n;
}

static void expand(const struct buf *from, struct buf *out)
{
	z_stream z = {.next_in = from->data, .avail_in = (uInt)from->len};

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_out = buf_reserve(out, 1 << 20);
	z.avail_out = 1 << 20;
	/* To the end, with the sum and the length right, and nothing behind it. */
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	out->len = z.total_out;
	inflateEnd(&z);
}

/* Stretches are compressed once, some with each answer, and until all are the text goes as it is.
 */
static void long_playlists_are_compressed_in_stretches(void **state)
{
	struct world w;
	struct answer plain, packed_one;
	struct buf text = {0};
	world_start(&w);
	long_texts_make(&w.stream.window);
	for (size_t done = 16; done < LONG_TEXTS; done += 16) {
		ask(&w.c, "/hls/" ID "/stream_0.m3u8", "Accept-Encoding: gzip\r\n", &plain);
		assert_false(answer_has(&plain, "content-encoding"));
		assert_true(strstr(buf_text(&plain.body), "seg_0_5119.m4s\nthe end\n"));
		assert_int_equal(packed(&w.stream.window), done);
		answer_finish(&plain);
	}
	for (int again = 0; again < 2; again++) {
		ask(&w.c, "/hls/" ID "/stream_0.m3u8", "", &plain);
		ask(&w.c, "/hls/" ID "/stream_0.m3u8", "Accept-Encoding: gzip\r\n", &packed_one);
		assert_true(answer_has(&packed_one, "\r\ncontent-encoding: gzip\r\n"));
		assert_true(packed_one.body.len * 5 < plain.body.len);
		expand(&packed_one.body, &text);
		assert_int_equal(text.len, plain.body.len);
		assert_memory_equal(text.data, plain.body.data, text.len);
		buf_finish(&text);
		answer_finish(&plain);
		answer_finish(&packed_one);
		advance(&w);
	}
	assert_int_equal(packed(&w.stream.window), LONG_TEXTS);
	world_stop(&w);
	for (size_t i = 0; i < LONG_TEXTS; i++) {
		rcbuf_unref(&w.stream.window.texts[i].bytes);
		rcbuf_unref(&w.stream.window.texts[i].packed);
	}
	free(w.stream.window.texts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_what_is_there),
		cmocka_unit_test(a_header_serves_as_well_as_a_token),
		cmocka_unit_test(waiting_answers_are_for_whom_they_were_made),
		cmocka_unit_test(recordings_carry_the_token_on),
		cmocka_unit_test(blocked_requests_share_one_lookup),
		cmocka_unit_test(hinted_part_waits),
		cmocka_unit_test(waiting_ends_after_three_targets),
		cmocka_unit_test(waiting_ends_with_the_peer),
		cmocka_unit_test(waiting_ends_with_the_server),
		cmocka_unit_test(ended_stream_leads_to_its_vod),
		cmocka_unit_test(a_progressive_file_is_made_when_first_asked_for),
		cmocka_unit_test(whoever_waits_for_a_progressive_file_may_go),
		cmocka_unit_test(recordings_are_served_by_name_only),
		cmocka_unit_test(playlists_are_compressed_and_revalidated),
		cmocka_unit_test(long_playlists_are_compressed_in_stretches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
