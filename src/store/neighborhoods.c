#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "people.h"
#include "stmt.h"

#define EARTH_METERS 6371008.8 /* mean radius, IUGG */
#define DEGREE (M_PI / 180)
/* What the boxes are larger than the circle, in degrees: about ten metres. */
#define MARGIN 1e-4

struct place {
	double lat, lon;
};

/* Great-circle distance by the haversine formula, which is exact enough at any distance. */
static double distance(struct place a, struct place b)
{
	double half_lat = sin((b.lat - a.lat) * DEGREE / 2);
	double half_lon = sin((b.lon - a.lon) * DEGREE / 2);
	double h = half_lat * half_lat +
		cos(a.lat * DEGREE) * cos(b.lat * DEGREE) * half_lon * half_lon;
	return 2 * EARTH_METERS * asin(sqrt(fmin(h, 1)));
}

static enum repo_result get_place(struct db *db, const char *id, struct place *out)
{
	struct stmt s = stmt_begin(db, "SELECT lat, lon FROM neighborhoods WHERE id = ?");
	stmt_text(&s, id);
	bool found = stmt_step(&s);
	if (found) {
		out->lat = stmt_col_real(&s);
		out->lon = stmt_col_real(&s);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result neighborhoods_are_near(void *impl, const char *a, const char *b)
{
	struct place pa, pb;
	if (strcmp(a, b) == 0) {
		return REPO_OK;
	}
	enum repo_result result = get_place(store_reader(impl), a, &pa);
	if (result == REPO_OK) {
		result = get_place(store_reader(impl), b, &pb);
	}
	if (result == REPO_OK && distance(pa, pb) > PEOPLE_NEAR_METERS) {
		result = REPO_NOT_FOUND;
	}
	return result;
}

static void add_word(struct near_words *w, char *word)
{
	w->words = mem_realloc(w->words, (w->n + 1) * sizeof(*w->words));
	w->words[w->n++] = word;
}

struct box {
	double min_lat, max_lat, min_lon, max_lon;
};

/* Adds those of a box that the circle has, but for the one in the middle. */
static bool search(struct db *db, const struct box *box, struct place middle, const char *word,
	struct near_words *out)
{
	struct stmt s = stmt_begin(db,
		"SELECT n.id, n.lat, n.lon FROM neighborhood_places p"
		" JOIN neighborhoods n ON n.place = p.place"
		" WHERE p.min_lat <= ? AND p.max_lat >= ? AND p.min_lon <= ? AND p.max_lon >= ?");
	stmt_real(&s, box->max_lat);
	stmt_real(&s, box->min_lat);
	stmt_real(&s, box->max_lon);
	stmt_real(&s, box->min_lon);
	while (stmt_step(&s)) {
		char *id = stmt_col_text(&s);
		struct place p;
		p.lat = stmt_col_real(&s);
		p.lon = stmt_col_real(&s);
		if (id != NULL && strcmp(id, word) != 0 &&
			distance(middle, p) <= PEOPLE_NEAR_METERS) {
			add_word(out, id);
		} else {
			free(id);
		}
	}
	return stmt_end(&s);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Over the meridian of 180 degrees the circle goes on at the other end of the longitudes; with a
 * pole in it, it has all of them.
 */
static bool search_around(
	struct db *db, struct place middle, const char *word, struct near_words *out)
{
	double radius = PEOPLE_NEAR_METERS / EARTH_METERS;
	double height = radius / DEGREE + MARGIN;
	struct box box = {middle.lat - height, middle.lat + height, -180, 180};
	if (radius >= (90 - fabs(middle.lat)) * DEGREE) {
		return search(db, &box, middle, word, out);
	}
	double reach = asin(sin(radius) / cos(middle.lat * DEGREE)) / DEGREE + MARGIN;
	bool ok = true;
	for (int turn = -1; turn <= 1 && ok; turn++) {
		box.min_lon = middle.lon - reach + 360 * turn;
		box.max_lon = middle.lon + reach + 360 * turn;
		if (box.max_lon >= -180 && box.min_lon <= 180) {
			ok = search(db, &box, middle, word, out);
		}
	}
	return ok;
}

enum repo_result neighborhoods_near(struct db *db, const char *word, struct near_words *out)
{
	struct place middle;
	*out = (struct near_words){0};
	enum repo_result result = get_place(db, word, &middle);
	if (result == REPO_FAILED || (result == REPO_OK && !search_around(db, middle, word, out))) {
		near_words_finish(out);
		return REPO_FAILED;
	}
	add_word(out, mem_strdup(word));
	qsort(out->words, out->n, sizeof(*out->words), by_bytes);
	return REPO_OK;
}

bool near_words_has(const struct near_words *w, const char *word)
{
	return word != NULL && w->n > 0 &&
		bsearch(&word, w->words, w->n, sizeof(*w->words), by_bytes) != NULL;
}

void near_words_finish(struct near_words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->words[i]);
	}
	free(w->words);
	*w = (struct near_words){0};
}

#define COLUMNS "id, name, lat, lon, created_at, updated_at"

static void read_row(struct stmt *s, struct neighborhood_record *out)
{
	out->id = stmt_col_text(s);
	out->name = stmt_col_text(s);
	out->lat = stmt_col_real(s);
	out->lon = stmt_col_real(s);
	out->created_at = stmt_col_uint(s);
	out->updated_at = stmt_col_uint(s);
}

enum repo_result neighborhoods_get(void *impl, const char *id, struct neighborhood_record *out)
{
	struct stmt s = stmt_begin(
		store_reader(impl), "SELECT " COLUMNS " FROM neighborhoods WHERE id = ?");
	*out = (struct neighborhood_record){0};
	stmt_text(&s, id);
	bool found = stmt_step(&s);
	if (found) {
		read_row(&s, out);
	}
	if (!stmt_end(&s)) {
		neighborhood_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result neighborhoods_list(
	void *impl, unsigned limit, const char *cursor, struct repo_neighborhood_page *out)
{
	*out = (struct repo_neighborhood_page){0};
	char *after = people_cursor_parse(cursor);
	if (after == NULL) {
		return REPO_NOT_FOUND;
	}
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT " COLUMNS " FROM neighborhoods WHERE id > ? ORDER BY id");
	stmt_text(&s, after);
	out->rows = mem_alloc(limit * sizeof(*out->rows));
	while (stmt_step(&s)) {
		if (out->n == limit) {
			out->next_cursor = people_cursor_text(out->rows[limit - 1].id);
			break;
		}
		read_row(&s, &out->rows[out->n++]);
	}
	bool ok = stmt_end(&s);
	free(after);
	if (!ok) {
		repo_neighborhood_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

struct neighborhood_job {
	struct plain_job plain;
	char *id, *name;
	double lat, lon;
	uint64_t now;
};

static void finish(struct plain_job *p)
{
	struct neighborhood_job *n = container_of(p, struct neighborhood_job, plain);
	free(n->id);
	free(n->name);
}

static bool put_row(struct db *db, const struct neighborhood_job *n)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO neighborhoods (id, name, lat, lon, created_at, updated_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (id) DO UPDATE SET"
		" name = excluded.name, lat = excluded.lat, lon = excluded.lon,"
		" updated_at = excluded.updated_at");
	stmt_text(&s, n->id);
	stmt_text(&s, n->name);
	stmt_real(&s, n->lat);
	stmt_real(&s, n->lon);
	stmt_uint(&s, n->now);
	return stmt_run(&s);
}

static enum repo_result put(struct db *db, struct store_job *job)
{
	const struct neighborhood_job *n = container_of(job, struct neighborhood_job, plain.job);
	if (!put_row(db, n)) {
		return REPO_FAILED;
	}
	struct stmt s = stmt_begin(db,
		"INSERT OR REPLACE INTO neighborhood_places (place, min_lat, max_lat, min_lon,"
		" max_lon) SELECT place, lat, lat, lon, lon FROM neighborhoods WHERE id = ?");
	stmt_text(&s, n->id);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static enum repo_result delete (struct db *db, struct store_job *job) {
	const struct neighborhood_job *n = container_of(job, struct neighborhood_job, plain.job);
	struct stmt s = stmt_begin(db,
		"DELETE FROM neighborhood_places WHERE place ="
		" (SELECT place FROM neighborhoods WHERE id = ?)");
	stmt_text(&s, n->id); if (!stmt_run(&s)){return REPO_FAILED;}
s = stmt_begin(db, "DELETE FROM neighborhoods WHERE id = ?");
stmt_text(&s, n->id);
if (!stmt_run(&s)) {
	return REPO_FAILED;
}
return sqlite3_changes(db->handle) > 0 ? REPO_OK : REPO_NOT_FOUND;
}

static struct neighborhood_job *job_create(void *impl, const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job), const char *id,
	repo_done done, void *user)
{
	struct neighborhood_job *n = mem_new(struct neighborhood_job);
	plain_job_init(&n->plain, name, apply, finish, done, user);
	n->id = mem_strdup(id);
	n->now = clock_wall_ms(store_clock(impl));
	return n;
}

void neighborhoods_put(void *impl, const struct neighborhood_record *r, repo_done done, void *user)
{
	struct neighborhood_job *n = job_create(impl, "neighborhood_put", put, r->id, done, user);
	n->name = mem_strdup(r->name);
	n->lat = r->lat;
	n->lon = r->lon;
	store_submit(impl, &n->plain.job);
}

void neighborhoods_delete(void *impl, const char *id, repo_done done, void *user)
{
	store_submit(
		impl, &job_create(impl, "neighborhood_delete", delete, id, done, user)->plain.job);
}
