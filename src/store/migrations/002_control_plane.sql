-- The control plane: who follows whom and lives where, what is sold, said and seen on a stream,
-- and what has to be told to others.

CREATE TABLE follows (
	follower_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	followed_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (followed_id, follower_id),
	CHECK (follower_id <> followed_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_follows_follower ON follows (follower_id, followed_id);

-- Counted as they come and go, so that nobody's page waits for a count of a hundred thousand.
ALTER TABLE users ADD COLUMN followers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN following INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER tr_follows_insert AFTER INSERT ON follows BEGIN
	UPDATE users SET followers = followers + 1 WHERE id = new.followed_id;
	UPDATE users SET following = following + 1 WHERE id = new.follower_id;
END;
CREATE TRIGGER tr_follows_delete AFTER DELETE ON follows BEGIN
	UPDATE users SET followers = followers - 1 WHERE id = old.followed_id;
	UPDATE users SET following = following - 1 WHERE id = old.follower_id;
END;

-- id is the word of the tokens' claim `neighborhood`; place is its row in the R*Tree.
CREATE TABLE neighborhoods (
	place INTEGER NOT NULL PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	name TEXT,
	lat REAL NOT NULL CHECK (lat BETWEEN -90 AND 90),
	lon REAL NOT NULL CHECK (lon BETWEEN -180 AND 180),
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;
CREATE VIRTUAL TABLE neighborhood_places USING rtree (place, min_lat, max_lat, min_lon, max_lon);
CREATE INDEX ix_users_neighborhood ON users (neighborhood, id);

-- No user hears twice of the same thing.
CREATE TABLE notifications (
	id BLOB NOT NULL CHECK (length(id) = 16),
	user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	type TEXT NOT NULL,
	stream_id BLOB REFERENCES streams (id) ON DELETE CASCADE,
	title TEXT NOT NULL,
	body TEXT,
	created_at INTEGER NOT NULL,
	read_at INTEGER,
	PRIMARY KEY (user_id, id),
	UNIQUE (user_id, type, stream_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_notifications_unread ON notifications (user_id, id) WHERE read_at IS NULL;
CREATE INDEX ix_notifications_stream ON notifications (stream_id);
CREATE INDEX ix_notifications_created ON notifications (created_at);

-- Notifications of a stream that went live, as far as they are written: a crash in the middle is
-- continued at the next start.
CREATE TABLE fanouts (
	stream_id BLOB NOT NULL PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
	stage TEXT NOT NULL CHECK (stage IN ('followers', 'neighbors')),
	after_neighborhood TEXT NOT NULL,
	after_user TEXT NOT NULL,
	written INTEGER NOT NULL,
	created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
	id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	platform TEXT NOT NULL CHECK (platform IN ('android', 'ios', 'web')),
	token TEXT NOT NULL UNIQUE,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_devices_user ON devices (user_id);

-- A deleted product stays for the streams that showed it.
ALTER TABLE products ADD COLUMN deleted_at INTEGER;

CREATE TABLE orders (
	order_id TEXT NOT NULL PRIMARY KEY,
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	product_id BLOB NOT NULL REFERENCES products (id) ON DELETE CASCADE,
	user_id TEXT,
	amount INTEGER NOT NULL CHECK (amount >= 0),
	currency TEXT NOT NULL,
	created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_orders_stream ON orders (stream_id, currency);
CREATE INDEX ix_orders_product ON orders (product_id);

CREATE TABLE seller_keys (
	seller_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
	key_hash BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
	created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE relays (
	id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	url TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	UNIQUE (stream_id, position)
) STRICT;

CREATE TABLE chat_messages (
	id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	username TEXT,
	avatar TEXT,
	message TEXT NOT NULL,
	client_id TEXT,
	created_at INTEGER NOT NULL,
	deleted_at INTEGER,
	deleted_by TEXT,
	UNIQUE (stream_id, user_id, client_id)
) STRICT;
CREATE INDEX ix_chat_messages_stream ON chat_messages (stream_id, id DESC);
CREATE INDEX ix_chat_messages_user ON chat_messages (user_id);

CREATE TABLE mutes (
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	user_id TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('mute', 'ban')),
	until INTEGER,
	moderator_id TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (stream_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_reactions (
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	emoji TEXT NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (stream_id, emoji)
) STRICT, WITHOUT ROWID;

-- viewer is a user's id, or "guest:" and the id that the server gave the guest.
CREATE TABLE stream_viewers (
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	viewer TEXT NOT NULL,
	name TEXT,
	neighborhood TEXT,
	joined_at INTEGER NOT NULL,
	left_at INTEGER,
	watch_ms INTEGER NOT NULL DEFAULT 0,
	joins INTEGER NOT NULL DEFAULT 1,
	PRIMARY KEY (stream_id, viewer)
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_timeline (
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	at INTEGER NOT NULL,
	viewers INTEGER NOT NULL,
	chat INTEGER NOT NULL,
	reactions INTEGER NOT NULL,
	PRIMARY KEY (stream_id, at)
) STRICT, WITHOUT ROWID;

-- The viewers of a stream that ended, summed up. neighborhood is '' where it is not known.
CREATE TABLE stream_totals (
	stream_id BLOB NOT NULL PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
	viewers INTEGER NOT NULL,
	watch_ms INTEGER NOT NULL,
	chatters INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE stream_geography (
	stream_id BLOB NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	neighborhood TEXT NOT NULL,
	viewers INTEGER NOT NULL,
	PRIMARY KEY (stream_id, neighborhood)
) STRICT, WITHOUT ROWID;

-- How the ingest went, of a stream that ended.
CREATE TABLE stream_ingest (
	stream_id BLOB NOT NULL PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
	bitrate INTEGER,
	frame_rate REAL,
	width INTEGER,
	height INTEGER,
	video_codec TEXT,
	audio_codec TEXT,
	codecs TEXT,
	keyframe_interval REAL,
	encoder TEXT,
	interruptions INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	dropped_samples INTEGER NOT NULL,
	discontinuities INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What others have to be told, written in the transaction of what happened. `next_at` is NULL once
-- it was given up.
CREATE TABLE outbox (
	id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	kind TEXT NOT NULL CHECK (kind IN ('webhook', 'push')),
	event TEXT NOT NULL,
	target TEXT,
	payload TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	next_at INTEGER,
	since INTEGER NOT NULL,
	last_error TEXT
) STRICT;
CREATE INDEX ix_outbox_next ON outbox (kind, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX ix_outbox_given_up ON outbox (id) WHERE next_at IS NULL;

-- status is NULL from the first request until its answer is known.
CREATE TABLE idempotency_keys (
	user_id TEXT NOT NULL,
	key TEXT NOT NULL,
	fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
	status INTEGER,
	body TEXT,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_idempotency_keys_created ON idempotency_keys (created_at);

-- How many keys each user has: counting rows that hold whole answers would read them all.
CREATE TABLE idempotency_users (
	user_id TEXT NOT NULL PRIMARY KEY,
	keys INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER idempotency_key_added AFTER INSERT ON idempotency_keys BEGIN
	INSERT INTO idempotency_users (user_id, keys) VALUES (new.user_id, 1)
		ON CONFLICT (user_id) DO UPDATE SET keys = keys + 1;
END;
CREATE TRIGGER idempotency_key_gone AFTER DELETE ON idempotency_keys BEGIN
	UPDATE idempotency_users SET keys = keys - 1 WHERE user_id = old.user_id;
	DELETE FROM idempotency_users WHERE user_id = old.user_id AND keys <= 0;
END;

CREATE TABLE audit_log (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	at INTEGER NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT,
	detail TEXT,
	address TEXT,
	request_id TEXT
) STRICT;
CREATE INDEX ix_audit_log_actor ON audit_log (actor, id DESC);
CREATE INDEX ix_audit_log_at ON audit_log (at);

CREATE TABLE bans (
	kind TEXT NOT NULL CHECK (kind IN ('address', 'user')),
	subject TEXT NOT NULL,
	until INTEGER,
	reason TEXT,
	actor TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
