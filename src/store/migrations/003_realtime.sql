-- Seconds that a viewer has to wait between two messages in a stream's chat; 0: none.
ALTER TABLE streams ADD COLUMN slow_mode INTEGER NOT NULL DEFAULT 0;
-- When the user's last socket was last heard of, ms since 1970; 0: never.
ALTER TABLE users ADD COLUMN last_seen_at INTEGER NOT NULL DEFAULT 0;
-- When a writer last said something; what was deleted since somebody looked.
CREATE INDEX ix_chat_messages_pace ON chat_messages (stream_id, user_id, created_at);
CREATE INDEX ix_chat_messages_deleted ON chat_messages (stream_id, deleted_at)
	WHERE deleted_at IS NOT NULL;
