#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/auth.h"
#include "model/repo_memory.h"
#include "support/test.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define WALL_US 1800000000000000ull
/* RFC 8037 appendix A.4 */
#define JWKS \
	"{\"keys\":[{\"kty\":\"OKP\",\"kid\":\"%s\",\"crv\":\"Ed25519\"," \
	"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"

struct world {
	struct clock_manual clock;
	struct repo_memory *memory;
	struct repo repo;
	char dir[32];
	char *secret_file, *jwks_file;
	struct auth *auth;
};

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	chmod(path, 0600);
}

static void start(struct world *w, bool jwks)
{
	char error[256];
	const struct auth_config config = {
		.secret_file = w->secret_file,
		.jwks_file = jwks ? w->jwks_file : NULL,
		.seen_max = 2,
		.clock = &w->clock.clock,
		.repo = w->repo,
	};

	w->auth = auth_create(&config, error, sizeof(error));
	assert_non_null(w->auth);
}

static int setup(void **state)
{
	struct world *w = mem_new(struct world);

	clock_manual_init(&w->clock, WALL_US);
	w->memory = repo_memory_create(&w->clock.clock);
	w->repo = repo_memory_repo(w->memory);
	memcpy(w->dir, "/tmp/souk-auth-XXXXXX", sizeof("/tmp/souk-auth-XXXXXX"));
	if (!mkdtemp(w->dir))
		return -1;
	w->secret_file = mem_printf("%s/secret", w->dir);
	w->jwks_file = mem_printf("%s/jwks.json", w->dir);
	write_text(w->secret_file, SECRET);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	auth_destroy(&w->auth);
	repo_memory_run(w->memory);
	repo_memory_destroy(w->memory);
	unlink(w->secret_file);
	unlink(w->jwks_file);
	rmdir(w->dir);
	free(w->secret_file);
	free(w->jwks_file);
	free(w);
	return 0;
}

static enum auth_result check(struct world *w, const char *token, struct identity *out)
{
	char *header = token ? mem_printf("Bearer %s", token) : NULL;
	const struct auth_peer peer = {.authorization = header, .uid = -1};
	struct identity identity = {0};
	const char *why = NULL;
	enum auth_result r = auth_check(w->auth, &peer, &identity, &why);

	if (r != AUTH_OK)
		assert_non_null(why);
	free(header);
	if (out)
		*out = identity;
	else
		identity_finish(&identity);
	return r;
}

static char *mint(struct world *w, const char *sub, const char *name, unsigned roles)
{
	const struct jwt_mint m = {.sub = sub, .name = name, .roles = roles, .ttl_ms = 60000};

	return auth_mint(w->auth, &m);
}

static enum auth_result see(struct world *w, const char *sub, const char *name, unsigned roles)
{
	char *token = mint(w, sub, name, roles);
	enum auth_result r = check(w, token, NULL);

	free(token);
	return r;
}

static void test_identity_of_a_token(void **state)
{
	struct world *w = *state;
	struct identity i;
	char *token;

	start(w, false);
	token = mint(w, "u1", "Ana", ROLE_SELLER);
	assert_int_equal(check(w, token, &i), AUTH_OK);
	assert_string_equal(i.user_id, "u1");
	assert_string_equal(i.name, "Ana");
	assert_int_equal(i.roles, ROLE_SELLER);
	assert_false(i.is_local);
	identity_finish(&i);
	clock_manual_advance(&w->clock, 60000000);
	assert_int_equal(check(w, token, NULL), AUTH_EXPIRED);
	token[0] = '.';
	assert_int_equal(check(w, token, NULL), AUTH_INVALID);
	assert_int_equal(check(w, NULL, NULL), AUTH_MISSING);
	free(token);
}

static enum auth_result check_peer(struct world *w, const struct auth_peer *peer, unsigned *roles)
{
	struct identity i = {0};
	const char *why;
	enum auth_result r = auth_check(w->auth, peer, &i, &why);

	*roles = i.roles;
	identity_finish(&i);
	return r;
}

static void test_forms_of_the_header(void **state)
{
	struct world *w = *state;
	struct auth_peer peer = {.uid = -1};
	char *token, *header;
	unsigned roles;

	start(w, false);
	token = mint(w, "u1", NULL, 0);
	header = mem_printf("bEARER   %s", token);
	peer.authorization = header;
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_OK);
	peer.authorization = token;
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_INVALID);
	peer.authorization = "Basic dTpw";
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_INVALID);
	peer.authorization = "Bearer ";
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_INVALID);
	free(token);
	free(header);
}

static void test_unix_socket(void **state)
{
	struct world *w = *state;
	struct auth_peer peer = {.local = true, .uid = (int)geteuid()};
	char *token, *header;
	unsigned roles;

	start(w, false);
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_OK);
	assert_int_equal(roles, ROLE_ADMIN);
	peer.uid = 0;
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_OK);
	peer.uid = (int)geteuid() + 1;
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_MISSING);
	peer.uid = -1;
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_MISSING);
	/* The same uid without the Unix socket is nobody. */
	peer = (struct auth_peer){.local = false, .uid = (int)geteuid()};
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_MISSING);
	/* A token goes before the socket. */
	token = mint(w, "u1", NULL, ROLE_BUYER);
	header = mem_printf("Bearer %s", token);
	peer = (struct auth_peer){.authorization = header, .local = true, .uid = (int)geteuid()};
	assert_int_equal(check_peer(w, &peer, &roles), AUTH_OK);
	assert_int_equal(roles, ROLE_BUYER);
	free(token);
	free(header);
}

static void test_users_are_stored_once(void **state)
{
	struct world *w = *state;
	struct user_record u;

	start(w, false);
	assert_int_equal(see(w, "u1", "Ana", ROLE_SELLER), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 1);
	assert_int_equal(see(w, "u1", "Ana", ROLE_SELLER), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 0);
	assert_int_equal(w->repo.ops->user_get(w->repo.impl, "u1", &u), REPO_OK);
	assert_string_equal(u.name, "Ana");
	assert_int_equal(u.roles, ROLE_SELLER);
	user_record_finish(&u);

	/* What changes is written; what a token does not say stays. */
	assert_int_equal(see(w, "u1", NULL, ROLE_SELLER | ROLE_MODERATOR), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 1);
	assert_int_equal(w->repo.ops->user_get(w->repo.impl, "u1", &u), REPO_OK);
	assert_string_equal(u.name, "Ana");
	assert_int_equal(u.roles, ROLE_SELLER | ROLE_MODERATOR);
	user_record_finish(&u);
}

static void test_known_users_are_not_written_after_a_restart(void **state)
{
	struct world *w = *state;

	start(w, false);
	assert_int_equal(see(w, "u1", "Ana", ROLE_SELLER), AUTH_OK);
	repo_memory_run(w->memory);
	auth_destroy(&w->auth);
	start(w, false);
	assert_int_equal(see(w, "u1", "Ana", ROLE_SELLER), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 0);
}

static void test_many_users_do_not_grow_what_is_remembered(void **state)
{
	struct world *w = *state;

	start(w, false);
	for (int i = 0; i < 20; i++) {
		char *sub = mem_printf("u%d", i);

		assert_int_equal(see(w, sub, "Ana", 0), AUTH_OK);
		free(sub);
	}
	assert_int_equal(repo_memory_run(w->memory), 20);
	/* Forgotten, but the store knows. */
	assert_int_equal(see(w, "u0", "Ana", 0), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 0);
}

static void test_a_failed_write_is_tried_again(void **state)
{
	struct world *w = *state;

	start(w, false);
	repo_memory_fail(w->memory, 1);
	assert_int_equal(see(w, "u1", "Ana", 0), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 1);
	assert_int_equal(see(w, "u1", "Ana", 0), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 1);
	assert_int_equal(see(w, "u1", "Ana", 0), AUTH_OK);
	assert_int_equal(repo_memory_run(w->memory), 0);
}

static void test_writes_outlive_the_auth(void **state)
{
	struct world *w = *state;
	struct user_record u;

	start(w, false);
	assert_int_equal(see(w, "u1", "Ana", 0), AUTH_OK);
	auth_destroy(&w->auth);
	assert_int_equal(repo_memory_run(w->memory), 1);
	assert_int_equal(w->repo.ops->user_get(w->repo.impl, "u1", &u), REPO_OK);
	user_record_finish(&u);
}

/* Whether the key with this kid is known shows in the reason of the refusal. */
static bool knows_kid(struct world *w, const char *kid)
{
	/* {"alg":"EdDSA","kid":"a"} or "b", an empty payload, a signature of zeros */
	const char *header = kid[0] == 'a' ? "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ"
					   : "eyJhbGciOiJFZERTQSIsImtpZCI6ImIifQ";
	char *text = mem_printf("Bearer %s.e30.%086d", header, 0);
	const struct auth_peer peer = {.authorization = text, .uid = -1};
	struct identity i;
	const char *why = "";

	/* 'A' is zero in base64url. */
	memset(text + strlen(text) - 86, 'A', 86);
	assert_int_equal(auth_check(w->auth, &peer, &i, &why), AUTH_INVALID);
	free(text);
	return strcmp(why, jwt_result_text(JWT_UNKNOWN_KEY)) != 0;
}

static void write_jwks(struct world *w, const char *kid)
{
	char *text = mem_printf(JWKS, kid);

	unlink(w->jwks_file);
	write_text(w->jwks_file, text);
	free(text);
}

static void test_key_set_is_read_again(void **state)
{
	struct world *w = *state;

	write_jwks(w, "a");
	start(w, true);
	assert_true(knows_kid(w, "a"));
	assert_false(knows_kid(w, "b"));
	write_jwks(w, "b");
	/* Not looked at within the second, except on a reload. */
	assert_true(knows_kid(w, "a"));
	clock_manual_advance(&w->clock, 1000000);
	assert_true(knows_kid(w, "b"));
	assert_false(knows_kid(w, "a"));
	write_jwks(w, "a");
	auth_reload(w->auth);
	assert_true(knows_kid(w, "a"));
}

static void test_a_broken_key_set_changes_nothing(void **state)
{
	struct world *w = *state;

	write_jwks(w, "a");
	start(w, true);
	write_text(w->jwks_file, "{\"keys\":[");
	clock_manual_advance(&w->clock, 1000000);
	assert_true(knows_kid(w, "a"));
	unlink(w->jwks_file);
	clock_manual_advance(&w->clock, 1000000);
	assert_true(knows_kid(w, "a"));
	write_jwks(w, "b");
	clock_manual_advance(&w->clock, 1000000);
	assert_true(knows_kid(w, "b"));
}

static void test_start_without_keys_fails(void **state)
{
	struct world *w = *state;
	char error[256] = "";
	struct auth_config config = {
		.jwks_file = w->jwks_file,
		.clock = &w->clock.clock,
		.repo = w->repo,
	};

	assert_null(auth_create(&config, error, sizeof(error)));
	assert_non_null(strstr(error, w->jwks_file));
	config.jwks_file = NULL;
	config.secret_file = w->secret_file;
	chmod(w->secret_file, 0604);
	assert_null(auth_create(&config, error, sizeof(error)));
	assert_non_null(strstr(error, w->secret_file));
}

static void test_derived_keys(void **state)
{
	struct world *w = *state;
	uint8_t one[AUTH_KEY_SIZE], other[AUTH_KEY_SIZE], again[AUTH_KEY_SIZE];
	char error[256];
	const struct auth_config keyless = {.clock = &w->clock.clock, .repo = w->repo};

	auth_destroy(&w->auth);
	start(w, false);
	auth_derive_key(w->auth, "one", one);
	auth_derive_key(w->auth, "other", other);
	assert_memory_not_equal(one, other, sizeof(one));
	auth_destroy(&w->auth);
	/* The same after a restart, another after a new secret. */
	start(w, false);
	auth_derive_key(w->auth, "one", again);
	assert_memory_equal(one, again, sizeof(one));
	write_text(w->secret_file, "another secret of thirty-two characters");
	auth_reload(w->auth);
	auth_derive_key(w->auth, "one", again);
	assert_memory_not_equal(one, again, sizeof(one));
	auth_destroy(&w->auth);
	/* Without a secret, the process's own. */
	w->auth = auth_create(&keyless, error, sizeof(error));
	assert_non_null(w->auth);
	auth_derive_key(w->auth, "one", one);
	auth_derive_key(w->auth, "one", again);
	assert_memory_equal(one, again, sizeof(one));
	auth_destroy(&w->auth);
	w->auth = auth_create(&keyless, error, sizeof(error));
	auth_derive_key(w->auth, "one", again);
	assert_memory_not_equal(one, again, sizeof(one));
}

static void test_challenge(void **state)
{
	char text[256];

	auth_challenge(AUTH_MISSING, "This needs a token.", text, sizeof(text));
	assert_string_equal(text, "Bearer realm=\"souk\"");
	auth_challenge(AUTH_EXPIRED, jwt_result_text(JWT_EXPIRED), text, sizeof(text));
	assert_string_equal(text,
		"Bearer realm=\"souk\", error=\"invalid_token\", "
		"error_description=\"The token has expired.\"");
	auth_challenge(AUTH_INVALID, "a \"quoted\" word", text, sizeof(text));
	assert_null(strstr(text, "quoted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity_of_a_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forms_of_the_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_users_are_stored_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_known_users_are_not_written_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_many_users_do_not_grow_what_is_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_failed_write_is_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_outlive_the_auth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_set_is_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_broken_key_set_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_without_keys_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_derived_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_challenge, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
