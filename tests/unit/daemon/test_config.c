#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "daemon/config.h"
#include "support/test.h"

static const struct config_key *key_of(const char *section, const char *name)
{
	const struct config_key *key = config_key_find(section, name);
	assert_non_null(key);
	return key;
}

static struct config *load(const struct config_source *source)
{
	struct buf errors = {0};
	struct config *c = config_load(source, &errors);
	if (c == NULL) {
		print_message("%s", buf_text(&errors));
	}
	buf_finish(&errors);
	assert_non_null(c);
	return c;
}

static void expect_error(const struct config_source *source, const char *text)
{
	struct buf errors = {0};
	struct config *c = config_load(source, &errors);
	assert_null(c);
	if (strstr(buf_text(&errors), text) == NULL) {
		fail_msg("no \"%s\" in: %s", text, buf_text(&errors));
	}
	buf_finish(&errors);
}

static struct config *load_set(const char *set)
{
	return load(&(struct config_source){.sets = &set, .n_sets = 1});
}

static void expect_set_error(const char *set, const char *text)
{
	expect_error(&(struct config_source){.sets = &set, .n_sets = 1}, text);
}

static char *write_file(const char *text)
{
	char *path = mem_strdup("/tmp/souk-config-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void drop_file(char *path)
{
	unlink(path);
	free(path);
}

static void defaults_are_the_contract(void **state)
{
	struct config *c = load(&(struct config_source){0});
	assert_string_equal(c->server.run_dir, "var/run");
	assert_int_equal(c->server.drain_us, 30000000);
	assert_null(c->server.public_url);
	assert_string_equal(c->rtmp.listen, "1935");
	assert_null(c->rtmp.tls_listen);
	assert_string_equal(c->rtmp.app, "live");
	assert_int_equal(c->rtmp.takeover, CONFIG_TAKEOVER_NEWEST);
	assert_int_equal(c->rtmp.max_bitrate, 20000000);
	assert_int_equal(c->rtmp.handshake_us, 5000000);
	assert_int_equal(c->rtmp.publish_us, 10000000);
	assert_int_equal(c->rtmp.silence_us, 15000000);
	assert_int_equal(c->rtmp.max_jump_us, 3000000);
	assert_int_equal(c->rtmp.max_message, 8 << 20);
	assert_int_equal(c->rtmp.max_chunk, 1 << 20);
	assert_int_equal(c->rtmp.max_chunk_streams, 64);
	assert_string_equal(c->http.listen, "8080");
	assert_null(c->http.tls_listen);
	assert_null(c->http.cert);
	assert_int_equal(c->http.max_body, 256 << 10);
	assert_int_equal(c->hls.part_target_us, 200000);
	assert_int_equal(c->hls.segment_target_us, 2000000);
	assert_int_equal(c->hls.window, 12);
	assert_int_equal(c->hls.container, CONFIG_CONTAINER_CMAF);
	assert_int_equal(c->hls.dvr_us, 0);
	assert_int_equal(c->stream.grace_us, 60000000);
	assert_int_equal(c->stream.unpublished_us, 600000000);
	assert_string_equal(c->media.root, "var/media");
	assert_int_equal(c->media.min_free, 1 << 30);
	assert_int_equal(c->media.keep_days, 0);
	assert_int_equal(c->media.max_bytes, 0);
	assert_int_equal(c->media.mp4, CONFIG_MP4_END);
	assert_string_equal(c->store.url, "sqlite:var/souk.db");
	assert_string_equal(config_store_path(c), "var/souk.db");
	assert_string_equal(c->auth.secret_file, "var/secret");
	assert_null(c->auth.jwks_file);
	assert_true(c->auth.allow_guests);
	assert_null(c->redis.url);
	assert_string_equal(c->log.level, "info");
	assert_int_equal(c->log.format, CONFIG_LOG_TEXT);
	char path[CONFIG_SOCKET_SIZE];
	assert_true(config_socket_path(c, path));
	assert_string_equal(path, "var/run/soukd.sock");
	config_destroy(&c);
	assert_null(c);
}

static size_t field_size(enum config_type type)
{
	switch (type) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
	case CONFIG_PORTS:
	case CONFIG_NETWORKS:
	case CONFIG_URL:
	case CONFIG_LEVELS:
		return sizeof(char *);
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_RATE:
		return sizeof(uint64_t);
	case CONFIG_INT:
	case CONFIG_ENUM:
		return sizeof(unsigned);
	case CONFIG_BOOL:
		return sizeof(bool);
	}
	return 0;
}

static void keys_are_sound(void **state)
{
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *k = config_key_at(i);
		assert_ptr_equal(key_of(k->section, k->name), k);
		assert_non_null(config_section_help(k->section));
		assert_non_null(k->help);
		assert_null(strchr(k->help, '\n'));
		for (size_t j = 0; j < i; j++) {
			const struct config_key *other = config_key_at(j);
			bool apart = other->offset + field_size(other->type) <= k->offset ||
				k->offset + field_size(k->type) <= other->offset;
			assert_true(apart);
		}
	}
	assert_null(config_key_find("rtmp", "no_such"));
	assert_null(config_key_find("no_such", "listen"));
	assert_null(config_section_help("no_such"));
}

static void numbers_have_ranges(void **state)
{
	struct config *c = load_set("rtmp.max_bitrate=1G");
	assert_int_equal(c->rtmp.max_bitrate, 1000000000);
	config_destroy(&c);
	c = load_set("rtmp.max_message=64k");
	assert_int_equal(c->rtmp.max_message, 65536);
	config_destroy(&c);
	c = load_set("relay.allow=10.0.0.0/8, ::1");
	assert_string_equal(c->relay.allow, "10.0.0.0/8,::1");
	config_destroy(&c);
	c = load_set("hls.dvr=whole");
	assert_true(c->hls.dvr_us == CONFIG_FOREVER);
	config_destroy(&c);
	c = load_set("hls.dvr=off");
	assert_int_equal(c->hls.dvr_us, 0);
	config_destroy(&c);
	c = load_set("hls.dvr=2h");
	assert_int_equal(c->hls.dvr_us, 7200000000);
	config_destroy(&c);
	expect_set_error("rtmp.max_bitrate=1001M",
		"--set rtmp.max_bitrate: [rtmp] max_bitrate = 1001M "
		"is not allowed: 64k to 1G");
	expect_set_error("rtmp.max_bitrate=63999", "64k to 1G");
	expect_set_error("rtmp.max_bitrate=", "64k to 1G");
	expect_set_error("relay.allow=10.0.0.0/8,example.com", "ADDRESS or ADDRESS/BITS");
	expect_set_error("relay.allow=10.0.0.0/33", "ADDRESS or ADDRESS/BITS");
	expect_set_error("hls.part_target=99ms", "100ms to 2s");
	expect_set_error("hls.part_target=2", "100ms to 2s");
	expect_set_error("hls.part_target=3s", "100ms to 2s");
	expect_set_error("hls.window=2", "3 to 1000");
	expect_set_error("hls.window=12x", "3 to 1000");
	expect_set_error("hls.window=-5", "3 to 1000");
	expect_set_error("hls.window=18446744073709551628", "3 to 1000");
	expect_set_error("media.min_free=1X", "0 to 1024T");
	expect_set_error("hls.dvr=31d", "off, 0 to 30d, or whole");
	expect_set_error("hls.dvr=all", "off, 0 to 30d, or whole");
}

static void words_are_checked(void **state)
{
	struct config *c = load_set("rtmp.takeover=reject");
	assert_int_equal(c->rtmp.takeover, CONFIG_TAKEOVER_REJECT);
	config_destroy(&c);
	c = load_set("auth.allow_guests=off");
	assert_false(c->auth.allow_guests);
	config_destroy(&c);
	c = load_set("log.level=warn,rtmp=debug,http=off");
	assert_string_equal(c->log.level, "warn,rtmp=debug,http=off");
	config_destroy(&c);
	expect_set_error("rtmp.takeover=oldest", "newest or reject");
	expect_set_error("media.mp4=", "end, demand or off");
	expect_set_error("auth.allow_guests=maybe", "yes or no");
	expect_set_error("log.level=rtmp=debug", "[log] level");
	expect_set_error("log.level=info,debug", "[log] level");
	expect_set_error("log.level=loud", "[log] level");
	expect_set_error("store.url=mysql://x", "sqlite:");
	expect_set_error("store.url=", "sqlite:");
	expect_set_error("store.url=sqlite:", "sqlite:");
	expect_set_error("rtmp.app=", "not empty");
}

static void ports_are_checked(void **state)
{
	struct config *c = load_set("rtmp.listen=1935, 127.0.0.1:1936 ,[::1]:0");
	assert_string_equal(c->rtmp.listen, "1935,127.0.0.1:1936,[::1]:0");
	config_destroy(&c);
	c = load_set("http.listen=");
	assert_null(c->http.listen);
	config_destroy(&c);
	static const char *const bad[] = {"65536", "x", "1935,", ",1935", "1.2.3:80", "::1:80",
		"[::1]", "[::1]:", "[::1:80", "localhost:80", "127.0.0.1:", ":80"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *set = mem_printf("rtmp.listen=%s", bad[i]);
		expect_set_error(set, "PORT, ADDRESS:PORT");
		free(set);
	}
}

static void secrets_are_not_repeated(void **state)
{
	const char *set = "redis.url=http://:hunter2@db";
	struct buf errors = {0};
	assert_null(config_load(&(struct config_source){.sets = &set, .n_sets = 1}, &errors));
	assert_null(strstr(buf_text(&errors), "hunter2"));
	buf_finish(&errors);
}

static void later_sources_win(void **state)
{
	char *path = write_file("; a comment\n[rtmp]\n  listen = 1000 ; here\n\n"
				"app: shop\n[hls]\nwindow=20\n");
	static const char *const env[] = {"PATH=/bin", "SOUKD_RTMP_LISTEN=2000",
		"SOUKD_HLS_WINDOW=30", "SOUKD_SERVICE_HOST=10.0.0.1", NULL};
	static const char *const sets[] = {"hls.window=40"};
	struct config *c =
		load(&(struct config_source){.path = path, .env = env, .sets = sets, .n_sets = 1});
	assert_string_equal(c->rtmp.listen, "2000");
	assert_string_equal(c->rtmp.app, "shop");
	assert_int_equal(c->hls.window, 40);
	struct buf origin = {0};
	config_origin(c, key_of("rtmp", "listen"), &origin);
	buf_put_str(&origin, " ");
	config_origin(c, key_of("hls", "window"), &origin);
	buf_put_str(&origin, " ");
	config_origin(c, key_of("hls", "dvr"), &origin);
	assert_string_equal(buf_text(&origin), "SOUKD_RTMP_LISTEN --set default");
	buf_reset(&origin);
	config_origin(c, key_of("rtmp", "app"), &origin);
	char *expected = mem_printf("%s:5", path);
	assert_string_equal(buf_text(&origin), expected);
	assert_string_equal(config_text(c, key_of("rtmp", "app")), "shop");
	buf_finish(&origin);
	free(expected);
	config_destroy(&c);
	drop_file(path);
}

static void expect_file_error(const char *text, unsigned line, const char *error)
{
	char *path = write_file(text);
	char *expected = mem_printf("%s:%u: %s", path, line, error);
	expect_error(&(struct config_source){.path = path}, expected);
	free(expected);
	drop_file(path);
}

static void faults_name_their_line(void **state)
{
	expect_file_error("\n[rtmp]\n\nlisten = x\n", 4, "[rtmp] listen = x is not allowed: PORT");
	expect_file_error("[rtmp]\nlissen = 1\n", 2, "there is no key lissen in [rtmp]");
	expect_file_error("[rtpm]\nlisten = 1\n", 2, "there is no section [rtpm]");
	expect_file_error("listen = 1\n", 1, "there is no section []");
	expect_file_error("[rtmp]\nlisten = 1\nlisten = 2\n", 3,
		"[rtmp] listen is set twice, first on line 2");
	/* inih alone would take the indented line for a second line of app. */
	expect_file_error("[rtmp]\napp = a\n\tlisten = x\n", 3, "[rtmp] listen = x is not allowed");
	expect_file_error("[rtmp]\nlisten\n", 2, "neither a [section]");
	char *line = mem_alloc(400);
	memset(line, 'a', 399);
	line[399] = '\0';
	char *text = mem_printf("[rtmp]\napp = %s\nlisten = x\n", line);
	expect_file_error(text, 2, "the line is longer than 198 bytes");
	expect_file_error(text, 3, "[rtmp] listen = x is not allowed");
	free(text);
	free(line);
	expect_error(&(struct config_source){.path = "/no/such.ini"}, "/no/such.ini: No such file");
}

static void longest_line_is_whole(void **state)
{
	char app[200];
	memset(app, 'a', sizeof(app));
	app[198 - strlen("app=")] = '\0';
	char *text = mem_printf("[rtmp]\napp=%s\nlisten = 7\n", app);
	char *path = write_file(text);
	struct config *c = load(&(struct config_source){.path = path});
	assert_string_equal(c->rtmp.app, app);
	assert_string_equal(c->rtmp.listen, "7");
	config_destroy(&c);
	drop_file(path);
	free(text);
}

static void sources_refuse_typos(void **state)
{
	static const char *const env[] = {"SOUKD_RTMP_LISSEN=1", NULL};
	expect_error(
		&(struct config_source){.env = env}, "SOUKD_RTMP_LISSEN: there is no such key");
	static const char *const bad[] = {"SOUKD_HLS_WINDOW=1", NULL};
	expect_error(&(struct config_source){.env = bad},
		"SOUKD_HLS_WINDOW: [hls] window = 1 is not allowed: 3 to 1000");
	expect_set_error("rtmp.lissen=1", "there is no key lissen in [rtmp]");
	expect_set_error("rtmp=1", "section.key=value");
	expect_set_error("rtmp.listen", "section.key=value");
	expect_set_error("rtmp=a.b", "section.key=value");
}

static void keys_must_fit_together(void **state)
{
	expect_set_error("http.tls_listen=8443", "needs [http] cert and key");
	expect_set_error("rtmp.tls_listen=1936", "needs [http] cert and key");
	expect_set_error("hls.part_target=2s", "at most half of segment_target");
	expect_set_error("hls.memory_segments=13", "must not be above window");
	char *set = mem_printf("server.run_dir=/%0120d", 0);
	expect_set_error(set, "the socket's path");
	free(set);
	static const char *const sets[] = {
		"http.tls_listen=8443", "http.cert=c.pem", "http.key=k.pem"};
	struct config *c = load(&(struct config_source){.sets = sets, .n_sets = 3});
	assert_string_equal(c->http.cert, "c.pem");
	config_destroy(&c);
}

/* Every default in the shipped file, and nothing else: it is the table's own text. */
static void shipped_file_is_the_table(void **state)
{
	struct buf expected = {0}, found = {0};
	config_example(&expected);
	FILE *f = fopen(CONF_FILE, "r");
	assert_non_null(f);
	char piece[4096];
	for (size_t n = fread(piece, 1, sizeof(piece), f); n > 0;
		n = fread(piece, 1, sizeof(piece), f)) {
		buf_put(&found, piece, n);
	}
	fclose(f);
	assert_string_equal(buf_text(&found), buf_text(&expected));
	struct config *c = load(&(struct config_source){.path = CONF_FILE});
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *k = config_key_at(i);
		assert_string_equal(config_text(c, k), k->fallback);
		struct buf origin = {0};
		config_origin(c, k, &origin);
		assert_true(text_starts(buf_text(&origin), CONF_FILE ":"));
		buf_finish(&origin);
	}
	config_destroy(&c);
	buf_finish(&expected);
	buf_finish(&found);
}

static void note_change(void *user, const struct config_key *key)
{
	buf_printf(user, "%s.%s %s\n", key->section, key->name, key->reload ? "now" : "restart");
}

static void reserved_keys_are_told(void **state)
{
	static const char *const sets[] = {"redis.url=redis://one", "hls.window=20"};
	struct config *c = load(&(struct config_source){.sets = sets, .n_sets = 2});
	struct buf told = {0};
	config_reserved(c, note_change, &told);
	assert_string_equal(buf_text(&told), "redis.url restart\n");
	buf_finish(&told);
	config_destroy(&c);
}

static void reload_changes_what_it_may(void **state)
{
	struct config *running = load_set("rtmp.app=one");
	static const char *const sets[] = {
		"rtmp.app=two", "rtmp.listen=7", "stream.grace=5s", "log.level=debug"};
	struct config *fresh = load(&(struct config_source){.sets = sets, .n_sets = 4});
	struct buf changes = {0};
	struct config *merged = config_reload(running, fresh, note_change, &changes);
	config_destroy(&running);
	config_destroy(&fresh);
	assert_string_equal(buf_text(&changes),
		"rtmp.listen restart\nrtmp.app restart\nstream.grace now\nlog.level now\n");
	assert_string_equal(merged->rtmp.app, "one");
	assert_string_equal(merged->rtmp.listen, "1935");
	assert_int_equal(merged->stream.grace_us, 5000000);
	assert_string_equal(merged->log.level, "debug");
	config_destroy(&merged);
	buf_finish(&changes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_contract),
		cmocka_unit_test(keys_are_sound),
		cmocka_unit_test(numbers_have_ranges),
		cmocka_unit_test(words_are_checked),
		cmocka_unit_test(ports_are_checked),
		cmocka_unit_test(secrets_are_not_repeated),
		cmocka_unit_test(later_sources_win),
		cmocka_unit_test(faults_name_their_line),
		cmocka_unit_test(longest_line_is_whole),
		cmocka_unit_test(sources_refuse_typos),
		cmocka_unit_test(keys_must_fit_together),
		cmocka_unit_test(shipped_file_is_the_table),
		cmocka_unit_test(reserved_keys_are_told),
		cmocka_unit_test(reload_changes_what_it_may),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
