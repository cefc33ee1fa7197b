-- Times are milliseconds since 1970 UTC. Ids are UUIDv7 as 16 bytes, except those of users, which
-- are the platform's own text (the `sub` of its tokens).

CREATE TABLE users (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT,
	avatar TEXT,
	neighborhood TEXT,
	roles INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE streams (
	id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	seller_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	title TEXT NOT NULL,
	description TEXT,
	category TEXT,
	status TEXT NOT NULL CHECK (status IN ('scheduled', 'live', 'ended', 'cancelled')),
	audience TEXT NOT NULL CHECK (audience IN ('everyone', 'followers', 'neighborhood')),
	estimated_duration INTEGER,
	notify_followers INTEGER NOT NULL,
	notify_neighborhood INTEGER NOT NULL,
	enable_chat INTEGER NOT NULL,
	enable_comments INTEGER NOT NULL,
	record_stream INTEGER NOT NULL,
	scheduled_at INTEGER,
	started_at INTEGER,
	ended_at INTEGER,
	end_reason TEXT,
	vod_url TEXT,
	thumbnail_url TEXT,
	stream_key_hash BLOB UNIQUE CHECK (length(stream_key_hash) = 32),
	peak_viewers INTEGER NOT NULL DEFAULT 0,
	unique_viewers INTEGER NOT NULL DEFAULT 0,
	total_likes INTEGER NOT NULL DEFAULT 0,
	chat_messages_count INTEGER NOT NULL DEFAULT 0,
	average_watch_time INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	is_live INTEGER NOT NULL GENERATED ALWAYS AS (status = 'live') VIRTUAL
) STRICT;
-- Lists are sorted "live first, then newest"; each index gives that order within its column.
CREATE INDEX ix_streams_list ON streams (is_live DESC, id DESC);
CREATE INDEX ix_streams_seller ON streams (seller_id, is_live DESC, id DESC);
CREATE INDEX ix_streams_category ON streams (category, is_live DESC, id DESC);

-- Keys that a newer one has replaced: refused as such, and never given out again.
CREATE TABLE retired_keys (
	key_hash BLOB NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32),
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	retired_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_retired_keys_stream ON retired_keys (stream_id);

CREATE TABLE products (
	id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	seller_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	description TEXT,
	image_url TEXT,
	url TEXT,
	price INTEGER NOT NULL,
	currency TEXT NOT NULL,
	stock INTEGER,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_products_seller ON products (seller_id, id DESC);

-- attach_order is the rowid: the order in which the products were attached.
CREATE TABLE stream_products (
	attach_order INTEGER NOT NULL PRIMARY KEY,
	id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	product_id BLOB NOT NULL REFERENCES products (id) ON DELETE CASCADE,
	x_position REAL CHECK (x_position BETWEEN 0 AND 1),
	y_position REAL CHECK (y_position BETWEEN 0 AND 1),
	timestamp_seconds INTEGER,
	pinned INTEGER NOT NULL DEFAULT 0,
	clicks INTEGER NOT NULL DEFAULT 0,
	views INTEGER NOT NULL DEFAULT 0,
	inquiries INTEGER NOT NULL DEFAULT 0,
	purchases INTEGER NOT NULL DEFAULT 0,
	revenue INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	UNIQUE (stream_id, product_id)
) STRICT;
CREATE INDEX ix_stream_products_stream ON stream_products (stream_id);
CREATE INDEX ix_stream_products_product ON stream_products (product_id);

CREATE TABLE recordings (
	stream_id BLOB NOT NULL PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
	state TEXT NOT NULL CHECK (state IN ('open', 'ready', 'failed', 'deleted')),
	path TEXT,
	duration_ms INTEGER NOT NULL DEFAULT 0,
	bytes INTEGER NOT NULL DEFAULT 0,
	segments INTEGER NOT NULL DEFAULT 0,
	has_mp4 INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_recordings_state ON recordings (state, stream_id);

CREATE TABLE segments (
	stream_id BLOB NOT NULL REFERENCES recordings (stream_id) ON DELETE CASCADE,
	sequence INTEGER NOT NULL,
	offset_ms INTEGER NOT NULL,
	duration_ms INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	wall_ms INTEGER NOT NULL,
	init INTEGER NOT NULL,
	discontinuity INTEGER NOT NULL,
	PRIMARY KEY (stream_id, sequence)
) STRICT, WITHOUT ROWID;
