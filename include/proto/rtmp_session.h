#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "proto/rtmp_close.h"
#include "proto/rtmp_message.h"
#include "proto/rtmp_metadata.h"

/*
 * The server's side of one RTMP connection, without a socket: bytes and the time go in, events and
 * bytes come out. Single-threaded, no globals. Rules: Adobe RTMP 1.0 and spec media.md.
 *
 * `now` is monotonic time in microseconds and must not run backwards.
 *
 * A publish (or play) is answered by the owner, now or later. Until then no input is processed:
 * what arrives is held, bounded by held_max, and rtmp_session_reading says that the owner had
 * better stop reading. NetStream.Publish.Start is sent only by rtmp_session_accept.
 */
struct rtmp_session;

struct rtmp_session_config {
	const char *app; /* the one application name; copied */
	uint64_t handshake_timeout_us; /* from creation until C2 */
	uint64_t publish_timeout_us; /* from C2, or from an unpublish, until publish is accepted */
	uint64_t silence_timeout_us; /* while publishing: without media or commands */
	uint64_t ping_interval_us; /* a quiet peer is pinged; 0: never */
	uint32_t message_max, chunk_max, chunk_streams_max; /* see rtmp_chunk.h */
	uint32_t partial_max; /* as well; 0: message_max and 4 MiB */
	uint32_t held_max; /* input bytes held while publish is unanswered */
	uint32_t output_max; /* answers that the peer does not read */
	uint64_t max_bitrate; /* bit/s over bitrate_window_us; 0: no limit */
	uint64_t bitrate_window_us;
	uint32_t chunk_size; /* ours, announced after connect */
	uint32_t play_chunk_size; /* ours towards players */
	uint32_t window_ack; /* ours; also what the peer's is until it says */
};

/* The limits of media.md. */
void rtmp_session_config_default(struct rtmp_session_config *config);

#define RTMP_KEY_SIZE 256
#define RTMP_QUERY_SIZE 1024

struct rtmp_request {
	const char *key; /* NUL-terminated printable ASCII, 1 to 255 bytes, query removed */
	const char *type; /* "live", "record", "append" or what the peer sent; "" for play */
	const char *query; /* of a play: what followed '?' in the name, or "" */
};

struct rtmp_session_events {
	/* Answer with rtmp_session_accept or rtmp_session_reject, now or later. */
	void (*publish)(void *user, const struct rtmp_request *request);
	void (*play)(void *user, const struct rtmp_request *request);
	/* Audio (type 8) or video (type 9) of the accepted publish; out of aggregates as well. */
	void (*media)(void *user, const struct rtmp_message *message);
	void (*metadata)(void *user, const struct rtmp_metadata *metadata);
	/* Other data messages (onTextData, onCuePoint, …): the AMF0 after the name. */
	void (*data)(
		void *user, const char *name, uint32_t timestamp, const uint8_t *amf, size_t len);
	/* Every data message, metadata too, as players are to get it: the name and what follows. */
	void (*script)(
		void *user, const char *name, uint32_t timestamp, const uint8_t *body, size_t len);
	/* The player of an accepted play stops (deleteStream, closeStream), or pauses. */
	void (*stop)(void *user);
	void (*pause)(void *user, bool paused);
	/* The encoder said that it stops (FCUnpublish, deleteStream, closeStream). The connection
	 * stays. A lost connection gives no unpublish, only what the owner itself sees. */
	void (*unpublish)(void *user);
	/* Once, when the session has ended for a reason of its own or by rtmp_session_close. The
	 * output may hold last words: flush it, then close the socket. */
	void (*closed)(void *user, enum rtmp_close reason);
};

/*
 * Events are borrowed and must outlive the session; any of them may be NULL. They run inside
 * input, tick, accept, reject or close; they may call accept, reject and close, but must not
 * destroy the session. clock gives randomness only.
 */
struct rtmp_session *rtmp_session_create(const struct rtmp_session_config *config,
	const struct rtmp_session_events *events, void *user, const struct clock *clock,
	uint64_t now);
void rtmp_session_destroy(struct rtmp_session *s); /* NULL is fine; emits nothing */

/* Takes all bytes. False once the session has ended. */
bool rtmp_session_input(struct rtmp_session *s, const uint8_t *data, size_t len, uint64_t now);
/*
 * Runs what is due (timeouts, pings, input that was held) and returns when to be called next. Call
 * it as well right after accept and after each input, so as to learn the next time.
 */
uint64_t rtmp_session_tick(struct rtmp_session *s, uint64_t now);
#define RTMP_SESSION_NEVER UINT64_MAX

/* Bytes for the peer: send some, then buf_consume as many. */
struct buf *rtmp_session_output(struct rtmp_session *s);
bool rtmp_session_reading(const struct rtmp_session *s); /* false: stop reading the socket */

/*
 * Answers the pending publish: StreamBegin and NetStream.Publish.Start; or the pending play: a
 * larger chunk size, StreamBegin, NetStream.Play.Reset and Start, |RtmpSampleAccess. Ignored if
 * there is none, as the session may have ended meanwhile.
 */
void rtmp_session_accept(struct rtmp_session *s, uint64_t now);
/*
 * Refuses the pending publish or play with onStatus(code, text), then ends for `reason`. A NULL
 * code or text is the reason's own.
 */
void rtmp_session_reject(
	struct rtmp_session *s, enum rtmp_close reason, const char *code, const char *text);
/*
 * A message of an accepted play: type 8, 9 or 18. The owner bounds what waits in the output.
 */
void rtmp_session_send(
	struct rtmp_session *s, uint8_t type, uint32_t timestamp, const uint8_t *data, size_t len);
/*
 * Ends the session; a publisher is told by onStatus, with `text` or the reason's own; a player too,
 * when its stream has ENDED by NetStream.Play.UnpublishNotify, StreamEOF and NetStream.Play.Stop.
 */
void rtmp_session_close(struct rtmp_session *s, enum rtmp_close reason, const char *text);

enum rtmp_close rtmp_session_reason(const struct rtmp_session *s); /* NONE while open */
bool rtmp_session_publishing(const struct rtmp_session *s);
bool rtmp_session_playing(const struct rtmp_session *s);
const char *rtmp_session_flash_version(
	const struct rtmp_session *s); /* connect's flashVer, or "" */
