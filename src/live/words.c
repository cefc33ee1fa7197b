#include "live/registry.h"

const char *live_state_text(enum live_state s)
{
	switch (s) {
	case LIVE_WAITING:
		return "waiting";
	case LIVE_PUBLISHING:
		return "publishing";
	case LIVE_INTERRUPTED:
		return "interrupted";
	case LIVE_FINISHING:
		return "finishing";
	}
	return "unknown";
}

const char *live_end_reason_text(enum live_end_reason r)
{
	switch (r) {
	case LIVE_END_REQUESTED:
		return "ended";
	case LIVE_END_STOPPED:
		return "publisher_stopped";
	case LIVE_END_GRACE:
		return "grace_expired";
	case LIVE_END_UNPUBLISHED:
		return "no_publisher";
	case LIVE_END_ADMIN:
		return "admin";
	}
	return "unknown";
}

const char *live_refusal_code(enum live_refusal r)
{
	switch (r) {
	case LIVE_REFUSE_WRONG_KEY:
		return "wrong_key";
	case LIVE_REFUSE_ROTATED_KEY:
		return "rotated_key";
	case LIVE_REFUSE_ENDED:
		return "ended";
	case LIVE_REFUSE_NOT_LIVE:
		return "not_live";
	case LIVE_REFUSE_BUSY:
		return "busy";
	case LIVE_REFUSE_FULL:
		return "full";
	case LIVE_REFUSE_BANNED:
		return "banned";
	case LIVE_REFUSE_DRAINING:
		return "draining";
	}
	return "unknown";
}

const char *live_refusal_text(enum live_refusal r)
{
	switch (r) {
	case LIVE_REFUSE_WRONG_KEY:
		return "Wrong stream key: no stream has it.";
	case LIVE_REFUSE_ROTATED_KEY:
		return "Used-up stream key: it was replaced by a newer one.";
	case LIVE_REFUSE_ENDED:
		return "Ended stream key: its stream is over.";
	case LIVE_REFUSE_NOT_LIVE:
		return "The stream of this key has not gone live yet.";
	case LIVE_REFUSE_BUSY:
		return "Another encoder is publishing on this key.";
	case LIVE_REFUSE_FULL:
		return "The server has as many publishers as it may.";
	case LIVE_REFUSE_BANNED:
		return "The seller is banned from this server.";
	case LIVE_REFUSE_DRAINING:
		return "The server is shutting down; reconnect elsewhere.";
	}
	return "Refused.";
}

const char *live_kick_code(enum live_kick k)
{
	switch (k) {
	case LIVE_KICK_TAKEOVER:
		return "takeover";
	case LIVE_KICK_ENDED:
		return "ended";
	case LIVE_KICK_ROTATED:
		return "rotated_key";
	case LIVE_KICK_ADMIN:
		return "kicked";
	case LIVE_KICK_DRAIN:
		return "draining";
	}
	return "unknown";
}

const char *live_kick_text(enum live_kick k)
{
	switch (k) {
	case LIVE_KICK_TAKEOVER:
		return "A newer connection publishes on this key.";
	case LIVE_KICK_ENDED:
		return "The stream was ended.";
	case LIVE_KICK_ROTATED:
		return "The stream key was replaced.";
	case LIVE_KICK_ADMIN:
		return "Closed by an operator.";
	case LIVE_KICK_DRAIN:
		return "The server is shutting down; reconnect elsewhere.";
	}
	return "Closed.";
}
