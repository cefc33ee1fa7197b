#include "fixture.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

static void post(void *user, void (*fn)(void *arg), void *arg)
{
	struct fixture *f = user;
	pthread_mutex_lock(&f->lock);
	if (f->n_posted == sizeof(f->posted) / sizeof(f->posted[0])) {
		abort();
	}
	f->posted[f->n_posted].fn = fn;
	f->posted[f->n_posted].arg = arg;
	f->n_posted++;
	pthread_mutex_unlock(&f->lock);
}

void fixture_turn(struct fixture *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->n_posted > 0) {
		void (*fn)(void *arg) = f->posted[0].fn;
		void *arg = f->posted[0].arg;
		f->n_posted--;
		memmove(&f->posted[0], &f->posted[1], f->n_posted * sizeof(f->posted[0]));
		pthread_mutex_unlock(&f->lock);
		fn(arg);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
}

static void drain(struct repo_backend *b)
{
	struct fixture *f = (struct fixture *)b;
	store_flush(f->store);
	fixture_turn(f);
}

void fixture_open(struct fixture *f, size_t queue_max)
{
	char *error = NULL;
	struct store_config config = {.url = f->url,
		.clock = &f->backend.clock.clock,
		.metrics = f->metrics,
		.post = post,
		.post_user = f,
		.queue_max = queue_max};
	f->store = store_open(&config, &error);
	if (f->store == NULL) {
		fail_msg("%s", error);
	}
	f->backend.repo = store_repo(f->store);
}

void fixture_close(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	fixture_turn(f);
}

static struct fixture *fixture_create(void)
{
	char dir[] = "/tmp/souk-store-XXXXXX";
	struct fixture *f = mem_new(struct fixture);
	assert_non_null(mkdtemp(dir));
	log_set_levels("off");
	f->dir = mem_strdup(dir);
	f->path = mem_printf("%s/deep/er/souk.db", dir);
	f->metrics = metrics_create();
	pthread_mutex_init(&f->lock, NULL);
	clock_manual_init(&f->backend.clock, 1770000000000000);
	f->backend.drain = drain;
	return f;
}

int fixture_setup(void **state)
{
	struct fixture *f = fixture_create();
	f->url = mem_printf("sqlite:%s", f->path);
	fixture_open(f, 0);
	*state = f;
	return 0;
}

int fixture_setup_in_memory(void **state)
{
	struct fixture *f = fixture_create();
	f->url = mem_strdup("sqlite::memory:");
	fixture_open(f, 0);
	*state = f;
	return 0;
}

static void remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			char *inner = mem_printf("%s/%s", path, entry->d_name);
			remove_tree(inner);
			free(inner);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	if (f->store != NULL) {
		fixture_close(f);
	}
	metrics_destroy(f->metrics);
	remove_tree(f->dir);
	pthread_mutex_destroy(&f->lock);
	free(f->dir);
	free(f->path);
	free(f->url);
	free(f);
	return 0;
}

long fixture_metric(struct fixture *f, const char *name)
{
	struct buf text = {0};
	char *line_start = mem_printf("\n%s ", name);
	metrics_write(f->metrics, &text);
	const char *at = strstr(buf_text(&text), line_start);
	long value = at != NULL ? strtol(at + strlen(line_start), NULL, 10) : -1;
	free(line_start);
	buf_finish(&text);
	return value;
}

struct sqlite3 *fixture_lock(struct fixture *f)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

void fixture_unlock(struct sqlite3 *db)
{
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}
