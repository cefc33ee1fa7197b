#include "live/audience.h"

#include "base/text.h"
#include "model/chat.h"
#include "model/people.h"

const char *watch_verdict_code(enum watch_verdict v)
{
	switch (v) {
	case WATCH_OK:
		return "ok";
	case WATCH_GUEST:
		return "unauthorized";
	case WATCH_NOT_FOLLOWING:
		return "not_following";
	case WATCH_NOT_NEAR:
		return "not_near";
	case WATCH_BANNED:
		return "banned";
	case WATCH_UNKNOWN:
		return "unavailable";
	}
	return "forbidden";
}

const char *watch_verdict_text(enum watch_verdict v)
{
	switch (v) {
	case WATCH_OK:
		return "You may watch this stream.";
	case WATCH_GUEST:
		return "This stream is not for everyone: say who you are.";
	case WATCH_NOT_FOLLOWING:
		return "This stream is for those who follow its seller.";
	case WATCH_NOT_NEAR:
		return "This stream is for the seller's neighbourhood.";
	case WATCH_BANNED:
		return "You are banned from this stream.";
	case WATCH_UNKNOWN:
		return "The store cannot be read now.";
	}
	return "";
}

/* Repos without the family (the memory twin) have nobody banned. */
static enum watch_verdict check_ban(
	struct repo repo, struct uuid stream_id, const char *user_id, uint64_t now_ms)
{
	struct mute_record mute;
	enum repo_result result;
	bool banned;

	if (!repo.chat)
		return WATCH_OK;
	result = repo.chat->mute_get(repo.impl, stream_id, user_id, now_ms, &mute);
	if (result == REPO_NOT_FOUND)
		return WATCH_OK;
	if (result != REPO_OK)
		return WATCH_UNKNOWN;
	banned = mute.kind == MUTE_BAN;
	mute_record_finish(&mute);
	return banned ? WATCH_BANNED : WATCH_OK;
}

bool audience_is_banned(
	struct repo repo, struct uuid stream_id, const char *user_id, uint64_t now_ms)
{
	return check_ban(repo, stream_id, user_id, now_ms) != WATCH_OK;
}

static enum watch_verdict yes_or(enum repo_result result, enum watch_verdict no)
{
	if (result == REPO_OK)
		return WATCH_OK;
	return result == REPO_NOT_FOUND ? no : WATCH_UNKNOWN;
}

static enum watch_verdict check_follower(
	struct repo repo, const struct stream_record *stream, const struct viewer *viewer)
{
	if (!repo.people)
		return WATCH_NOT_FOLLOWING;
	return yes_or(repo.people->is_following(repo.impl, viewer->user_id, stream->seller_id),
		WATCH_NOT_FOLLOWING);
}

/* The two users' neighbourhoods; what the viewer says of his own counts for more. */
static enum watch_verdict check_neighbor(
	struct repo repo, const struct stream_record *stream, const struct viewer *viewer)
{
	struct user_record seller = {0}, stored = {0};
	const char *here = viewer->neighborhood;
	enum watch_verdict verdict = WATCH_NOT_NEAR;

	repo.ops->user_get(repo.impl, stream->seller_id, &seller);
	if (!here) {
		repo.ops->user_get(repo.impl, viewer->user_id, &stored);
		here = stored.neighborhood;
	}
	if (repo.people && here && seller.neighborhood)
		verdict = yes_or(repo.people->are_near(repo.impl, here, seller.neighborhood),
			WATCH_NOT_NEAR);
	user_record_finish(&seller);
	user_record_finish(&stored);
	return verdict;
}

enum watch_verdict audience_check(struct repo repo, const struct stream_record *stream,
	const struct viewer *viewer, uint64_t now_ms)
{
	enum watch_verdict verdict;

	if (!viewer->user_id)
		return stream->audience == AUDIENCE_EVERYONE ? WATCH_OK : WATCH_GUEST;
	if (viewer->roles & ROLE_ADMIN || text_eq(viewer->user_id, stream->seller_id))
		return WATCH_OK;
	verdict = check_ban(repo, stream->id, viewer->user_id, now_ms);
	if (verdict != WATCH_OK || viewer->roles & ROLE_MODERATOR)
		return verdict;
	switch (stream->audience) {
	case AUDIENCE_EVERYONE:
		return WATCH_OK;
	case AUDIENCE_FOLLOWERS:
		return check_follower(repo, stream, viewer);
	case AUDIENCE_NEIGHBORHOOD:
		return check_neighbor(repo, stream, viewer);
	}
	return WATCH_UNKNOWN;
}
