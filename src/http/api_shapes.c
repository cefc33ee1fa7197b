#include "api_shapes.h"

#include "api_internal.h"

#define SHAPE(variable, name) \
	const struct shape api_shape_##variable = { \
		name, variable##_fields, API_COUNT(variable##_fields)}

#define STATS \
	{"peakViewers", SHAPE_INTEGER}, {"uniqueViewers", SHAPE_INTEGER}, \
		{"totalLikes", SHAPE_INTEGER}, {"chatMessages", SHAPE_INTEGER}, \
	{ \
		"averageWatchTime", SHAPE_INTEGER, .text = "Seconds." \
	}

static const struct shape_field stats_fields[] = {STATS};
SHAPE(stats, "StreamStats");

static const struct shape_field seller_fields[] = {
	{"id", SHAPE_TEXT},
	{"name", SHAPE_TEXT, .nullable = true},
	{"avatar", SHAPE_TEXT, .nullable = true},
};
static const struct shape seller = {"Seller", seller_fields, API_COUNT(seller_fields)};

static const struct shape_field advice_fields[] = {
	{"code", SHAPE_TEXT},
	{"message", SHAPE_TEXT, .text = "What to change, in the words of the encoder."},
};
static const struct shape advice = {"Advice", advice_fields, API_COUNT(advice_fields)};

static const struct shape_field health_fields[] = {
	{"status", SHAPE_TEXT, .text = "unknown, good, fair or poor."},
	{"skewMs", SHAPE_INTEGER, .text = "Positive: sound comes ahead of the picture."},
	{"jitterMs", SHAPE_INTEGER},
	{"lateMs", SHAPE_INTEGER, .text = "How far the encoder is behind real time."},
	{"missingFrames", SHAPE_INTEGER, .text = "In the last ten seconds."},
	{"advice", SHAPE_LIST, .of = &advice},
};
static const struct shape health = {"StreamHealth", health_fields, API_COUNT(health_fields)};

static const struct shape_field ingest_fields[] = {
	{"bitrate", SHAPE_INTEGER, .text = "Bits a second."},
	{"frameRate", SHAPE_NUMBER, .nullable = true},
	{"width", SHAPE_INTEGER, .nullable = true},
	{"height", SHAPE_INTEGER, .nullable = true},
	{"videoCodec", SHAPE_TEXT, .nullable = true},
	{"audioCodec", SHAPE_TEXT, .nullable = true},
	{"codecs", SHAPE_TEXT, .nullable = true, .text = "As in an HLS playlist."},
	{"keyframeInterval", SHAPE_NUMBER, .nullable = true, .text = "Seconds."},
	{"encoder", SHAPE_TEXT, .nullable = true},
	{"interruptions", SHAPE_INTEGER},
	{"bytes", SHAPE_INTEGER},
	{"droppedSamples", SHAPE_INTEGER},
	{"discontinuities", SHAPE_INTEGER},
	{"health", SHAPE_OBJECT, .of = &health},
};
static const struct shape ingest = {"Ingest", ingest_fields, API_COUNT(ingest_fields)};

#define STREAM_FIELDS \
	{"id", SHAPE_UUID}, {"streamId", SHAPE_UUID, .text = "The same as id."}, \
		{"sellerId", SHAPE_TEXT}, {"title", SHAPE_TEXT}, \
		{"description", SHAPE_TEXT, .nullable = true}, \
		{"category", SHAPE_TEXT, .nullable = true}, {"status", SHAPE_TEXT}, \
		{"audience", SHAPE_TEXT}, \
		{"estimatedDuration", SHAPE_INTEGER, .nullable = true, .text = "Minutes."}, \
		{"notifyFollowers", SHAPE_BOOL}, {"notifyNeighborhood", SHAPE_BOOL}, \
		{"enableChat", SHAPE_BOOL}, {"enableComments", SHAPE_BOOL}, \
		{"slowMode", SHAPE_INTEGER, .text = "Seconds between messages; 0: none."}, \
		{"recordStream", SHAPE_BOOL}, {"scheduledAt", SHAPE_TIME, .nullable = true}, \
		{"startedAt", SHAPE_TIME, .nullable = true}, \
		{"endedAt", SHAPE_TIME, .nullable = true}, \
		{"endReason", SHAPE_TEXT, .nullable = true}, \
		{"duration", SHAPE_NUMBER, .nullable = true, .text = "Seconds on air."}, \
		{"createdAt", SHAPE_TIME}, {"updatedAt", SHAPE_TIME}, \
		{"hlsUrl", SHAPE_TEXT, .nullable = true}, {"watchUrl", SHAPE_TEXT}, \
		{"vodUrl", SHAPE_TEXT, .nullable = true}, \
		{"thumbnailUrl", SHAPE_TEXT, .nullable = true}, \
		{"storyboardUrl", SHAPE_TEXT, .nullable = true, .text = "Of a recording."}, \
		{"chatReplayUrl", SHAPE_TEXT, .nullable = true, .text = "Of a recording."}, \
		{"state", SHAPE_TEXT, .nullable = true, .text = "Of a live one."}, \
		{"ingest", SHAPE_OBJECT, .nullable = true, .of = &ingest}, \
		{"seller", SHAPE_OBJECT, .of = &seller}, {"currentViewers", SHAPE_INTEGER}, STATS

static const struct shape_field stream_fields[] = {STREAM_FIELDS};
SHAPE(stream, "Stream");

#define PRODUCT_COUNT \
	{ \
		"productCount", SHAPE_INTEGER \
	}

static const struct shape_field created_fields[] = {STREAM_FIELDS, PRODUCT_COUNT};
SHAPE(created, "StreamCreated");

#define PRODUCT_FIELDS \
	{"id", SHAPE_UUID}, {"productId", SHAPE_UUID, .text = "The same as id."}, \
		{"sellerId", SHAPE_TEXT}, {"name", SHAPE_TEXT}, \
		{"description", SHAPE_TEXT, .nullable = true}, \
		{"imageUrl", SHAPE_TEXT, .nullable = true}, {"url", SHAPE_TEXT, .nullable = true}, \
		{"price", SHAPE_INTEGER, .text = "Minor units."}, {"currency", SHAPE_TEXT}, \
		{"stock", SHAPE_INTEGER, .nullable = true, .text = "null: not counted."}, \
		{"createdAt", SHAPE_TIME}, \
	{ \
		"updatedAt", SHAPE_TIME \
	}

static const struct shape_field product_fields[] = {PRODUCT_FIELDS};
SHAPE(product, "Product");

static const struct shape_field position_fields[] = {{"x", SHAPE_NUMBER}, {"y", SHAPE_NUMBER}};
SHAPE(position, "Position");

#define STREAM_PRODUCT_FIELDS \
	PRODUCT_FIELDS, {"position", SHAPE_OBJECT, .nullable = true, .of = &api_shape_position}, \
		{"timestampSeconds", SHAPE_INTEGER, .nullable = true}, {"pinned", SHAPE_BOOL}, \
		{"views", SHAPE_INTEGER}, {"clicks", SHAPE_INTEGER}, {"inquiries", SHAPE_INTEGER}, \
		{"purchases", SHAPE_INTEGER}, \
	{ \
		"revenue", SHAPE_INTEGER, .text = "Of the orders in the product's currency." \
	}

static const struct shape_field stream_product_fields[] = {STREAM_PRODUCT_FIELDS};
SHAPE(stream_product, "StreamProduct");

static const struct shape_field shown_product_fields[] = {
	STREAM_PRODUCT_FIELDS,
	{"streamId", SHAPE_UUID},
};
SHAPE(shown_product, "ShownProduct");

#define PRODUCTS \
	{ \
		"products", SHAPE_LIST, .of = &api_shape_stream_product \
	}

static const struct shape_field details_fields[] = {STREAM_FIELDS, PRODUCT_COUNT, PRODUCTS};
SHAPE(details, "StreamDetails");

#define ACCESS_FIELDS \
	{"streamId", SHAPE_UUID}, {"status", SHAPE_TEXT}, {"rtmpUrl", SHAPE_TEXT}, \
	{ \
		"streamKey", SHAPE_TEXT, .text = "Shown this once." \
	}

static const struct shape_field live_fields[] = {
	ACCESS_FIELDS,
	{"hlsUrl", SHAPE_TEXT, .nullable = true},
	{"watchUrl", SHAPE_TEXT},
	{"startedAt", SHAPE_TIME},
	{"notificationsSent", SHAPE_INTEGER},
};
SHAPE(live, "StreamLive");

static const struct shape_field key_fields[] = {ACCESS_FIELDS};
SHAPE(key, "StreamKey");

static const struct shape_field ended_fields[] = {
	{"streamId", SHAPE_UUID},
	{"status", SHAPE_TEXT},
	{"duration", SHAPE_NUMBER, .nullable = true, .text = "Seconds."},
	{"vodUrl", SHAPE_TEXT, .nullable = true, .text = "null until it is ready."},
	{"stats", SHAPE_OBJECT, .of = &api_shape_stats},
};
SHAPE(ended, "StreamEnded");

static const struct shape_field publisher_fields[] = {
	{"address", SHAPE_TEXT},
	{"connectedAt", SHAPE_TIME, .nullable = true},
	{"firstConnectedAt", SHAPE_TIME, .nullable = true},
	{"bytes", SHAPE_INTEGER},
};
static const struct shape publisher = {"Publisher", publisher_fields, API_COUNT(publisher_fields)};

static const struct shape_field recorder_fields[] = {
	{"active", SHAPE_BOOL},
	{"bytes", SHAPE_INTEGER},
	{"segments", SHAPE_INTEGER},
	{"failures", SHAPE_INTEGER},
};
static const struct shape recorder = {"Recorder", recorder_fields, API_COUNT(recorder_fields)};

#define INSIDE \
	{"publisher", SHAPE_OBJECT, .nullable = true, .of = &publisher}, \
		{"recording", SHAPE_OBJECT, .nullable = true, .of = &recorder}, \
	{ \
		"windowMemory", SHAPE_INTEGER, .optional = true, .text = "Bytes, of a live one." \
	}

static const struct shape_field admin_stream_fields[] = {STREAM_FIELDS, INSIDE};
SHAPE(admin_stream, "AdminStream");

static const struct shape_field admin_details_fields[] = {
	STREAM_FIELDS, PRODUCT_COUNT, PRODUCTS, INSIDE};
SHAPE(admin_details, "AdminStreamDetails");

static const struct shape_field admin_created_fields[] = {
	STREAM_FIELDS,
	PRODUCT_COUNT,
	{"rtmpUrl", SHAPE_TEXT, .optional = true, .text = "Of a live one."},
	{"streamKey", SHAPE_TEXT, .optional = true, .text = "Shown this once."},
};
SHAPE(admin_created, "AdminStreamCreated");
