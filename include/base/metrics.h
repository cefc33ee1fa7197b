#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Counters, gauges and histograms with Prometheus' text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). No client library for C is
 * packaged by Debian; the format is a page long.
 *
 * A metric is registered once by name and label set, lives as long as its registry and may be
 * changed from any thread (relaxed atomics). `labels` is the text between the braces, e.g.
 * "reason=\"bad_key\"", or NULL. Registering the same name and labels again returns the same one.
 */
struct metrics;
struct metric;

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *m);

struct metric *metrics_counter(
	struct metrics *m, const char *name, const char *labels, const char *help);
struct metric *metrics_gauge(
	struct metrics *m, const char *name, const char *labels, const char *help);
/* Bounds are upper limits in ascending order, in the metric's base unit (seconds, bytes). */
struct metric *metrics_histogram(struct metrics *m, const char *name, const char *labels,
	const char *help, const double *bounds, size_t n_bounds);

/*
 * Appends name="value" (after a comma if it is not the first) with the value escaped as the format
 * wants it, for labels whose values are not fixed words.
 */
void metrics_label(struct buf *labels, const char *name, const char *value);

/*
 * All of these accept NULL, which registering with a NULL registry yields, and then do nothing, so
 * that libraries can run without metrics.
 */
void metric_add(struct metric *c, uint64_t n);
void metric_set(struct metric *g, int64_t v);
void metric_change(struct metric *g, int64_t delta);
void metric_observe(struct metric *h, double v);
uint64_t metric_count(const struct metric *c); /* counter's or histogram's count, gauge's value */

/* For those who show figures: NULL if nobody registered it. */
struct metric *metrics_find(struct metrics *m, const char *name, const char *labels);
/*
 * The bound of the histogram's bucket in which the quantile q (0..1) of all observations lies;
 * infinity in the last one. False without an observation.
 */
bool metric_quantile(const struct metric *h, double q, double *out);

/*
 * Gauges that are computed when scraped: called on the scraping thread before the text is made.
 * Added before the first scrape, by the scraping thread.
 */
void metrics_on_scrape(struct metrics *m, void (*refresh)(void *user), void *user);
void metrics_write(struct metrics *m, struct buf *out);
