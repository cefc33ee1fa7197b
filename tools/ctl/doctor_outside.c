#include <curl/curl.h>
#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "client.h"
#include "doctor.h"
#include "fields.h"

/* What the daemon tells others: webhooks, push messages, and what could not be delivered. */
#define CONNECT_SECONDS 5L

/* TCP, and TLS with the certificate checked; nothing is sent. False, with the reason. */
static bool can_connect(const char *url, char why[static CURL_ERROR_SIZE])
{
	CURL *curl = curl_easy_init();
	if (curl == NULL) {
		return false;
	}
	why[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 2 * CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	CURLcode result = curl_easy_perform(curl);
	if (result != CURLE_OK && why[0] == '\0') {
		text_copy(why, CURL_ERROR_SIZE, curl_easy_strerror(result));
	}
	curl_easy_cleanup(curl);
	return result == CURLE_OK;
}

/* False, with a finding, if others may read the secret. */
static bool webhook_secret_is_good(struct doctor *d)
{
	const char *path = d->config->webhooks.secret_file;
	struct stat st;
	if (d->config->webhooks.secret != NULL || path == NULL || stat(path, &st) != 0 ||
		(st.st_mode & 077) == 0) {
		return true;
	}
	doctor_add(d, "webhooks", FINDING_FAIL,
		"chmod 600 the file, and replace the secret if strangers may have read it",
		"%s: mode %03o lets others read it", path, (unsigned)st.st_mode & 0777);
	return false;
}

void doctor_webhooks(struct doctor *d)
{
	const char *url = d->config->webhooks.url;
	char why[CURL_ERROR_SIZE];
	if (url == NULL) {
		doctor_add(d, "webhooks", FINDING_OK, NULL, "not configured");
	} else if (!webhook_secret_is_good(d)) {
		return;
	} else if (!can_connect(url, why)) {
		doctor_add(d, "webhooks", FINDING_FAIL,
			"start the receiver, or see [webhooks] url, the firewall and its "
			"certificate: what happens waits in the outbox",
			"%s: %s", url, why);
	} else {
		doctor_add(d, "webhooks", FINDING_OK, NULL, "%s: reachable", url);
	}
}

/* The account file of a Google service account, as its console makes it. NULL: good. */
static const char *account_fault(const char *path)
{
	static const char *const members[] = {"client_email", "private_key", "project_id"};
	json_t *account = json_load_file(path, 0, NULL);
	const char *fault = account == NULL ? "not JSON" : NULL;
	for (size_t i = 0; i < 3 && fault == NULL; i++) {
		fault = field_string(account, members[i])[0] == '\0'
			? "not the key file of a service account"
			: NULL;
	}
	if (fault == NULL) {
		const char *pem = field_string(account, "private_key");
		BIO *bio = BIO_new_mem_buf(pem, -1);
		EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		fault = key == NULL ? "its private key cannot be read" : NULL;
		EVP_PKEY_free(key);
		BIO_free(bio);
	}
	json_decref(account);
	return fault;
}

void doctor_push(struct doctor *d)
{
	const char *path = d->config->push.fcm_service_account, *fault = NULL;
	char why[CURL_ERROR_SIZE];
	if (path == NULL) {
		doctor_add(d, "push", FINDING_OK, NULL, "not configured");
	} else if (access(path, R_OK) != 0) {
		doctor_add(d, "push", FINDING_FAIL,
			"put the service account's key file there, readable by the daemon's user",
			"%s: %s", path, strerror(errno));
	} else if ((fault = account_fault(path)) != NULL) {
		doctor_add(d, "push", FINDING_FAIL,
			"download the key file again: Firebase console, project settings, service "
			"accounts",
			"%s: %s", path, fault);
	} else if (!can_connect(d->config->push.fcm_url, why)) {
		doctor_add(d, "push", FINDING_FAIL, "see the firewall and the name server",
			"%s: %s", d->config->push.fcm_url, why);
	} else {
		doctor_add(d, "push", FINDING_OK, NULL, "%s; %s is reachable", path,
			d->config->push.fcm_url);
	}
}

void doctor_outbox(struct doctor *d)
{
	json_t *outbox;
	if (!d->alive ||
		client_call(d->ctl, "GET", "/api/v1/admin/outbox?limit=1", NULL, &outbox) !=
			CTL_OK) {
		return;
	}
	double given_up = field_number(outbox, "givenUp"),
	       waiting = field_number(outbox, "waiting");
	doctor_add(d, "outbox", given_up > 0 ? FINDING_WARN : FINDING_OK,
		"soukctl outbox list tells why; once that is mended, soukctl outbox retry",
		"%.0f waiting, %.0f given up", waiting, given_up);
	json_decref(outbox);
}

/* False, with a finding, if the secret cannot be read, or by others too. */
static bool storage_secret_is_good(struct doctor *d)
{
	const char *path = d->config->storage.s3_secret_file;
	struct stat st;
	if (d->config->storage.s3_secret != NULL || path == NULL) {
		return true;
	}
	if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
		doctor_add(d, "storage", FINDING_FAIL,
			"put the secret of the access key there, readable by the daemon's user",
			"%s: %s", path, strerror(errno));
		return false;
	}
	if (st.st_mode & 077) {
		doctor_add(d, "storage", FINDING_FAIL,
			"chmod 600 the file, and replace the secret if strangers may have read it",
			"%s: mode %03o lets others read it", path, (unsigned)st.st_mode & 0777);
		return false;
	}
	return true;
}

/* What the daemon says of its recordings there. */
static void storage_figures(struct doctor *d)
{
	json_t *n;
	if (!d->alive || client_call(d->ctl, "GET", "/api/v1/admin/storage", NULL, &n) != CTL_OK) {
		doctor_add(d, "storage", FINDING_OK, NULL, "%s: reachable",
			d->config->storage.s3_endpoint);
		return;
	}
	double failing = field_number(n, "failing");
	doctor_add(d, "storage", failing > 0 ? FINDING_FAIL : FINDING_OK,
		"soukctl vod show ID tells why (soukctl vod list: storage waiting); mend the "
		"credentials, the bucket or the network, then systemctl reload soukd",
		"%.0f stored, %.0f waiting, %.0f to remove, %.0f failing",
		field_number(n, "stored"), field_number(n, "waiting"), field_number(n, "removing"),
		failing);
	json_decref(n);
}

void doctor_storage(struct doctor *d)
{
	const struct config_storage *c = &d->config->storage;
	char why[CURL_ERROR_SIZE];
	if (c->s3_bucket == NULL) {
		doctor_add(d, "storage", FINDING_OK, NULL, "not configured");
	} else if (!storage_secret_is_good(d)) {
		return;
	} else if (!can_connect(c->s3_endpoint, why)) {
		doctor_add(d, "storage", FINDING_FAIL,
			"see [storage] s3_endpoint, the firewall and the server's certificate: "
			"recordings wait here",
			"%s: %s", c->s3_endpoint, why);
	} else {
		storage_figures(d);
	}
}
