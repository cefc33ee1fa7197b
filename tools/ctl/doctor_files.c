#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "doctor.h"
#include "store/store.h"
#include "table.h"

#define SECRET_MIN 32
#define EXPIRY_WARN_DAYS 21

/* The folder itself, or the nearest one above that exists. Caller frees. */
static char *existing_folder(const char *path)
{
	char *copy = mem_strdup(path);
	while (access(copy, F_OK) != 0) {
		char *slash = strrchr(copy, '/');
		if (slash == NULL || slash == copy) {
			free(copy);
			return mem_strdup(slash != NULL ? "/" : ".");
		}
		*slash = '\0';
	}
	return copy;
}

/* By writing: access() knows nothing of read-only mounts and quotas. */
static bool can_write(const char *folder)
{
	char *probe = mem_printf("%s/.soukctl-XXXXXX", folder);
	int fd = mkstemp(probe);
	bool good = fd >= 0 && write(fd, "x", 1) == 1;
	int error = errno;
	if (fd >= 0) {
		close(fd);
		unlink(probe);
	}
	free(probe);
	errno = error;
	return good;
}

void doctor_media(struct doctor *d)
{
	const char *root = d->config->media.root;
	char *folder = existing_folder(root);
	struct statvfs fs;
	if (!can_write(folder)) {
		doctor_add(d, "media", FINDING_FAIL,
			"give the daemon's user the right to write there, and see whether the disk "
			"is full",
			"%s: %s", folder, strerror(errno));
	} else if (statvfs(folder, &fs) == 0) {
		uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		char text[FIGURE_SIZE], least[FIGURE_SIZE];
		figure_bytes(text, free_bytes);
		figure_bytes(least, d->config->media.min_free);
		bool enough = free_bytes > d->config->media.min_free;
		doctor_add(d, "media", enough ? FINDING_OK : FINDING_FAIL,
			"delete recordings (soukctl vod list), set [media] keep_days or max_bytes, "
			"or "
			"lower min_free: recording stops below it",
			"%s: %s free, at least %s wanted", root, text, least);
	}
	free(folder);
}

/* Where the Unix socket is, and whether we are one of those whom it serves. */
void doctor_permissions(struct doctor *d)
{
	const char *folder = d->config->server.run_dir;
	char path[CONFIG_SOCKET_SIZE];
	struct stat st;
	if (!config_socket_path(d->config, path)) {
		doctor_add(d, "permissions", FINDING_FAIL, "choose a shorter [server] run_dir",
			"%s: too long for a Unix socket", folder);
	} else if (d->alive && stat(path, &st) == 0) {
		bool served = geteuid() == 0 || geteuid() == st.st_uid;
		doctor_add(d, "permissions", served ? FINDING_OK : FINDING_FAIL,
			"run soukctl as root or as the daemon's user (sudo -u)",
			served ? "%s: serves us" : "%s: serves its owner and root only", path);
	} else {
		char *above = existing_folder(folder);
		bool good = can_write(above);
		doctor_add(d, "permissions", good ? FINDING_OK : FINDING_FAIL,
			"give the daemon's user the right to write there",
			good ? "%s can be written" : "%s cannot be written", above);
		free(above);
	}
}

void doctor_secret(struct doctor *d)
{
	const char *path = d->config->auth.secret_file;
	struct stat st;
	if (stat(path, &st) != 0) {
		doctor_add(d, "secret", FINDING_WARN, "soukd makes it at its first start", "%s: %s",
			path, strerror(errno));
	} else if (st.st_mode & 077) {
		doctor_add(d, "secret", st.st_mode & 07 ? FINDING_FAIL : FINDING_WARN,
			"chmod 600 the file, and replace the secret if strangers may have read it",
			"%s: mode %03o lets others read it", path, (unsigned)st.st_mode & 0777);
	} else if (st.st_size < SECRET_MIN) {
		doctor_add(d, "secret", FINDING_FAIL, "delete it: soukd makes a good one",
			"%s: shorter than %d characters", path, SECRET_MIN);
	} else if (access(path, R_OK) != 0) {
		doctor_add(d, "secret", FINDING_WARN, "run soukctl as the daemon's user or as root",
			"%s: %s", path, strerror(errno));
	} else {
		doctor_add(d, "secret", FINDING_OK, NULL, "%s", path);
	}
}

void doctor_store(struct doctor *d)
{
	const char *path = config_store_path(d->config), *url = d->config->store.url;
	char *error = NULL;
	int version = 0;
	if (access(path, F_OK) != 0) {
		char *folder = existing_folder(path);
		bool good = can_write(folder);
		doctor_add(d, "store", good ? FINDING_OK : FINDING_FAIL,
			"give the daemon's user the right to write there", "%s: not made yet%s",
			path, good ? "" : ", and its folder cannot be written");
		free(folder);
		return;
	}
	if (!store_schema_version(url, &version, &error)) {
		doctor_add(d, "store", FINDING_FAIL, "see that the path is right and readable",
			"%s", error);
	} else if (version > store_schema_newest()) {
		doctor_add(d, "store", FINDING_FAIL, "use the soukd that wrote it, or a newer one",
			"%s: schema %d, this version knows %d", path, version,
			store_schema_newest());
	} else if (!store_check(url, &error)) {
		doctor_add(d, "store", FINDING_FAIL,
			"stop soukd and put a copy back that soukctl db backup made", "%s: %s",
			path, error);
	} else if (version < store_schema_newest()) {
		doctor_add(d, "store", FINDING_WARN,
			"soukctl db migrate, or start soukd, which does it too",
			"%s: schema %d of %d", path, version, store_schema_newest());
	} else {
		doctor_add(d, "store", FINDING_OK, NULL, "%s: schema %d, no faults", path, version);
	}
	free(error);
}

/* Certificates */

static X509 *read_certificate(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *cert = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	if (f != NULL) {
		fclose(f);
	}
	return cert;
}

static bool key_fits(X509 *cert, const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (f != NULL) {
		fclose(f);
	}
	bool fits = key != NULL && X509_check_private_key(cert, key) == 1;
	EVP_PKEY_free(key);
	return fits;
}

void doctor_certificate(struct doctor *d)
{
	const char *path = d->config->http.cert, *key = d->config->http.key;
	if (path == NULL || key == NULL) {
		doctor_add(d, "certificate", FINDING_OK, NULL, "no TLS is configured");
		return;
	}
	X509 *cert = read_certificate(path);
	int days = 0, seconds = 0;
	if (cert == NULL || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) != 1) {
		doctor_add(d, "certificate", FINDING_FAIL, "put a certificate chain (PEM) there",
			"%s: not readable as a certificate", path);
	} else if (!key_fits(cert, key)) {
		doctor_add(d, "certificate", FINDING_FAIL,
			"put the private key of [http] cert there",
			"%s: not the key of %s, or not readable", key, path);
	} else if (days < 0 || seconds < 0) {
		doctor_add(d, "certificate", FINDING_FAIL, "renew it, then systemctl reload soukd",
			"%s: expired %d days ago", path, -days);
	} else {
		doctor_add(d, "certificate", days < EXPIRY_WARN_DAYS ? FINDING_WARN : FINDING_OK,
			"renew it, then systemctl reload soukd", "%s: valid for %d days", path,
			days);
	}
	X509_free(cert);
}
