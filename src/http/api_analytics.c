#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/insight.h"
#include "model/sales.h"
#include "state/audience.h"

/* Who watched and what it brought: of a live stream from its audience, of others from the store. */
#define TIMELINE_MAX 20000u

static bool is_watched(const struct api *a, struct uuid id, struct audience_figures *out)
{
	*out = (struct audience_figures){0};
	return a->config.audience && audience_figures(a->config.audience, id, out);
}

static void set_integer(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, json_integer((json_int_t)v));
}

static void set_seconds(json_t *o, const char *name, uint64_t ms)
{
	json_object_set_new(o, name, json_real((double)ms / 1000));
}

/* Of one that is over or has not begun, as far as they are in its row. */
static void figures_of_row(const struct stream_record *r, struct audience_figures *out)
{
	*out = (struct audience_figures){
		.peak = r->peak_viewers,
		.unique = r->unique_viewers,
		.likes = r->total_likes,
		.chat = r->chat_messages_count,
		.average_watch = r->average_watch_time,
	};
}

void api_set_counts(const struct api *a, json_t *o, const struct stream_record *r)
{
	struct audience_figures f;

	if (r->status != STREAM_LIVE || !is_watched(a, r->id, &f))
		figures_of_row(r, &f);
	set_integer(o, "currentViewers", f.current);
	set_integer(o, "peakViewers", f.peak);
	set_integer(o, "uniqueViewers", f.unique);
	set_integer(o, "totalLikes", f.likes);
	set_integer(o, "chatMessages", f.chat);
	set_integer(o, "averageWatchTime", f.average_watch);
}

static bool is_owner(const struct http_request *r, const struct stream_record *row)
{
	const struct identity *who = router_identity(r);

	return who && (text_eq(who->user_id, row->seller_id) || router_has_role(r, ROLE_ADMIN));
}

/* Viewers */

struct viewer_page {
	json_t *items;
	unsigned limit;
	uint64_t last;
};

static json_t *viewer_json(const struct audience_viewer *v)
{
	bool guest = audience_is_guest(v->id);
	json_t *o = json_object();

	json_object_set_new(o, "userId", api_text_or_null(guest ? NULL : v->id));
	json_object_set_new(o, "username", api_text_or_null(v->name));
	json_object_set_new(o, "neighborhood", api_text_or_null(v->neighborhood));
	json_object_set_new(o, "joinedAt", api_time_or_null(v->joined_at));
	set_seconds(o, "watchTime", v->watch_ms);
	json_object_set_new(o, "guest", json_boolean(guest));
	return o;
}

static void add_viewer(void *arg, const struct audience_viewer *v)
{
	struct viewer_page *page = arg;

	if (json_array_size(page->items) == page->limit) {
		page->limit = 0; /* there are more */
	} else {
		page->last = v->place;
		json_array_append_new(page->items, viewer_json(v));
	}
}

/* Those who watch now; NULL, with the answer given, if the cursor is none of ours. */
static json_t *list_present(
	struct api *a, struct http_request *r, const struct stream_record *row, char **next)
{
	struct viewer_page page = {.items = json_array(), .limit = router_limit(r)};
	struct api_arg room;
	const char *cursor = api_arg(r, "cursor", &room);
	uint64_t after = 0;

	if (*cursor && !text_u64(cursor, 0, UINT64_MAX, &after)) {
		json_decref(page.items);
		reply_error(r, 422, "invalid_cursor", "The cursor is not one of ours.", "cursor");
		return NULL;
	}
	audience_viewers(a->config.audience, row->id, after, page.limit + 1, add_viewer, &page);
	if (page.limit == 0)
		*next = mem_printf("%llu", (unsigned long long)page.last);
	return page.items;
}

/* Those who watched, of a stream that is over. */
static json_t *list_past(
	struct api *a, struct http_request *r, const struct stream_record *row, char **next)
{
	const struct repo *repo = &a->config.repo;
	unsigned limit = router_limit(r);
	struct viewer_record *rows;
	struct api_arg room;
	json_t *items = json_array();
	size_t n;

	if (!repo->insight)
		return items;
	if (repo->insight->viewer_list(repo->impl, row->id, limit + 1, api_arg(r, "cursor", &room),
		    &rows, &n) != REPO_OK) {
		json_decref(items);
		api_reply_unreadable(r);
		return NULL;
	}
	for (size_t i = 0; i < n && i < limit; i++)
		json_array_append_new(items,
			viewer_json(&(struct audience_viewer){.id = rows[i].viewer,
				.name = rows[i].name,
				.neighborhood = rows[i].neighborhood,
				.joined_at = rows[i].joined_at,
				.watch_ms = rows[i].watch_ms}));
	if (n > limit)
		*next = mem_strdup(rows[limit - 1].viewer);
	viewer_records_free(rows, n);
	return items;
}

static void reply_viewers(struct http_request *r, uint32_t count, json_t *viewers, char *next)
{
	json_t *o = json_object();

	set_integer(o, "count", count);
	if (viewers) {
		json_object_set_new(o, "viewers", viewers);
		json_object_set_new(o, "nextCursor", api_text_or_null(next));
	}
	free(next);
	reply_data(r, 200, o);
}

static void viewers(void *user, struct http_request *r)
{
	struct api *a = user;
	struct stream_record row;
	struct audience_figures f;
	json_t *list;
	char *next = NULL;
	bool live;

	if (!api_stream_of(a, r, &row))
		return;
	live = row.status == STREAM_LIVE && is_watched(a, row.id, &f);
	if (!live)
		f.current = 0;
	if (!is_owner(r, &row)) {
		reply_viewers(r, f.current, NULL, NULL);
	} else {
		list = live ? list_present(a, r, &row, &next) : list_past(a, r, &row, &next);
		if (list)
			reply_viewers(r, f.current, list, next);
	}
	stream_record_finish(&row);
}

/* Analytics */

/* What an answer is made of; `ok` is false once something could not be read. */
struct look {
	const struct api *api;
	const struct stream_record *row;
	bool watched; /* the audience knows it */
	struct audience_figures figures;
	bool ok;
};

static void check(struct look *l, enum repo_result r)
{
	l->ok = l->ok && (r == REPO_OK || r == REPO_NOT_FOUND);
}

static void look_at_reactions(struct look *l)
{
	const struct repo *repo = &l->api->config.repo;
	struct reaction_record *rows = NULL;
	size_t n = 0;

	check(l, repo->insight->reactions(repo->impl, l->row->id, &rows, &n));
	for (size_t i = 0; i < n; i++) {
		int emoji = audience_emoji(rows[i].emoji);

		if (emoji >= 0)
			l->figures.reactions[emoji] = rows[i].count;
	}
	free(rows);
}

static void look_at_figures(struct look *l)
{
	const struct repo *repo = &l->api->config.repo;
	struct audience_figures *f = &l->figures;
	uint32_t viewers;

	l->watched = is_watched(l->api, l->row->id, f);
	if (!l->watched)
		figures_of_row(l->row, f);
	if (!l->watched && repo->insight) {
		check(l,
			repo->insight->viewer_totals(
				repo->impl, l->row->id, &viewers, &f->watch_ms, &f->chatters));
		look_at_reactions(l);
	}
	if (l->row->status != STREAM_LIVE)
		f->current = 0;
}

static json_t *basics_json(const struct look *l)
{
	const struct audience_figures *f = &l->figures;
	json_t *o = json_object();

	json_object_set_new(o, "duration", api_stream_duration(l->api, l->row));
	set_integer(o, "currentViewers", f->current);
	set_integer(o, "peakViewers", f->peak);
	set_integer(o, "uniqueViewers", f->unique);
	set_integer(o, "averageWatchTime", f->average_watch);
	set_seconds(o, "totalWatchTime", f->watch_ms);
	return o;
}

static json_t *engagement_json(const struct look *l)
{
	const struct audience_figures *f = &l->figures;
	json_t *o = json_object(), *reactions = json_object();

	for (int i = 0; i < AUDIENCE_EMOJIS; i++)
		set_integer(reactions, audience_emojis[i], f->reactions[i]);
	set_integer(o, "totalLikes", f->likes);
	json_object_set_new(o, "reactions", reactions);
	set_integer(o, "chatMessages", f->chat);
	set_integer(o, "chatters", f->chatters);
	return o;
}

static json_t *products_json(struct look *l)
{
	const struct repo *repo = &l->api->config.repo;
	struct stream_product_record *rows = NULL;
	json_t *list = json_array();
	size_t n = 0;

	check(l, repo->ops->stream_products(repo->impl, l->row->id, &rows, &n));
	for (size_t i = 0; i < n; i++) {
		const struct stream_product_record *p = &rows[i];

		json_array_append_new(list,
			json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "productId",
				api_id(p->product.id), "name", api_text_or_null(p->product.name),
				"clicks", (json_int_t)p->clicks, "views", (json_int_t)p->views,
				"inquiries", (json_int_t)p->inquiries, "purchases",
				(json_int_t)p->purchases, "revenue", (json_int_t)p->revenue));
		stream_product_record_finish(&rows[i]);
	}
	free(rows);
	return list;
}

/* The total is that of the currency with the most orders: others are not converted. */
static json_t *revenue_json(struct look *l)
{
	const struct repo *repo = &l->api->config.repo;
	struct repo_revenue *rows = NULL;
	json_t *o = json_object(), *list = json_array();
	size_t n = 0;
	uint64_t orders = 0;

	if (repo->sales)
		check(l, repo->sales->revenue(repo->impl, l->row->id, &rows, &n));
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:I}", "currency", rows[i].currency, "total",
				(json_int_t)rows[i].total, "orders", (json_int_t)rows[i].orders));
		orders += rows[i].orders;
	}
	json_object_set_new(o, "total", json_integer(n ? (json_int_t)rows[0].total : 0));
	json_object_set_new(o, "currency", api_text_or_null(n ? rows[0].currency : NULL));
	set_integer(o, "orders", orders);
	json_object_set_new(o, "byCurrency", list);
	free(rows);
	return o;
}

static void add_place(void *arg, const struct geography_record *g)
{
	json_array_append_new(arg,
		json_pack("{s:o, s:I}", "neighborhood", api_text_or_null(g->neighborhood),
			"viewers", (json_int_t)g->viewers));
}

static json_t *geography_json(struct look *l)
{
	const struct repo *repo = &l->api->config.repo;
	struct geography_record *rows = NULL;
	json_t *list = json_array();
	size_t n = 0;

	if (l->watched)
		audience_geography(l->api->config.audience, l->row->id, add_place, list);
	else if (repo->insight)
		check(l, repo->insight->geography(repo->impl, l->row->id, &rows, &n));
	for (size_t i = 0; i < n; i++)
		add_place(list, &rows[i]);
	geography_records_free(rows, n);
	return list;
}

static void add_bucket(json_t *list, const struct timeline_record *t)
{
	json_array_append_new(list,
		json_pack("{s:o, s:I, s:I, s:I}", "at", api_time_or_null(t->at), "viewers",
			(json_int_t)t->viewers, "chat", (json_int_t)t->chat, "reactions",
			(json_int_t)t->reactions));
}

static json_t *timeline_json(struct look *l)
{
	const struct repo *repo = &l->api->config.repo;
	const struct timeline_record *t = NULL;
	struct timeline_record *rows = NULL;
	json_t *list = json_array();
	size_t n = 0, from;

	if (l->watched) {
		t = audience_timeline(l->api->config.audience, l->row->id, &n);
	} else if (repo->insight) {
		check(l,
			repo->insight->timeline(
				repo->impl, l->row->id, 0, TIMELINE_MAX, &rows, &n));
		t = rows;
	}
	from = n > TIMELINE_MAX ? n - TIMELINE_MAX : 0;
	for (size_t i = from; i < n; i++)
		add_bucket(list, &t[i]);
	free(rows);
	return list;
}

static json_t *number_or_null(double v)
{
	return v > 0 ? json_real(v) : json_null();
}

static json_t *integer_or_null(uint64_t v)
{
	return v ? json_integer((json_int_t)v) : json_null();
}

static json_t *ingest_json(const struct ingest_record *i)
{
	json_t *o = json_object();

	json_object_set_new(o, "bitrate", integer_or_null(i->bitrate));
	json_object_set_new(o, "fps", number_or_null(i->frame_rate));
	json_object_set_new(o, "keyframeInterval", number_or_null(i->keyframe_interval));
	api_set_ingest(o, i);
	return o;
}

static json_t *look_at_ingest(struct look *l)
{
	const struct repo *repo = &l->api->config.repo;
	enum repo_result r = REPO_NOT_FOUND;
	struct ingest_record i = {0};
	json_t *o = NULL;

	if (l->watched && audience_ingest(l->api->config.audience, l->row->id, &i))
		r = REPO_OK;
	else if (repo->insight)
		r = repo->insight->ingest(repo->impl, l->row->id, &i);
	check(l, r);
	if (r == REPO_OK)
		o = ingest_json(&i);
	ingest_record_finish(&i);
	return o ? o : json_null();
}

static void analytics(void *user, struct http_request *r)
{
	struct api *a = user;
	struct stream_record row;
	struct look l = {.api = a, .row = &row, .ok = true};
	json_t *o;

	if (!api_stream_of(a, r, &row))
		return;
	if (!is_owner(r, &row)) {
		reply_error(r, 403, "forbidden", "These figures are the seller's.", NULL);
		stream_record_finish(&row);
		return;
	}
	look_at_figures(&l);
	o = json_object();
	json_object_set_new(o, "basicStats", basics_json(&l));
	json_object_set_new(o, "engagement", engagement_json(&l));
	json_object_set_new(o, "products", products_json(&l));
	json_object_set_new(o, "revenue", revenue_json(&l));
	json_object_set_new(o, "geography", geography_json(&l));
	json_object_set_new(o, "timeline", timeline_json(&l));
	json_object_set_new(o, "ingest", look_at_ingest(&l));
	if (l.ok) {
		reply_data(r, 200, o);
	} else {
		json_decref(o);
		api_reply_unreadable(r);
	}
	stream_record_finish(&row);
}

/* Shapes */

#define SHAPE(variable, name) \
	static const struct shape variable = {name, variable##_fields, API_COUNT(variable##_fields)}

static const struct shape_field viewer_fields[] = {
	{"userId", SHAPE_TEXT, .nullable = true, .text = "null: a guest."},
	{"username", SHAPE_TEXT, .nullable = true},
	{"neighborhood", SHAPE_TEXT, .nullable = true},
	{"joinedAt", SHAPE_TIME, .text = "For the first time."},
	{"watchTime", SHAPE_NUMBER, .text = "Seconds."},
	{"guest", SHAPE_BOOL},
};
SHAPE(viewer, "Viewer");

static const struct shape_field viewers_shape_fields[] = {
	{"count", SHAPE_INTEGER, .text = "Viewers now."},
	{"viewers", SHAPE_LIST, .optional = true, .of = &viewer,
		.text = "For the owner and admins: who watches now; once it is over, who did."},
	{"nextCursor", SHAPE_TEXT, .optional = true, .nullable = true},
};
SHAPE(viewers_shape, "Viewers");

static const struct shape_field basics_fields[] = {
	{"duration", SHAPE_NUMBER, .nullable = true, .text = "Seconds on air."},
	{"currentViewers", SHAPE_INTEGER},
	{"peakViewers", SHAPE_INTEGER},
	{"uniqueViewers", SHAPE_INTEGER},
	{"averageWatchTime", SHAPE_INTEGER, .text = "Seconds."},
	{"totalWatchTime", SHAPE_NUMBER, .text = "Seconds."},
};
SHAPE(basics, "BasicStats");

static const struct shape_field engagement_fields[] = {
	{"totalLikes", SHAPE_INTEGER},
	{"reactions", SHAPE_COUNTS, .text = "By emoji."},
	{"chatMessages", SHAPE_INTEGER},
	{"chatters", SHAPE_INTEGER, .text = "Different people who wrote."},
};
SHAPE(engagement, "Engagement");

static const struct shape_field product_fields[] = {
	{"productId", SHAPE_UUID},
	{"name", SHAPE_TEXT, .nullable = true},
	{"clicks", SHAPE_INTEGER},
	{"views", SHAPE_INTEGER},
	{"inquiries", SHAPE_INTEGER},
	{"purchases", SHAPE_INTEGER},
	{"revenue", SHAPE_INTEGER, .text = "Minor units of the product's currency."},
};
SHAPE(product, "ProductFigures");

static const struct shape_field currency_fields[] = {
	{"currency", SHAPE_TEXT},
	{"total", SHAPE_INTEGER, .text = "Minor units."},
	{"orders", SHAPE_INTEGER},
};
SHAPE(currency, "CurrencyRevenue");

static const struct shape_field revenue_fields[] = {
	{"total", SHAPE_INTEGER, .text = "Minor units, of `currency` alone."},
	{"currency", SHAPE_TEXT, .nullable = true, .text = "That of the most orders."},
	{"orders", SHAPE_INTEGER, .text = "In all currencies."},
	{"byCurrency", SHAPE_LIST, .of = &currency},
};
SHAPE(revenue, "Revenue");

static const struct shape_field place_fields[] = {
	{"neighborhood", SHAPE_TEXT, .nullable = true, .text = "null: not known."},
	{"viewers", SHAPE_INTEGER, .text = "Different ones."},
};
SHAPE(place, "PlaceFigures");

static const struct shape_field bucket_fields[] = {
	{"at", SHAPE_TIME, .text = "Begin of five seconds."},
	{"viewers", SHAPE_INTEGER, .text = "The most at once."},
	{"chat", SHAPE_INTEGER},
	{"reactions", SHAPE_INTEGER},
};
SHAPE(bucket, "TimelineBucket");

static const struct shape_field health_fields[] = {
	{"bitrate", SHAPE_INTEGER, .nullable = true, .text = "Bits a second."},
	{"fps", SHAPE_NUMBER, .nullable = true},
	{"width", SHAPE_INTEGER, .nullable = true},
	{"height", SHAPE_INTEGER, .nullable = true},
	{"videoCodec", SHAPE_TEXT, .nullable = true},
	{"audioCodec", SHAPE_TEXT, .nullable = true},
	{"codecs", SHAPE_TEXT, .nullable = true},
	{"keyframeInterval", SHAPE_NUMBER, .nullable = true, .text = "Seconds."},
	{"encoder", SHAPE_TEXT, .nullable = true},
	{"interruptions", SHAPE_INTEGER},
	{"bytes", SHAPE_INTEGER},
	{"droppedSamples", SHAPE_INTEGER},
	{"discontinuities", SHAPE_INTEGER},
};
SHAPE(health, "IngestHealth");

static const struct shape_field analytics_shape_fields[] = {
	{"basicStats", SHAPE_OBJECT, .of = &basics},
	{"engagement", SHAPE_OBJECT, .of = &engagement},
	{"products", SHAPE_LIST, .of = &product},
	{"revenue", SHAPE_OBJECT, .of = &revenue},
	{"geography", SHAPE_LIST, .of = &place, .text = "Most viewers first."},
	{"timeline", SHAPE_LIST, .of = &bucket},
	{"ingest", SHAPE_OBJECT, .nullable = true, .of = &health,
		.text = "null where there was none."},
};
SHAPE(analytics_shape, "Analytics");

static const struct route_field viewers_query[] = {
	{"limit", FIELD_INTEGER, .min = 1, .max = 100},
	{"cursor", FIELD_STRING, .min = 1, .max = 200, .text = "nextCursor of the page before."},
};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/streams/{id}/viewers", ROUTE_PUBLIC,
		"How many watch; for the owner and admins, who.", .query = viewers_query,
		.n_query = API_COUNT(viewers_query), .answer = "count, and viewers for the owner.",
		.shape = &viewers_shape,
		.errors = "404 not_found, 404 stream_not_found, 422 invalid_cursor",
		.alias = "/api/streams/{id}/viewers", .handler = viewers},
	{HTTP_GET, "/api/v1/streams/{id}/analytics", ROUTE_USER,
		"Figures of a stream, live or ended; for the owner and admins.",
		.answer = "The figures.", .shape = &analytics_shape,
		.errors = "403 forbidden, 404 not_found, 404 stream_not_found",
		.handler = analytics},
};

void api_analytics_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
