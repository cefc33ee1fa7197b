#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "s3_private.h"
#include "support/test.h"

/* What the client of object storage makes of answers and files; the rest is for a real server. */

static void test_texts_of_elements(void **state)
{
	static const char xml[] =
		"<A><Key>a&amp;b</Key><ETag>&quot;12&quot;</ETag></A><Key>c</Key><Open>";
	const char *at = xml, *end = xml + sizeof(xml) - 1, *inside;
	char text[16];
	size_t len;
	(void)state;
	assert_true(s3_xml_text(&at, end, "Key", text, sizeof(text)));
	assert_string_equal(text, "a&b");
	assert_true(s3_xml_text(&at, end, "ETag", text, sizeof(text)));
	assert_string_equal(text, "\"12\"");
	assert_true(s3_xml_text(&at, end, "Key", text, sizeof(text)));
	assert_string_equal(text, "c");
	assert_false(s3_xml_text(&at, end, "Key", text, sizeof(text)));
	assert_string_equal(text, "");
	assert_false(s3_xml_text(&at, end, "Open", text, sizeof(text)));
	at = xml;
	assert_true(s3_xml_inside(&at, end, "A", &inside, &len));
	assert_int_equal(len, strlen("<Key>a&amp;b</Key><ETag>&quot;12&quot;</ETag>"));
	/* What does not fit is not cut. */
	at = xml;
	assert_false(s3_xml_text(&at, end, "Key", text, 3));
	at = "";
	assert_false(s3_xml_text(&at, at, "Key", text, sizeof(text)));
}

static void test_encoding(void **state)
{
	struct buf b = {0};
	(void)state;
	s3_encode(&b, "aZ9-._~/ +=\xc3\xa9");
	assert_string_equal(buf_text(&b), "aZ9-._~%2F%20%2B%3D%C3%A9");
	buf_finish(&b);
}

static struct s3 *client(uint64_t part_size, const atomic_bool *stop)
{
	return s3_create(&(struct s3_config){.endpoint = "http://127.0.0.1:1",
				 .region = "r",
				 .bucket = "b",
				 .access_key = "k",
				 .secret = "s3cret",
				 .path_style = true,
				 .connect_us = 5000000,
				 .stall_us = 5000000,
				 .part_size = part_size},
		stop);
}

static char *file_of(const char *text)
{
	char *path = mem_strdup("/tmp/souk-s3-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static void expect_etag(uint64_t part_size, const char *text, const char *etag, unsigned parts)
{
	atomic_bool stop = false;
	struct s3 *s = client(part_size, &stop);
	char *path = file_of(text);
	struct s3_file f;
	assert_int_equal(s3_file_digest(s, path, &f), S3_OK);
	assert_string_equal(f.etag, etag);
	assert_int_equal(f.n_parts, parts);
	assert_int_equal(f.size, strlen(text));
	s3_file_finish(&f);
	unlink(path);
	free(path);
	s3_destroy(&s);
}

/* As md5sum has them, and of parts as S3 makes them: the MD5 of their MD5s. */
static void test_etags(void **state)
{
	(void)state;
	expect_etag(100, "", "d41d8cd98f00b204e9800998ecf8427e", 1);
	expect_etag(100, "hello", "5d41402abc4b2a76b9719d911017c592", 1);
	expect_etag(5, "hello", "5d41402abc4b2a76b9719d911017c592", 1);
	expect_etag(5, "hellohello", "616b22817b80eed9f65c3aa38cd29054-2", 2);
	expect_etag(5, "hellohelloh", "047285dd887f633f95a0218ea5867a02-3", 3);
}

static void test_faults_are_told_apart(void **state)
{
	atomic_bool stop = false;
	struct s3 *s = client(100, &stop);
	struct s3_file f;
	struct s3_head head;
	(void)state;
	assert_int_equal(s3_file_digest(s, "/nonexistent/file", &f), S3_LOCAL);
	s3_file_finish(&f);
	/* Nobody listens there. */
	assert_int_equal(s3_head(s, "x", &head), S3_AGAIN);
	assert_null(strstr(s3_error(s), "s3cret"));
	atomic_store(&stop, true);
	assert_int_equal(s3_head(s, "x", &head), S3_STOPPED);
	assert_int_equal(s3_delete(s, "x"), S3_STOPPED);
	s3_destroy(&s);
	s3_destroy(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_of_elements),
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_etags),
		cmocka_unit_test(test_faults_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
