#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "live/chat.h"
#include "loop/loop.h"
#include "model/sales.h"
#include "store/store.h"
#include "support/test.h"

/*
 * The rules of chat over a real store in memory. The test stands in for the loop: what was deferred
 * and what the store has posted runs in `turn`.
 */
#define NOW_US 1770000000000000ull

struct task {
	void (*fn)(void *arg);
	void *arg;
};

static struct {
	pthread_mutex_t lock;
	struct task tasks[256];
	size_t n;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct clock_manual manual;

static void post(void *user, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&queue.lock);
	assert_true(queue.n < 256);
	queue.tasks[queue.n++] = (struct task){fn, arg};
	pthread_mutex_unlock(&queue.lock);
}

void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg)
{
	post(NULL, fn, arg);
}

const struct clock *loop_clock(const struct loop *l)
{
	return &manual.clock;
}

struct world {
	struct store *store;
	struct repo repo;
	struct chat *chat;
	struct uuid stream;
	struct signal_listener on_written, on_deleted, on_muted;
	char heard[256]; /* what the signals told */
	/* of the last action */
	int answers;
	enum chat_result result;
	bool repeated;
	/* of the permits */
	int asked;
	chat_permitted permitted;
	void *call;
	uint64_t until;
	unsigned retry_after;
	struct uuid message;
	char text[1024];
};

static void turn(struct world *w)
{
	store_flush(w->store);
	for (;;) {
		struct task t;

		pthread_mutex_lock(&queue.lock);
		if (!queue.n) {
			pthread_mutex_unlock(&queue.lock);
			return;
		}
		t = queue.tasks[0];
		memmove(queue.tasks, queue.tasks + 1, --queue.n * sizeof(t));
		pthread_mutex_unlock(&queue.lock);
		t.fn(t.arg);
	}
}

static void hear(struct world *w, const char *what, const char *detail)
{
	size_t at = strlen(w->heard);

	snprintf(w->heard + at, sizeof(w->heard) - at, "%s(%s) ", what, detail);
}

static void on_written(struct signal_listener *l, void *data)
{
	hear(container_of(l, struct world, on_written), "written",
		((const struct chat_record *)data)->message);
}

static void on_deleted(struct signal_listener *l, void *data)
{
	hear(container_of(l, struct world, on_deleted), "deleted",
		((const struct chat_deletion *)data)->deleted_by);
}

static void on_muted(struct signal_listener *l, void *data)
{
	const struct chat_mute_change *c = data;

	hear(container_of(l, struct world, on_muted), c->lifted ? "lifted" : "muted",
		c->mute->user_id);
}

static void put_user(struct world *w, const char *id, unsigned roles)
{
	const struct user_record u = {.id = (char *)id, .roles = roles};

	w->repo.ops->user_put(w->repo.impl, &u, NULL, NULL);
}

static struct uuid put_stream(struct world *w, enum stream_audience audience, bool enable_chat)
{
	const struct stream_record s = {.id = uuid_new(&manual.clock),
		.seller_id = "seller",
		.title = "t",
		.audience = audience,
		.enable_chat = enable_chat,
		.created_at = 1,
		.updated_at = 1};

	w->repo.ops->stream_create(w->repo.impl, &s, NULL, 0, NULL, NULL);
	turn(w);
	return s.id;
}

static void start_chat(struct world *w, const struct chat_config *config)
{
	w->chat = chat_create(NULL, w->repo, config);
	signal_listener_init(&w->on_written, on_written);
	signal_listener_init(&w->on_deleted, on_deleted);
	signal_listener_init(&w->on_muted, on_muted);
	signal_add(chat_written(w->chat), &w->on_written);
	signal_add(chat_deleted(w->chat), &w->on_deleted);
	signal_add(chat_mute_changed(w->chat), &w->on_muted);
}

static int setup(void **state)
{
	struct world *w = mem_new(struct world);
	const struct store_config config = {
		.url = "sqlite::memory:", .clock = &manual.clock, .post = post};
	char *error = NULL;

	log_set_levels("off");
	clock_manual_init(&manual, NOW_US);
	w->store = store_open(&config, &error);
	assert_non_null(w->store);
	w->repo = store_repo(w->store);
	put_user(w, "seller", ROLE_SELLER);
	put_user(w, "mod", ROLE_MODERATOR);
	put_user(w, "admin", ROLE_ADMIN);
	put_user(w, "ann", ROLE_BUYER);
	put_user(w, "bob", ROLE_BUYER);
	w->stream = put_stream(w, AUDIENCE_EVERYONE, true);
	start_chat(w, &(struct chat_config){0});
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	chat_destroy(&w->chat);
	turn(w);
	store_close(w->store);
	free(w);
	return 0;
}

static void answered(void *user, const struct chat_answer *a)
{
	struct world *w = user;

	w->answers++;
	w->result = a->result;
	w->repeated = a->repeated;
	w->until = a->muted_until;
	w->retry_after = a->retry_after;
	if (a->message) {
		w->message = a->message->id;
		snprintf(w->text, sizeof(w->text), "%s", a->message->message);
	}
}

static struct chat_caller as(const char *id)
{
	unsigned roles = !id		   ? 0
		: strcmp(id, "mod") == 0   ? ROLE_MODERATOR
		: strcmp(id, "admin") == 0 ? ROLE_ADMIN
					   : ROLE_BUYER;

	return (struct chat_caller){.viewer = {.user_id = id, .roles = roles}, .name = "Name"};
}

static enum chat_result finish(struct world *w)
{
	assert_int_equal(w->answers, 0);
	turn(w);
	assert_int_equal(w->answers, 1);
	return w->result;
}

static enum chat_result say_in(struct world *w, struct uuid stream, const char *id,
	const char *text, const char *client_id)
{
	const struct chat_caller who = as(id);

	w->answers = 0;
	w->text[0] = '\0';
	chat_write(w->chat, &who, stream, text, client_id, answered, w);
	return finish(w);
}

static enum chat_result say(struct world *w, const char *id, const char *text)
{
	return say_in(w, w->stream, id, text, NULL);
}

static enum chat_result erase(struct world *w, const char *id, struct uuid message)
{
	const struct chat_caller who = as(id);

	w->answers = 0;
	chat_delete(w->chat, &who, w->stream, message, answered, w);
	return finish(w);
}

static enum chat_result mute(
	struct world *w, const char *id, const char *target, enum mute_kind kind, uint32_t seconds)
{
	const struct chat_caller who = as(id);
	const struct chat_mute m = {.user_id = target, .kind = kind, .seconds = seconds};

	w->answers = 0;
	chat_mute(w->chat, &who, w->stream, &m, answered, w);
	return finish(w);
}

static enum chat_result unmute(struct world *w, const char *id, const char *target)
{
	const struct chat_caller who = as(id);

	w->answers = 0;
	chat_unmute(w->chat, &who, w->stream, target, answered, w);
	return finish(w);
}

static void who_may_write(void **state)
{
	struct world *w = *state;
	struct uuid quiet = put_stream(w, AUDIENCE_EVERYONE, false);
	struct uuid closed = put_stream(w, AUDIENCE_FOLLOWERS, true);

	assert_int_equal(say(w, "ann", "hello"), CHAT_OK);
	assert_string_equal(w->heard, "written(hello) ");
	assert_int_equal(say(w, NULL, "hello"), CHAT_GUEST);
	assert_int_equal(say(w, "stranger", "hello"), CHAT_NO_USER);
	assert_int_equal(say_in(w, quiet, "ann", "x", NULL), CHAT_OFF);
	assert_int_equal(say_in(w, quiet, "seller", "x", NULL), CHAT_OFF);
	assert_int_equal(say_in(w, closed, "ann", "x", NULL), CHAT_NOT_AUDIENCE);
	assert_int_equal(say_in(w, closed, "seller", "x", NULL), CHAT_OK);
	assert_int_equal(say_in(w, uuid_new(&manual.clock), "ann", "x", NULL), CHAT_NO_STREAM);
	w->repo.ops->stream_cancel(w->repo.impl, w->stream, NULL, NULL);
	turn(w);
	assert_int_equal(say(w, "ann", "x"), CHAT_OVER);
	assert_string_equal(w->heard, "written(hello) written(x) ");
}

static void what_may_be_written(void **state)
{
	struct world *w = *state;
	char long_text[2048] = " ";

	for (int i = 0; i < 200; i++)
		memcpy(long_text + 1 + 4 * i, "\xf0\x9f\x91\x8f", 5);
	assert_int_equal(say(w, "ann", long_text), CHAT_OK);
	assert_int_equal(strlen(w->text), 800);
	memcpy(long_text + 801, "x", 2);
	assert_int_equal(say(w, "ann", long_text), CHAT_TOO_LONG);
	assert_int_equal(say(w, "ann", ""), CHAT_EMPTY);
	assert_int_equal(say(w, "ann", " \n\t\xc2\xa0\xe3\x80\x80\xe2\x80\x8b "), CHAT_EMPTY);
	assert_int_equal(say(w, "ann", "\xe3\x80\x80 a  b\r\n"), CHAT_OK);
	assert_string_equal(w->text, "a  b");
}

static void a_client_id_is_one_message(void **state)
{
	struct world *w = *state;
	struct uuid first;

	assert_int_equal(say_in(w, w->stream, "ann", "one", "c1"), CHAT_OK);
	assert_false(w->repeated);
	first = w->message;
	assert_int_equal(say_in(w, w->stream, "ann", "two", "c1"), CHAT_OK);
	assert_true(w->repeated);
	assert_true(uuid_eq(w->message, first));
	assert_string_equal(w->text, "one");
	assert_string_equal(w->heard, "written(one) ");
}

/* The test answers when it likes. */
static void permit(
	void *impl, struct uuid stream_id, const char *user_id, chat_permitted done, void *call)
{
	struct world *w = impl;

	w->asked++;
	w->permitted = done;
	w->call = call;
}

static void begin(struct world *w, const char *id, const char *text, const char *client_id)
{
	const struct chat_caller who = as(id);

	chat_write(w->chat, &who, w->stream, text, client_id, answered, w);
	turn(w);
}

static enum chat_result answer_permit(struct world *w, bool permitted)
{
	w->permitted(w->call, permitted, permitted ? 0 : 7);
	turn(w);
	return w->result;
}

static void a_permit_is_asked_once_and_last(void **state)
{
	struct world *w = *state;

	chat_ask_permits(w->chat, permit, w);
	assert_int_equal(say(w, NULL, "x"), CHAT_GUEST);
	assert_int_equal(say(w, "ann", ""), CHAT_EMPTY);
	assert_int_equal(mute(w, "seller", "ann", MUTE_WRITING, 60), CHAT_OK);
	assert_int_equal(say(w, "ann", "x"), CHAT_MUTED);
	assert_int_equal(unmute(w, "seller", "ann"), CHAT_OK);
	assert_int_equal(w->asked, 0);
	w->answers = 0;
	begin(w, "ann", "one", "c");
	begin(w, "ann", "two", "c");
	assert_int_equal(w->asked, 1);
	assert_int_equal(w->answers, 0);
	assert_int_equal(answer_permit(w, true), CHAT_OK);
	assert_int_equal(w->answers, 2);
	assert_true(w->repeated);
	assert_string_equal(w->text, "one");
	begin(w, "ann", "three", "c");
	assert_int_equal(w->asked, 1);
	assert_int_equal(w->answers, 3);
	assert_string_equal(w->text, "one");
	begin(w, "ann", "four", "d");
	assert_int_equal(answer_permit(w, false), CHAT_RATE);
	assert_int_equal(w->retry_after, 7);
	assert_string_equal(w->heard, "muted(ann) lifted(ann) written(one) ");
}

static void who_is_muted_meanwhile_is_silent(void **state)
{
	struct world *w = *state;

	chat_ask_permits(w->chat, permit, w);
	begin(w, "ann", "one", NULL);
	assert_int_equal(mute(w, "seller", "ann", MUTE_WRITING, 60), CHAT_OK);
	assert_int_equal(answer_permit(w, true), CHAT_MUTED);
	assert_int_equal(w->until, NOW_US / 1000 + 60000);
	begin(w, "seller", "two", NULL);
	chat_destroy(&w->chat);
	w->answers = 0;
	answer_permit(w, true);
	assert_int_equal(w->answers, 0);
	assert_string_equal(w->heard, "muted(ann) ");
}

static enum chat_result slow(struct world *w, const char *id, uint32_t seconds)
{
	const struct chat_caller who = as(id);
	const struct chat_mode mode = {.settings = SETTING_SLOW_MODE, .slow_mode = seconds};

	w->answers = 0;
	chat_set_mode(w->chat, &who, w->stream, &mode, answered, w);
	return finish(w);
}

static void slow_mode_lets_viewers_wait(void **state)
{
	struct world *w = *state;

	chat_reconfigure(w->chat, &(struct chat_config){.slow_mode_max = 60});
	assert_int_equal(slow(w, "ann", 10), CHAT_FORBIDDEN);
	assert_int_equal(slow(w, NULL, 10), CHAT_GUEST);
	assert_int_equal(slow(w, "seller", 61), CHAT_PAUSE);
	assert_int_equal(slow(w, "mod", 60), CHAT_OK);
	assert_int_equal(say(w, "ann", "1"), CHAT_OK);
	assert_int_equal(say(w, "ann", "2"), CHAT_SLOW);
	assert_int_equal(w->retry_after, 60);
	assert_int_equal(say(w, "bob", "3"), CHAT_OK);
	assert_int_equal(say(w, "seller", "4"), CHAT_OK);
	assert_int_equal(say(w, "seller", "5"), CHAT_OK);
	clock_manual_advance(&manual, 59999000);
	assert_int_equal(say(w, "ann", "6"), CHAT_SLOW);
	assert_int_equal(w->retry_after, 1);
	clock_manual_advance(&manual, 1000);
	assert_int_equal(say(w, "ann", "7"), CHAT_OK);
	/* Two at once: one. */
	chat_ask_permits(w->chat, permit, w);
	clock_manual_advance(&manual, 60000000);
	begin(w, "ann", "8", NULL);
	begin(w, "ann", "9", NULL);
	assert_int_equal(w->result, CHAT_SLOW);
	assert_int_equal(w->asked, 1);
	assert_int_equal(answer_permit(w, true), CHAT_OK);
	assert_string_equal(w->text, "8");
	chat_ask_permits(w->chat, NULL, NULL);
	assert_int_equal(slow(w, "seller", 0), CHAT_OK);
	assert_int_equal(say(w, "ann", "10"), CHAT_OK);
	w->repo.ops->stream_cancel(w->repo.impl, w->stream, NULL, NULL);
	turn(w);
	assert_int_equal(slow(w, "seller", 1), CHAT_OVER);
}

static void mutes_silence_for_their_time(void **state)
{
	struct world *w = *state;

	assert_int_equal(mute(w, "seller", "ann", MUTE_WRITING, 60), CHAT_OK);
	assert_int_equal(say(w, "ann", "x"), CHAT_MUTED);
	assert_int_equal(w->until, NOW_US / 1000 + 60000);
	assert_int_equal(say(w, "bob", "x"), CHAT_OK);
	clock_manual_advance(&manual, 60000000);
	assert_int_equal(say(w, "ann", "x"), CHAT_OK);
	assert_int_equal(mute(w, "mod", "ann", MUTE_BAN, 0), CHAT_OK);
	assert_int_equal(say(w, "ann", "x"), CHAT_BANNED);
	assert_int_equal(w->until, 0);
	assert_true(audience_is_banned(w->repo, w->stream, "ann", NOW_US / 1000));
	assert_int_equal(unmute(w, "admin", "ann"), CHAT_OK);
	assert_int_equal(unmute(w, "admin", "ann"), CHAT_NOT_MUTED);
	assert_int_equal(say(w, "ann", "y"), CHAT_OK);
	assert_string_equal(
		w->heard, "muted(ann) written(x) written(x) muted(ann) lifted(ann) written(y) ");
}

static void who_may_mute_whom(void **state)
{
	struct world *w = *state;

	assert_int_equal(mute(w, "ann", "bob", MUTE_BAN, 0), CHAT_FORBIDDEN);
	assert_int_equal(mute(w, NULL, "bob", MUTE_BAN, 0), CHAT_GUEST);
	assert_int_equal(mute(w, "mod", "seller", MUTE_BAN, 0), CHAT_TARGET);
	assert_int_equal(mute(w, "seller", "seller", MUTE_BAN, 0), CHAT_TARGET);
	assert_int_equal(mute(w, "seller", "admin", MUTE_WRITING, 5), CHAT_TARGET);
	assert_int_equal(mute(w, "mod", "mod", MUTE_BAN, 0), CHAT_TARGET);
	assert_int_equal(mute(w, "mod", "nobody", MUTE_BAN, 0), CHAT_NO_USER);
	assert_string_equal(w->heard, "");
	assert_int_equal(mute(w, "seller", "mod", MUTE_BAN, 0), CHAT_OK);
	/* Who is banned does not let himself in again. */
	assert_int_equal(unmute(w, "mod", "mod"), CHAT_TARGET);
	assert_int_equal(unmute(w, "ann", "mod"), CHAT_FORBIDDEN);
	assert_int_equal(unmute(w, "seller", "mod"), CHAT_OK);
}

static void who_may_delete_what(void **state)
{
	struct world *w = *state;
	struct uuid ids[4];

	for (int i = 0; i < 4; i++) {
		assert_int_equal(say(w, "ann", "x"), CHAT_OK);
		ids[i] = w->message;
	}
	w->heard[0] = '\0';
	assert_int_equal(erase(w, "bob", ids[0]), CHAT_FORBIDDEN);
	assert_int_equal(erase(w, NULL, ids[0]), CHAT_GUEST);
	assert_int_equal(erase(w, "ann", ids[0]), CHAT_OK);
	assert_int_equal(erase(w, "ann", ids[0]), CHAT_NO_MESSAGE);
	assert_int_equal(erase(w, "mod", ids[1]), CHAT_OK);
	assert_int_equal(erase(w, "seller", ids[2]), CHAT_OK);
	assert_int_equal(erase(w, "admin", ids[3]), CHAT_OK);
	assert_int_equal(erase(w, "admin", w->stream), CHAT_NO_MESSAGE);
	assert_string_equal(w->heard, "deleted(ann) deleted(mod) deleted(seller) deleted(admin) ");
	w->stream = put_stream(w, AUDIENCE_EVERYONE, true);
	assert_int_equal(erase(w, "admin", ids[3]), CHAT_NO_MESSAGE);
}

static void configure(struct world *w, const char *words, bool links_blocked)
{
	char path[] = "/tmp/souk-words-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, words, strlen(words)), strlen(words));
	close(fd);
	chat_reconfigure(w->chat,
		&(struct chat_config){.blocked_words_file = path, .links_blocked = links_blocked});
	unlink(path);
}

static void blocked_words_are_found(void **state)
{
	static const struct {
		const char *text;
		bool blocked;
	} cases[] = {
		{"darn", true},
		{"Well, DARN!", true},
		{"da\xe2\x80\x8brn it", true}, /* a zero width space within */
		{"darned", false},
		{"undarn", false},
		{"darn_it", false},
		{"\xc3\x9c"
		 "BEL",
			true}, /* folded beyond ASCII */
		{"\xd0\x91\xd0\x9b\xd0\x98\xd0\x9d", true},
		{"buy my Stuff", true},
		{"Buy, my  (stuff)?", true},
		{"buy stuff", false},
		{"rebuy my stuffing", false},
		{"comment", false},
	};
	struct world *w = *state;

	configure(w,
		"darn\n# comment\n\n \xc3\xbc"
		"bel \nbuy my stuff\r\n\xd0\xb1\xd0\xbb\xd0\xb8\xd0\xbd",
		false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (say(w, "ann", cases[i].text) !=
			(cases[i].blocked ? CHAT_BLOCKED_WORD : CHAT_OK))
			fail_msg("%s: %d", cases[i].text, w->result);
	/* Nobody is above the words; who may not write does not learn of them. */
	assert_int_equal(say(w, "seller", "darn"), CHAT_BLOCKED_WORD);
	assert_int_equal(say(w, NULL, "darn"), CHAT_GUEST);
	chat_reconfigure(w->chat, &(struct chat_config){0});
	assert_int_equal(say(w, "ann", "darn"), CHAT_OK);
	chat_reconfigure(w->chat, &(struct chat_config){.blocked_words_file = "/nowhere/at/all"});
	assert_int_equal(say(w, "ann", "darn"), CHAT_OK);
}

static void links_are_for_staff_where_they_are_blocked(void **state)
{
	static const struct {
		const char *text;
		bool link;
	} cases[] = {
		{"see http://x", true},
		{"HTTPS://shop.example/x", true},
		{"www.shop.example", true},
		{"my-shop.com", true},
		{"at shop.COM/now!", true},
		{"wait... what", false},
		{"nice.really nice", false},
		{"it is 3.50 in all", false},
		{"ok.", false},
		{".com", false},
	};
	struct world *w = *state;

	configure(w, "", true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (say(w, "ann", cases[i].text) != (cases[i].link ? CHAT_LINK : CHAT_OK))
			fail_msg("%s: %d", cases[i].text, w->result);
		assert_int_equal(say(w, "seller", cases[i].text), CHAT_OK);
		assert_int_equal(say(w, "mod", cases[i].text), CHAT_OK);
	}
	configure(w, "", false);
	assert_int_equal(say(w, "ann", "http://x"), CHAT_OK);
}

static void the_chat_may_end_before_the_store_has_answered(void **state)
{
	struct world *w = *state;
	const struct chat_caller who = as("ann");

	w->answers = 0;
	chat_write(w->chat, &who, w->stream, "kept", NULL, answered, w);
	chat_write(w->chat, &who, w->stream, "", NULL, answered, w);
	chat_destroy(&w->chat);
	assert_int_equal(w->answers, 2);
	assert_int_equal(w->result, CHAT_FAILED);
	turn(w);
	assert_int_equal(w->answers, 2);
	assert_string_equal(w->heard, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_may_write),
		TEST(what_may_be_written),
		TEST(a_client_id_is_one_message),
		TEST(a_permit_is_asked_once_and_last),
		TEST(who_is_muted_meanwhile_is_silent),
		TEST(slow_mode_lets_viewers_wait),
		TEST(mutes_silence_for_their_time),
		TEST(who_may_mute_whom),
		TEST(who_may_delete_what),
		TEST(blocked_words_are_found),
		TEST(links_are_for_staff_where_they_are_blocked),
		TEST(the_chat_may_end_before_the_store_has_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
