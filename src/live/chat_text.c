#include "live/chat.h"

const char *chat_result_code(enum chat_result r)
{
	switch (r) {
	case CHAT_OK:
		return "ok";
	case CHAT_NO_STREAM:
		return "stream_not_found";
	case CHAT_NO_MESSAGE:
		return "message_not_found";
	case CHAT_NO_USER:
		return "user_not_found";
	case CHAT_NOT_MUTED:
		return "not_muted";
	case CHAT_GUEST:
		return "unauthorized";
	case CHAT_NOT_AUDIENCE:
		return "forbidden";
	case CHAT_BANNED:
		return "banned";
	case CHAT_MUTED:
		return "muted";
	case CHAT_OFF:
		return "chat_off";
	case CHAT_OVER:
		return "stream_not_live";
	case CHAT_EMPTY:
	case CHAT_TOO_LONG:
		return "out_of_range";
	case CHAT_BLOCKED_WORD:
		return "blocked_word";
	case CHAT_LINK:
		return "link_blocked";
	case CHAT_RATE:
		return "rate_limited";
	case CHAT_SLOW:
		return "slow_mode";
	case CHAT_PAUSE:
		return "out_of_range";
	case CHAT_FORBIDDEN:
		return "forbidden";
	case CHAT_TARGET:
		return "cannot_mute";
	case CHAT_FAILED:
		return "unavailable";
	}
	return "unavailable";
}

const char *chat_result_text(enum chat_result r)
{
	switch (r) {
	case CHAT_OK:
		return "Done.";
	case CHAT_NO_STREAM:
		return "There is no such stream.";
	case CHAT_NO_MESSAGE:
		return "There is no such message, or it was deleted.";
	case CHAT_NO_USER:
		return "There is no such user.";
	case CHAT_NOT_MUTED:
		return "This user is not muted here.";
	case CHAT_GUEST:
		return "Only who is signed in may write.";
	case CHAT_NOT_AUDIENCE:
		return "This stream is not for you.";
	case CHAT_BANNED:
		return "You are banned from this stream.";
	case CHAT_MUTED:
		return "You may not write in this stream now.";
	case CHAT_OFF:
		return "This stream has no chat.";
	case CHAT_OVER:
		return "The stream is over.";
	case CHAT_EMPTY:
		return "A message needs at least one character.";
	case CHAT_TOO_LONG:
		return "A message may have 200 characters.";
	case CHAT_BLOCKED_WORD:
		return "This message holds a word that is not allowed here.";
	case CHAT_LINK:
		return "Links are not allowed here.";
	case CHAT_RATE:
		return "You are writing too fast.";
	case CHAT_SLOW:
		return "This chat is in slow mode: wait a little.";
	case CHAT_PAUSE:
		return "That is longer than slow mode may be here.";
	case CHAT_FORBIDDEN:
		return "This is not yours to do.";
	case CHAT_TARGET:
		return "The seller, admins and yourself cannot be muted.";
	case CHAT_FAILED:
		return "The server cannot store this now.";
	}
	return "";
}
