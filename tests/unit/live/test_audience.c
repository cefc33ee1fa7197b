#include <string.h>

#include "base/mem.h"
#include "live/audience.h"
#include "model/chat.h"
#include "model/people.h"
#include "support/test.h"

/* The rule over families of the repo that the test plays itself. */
static enum repo_result broken; /* what reads say instead, OK: nothing */
static enum mute_kind kind;

static enum repo_result user_get(void *impl, const char *id, struct user_record *out)
{
	*out = (struct user_record){0};
	if (strncmp(id, "lost", 4) == 0)
		return REPO_NOT_FOUND;
	out->id = mem_strdup(id);
	out->neighborhood = mem_strdup(strcmp(id, "seller") == 0 ? "mitte" : "wedding");
	return REPO_OK;
}

static enum repo_result is_following(void *impl, const char *follower, const char *followed)
{
	assert_string_equal(followed, "seller");
	if (broken)
		return broken;
	return strcmp(follower, "fan") == 0 ? REPO_OK : REPO_NOT_FOUND;
}

static enum repo_result are_near(void *impl, const char *a, const char *b)
{
	assert_string_equal(b, "mitte");
	if (broken)
		return broken;
	return strcmp(a, "mitte") == 0 || strcmp(a, "wedding") == 0 ? REPO_OK : REPO_NOT_FOUND;
}

static enum repo_result mute_get(void *impl, struct uuid stream_id, const char *user_id,
	uint64_t now_ms, struct mute_record *out)
{
	*out = (struct mute_record){.kind = kind};
	if (broken)
		return broken;
	return strstr(user_id, "banned") ? REPO_OK : REPO_NOT_FOUND;
}

static const struct repo_ops ops = {.user_get = user_get};
static const struct repo_people_ops people = {.is_following = is_following, .are_near = are_near};
static const struct repo_chat_ops chat = {.mute_get = mute_get};
static const struct repo repo = {.ops = &ops, .people = &people, .chat = &chat};

static enum watch_verdict check(
	enum stream_audience audience, const char *id, unsigned roles, const char *neighborhood)
{
	const struct stream_record s = {.seller_id = "seller", .audience = audience};
	const struct viewer v = {.user_id = id, .roles = roles, .neighborhood = neighborhood};

	return audience_check(repo, &s, &v, 1000);
}

static int setup(void **state)
{
	broken = REPO_OK;
	kind = MUTE_BAN;
	return 0;
}

static void the_rule(void **state)
{
	static const struct {
		enum stream_audience audience;
		const char *id;
		unsigned roles;
		const char *neighborhood;
		enum watch_verdict verdict;
	} cases[] = {
		{AUDIENCE_EVERYONE, NULL, 0, NULL, WATCH_OK},
		{AUDIENCE_EVERYONE, "x", ROLE_BUYER, NULL, WATCH_OK},
		{AUDIENCE_EVERYONE, "banned", ROLE_BUYER, NULL, WATCH_BANNED},
		{AUDIENCE_FOLLOWERS, NULL, 0, NULL, WATCH_GUEST},
		{AUDIENCE_FOLLOWERS, "x", ROLE_BUYER, NULL, WATCH_NOT_FOLLOWING},
		{AUDIENCE_FOLLOWERS, "x", ROLE_SELLER, NULL, WATCH_NOT_FOLLOWING},
		{AUDIENCE_FOLLOWERS, "fan", 0, NULL, WATCH_OK},
		{AUDIENCE_FOLLOWERS, "seller", 0, NULL, WATCH_OK},
		{AUDIENCE_FOLLOWERS, "x", ROLE_ADMIN, NULL, WATCH_OK},
		{AUDIENCE_FOLLOWERS, "x", ROLE_MODERATOR, NULL, WATCH_OK},
		{AUDIENCE_FOLLOWERS, "banned", ROLE_MODERATOR, NULL, WATCH_BANNED},
		{AUDIENCE_FOLLOWERS, "banned", ROLE_ADMIN, NULL, WATCH_OK},
		{AUDIENCE_NEIGHBORHOOD, NULL, 0, "mitte", WATCH_GUEST},
		{AUDIENCE_NEIGHBORHOOD, "x", 0, "mitte", WATCH_OK},
		{AUDIENCE_NEIGHBORHOOD, "x", 0, "spandau", WATCH_NOT_NEAR},
		{AUDIENCE_NEIGHBORHOOD, "x", 0, NULL, WATCH_OK},
		{AUDIENCE_NEIGHBORHOOD, "lost", 0, NULL, WATCH_NOT_NEAR},
		{AUDIENCE_NEIGHBORHOOD, "seller", 0, NULL, WATCH_OK},
		{AUDIENCE_NEIGHBORHOOD, "fan", 0, "spandau", WATCH_NOT_NEAR},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (check(cases[i].audience, cases[i].id, cases[i].roles, cases[i].neighborhood) !=
			cases[i].verdict)
			fail_msg("case %zu", i);
}

static void a_mute_is_no_ban(void **state)
{
	kind = MUTE_WRITING;
	assert_int_equal(check(AUDIENCE_EVERYONE, "banned", 0, NULL), WATCH_OK);
	assert_false(audience_is_banned(repo, (struct uuid){0}, "banned", 1));
	kind = MUTE_BAN;
	assert_true(audience_is_banned(repo, (struct uuid){0}, "banned", 1));
	assert_false(audience_is_banned(repo, (struct uuid){0}, "x", 1));
}

static void what_cannot_be_read_is_refused(void **state)
{
	struct repo without = {.ops = &ops};
	const struct stream_record s = {.seller_id = "seller", .audience = AUDIENCE_FOLLOWERS};
	const struct stream_record n = {.seller_id = "seller", .audience = AUDIENCE_NEIGHBORHOOD};
	const struct viewer v = {.user_id = "fan"};

	broken = REPO_FAILED;
	assert_int_equal(check(AUDIENCE_EVERYONE, "x", 0, NULL), WATCH_UNKNOWN);
	assert_int_equal(check(AUDIENCE_FOLLOWERS, "fan", 0, NULL), WATCH_UNKNOWN);
	assert_int_equal(check(AUDIENCE_FOLLOWERS, "seller", 0, NULL), WATCH_OK);
	assert_true(audience_is_banned(repo, (struct uuid){0}, "x", 1));
	assert_int_equal(audience_check(without, &s, &v, 1), WATCH_NOT_FOLLOWING);
	assert_int_equal(audience_check(without, &n, &v, 1), WATCH_NOT_NEAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_rule, setup),
		cmocka_unit_test_setup(a_mute_is_no_ban, setup),
		cmocka_unit_test_setup(what_cannot_be_read_is_refused, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
