#include "base/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	struct list link; /* in family */
	char *labels; /* NULL: none */
	enum metric_type type;
	_Atomic uint64_t value; /* of a counter or, as two's complement, a gauge */

	double *bounds; /* of a histogram, n_bounds of them */
	size_t n_bounds;
	_Atomic uint64_t *buckets; /* n_bounds + 1, not cumulative; the last is up to +Inf */
	_Atomic uint64_t sum; /* the bits of a double */
};

/* All metrics of a name: the format wants them together, under one HELP and TYPE. */
struct family {
	struct list link;
	struct list metrics;
	char *name, *help;
	enum metric_type type;
};

struct refresher {
	struct list link;
	void (*refresh)(void *user);
	void *user;
};

struct metrics {
	pthread_mutex_t lock; /* the lists; values are atomic */
	struct list families, refreshers;
};

struct metrics *metrics_create(void)
{
	struct metrics *m = mem_new(struct metrics);
	pthread_mutex_init(&m->lock, NULL);
	list_init(&m->families);
	list_init(&m->refreshers);
	return m;
}

static void metric_destroy(struct metric *metric)
{
	free(metric->labels);
	free(metric->bounds);
	free((void *)metric->buckets);
	free(metric);
}

static void family_destroy(struct family *f)
{
	struct metric *metric, *next;
	list_for_each_safe (metric, next, &f->metrics, link) {
		metric_destroy(metric);
	}
	free(f->name);
	free(f->help);
	free(f);
}

void metrics_destroy(struct metrics *m)
{
	struct family *f, *next_f;
	struct refresher *r, *next_r;
	if (m == NULL) {
		return;
	}
	list_for_each_safe (f, next_f, &m->families, link) {
		family_destroy(f);
	}
	list_for_each_safe (r, next_r, &m->refreshers, link) {
		free(r);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct family *family_get(
	struct metrics *m, const char *name, const char *help, enum metric_type type)
{
	struct family *f;
	list_for_each (f, &m->families, link) {
		if (strcmp(f->name, name) == 0) {
			must(f->type == type);
			return f;
		}
	}
	f = mem_new(struct family);
	list_init(&f->metrics);
	f->name = mem_strdup(name);
	f->help = mem_strdup(help);
	f->type = type;
	list_append(&m->families, &f->link);
	return f;
}

static void set_bounds(struct metric *metric, const double *bounds, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		must(bounds[i - 1] < bounds[i]);
	}
	metric->bounds = mem_dup(bounds, n * sizeof(*bounds));
	metric->n_bounds = n;
	metric->buckets = mem_zalloc((n + 1) * sizeof(*metric->buckets));
}

static struct metric *metric_get(struct family *f, const char *labels)
{
	struct metric *metric;
	list_for_each (metric, &f->metrics, link) {
		if (text_eq(metric->labels, labels)) {
			return metric;
		}
	}
	return NULL;
}

static struct metric *enlist(struct metrics *m, const char *name, const char *labels,
	const char *help, enum metric_type type, const double *bounds, size_t n_bounds)
{
	if (m == NULL) {
		return NULL;
	}
	pthread_mutex_lock(&m->lock);
	struct family *f = family_get(m, name, help, type);
	struct metric *metric = metric_get(f, labels);
	if (metric == NULL) {
		metric = mem_new(struct metric);
		metric->type = type;
		metric->labels = mem_strdup(labels);
		if (type == METRIC_HISTOGRAM) {
			set_bounds(metric, bounds, n_bounds);
		}
		list_append(&f->metrics, &metric->link);
	}
	pthread_mutex_unlock(&m->lock);
	return metric;
}

struct metric *metrics_counter(
	struct metrics *m, const char *name, const char *labels, const char *help)
{
	return enlist(m, name, labels, help, METRIC_COUNTER, NULL, 0);
}

struct metric *metrics_gauge(
	struct metrics *m, const char *name, const char *labels, const char *help)
{
	return enlist(m, name, labels, help, METRIC_GAUGE, NULL, 0);
}

struct metric *metrics_histogram(struct metrics *m, const char *name, const char *labels,
	const char *help, const double *bounds, size_t n_bounds)
{
	return enlist(m, name, labels, help, METRIC_HISTOGRAM, bounds, n_bounds);
}

void metric_add(struct metric *c, uint64_t n)
{
	if (c != NULL) {
		atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
	}
}

void metric_set(struct metric *g, int64_t v)
{
	if (g != NULL) {
		atomic_store_explicit(&g->value, (uint64_t)v, memory_order_relaxed);
	}
}

void metric_change(struct metric *g, int64_t delta)
{
	metric_add(g, (uint64_t)delta);
}

static void add_double(_Atomic uint64_t *bits, double v)
{
	uint64_t old = atomic_load_explicit(bits, memory_order_relaxed), new;
	do {
		double sum;
		memcpy(&sum, &old, sizeof(sum));
		sum += v;
		memcpy(&new, &sum, sizeof(new));
	} while (!atomic_compare_exchange_weak_explicit(
		bits, &old, new, memory_order_relaxed, memory_order_relaxed));
}

void metric_observe(struct metric *h, double v)
{
	if (h == NULL) {
		return;
	}
	size_t i = 0;
	while (i < h->n_bounds && v > h->bounds[i]) {
		i++;
	}
	add_double(&h->sum, v);
	atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
}

static uint64_t bucket_count(const struct metric *h, size_t i)
{
	return atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
}

uint64_t metric_count(const struct metric *c)
{
	uint64_t n = 0;
	if (c == NULL) {
		return 0;
	}
	if (c->type != METRIC_HISTOGRAM) {
		return atomic_load_explicit(&c->value, memory_order_relaxed);
	}
	for (size_t i = 0; i <= c->n_bounds; i++) {
		n += bucket_count(c, i);
	}
	return n;
}

struct metric *metrics_find(struct metrics *m, const char *name, const char *labels)
{
	struct metric *found = NULL;
	struct family *f;
	if (m == NULL) {
		return NULL;
	}
	pthread_mutex_lock(&m->lock);
	list_for_each (f, &m->families, link) {
		if (strcmp(f->name, name) == 0) {
			found = metric_get(f, labels);
		}
	}
	pthread_mutex_unlock(&m->lock);
	return found;
}

bool metric_quantile(const struct metric *h, double q, double *out)
{
	uint64_t total = metric_count(h), below = 0;
	if (h == NULL || h->type != METRIC_HISTOGRAM || total == 0) {
		return false;
	}
	for (size_t i = 0; i < h->n_bounds; i++) {
		below += bucket_count(h, i);
		if ((double)below >= q * (double)total) {
			*out = h->bounds[i];
			return true;
		}
	}
	*out = INFINITY;
	return true;
}

void metrics_on_scrape(struct metrics *m, void (*refresh)(void *user), void *user)
{
	if (m == NULL) {
		return;
	}
	struct refresher *r = mem_new(struct refresher);
	r->refresh = refresh;
	r->user = user;
	pthread_mutex_lock(&m->lock);
	list_append(&m->refreshers, &r->link);
	pthread_mutex_unlock(&m->lock);
}

static void put_escaped(struct buf *out, const char *s, bool quotes)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n') {
			buf_put_str(out, "\\n");
		} else if (*s == '\\' || (quotes && *s == '"')) {
			buf_printf(out, "\\%c", *s);
		} else {
			buf_put_u8(out, (uint8_t)*s);
		}
	}
}

void metrics_label(struct buf *labels, const char *name, const char *value)
{
	buf_printf(labels, "%s%s=\"", labels->len > 0 ? "," : "", name);
	put_escaped(labels, value, true);
	buf_put_u8(labels, '"');
}

/* The shortest decimal form that reads back as the same number. */
static void put_double(struct buf *out, double v)
{
	char text[32];
	if (!isfinite(v)) {
		buf_put_str(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v) {
			break;
		}
	}
	buf_put_str(out, text);
}

static void put_series(struct buf *out, const char *name, const char *suffix, const char *labels)
{
	buf_printf(out, "%s%s", name, suffix);
	if (labels != NULL && *labels != '\0') {
		buf_printf(out, "{%s}", labels);
	}
	buf_put_u8(out, ' ');
}

static void put_histogram(struct buf *out, const char *name, const struct metric *h)
{
	const char *labels = h->labels != NULL ? h->labels : "";
	uint64_t total = 0, bits = atomic_load_explicit(&h->sum, memory_order_relaxed);
	double sum;
	memcpy(&sum, &bits, sizeof(sum));
	for (size_t i = 0; i <= h->n_bounds; i++) {
		total += bucket_count(h, i);
		buf_printf(out, "%s_bucket{%s%sle=\"", name, labels, *labels != '\0' ? "," : "");
		put_double(out, i < h->n_bounds ? h->bounds[i] : INFINITY);
		buf_printf(out, "\"} %llu\n", (unsigned long long)total);
	}
	put_series(out, name, "_sum", labels);
	put_double(out, sum);
	buf_put_u8(out, '\n');
	put_series(out, name, "_count", labels);
	buf_printf(out, "%llu\n", (unsigned long long)total);
}

static void put_metric(struct buf *out, const char *name, const struct metric *metric)
{
	uint64_t v = atomic_load_explicit(&metric->value, memory_order_relaxed);
	switch (metric->type) {
	case METRIC_COUNTER:
		put_series(out, name, "", metric->labels);
		buf_printf(out, "%llu\n", (unsigned long long)v);
		break;
	case METRIC_GAUGE:
		put_series(out, name, "", metric->labels);
		buf_printf(out, "%lld\n", (long long)(int64_t)v);
		break;
	case METRIC_HISTOGRAM:
		put_histogram(out, name, metric);
		break;
	}
}

static void put_family(struct buf *out, const struct family *f)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const struct metric *metric;
	buf_printf(out, "# HELP %s ", f->name);
	put_escaped(out, f->help != NULL ? f->help : "", false);
	buf_printf(out, "\n# TYPE %s %s\n", f->name, types[f->type]);
	list_for_each (metric, &f->metrics, link) {
		put_metric(out, f->name, metric);
	}
}

void metrics_write(struct metrics *m, struct buf *out)
{
	struct refresher *r;
	const struct family *f;
	/* Refreshers are only ever added, at the end: the list may be walked without the lock,
	   which a refresher that registers a metric takes. */
	list_for_each (r, &m->refreshers, link) {
		r->refresh(r->user);
	}
	pthread_mutex_lock(&m->lock);
	list_for_each (f, &m->families, link) {
		put_family(out, f);
	}
	pthread_mutex_unlock(&m->lock);
}
