#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/metrics.h"
#include "base/rcbuf.h"
#include "loop/loop.h"
#include "ws/transport.h"

/*
 * Rooms and what is said in them (spec events.md, "Delivery"). An event is encoded at most once for
 * each framing; what was said in a room until a member is served goes to it as one buffer, shared
 * by all who are served with it. A full room is served in slices, with the loop's other work
 * between them; those whose slice comes later hear in it what is said meanwhile. Every member sees
 * the same order within a room, and the order of all among its rooms. Knows neither sockets nor
 * JSON. Loop thread only.
 */
struct hub;

enum hub_framing { HUB_SOCKET_IO, HUB_JSON, HUB_REALTIME, HUB_FRAMINGS };

const char *hub_framing_text(enum hub_framing framing); /* "socket.io", "json", "realtime" */

enum hub_class {
	HUB_MUST, /* a member whose queue is full is at its end */
	HUB_DROPPABLE, /* counts and reactions: left out where a queue grows */
};

/* What is said, and its place: `seq` counts a room's events from 1 within its epoch, `offset`
 * those of the whole hub. */
struct hub_event {
	const char *name;
	const char *data; /* JSON */
	size_t len;
	const char *room; /* NULL: said to one alone */
	uint64_t seq, offset;
};

/* Several whole frames may stand in one buffer. */
struct hub_member;
struct hub_member_ops {
	/* False: the member is at its end; hub_leave_all comes (or came) from its owner. */
	bool (*send)(struct hub_member *m, struct rcbuf *frames);
	size_t (*queued)(const struct hub_member *m); /* bytes that wait for the peer */
};

/* Embedded by a connection; hub_member_init before the first join, hub_leave_all before its end. */
struct hub_member {
	const struct hub_member_ops *ops;
	/* Where its frames go at once, for ops->send to set if they go there as they are; what
	 * is refused there, ops->send is asked for. ops NULL: always. */
	struct ws_link line;
	enum hub_framing framing;
	struct list seats; /* the hub's */
	unsigned n_rooms;
	unsigned n_own; /* of them not counted: hub_join_own */
};
void hub_member_init(
	struct hub_member *m, const struct hub_member_ops *ops, enum hub_framing framing);

struct hub_config {
	struct loop *loop; /* NULL: the owner calls hub_flush and hub_sweep */
	const struct clock *clock;
	/* The frame of an event; NULL where this framing has none for it. */
	struct rcbuf *(*encode)(void *user, enum hub_framing framing, const struct hub_event *e);
	void *user;
	unsigned history; /* events kept of a room; 0: 100 */
	uint64_t resume_us; /* how long; 0: 2 minutes */
	unsigned max_rooms; /* of one member; 0: 100 */
	unsigned slice; /* members that are served in a turn; 0: 1,000 */
	/* A room of 1,000 and more is served at most so often, and what is said after a rest is
	 * gathered for a fifteenth of it; smaller ones in proportion. 0: at once. */
	uint64_t pace_us;
	size_t drop_above; /* bytes queued, from which on droppable events are left out; 0: 64 KiB
			    */
	struct metrics *metrics; /* souk_hub_rooms, souk_hub_events_total, …; may be NULL */
};

struct hub *hub_create(const struct hub_config *config);
void hub_destroy(struct hub **h); /* nulls; *h may be NULL; members must have left */

/* False: as many rooms as it may. To join twice is to join. It hears what is said from now on. */
bool hub_join(struct hub *h, struct hub_member *m, const char *room);
/* The same for a room that the server puts it into: it counts for no bound. */
void hub_join_own(struct hub *h, struct hub_member *m, const char *room);
/* It hears nothing more of the room, not even of this turn. False: it was not in it. */
bool hub_leave(struct hub *h, struct hub_member *m, const char *room);
void hub_leave_all(struct hub *h, struct hub_member *m);
bool hub_is_in(const struct hub *h, const struct hub_member *m, const char *room);
size_t hub_room_members(const struct hub *h, const char *room);
/* Of a member, in no order. */
void hub_each_room(
	struct hub *h, struct hub_member *m, void (*each)(void *arg, const char *room), void *arg);

/*
 * Says something in a room at the end of the turn; except: a member that is not to hear it, or
 * NULL. Droppable events are not kept for those who come back. A room comes into being by a member
 * or by an event, and goes when it is empty, nothing is kept, and whoever left it cannot come back.
 */
void hub_emit(struct hub *h, const char *room, const char *name, const char *data, size_t len,
	enum hub_class class, const struct hub_member *except);
/* Sends what was said, to a slice of those who have not heard it yet. True: there are more whose
 * time has come. */
bool hub_flush(struct hub *h);
/* Forgets what is too old to be asked for. */
void hub_sweep(struct hub *h);

/*
 * Something said to members one by one, in no room: encoded once for each framing (and place
 * of the rooms), not kept, left out where a queue grows. For one turn of the loop; the texts are
 * borrowed until hub_word_finish.
 */
struct hub_word {
	struct hub *hub;
	struct hub_event event;
	struct rcbuf *frames[HUB_FRAMINGS];
	bool encoded[HUB_FRAMINGS];
};
void hub_word_init(
	struct hub_word *w, struct hub *h, const char *name, const char *data, size_t len);
void hub_word_tell(struct hub_word *w, struct hub_member *m);
void hub_word_finish(struct hub_word *w);

/* Where a room stands: to be told to a member that joins, for hub_resume. False: no such room. */
struct hub_place {
	char epoch[17];
	uint64_t seq;
};
bool hub_room_place(const struct hub *h, const char *room, struct hub_place *out);
/* The offset of the newest event of all; and that before which a member was sent everything. */
uint64_t hub_offset(const struct hub *h);
uint64_t hub_offset_sent(const struct hub *h, const struct hub_member *m);
const char *hub_epoch(const struct hub *h); /* of all rooms of this hub's life */

/*
 * Joins, and sends what was said since; who is in it already gets what came before. False, with
 * nothing done: that is no longer known (another epoch, too old): the client has to load the room
 * again.
 */
bool hub_resume(
	struct hub *h, struct hub_member *m, const char *room, const char *epoch, uint64_t seq);
/*
 * The same for many rooms at once, by the hub's offset and in the order of all (Socket.IO's
 * connection state recovery).
 */
bool hub_recover(struct hub *h, struct hub_member *m, const char *const *rooms, size_t n,
	const char *epoch, uint64_t offset);
/* Whether it would. */
bool hub_can_recover(const struct hub *h, const struct hub_member *m, const char *const *rooms,
	size_t n, const char *epoch, uint64_t offset);

/*
 * Who looks on hears of what is said in any room, while it is said: the event and its texts are
 * borrowed for the call, in which the hub must not be called. NULL: nobody, which costs nothing.
 */
void hub_tap(struct hub *h, void (*said)(void *user, const struct hub_event *e), void *user);
bool hub_is_tapped(const struct hub *h);
/* A new bound after a reload; who is in more rooms stays there. */
void hub_limit_rooms(struct hub *h, unsigned max_rooms);
