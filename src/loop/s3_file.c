#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "s3_private.h"

#define PIECE (256 * 1024)
#define MD5_SIZE 16
#define SHA256_SIZE 32

/* Both at once over what is fed, and MD5 and SHA-256 over the parts' own. */
struct digest {
	EVP_MD_CTX *md5, *sha256, *all_md5, *all_sha256;
	uint8_t last_md5[MD5_SIZE];
};

static EVP_MD_CTX *hash_create(const EVP_MD *md)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	must(c && EVP_DigestInit_ex(c, md, NULL) == 1);
	return c;
}

static void digest_init(struct digest *d)
{
	d->md5 = hash_create(EVP_md5());
	d->all_md5 = hash_create(EVP_md5());
	d->sha256 = hash_create(EVP_sha256());
	d->all_sha256 = hash_create(EVP_sha256());
}

static void digest_finish(struct digest *d)
{
	EVP_MD_CTX_free(d->md5);
	EVP_MD_CTX_free(d->sha256);
	EVP_MD_CTX_free(d->all_md5);
	EVP_MD_CTX_free(d->all_sha256);
}

static void end_part(struct digest *d, struct s3_file *out)
{
	uint8_t *sha256 = out->parts[out->n_parts++];

	must(EVP_DigestFinal_ex(d->md5, d->last_md5, NULL) == 1);
	must(EVP_DigestFinal_ex(d->sha256, sha256, NULL) == 1);
	EVP_DigestUpdate(d->all_md5, d->last_md5, MD5_SIZE);
	EVP_DigestUpdate(d->all_sha256, sha256, SHA256_SIZE);
	must(EVP_DigestInit_ex(d->md5, EVP_md5(), NULL) == 1);
	must(EVP_DigestInit_ex(d->sha256, EVP_sha256(), NULL) == 1);
}

static void end_whole(struct digest *d, struct s3_file *out)
{
	uint8_t md5[MD5_SIZE], sha256[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];

	must(EVP_DigestFinal_ex(d->all_md5, md5, NULL) == 1);
	must(EVP_DigestFinal_ex(d->all_sha256, sha256, NULL) == 1);
	text_hex(text, sha256, sizeof(sha256));
	snprintf(out->digest, sizeof(out->digest), "%s-%u", text, out->n_parts);
	text_hex(text, out->n_parts == 1 ? d->last_md5 : md5, sizeof(md5));
	if (out->n_parts == 1)
		snprintf(out->etag, sizeof(out->etag), "%.32s", text);
	else
		snprintf(out->etag, sizeof(out->etag), "%.32s-%u", text, out->n_parts);
}

/* Reads what lies in [from, from + size). */
static enum s3_result feed(
	struct s3 *s, int fd, struct digest *d, uint8_t *room, uint64_t from, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		uint64_t left = size - done;
		ssize_t n =
			pread(fd, room, left < PIECE ? (size_t)left : PIECE, (off_t)(from + done));
		if (n <= 0)
			return s3_fail(s, S3_LOCAL, "the file became shorter");
		EVP_DigestUpdate(d->md5, room, (size_t)n);
		EVP_DigestUpdate(d->sha256, room, (size_t)n);
		done += (uint64_t)n;
		if (s3_stopping(s))
			return s3_fail(s, S3_STOPPED, "stopped");
	}
	return S3_OK;
}

static enum s3_result digest_parts(struct s3 *s, int fd, struct s3_file *out)
{
	uint64_t part = out->size > s->config.part_size ? s->config.part_size : out->size;
	unsigned n = part ? (unsigned)((out->size + part - 1) / part) : 1;
	uint8_t *room = mem_alloc(PIECE);
	enum s3_result result = S3_OK;
	struct digest d;

	out->parts = mem_zalloc(n * sizeof(*out->parts));
	digest_init(&d);
	for (unsigned i = 0; i < n && result == S3_OK; i++) {
		uint64_t from = i * part, left = out->size - from;
		result = feed(s, fd, &d, room, from, left < part ? left : part);
		if (result == S3_OK)
			end_part(&d, out);
	}
	if (result == S3_OK)
		end_whole(&d, out);
	digest_finish(&d);
	free(room);
	return result;
}

enum s3_result s3_file_digest(struct s3 *s, const char *path, struct s3_file *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum s3_result result;
	struct stat st;

	*out = (struct s3_file){.path = path};
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		result = s3_fail(s, S3_LOCAL, "%s: %s", path, strerror(errno));
	} else {
		out->size = (uint64_t)st.st_size;
		result = digest_parts(s, fd, out);
	}
	if (fd >= 0)
		close(fd);
	return result;
}

void s3_file_finish(struct s3_file *f)
{
	free(f->parts);
	*f = (struct s3_file){0};
}
