#include <stdlib.h>

#include "internal.h"
#include "live/bans.h"
#include "model/sales.h"

static void take_stream(struct live_registry *r, struct stream_record *row, struct key_find *out)
{
	switch (row->status) {
	case STREAM_SCHEDULED:
		out->why = LIVE_REFUSE_NOT_LIVE;
		break;
	case STREAM_LIVE:
		out->stream = live_registry_find(r, row->id);
		out->why = LIVE_REFUSE_ENDED;
		break;
	case STREAM_ENDED:
	case STREAM_CANCELLED:
		out->why = LIVE_REFUSE_ENDED;
		break;
	}
	if (out->stream && out->stream->state == LIVE_FINISHING)
		out->stream = NULL;
}

static void find_by_seller(struct live_registry *r, const char *seller_id, struct key_find *out)
{
	struct repo repo = r->repo;
	uint64_t now = clock_wall_ms(loop_clock(r->loop));
	struct stream_record row;
	out->by_seller_key = true;
	out->why = LIVE_REFUSE_NOT_LIVE;
	if (repo.sales->seller_stream(repo.impl, seller_id, now, LIVE_DUE_AHEAD_MS, &row) !=
		REPO_OK)
		return;
	/* Live and not here: another made it so, whose answer is on its way. To ask for the same
	 * waits for it. */
	bool is_opening = row.status == STREAM_LIVE && !live_registry_find(r, row.id);
	if (row.status == STREAM_SCHEDULED || is_opening) {
		out->is_due = true;
		out->due = row;
		return;
	}
	take_stream(r, &row, out);
	stream_record_finish(&row);
}

static void heed_bans(struct live_registry *r, struct key_find *f)
{
	const char *seller = f->stream ? f->stream->record.seller_id : f->due.seller_id;
	if (!r->bans || !seller || !bans_user(r->bans, seller))
		return;
	key_find_finish(f);
	f->stream = NULL;
	f->is_due = false;
	f->why = LIVE_REFUSE_BANNED;
}

void key_find(
	struct live_registry *r, const uint8_t hash[STREAM_KEY_HASH_SIZE], struct key_find *out)
{
	struct stream_record row;
	char *seller_id;
	enum repo_result found = r->repo.ops->stream_by_key(r->repo.impl, hash, &row);
	*out = (struct key_find){.why = LIVE_REFUSE_WRONG_KEY};
	if (found == REPO_OK) {
		take_stream(r, &row, out);
		stream_record_finish(&row);
	} else if (found == REPO_WRONG_STATE) {
		out->why = LIVE_REFUSE_ROTATED_KEY;
	} else if (r->repo.sales &&
		r->repo.sales->seller_by_key(r->repo.impl, hash, &seller_id) == REPO_OK) {
		find_by_seller(r, seller_id, out);
		free(seller_id);
	}
	heed_bans(r, out);
}

void key_find_finish(struct key_find *f)
{
	stream_record_finish(&f->due);
}
