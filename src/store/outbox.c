#include "outbox.h"

#include <stdlib.h>

#include "base/mem.h"

struct outbox_switch *outbox_switch_create(void)
{
	struct outbox_switch *o = mem_new(struct outbox_switch);
	atomic_init(&o->refs, 1);
	return o;
}

static void drop(struct outbox_switch *o)
{
	if (atomic_fetch_sub(&o->refs, 1) == 1) {
		free(o);
	}
}

void outbox_switch_close(struct outbox_switch **o)
{
	if (*o != NULL) {
		(*o)->watch = NULL;
		drop(*o);
		*o = NULL;
	}
}

static void told(void *arg)
{
	struct outbox_switch *o = arg;
	if (o->watch != NULL) {
		o->watch(o->user);
	}
	drop(o);
}

void outbox_switch_tell(struct outbox_switch *o,
	void (*post)(void *user, void (*fn)(void *arg), void *arg), void *post_user)
{
	if (o != NULL && atomic_exchange(&o->news, false)) {
		atomic_fetch_add(&o->refs, 1);
		post(post_user, told, o);
	}
}

static bool is_wanted(const struct outbox_switch *o, enum outbox_kind kind)
{
	switch (kind) {
	case OUTBOX_WEBHOOK:
		return atomic_load(&o->webhooks);
	case OUTBOX_PUSH:
		return atomic_load(&o->push);
	}
	return false;
}

bool outbox_run(struct stmt *s, enum outbox_kind kind)
{
	struct outbox_switch *o = s->db->outbox;
	if (o == NULL || !is_wanted(o, kind)) {
		return stmt_end(s);
	}
	atomic_store(&o->news, true);
	return stmt_run(s);
}

#define STATS \
	"json_object('peakViewers', peak_viewers, 'uniqueViewers', unique_viewers," \
	" 'totalLikes', total_likes, 'chatMessages', chat_messages_count," \
	" 'averageWatchTime', average_watch_time)"
#define DURATION \
	"CASE WHEN started_at IS NOT NULL THEN" \
	" max(coalesce(ended_at, now_ms()) - started_at, 0) / 1000.0 END"
#define PAYLOAD \
	"json_object('streamId', uuid_text(id), 'sellerId', seller_id, 'title', title," \
	" 'description', description, 'category', category, 'status', status," \
	" 'audience', audience, 'estimatedDuration', estimated_duration," \
	" 'scheduledAt', iso_time(scheduled_at), 'startedAt', iso_time(started_at)," \
	" 'endedAt', iso_time(ended_at), 'endReason', end_reason, 'duration', " DURATION "," \
	" 'vodUrl', vod_url, 'thumbnailUrl', thumbnail_url, 'stats', " STATS "," \
	" 'createdAt', iso_time(created_at), 'updatedAt', iso_time(updated_at))"

bool outbox_stream(struct db *db, const char *event, struct uuid stream_id)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO outbox (" OUTBOX_COLUMNS ")"
		" SELECT uuid_new(), 'webhook', ?, uuid_text(id), " PAYLOAD
		", now_ms(), now_ms(), now_ms() FROM streams WHERE id = ?");
	stmt_text(&s, event);
	stmt_uuid(&s, stream_id);
	return outbox_run(&s, OUTBOX_WEBHOOK);
}
