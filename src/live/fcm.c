#include "fcm.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define FILE_MAX 65536
#define ASSERTION_LIFE_S 3600
#define SCOPE "https://www.googleapis.com/auth/firebase.messaging"

struct fcm_account {
	char *email, *key_id, *token_uri, *project;
	EVP_PKEY *key;
};

static bool fail(char *error, size_t size, const char *why)
{
	snprintf(error, size, "%s", why);
	return false;
}

/* A key that is encrypted is refused instead of asking at the terminal. */
static int no_password(char *buf, int size, int writing, void *user)
{
	return 0;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

	BIO_free(bio);
	if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* It becomes part of a URL. */
static bool is_project(const char *text)
{
	return text[0] && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.:") == strlen(text);
}

/* What is sent there is worth a token: in clear only within this machine. */
static bool is_endpoint(const char *url)
{
	static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		if (text_starts(url, local[i]) && strchr(":/", url[strlen(local[i])]))
			return true;
	return text_starts(url, "https://");
}

static bool fill(struct fcm_account *a, const json_t *root, char *error, size_t size)
{
	const char *email = json_string_value(json_object_get(root, "client_email"));
	const char *key = json_string_value(json_object_get(root, "private_key"));
	const char *uri = json_string_value(json_object_get(root, "token_uri"));
	const char *project = json_string_value(json_object_get(root, "project_id"));

	if (!email || !key || !uri || !project)
		return fail(
			error, size, "lacks client_email, private_key, token_uri or project_id");
	if (!is_endpoint(uri))
		return fail(error, size, "token_uri is no https:// URL");
	if (!is_project(project))
		return fail(error, size, "project_id is no name of a project");
	a->key = read_key(key);
	if (!a->key)
		return fail(error, size, "private_key is no RSA key in PEM");
	a->email = mem_strdup(email);
	a->token_uri = mem_strdup(uri);
	a->project = mem_strdup(project);
	a->key_id = mem_strdup(json_string_value(json_object_get(root, "private_key_id")));
	return true;
}

struct fcm_account *fcm_account_parse(const char *json, size_t len, char *error, size_t error_size)
{
	json_t *root = json_loadb(json, len, 0, NULL);
	struct fcm_account *a = mem_new(struct fcm_account);

	if (!root)
		fail(error, error_size, "is not JSON");
	if (!root || !fill(a, root, error, error_size))
		fcm_account_destroy(&a);
	json_decref(root);
	return a;
}

struct fcm_account *fcm_account_load(const char *path, char *error, size_t error_size)
{
	char *text = mem_alloc(FILE_MAX), why[128];
	FILE *file = fopen(path, "re");
	struct fcm_account *a = NULL;
	size_t len;

	if (file) {
		len = fread(text, 1, FILE_MAX, file);
		a = fcm_account_parse(text, len, why, sizeof(why));
		fclose(file);
	} else {
		fail(why, sizeof(why), strerror(errno));
	}
	if (!a)
		snprintf(error, error_size, "%s: %s", path, why);
	explicit_bzero(text, FILE_MAX);
	free(text);
	return a;
}

void fcm_account_destroy(struct fcm_account **account)
{
	struct fcm_account *a = *account;

	if (!a)
		return;
	*account = NULL;
	EVP_PKEY_free(a->key);
	free(a->email);
	free(a->key_id);
	free(a->token_uri);
	free(a->project);
	free(a);
}

const char *fcm_token_url(const struct fcm_account *a)
{
	return a->token_uri;
}

char *fcm_send_url(const struct fcm_account *a, const char *base)
{
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	return mem_printf("%.*s/v1/projects/%s/messages:send", (int)len, base, a->project);
}

/* base64url of a JSON object, which is taken over; heap. */
static char *encode(json_t *object)
{
	char *json = json_dumps(object, JSON_COMPACT), *out;
	size_t len = strlen(json);

	out = mem_alloc(text_base64url_size(len));
	text_base64url(out, json, len);
	free(json);
	json_decref(object);
	return out;
}

static char *sign(const struct fcm_account *a, const char *text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = (size_t)EVP_PKEY_get_size(a->key);
	uint8_t *raw = mem_alloc(len);
	char *out = NULL;

	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, a->key) == 1 &&
		EVP_DigestSign(ctx, raw, &len, (const uint8_t *)text, strlen(text)) == 1) {
		out = mem_alloc(text_base64url_size(len));
		text_base64url(out, raw, len);
	}
	EVP_MD_CTX_free(ctx);
	free(raw);
	return out;
}

/* A JWT signed with RS256; NULL if the key cannot sign. */
static char *assertion(const struct fcm_account *a, uint64_t now_s)
{
	char *header = encode(
		json_pack("{s:s, s:s, s:s*}", "alg", "RS256", "typ", "JWT", "kid", a->key_id));
	char *claims = encode(json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", a->email, "scope",
		SCOPE, "aud", a->token_uri, "iat", (json_int_t)now_s, "exp",
		(json_int_t)(now_s + ASSERTION_LIFE_S)));
	char *text = mem_printf("%s.%s", header, claims), *signature = sign(a, text);
	char *out = signature ? mem_printf("%s.%s", text, signature) : NULL;

	free(header);
	free(claims);
	free(text);
	free(signature);
	return out;
}

char *fcm_token_form(const struct fcm_account *a, uint64_t now_s)
{
	char *jwt = assertion(a, now_s), *form = NULL;

	if (jwt)
		form = mem_printf("grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3A"
				  "jwt-bearer&assertion=%s",
			jwt);
	free(jwt);
	return form;
}

/* It becomes part of a header. */
static bool is_token(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return *text;
}

bool fcm_token_parse(const char *body, size_t len, char **token, uint64_t *expires_s)
{
	json_t *root = json_loadb(body, len, 0, NULL);
	const char *text = json_string_value(json_object_get(root, "access_token"));
	json_int_t life = json_integer_value(json_object_get(root, "expires_in"));
	bool good = text && is_token(text) && life > 0;

	*token = good ? mem_strdup(text) : NULL;
	*expires_s = good ? (uint64_t)life : 0;
	json_decref(root);
	return good;
}

static json_t *as_texts(const json_t *data)
{
	json_t *out = json_object(), *value;
	const char *name;

	json_object_foreach((json_t *)data, name, value)
	{
		char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
		if (json_is_string(value))
			json_object_set(out, name, value);
		else if (!json_is_null(value))
			json_object_set_new(out, name, json_string(text));
		free(text);
	}
	return out;
}

char *fcm_message(const struct outbox_record *r)
{
	json_t *payload = json_loads(r->payload, 0, NULL), *message = NULL;
	const char *title = json_string_value(json_object_get(payload, "title"));
	char *text = NULL;

	if (title && r->target)
		message = json_pack("{s:{s:s, s:{s:s, s:s*}, s:o}}", "message", "token", r->target,
			"notification", "title", title, "body",
			json_string_value(json_object_get(payload, "body")), "data",
			as_texts(json_object_get(payload, "data")));
	if (message)
		text = json_dumps(message, JSON_COMPACT);
	json_decref(message);
	json_decref(payload);
	return text;
}
