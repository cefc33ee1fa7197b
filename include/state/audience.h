#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/signal.h"
#include "loop/loop.h"
#include "model/insight.h"
#include "model/repo.h"
#include "state/state.h"

/*
 * Who watches the streams that are live here, and what they do: fed by the socket layer, asked by
 * the API. Counts are in the state under the keys of spec data.md; names, neighbourhoods and watch
 * time are kept here; all of it goes to the store every few seconds and whole at a stream's end.
 * Figures are read at once, from what this process knows. Loop thread only.
 *
 * A socket handler's part:
 *
 *   stream:join    seat = audience_join(a, id, &who);      NULL: the stream is not live here
 *   any traffic    audience_seen(seat);                    a pong is traffic too
 *   stream:leave   audience_leave(&seat, AUDIENCE_LEFT);   also at an orderly close
 *   ping timeout   audience_leave(&seat, AUDIENCE_LOST);   watched until the last traffic
 *   stream:chat    audience_chat_permit(a, id, user, done, socket);
 *                  then chat_write (live/chat.h), which the daemon has counted here
 *   reaction       audience_react(a, id, audience_emoji(text), &count);
 *   socket gone    audience_chat_forget(a, socket);
 *
 * After each call audience_figures already has the new counts.
 */
struct audience;
struct audience_seat;

struct audience_config {
	const struct clock *clock;
	struct loop *loop; /* for the ticks; NULL: the owner calls audience_tick */
	struct state state;
	struct repo repo; /* without `insight`: nothing is kept */
	struct metrics *metrics; /* souk_viewers, souk_reactions_total, …; may be NULL */
	/* A socket without traffic for longer than this is taken for lost by figures that must not
	 * wait for it; 0: 60 s (ping interval and timeout are 45 s together). */
	uint64_t alive_us;
	/* How the ingest of a live stream goes in this process, texts for the audience; false: not
	 * known. NULL: nobody knows. */
	bool (*ingest)(void *user, struct uuid stream_id, struct ingest_record *out);
	void *ingest_user;
	unsigned chat_rate; /* messages a minute of a user in a stream; 0: no bound */
};

#define AUDIENCE_TICK_US 5000000u

struct audience *audience_create(const struct audience_config *config);
/* Writes nothing more; who waits for a permit is refused; seats may be left afterwards. */
void audience_destroy(struct audience **a);
/* Closes buckets, renews the state, stores what is new: every AUDIENCE_TICK_US. */
void audience_tick(struct audience *a);
/* Stores everything now, before a shutdown; *done when it is stored (or cannot be). */
void audience_flush(struct audience *a, void (*done)(void *user), void *user);

/*
 * A stream that is live from now on, with the neighbourhood of its seller (NULL: not known). What
 * the store has of it (after a crash, a restart) is taken up again.
 */
void audience_open(struct audience *a, const struct stream_record *row, const char *neighborhood);
/*
 * It is over: nobody watches from now on, the figures stay as they are until all is stored, and
 * then the state's keys of it are deleted.
 */
void audience_end(struct audience *a, struct uuid stream_id);

/* Viewers */

struct audience_who {
	const char *id; /* a user's id, or "guest:" and an id of the server's making */
	const char *name, *neighborhood; /* NULL: not known */
};
/* Whether a viewer's id is a guest's. */
bool audience_is_guest(const char *viewer);

/* One socket's seat. Several sockets of one viewer are one viewer. NULL: not live here (or a
 * million came). */
struct audience_seat *audience_join(
	struct audience *a, struct uuid stream_id, const struct audience_who *who);
void audience_seen(struct audience_seat *seat); /* a sign of life; NULL is fine */
enum audience_leaving {
	AUDIENCE_LEFT, /* watched until now */
	AUDIENCE_LOST, /* watched until the last sign of life */
};
/* Frees the seat and nulls it; *seat may be NULL. Also after the stream's end. */
void audience_leave(struct audience_seat **seat, enum audience_leaving how);
/* Whether this seat is the viewer's only one: then a join was news to others, a leave will be. */
bool audience_alone(const struct audience_seat *seat);

/* Reactions: those of spec events.md and no others. */
#define AUDIENCE_EMOJIS 6
extern const char *const audience_emojis[AUDIENCE_EMOJIS];
int audience_emoji(const char *text); /* its place, or -1 */
/* Counts one; *count (may be NULL) is that emoji's after it. False: not live here, or emoji -1. */
bool audience_react(struct audience *a, struct uuid stream_id, int emoji, uint32_t *count);

/* Chat */

/* Messages of a user in a stream within a minute from the first of them. */
#define AUDIENCE_CHAT_WINDOW_MS 60000
void audience_set_chat_rate(struct audience *a, unsigned messages_a_minute);
/* retry_after: seconds until the window ends, where it is refused. */
typedef void (*audience_permit)(void *user, bool permitted, unsigned retry_after);
/*
 * Whether the user may write one more message now; asking uses one up. Answered later, in order.
 * Where the state cannot be reached, it is permitted.
 */
void audience_chat_permit(struct audience *a, struct uuid stream_id, const char *user_id,
	audience_permit done, void *user);
/* What this user waits for is not answered any more. */
void audience_chat_forget(struct audience *a, void *user);
/* A message was stored: counts it; json (NULL: none) joins the state's last 100. Called once for
 * each message by the daemon, whoever wrote it by whatever way. */
bool audience_chat(
	struct audience *a, struct uuid stream_id, const char *user_id, const char *json);

/* Figures */

struct audience_figures {
	uint32_t current, peak, unique, likes, chat, chatters;
	uint32_t reactions[AUDIENCE_EMOJIS];
	uint64_t watch_ms; /* of all viewers; up to a second old while live */
	uint32_t average_watch; /* s */
};
/* False: not live here (or all of it is in the store already); *out zeroed. */
bool audience_figures(struct audience *a, struct uuid stream_id, struct audience_figures *out);
/* Of all streams. */
uint32_t audience_current(const struct audience *a);
/* For the row of the stream, exact as of now. */
bool audience_stats(struct audience *a, struct uuid stream_id, struct repo_stats *out);

/* Emitted after a figure changed (data: const struct audience_change); at each change. */
struct audience_change {
	struct uuid stream_id;
	const struct audience_figures *figures; /* watch time is not kept current here */
};
struct signal *audience_changed(struct audience *a);

/* Texts are the audience's, borrowed for the call of `each`. */
struct audience_viewer {
	const char *id, *name, *neighborhood;
	uint64_t joined_at, watch_ms;
	uint64_t place; /* grows with each join: a cursor */
};
/* Those who watch now, in the order of coming, from behind `after` (0: from the first). */
void audience_viewers(struct audience *a, struct uuid stream_id, uint64_t after, unsigned limit,
	void (*each)(void *arg, const struct audience_viewer *v), void *arg);
/* All who ever watched, by neighbourhood (NULL: not known), most first; borrowed likewise. */
void audience_geography(struct audience *a, struct uuid stream_id,
	void (*each)(void *arg, const struct geography_record *g), void *arg);
/* Every bucket so far, the one under way last. Borrowed until the next call of anything here. */
const struct timeline_record *audience_timeline(
	struct audience *a, struct uuid stream_id, size_t *n);

/* How its ingest goes, also before a restart; texts for the caller. False: not known here. */
bool audience_ingest(struct audience *a, struct uuid stream_id, struct ingest_record *out);

/*
 * What happened on all nodes in the five seconds (TIMELINE_BUCKET_MS) in which wall_ms lies, kept
 * for an hour: the replies are viewers who came, chat messages, reactions, as numbers (STATE_NONE:
 * nothing did).
 */
void audience_pulse(struct audience *a, uint64_t wall_ms, state_done done, void *user);

/* Live streams of a neighbourhood's sellers, as the state has them: texts of the reply are ids. */
void audience_active(struct audience *a, const char *neighborhood, state_done done, void *user);
/* Emitted when one has come to them, or gone (data: struct audience_active_change); what was asked
 * of audience_active from now on is answered with it. */
struct audience_active_change {
	struct uuid stream_id;
	const char *neighborhood;
	bool live;
};
struct signal *audience_active_changed(struct audience *a);
