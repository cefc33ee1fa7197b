#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/signal.h"
#include "live/audience.h"
#include "loop/loop.h"
#include "model/chat.h"

/*
 * The chat of streams: who may write, delete, mute; no wire format. Used by the REST API and by the
 * sockets alike. Sources: spec rest.md ("Streams") and events.md ("Streams").
 *
 *   write   whoever may watch (live/audience.h), is no guest and not muted; while the stream is
 *           scheduled or live and its chat is on; 1 to 200 characters after trimming, without
 *           blocked words, and without links where those are blocked (staff may); no sooner than
 *           slow mode lets him (staff may), and as often as he may (chat_ask_permits)
 *   delete  the sender, and staff
 *   mute    staff; not the seller, not admins, not oneself
 *   mode    staff, until the stream is over
 *
 * Staff of a stream are its seller, moderators and admins. A message costs a permit when all but
 * its words is right; one that was stored under its client_id before costs none and is answered as
 * the first time, whatever has changed since. Answers come later, on the loop, never inside the
 * call; what is acknowledged is stored. Loop thread only.
 */
enum chat_result {
	CHAT_OK,
	CHAT_NO_STREAM,
	CHAT_NO_MESSAGE,
	CHAT_NO_USER, /* nobody of that id was ever here */
	CHAT_NOT_MUTED,
	CHAT_GUEST, /* writing needs a token */
	CHAT_NOT_AUDIENCE, /* the stream is not for him */
	CHAT_BANNED,
	CHAT_MUTED,
	CHAT_OFF, /* the seller wants none in this stream */
	CHAT_OVER, /* the stream has ended or was cancelled */
	CHAT_EMPTY,
	CHAT_TOO_LONG,
	CHAT_BLOCKED_WORD,
	CHAT_LINK,
	CHAT_RATE, /* too many messages a minute */
	CHAT_SLOW, /* too early for the stream's slow mode */
	CHAT_PAUSE, /* slow mode has a bound */
	CHAT_FORBIDDEN, /* not staff */
	CHAT_TARGET, /* one who cannot be muted */
	CHAT_FAILED,
};
/* Stable words for error answers ("muted", "chat_off", …), and a sentence for people. */
const char *chat_result_code(enum chat_result r);
const char *chat_result_text(enum chat_result r);

#define CHAT_LENGTH_MAX 200 /* code points */
#define CHAT_CLIENT_ID_MAX 64 /* bytes; the caller bounds it */

struct chat_config {
	const char *blocked_words_file; /* one a line, '#' begins a comment; NULL: none */
	bool links_blocked;
	uint32_t slow_mode_max; /* seconds */
};

/* Who acts; texts are borrowed for the call. */
struct chat_caller {
	struct viewer viewer; /* user_id NULL: a guest */
	const char *name, *avatar; /* NULL: not known */
};

struct chat_answer {
	enum chat_result result;
	const struct chat_record *message; /* write: as stored, the first one of its client_id */
	bool repeated; /* write: that message was stored before, and announced */
	const struct mute_record *mute; /* mute */
	uint64_t muted_until; /* CHAT_MUTED, CHAT_BANNED: ms, 0: for the stream's life */
	unsigned retry_after; /* CHAT_RATE, CHAT_SLOW: seconds */
	/* delete, mode: done by the power of a role, on what is not the caller's */
	bool by_power;
	const struct stream_record *stream; /* mode: as it is now */
	uint32_t product_count; /* beside stream */
};
typedef void (*chat_done)(void *user, const struct chat_answer *answer);

struct chat;
/* A file of words that cannot be read is an error in the log, and blocks nothing. */
struct chat *chat_create(struct loop *l, struct repo repo, const struct chat_config *config);
void chat_destroy(struct chat **c); /* who waits is answered CHAT_FAILED */
void chat_reconfigure(struct chat *c, const struct chat_config *config); /* reads the file again */

/*
 * Who counts how often somebody writes: asked once for each message, answers later, on the loop,
 * with done(call, …), also after the chat's end. Borrowed; NULL: everybody may.
 */
typedef void (*chat_permitted)(void *call, bool permitted, unsigned retry_after);
typedef void (*chat_permit)(
	void *impl, struct uuid stream_id, const char *user_id, chat_permitted done, void *call);
void chat_ask_permits(struct chat *c, chat_permit permit, void *impl);

/* client_id: the sender's own id of the message, under which it is stored once; NULL: none. */
void chat_write(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const char *message, const char *client_id, chat_done done, void *user);
void chat_delete(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	struct uuid message_id, chat_done done, void *user);

struct chat_mute {
	const char *user_id;
	enum mute_kind kind;
	uint32_t seconds; /* 0: for the stream's life */
};
void chat_mute(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const struct chat_mute *mute, chat_done done, void *user);
void chat_unmute(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const char *user_id, chat_done done, void *user);

/* How a stream's chat goes, as enum stream_setting names it: ENABLE_CHAT and SLOW_MODE. */
struct chat_mode {
	unsigned settings; /* which of these are to be set */
	bool enabled;
	uint32_t slow_mode; /* seconds between two messages of one viewer; 0: none */
};
void chat_set_mode(struct chat *c, const struct chat_caller *who, struct uuid stream_id,
	const struct chat_mode *mode, chat_done done, void *user);
/* Others have stored such settings: tells of them. */
void chat_mode_stored(struct chat *c, const struct stream_record *stream);
uint32_t chat_slow_mode_max(const struct chat *c);

/* Whether the message is about to be told by chat_written: what reads the store may see it before.
 */
bool chat_is_untold(const struct chat *c, struct uuid message_id);

/* Whether he is of the stream's staff. */
bool chat_is_staff(const struct stream_record *stream, const struct viewer *viewer);

/*
 * What happened, once each, after it was stored and before the caller's answer; within a stream in
 * the order of storing, which is that of the ids.
 */
struct signal *chat_written(struct chat *c); /* data: const struct chat_record * */
struct chat_deletion {
	struct uuid stream_id, message_id;
	const char *deleted_by;
};
struct signal *chat_deleted(struct chat *c); /* data: const struct chat_deletion * */
struct chat_mute_change {
	const struct mute_record *mute; /* of a lifted one stream, user and moderator alone */
	bool lifted;
};
struct signal *chat_mute_changed(struct chat *c); /* data: const struct chat_mute_change * */
struct signal *chat_mode_changed(struct chat *c); /* data: const struct stream_record * */
