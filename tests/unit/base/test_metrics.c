#include <math.h>

#include "base/metrics.h"
#include "support/test.h"

static void assert_exposition(struct metrics *m, const char *want)
{
	struct buf out = {0};
	metrics_write(m, &out);
	assert_string_equal(buf_text(&out), want);
	buf_finish(&out);
}

static void test_counters_and_gauges(void **state)
{
	struct metrics *m = metrics_create();
	struct metric *bytes =
		metrics_counter(m, "souk_ingest_bytes_total", NULL, "Bytes received.");
	struct metric *bad =
		metrics_counter(m, "souk_refused_total", "reason=\"bad_key\"", "Refused.");
	struct metric *level = metrics_gauge(m, "souk_level", NULL, "A level.");
	struct metric *app =
		metrics_counter(m, "souk_refused_total", "reason=\"bad_app\"", "Refused.");
	metric_add(bytes, 1000);
	metric_add(bytes, 24);
	metric_add(bad, 1);
	metric_set(level, 5);
	metric_change(level, -8);
	assert_ptr_equal(
		metrics_counter(m, "souk_refused_total", "reason=\"bad_app\"", "Refused."), app);
	assert_int_equal(metric_count(bytes), 1024);
	/* Metrics of one name stand together, whenever they were registered. */
	assert_exposition(m,
		"# HELP souk_ingest_bytes_total Bytes received.\n"
		"# TYPE souk_ingest_bytes_total counter\n"
		"souk_ingest_bytes_total 1024\n"
		"# HELP souk_refused_total Refused.\n"
		"# TYPE souk_refused_total counter\n"
		"souk_refused_total{reason=\"bad_key\"} 1\n"
		"souk_refused_total{reason=\"bad_app\"} 0\n"
		"# HELP souk_level A level.\n"
		"# TYPE souk_level gauge\n"
		"souk_level -3\n");
	metrics_destroy(m);
}

static void test_histogram(void **state)
{
	static const double bounds[] = {0.005, 0.1, 1, 2.5};
	struct metrics *m = metrics_create();
	struct metric *h =
		metrics_histogram(m, "souk_seconds", "lane=\"disk\"", "Time.", bounds, 4);
	metric_observe(h, 0.005);
	metric_observe(h, 0.0625);
	metric_observe(h, 0.0625);
	metric_observe(h, 2);
	metric_observe(h, 100);
	assert_int_equal(metric_count(h), 5);
	assert_exposition(m,
		"# HELP souk_seconds Time.\n"
		"# TYPE souk_seconds histogram\n"
		"souk_seconds_bucket{lane=\"disk\",le=\"0.005\"} 1\n"
		"souk_seconds_bucket{lane=\"disk\",le=\"0.1\"} 3\n"
		"souk_seconds_bucket{lane=\"disk\",le=\"1\"} 3\n"
		"souk_seconds_bucket{lane=\"disk\",le=\"2.5\"} 4\n"
		"souk_seconds_bucket{lane=\"disk\",le=\"+Inf\"} 5\n"
		"souk_seconds_sum{lane=\"disk\"} 102.13\n"
		"souk_seconds_count{lane=\"disk\"} 5\n");
	metrics_destroy(m);
}

static void test_histogram_without_labels(void **state)
{
	static const double bounds[] = {1};
	struct metrics *m = metrics_create();
	metric_observe(metrics_histogram(m, "h", NULL, "H", bounds, 1), 0.25);
	assert_exposition(m,
		"# HELP h H\n# TYPE h histogram\n"
		"h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
		"h_sum 0.25\nh_count 1\n");
	metrics_destroy(m);
}

static void test_escaping(void **state)
{
	struct metrics *m = metrics_create();
	struct buf labels = {0};
	metrics_label(&labels, "path", "C:\\DIR\\FILE.TXT");
	metrics_label(&labels, "error", "Cannot find:\n\"FILE\"");
	metrics_counter(m, "x_total", buf_text(&labels), "a \\ back\nslash \"quoted\"");
	assert_exposition(m,
		"# HELP x_total a \\\\ back\\nslash \"quoted\"\n"
		"# TYPE x_total counter\n"
		"x_total{path=\"C:\\\\DIR\\\\FILE.TXT\","
		"error=\"Cannot find:\\n\\\"FILE\\\"\"} 0\n");
	buf_finish(&labels);
	metrics_destroy(m);
}

static void refresh(void *user)
{
	metric_set(user, 42);
}

static void test_refreshed_on_scrape(void **state)
{
	struct metrics *m = metrics_create();
	struct metric *g = metrics_gauge(m, "g", NULL, "G");
	metrics_on_scrape(m, refresh, g);
	assert_exposition(m, "# HELP g G\n# TYPE g gauge\ng 42\n");
	metrics_destroy(m);
}

static void test_null_is_no_metrics(void **state)
{
	static const double bounds[] = {1};
	struct metric *c = metrics_counter(NULL, "c", NULL, "C");
	assert_null(c);
	assert_null(metrics_histogram(NULL, "h", NULL, "H", bounds, 1));
	metric_add(c, 1);
	metric_set(NULL, 1);
	metric_observe(NULL, 1);
	metrics_on_scrape(NULL, refresh, NULL);
	assert_int_equal(metric_count(c), 0);
	metrics_destroy(NULL);
}

static void test_found_and_summed_up(void **state)
{
	static const double bounds[] = {0.1, 1, 10};
	struct metrics *m = metrics_create();
	struct metric *h = metrics_histogram(m, "h", "a=\"b\"", "H", bounds, 3);
	struct metric *g = metrics_gauge(m, "g", NULL, "G");
	double q;
	assert_ptr_equal(metrics_find(m, "h", "a=\"b\""), h);
	assert_null(metrics_find(m, "h", NULL));
	assert_null(metrics_find(m, "x", NULL));
	assert_null(metrics_find(NULL, "h", NULL));
	metric_set(g, 7);
	assert_int_equal(metric_count(metrics_find(m, "g", NULL)), 7);
	assert_false(metric_quantile(h, 0.5, &q));
	assert_false(metric_quantile(g, 0.5, &q));
	assert_false(metric_quantile(NULL, 0.5, &q));
	for (int i = 0; i < 99; i++) {
		metric_observe(h, 0.05);
	}
	metric_observe(h, 100);
	assert_true(metric_quantile(h, 0.99, &q));
	assert_true(q == 0.1);
	metric_observe(h, 5);
	assert_true(metric_quantile(h, 0.99, &q));
	assert_true(q == 10);
	assert_true(metric_quantile(h, 1, &q));
	assert_true(isinf(q));
	metrics_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_and_gauges),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_histogram_without_labels),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_refreshed_on_scrape),
		cmocka_unit_test(test_null_is_no_metrics),
		cmocka_unit_test(test_found_and_summed_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
