-- Finished recordings in object storage. No foreign key: the row stays until the objects are gone,
-- which is after the stream is.
CREATE TABLE uploads (
	stream_id BLOB PRIMARY KEY CHECK (length(stream_id) = 16),
	state TEXT NOT NULL CHECK (state IN ('waiting', 'stored', 'removing', 'kept')),
	bucket TEXT,
	prefix TEXT,
	url TEXT,
	is_local INTEGER NOT NULL DEFAULT 1,
	objects INTEGER NOT NULL DEFAULT 0,
	bytes INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	next_at INTEGER NOT NULL,
	last_error TEXT,
	created_at INTEGER NOT NULL,
	stored_at INTEGER
) WITHOUT ROWID;

CREATE INDEX ix_uploads_due ON uploads (state, next_at);
