#pragma once

#include <stddef.h>

/*
 * Why an RTMP connection ends: one table makes the enum, the metric's label, the text for the log
 * and the onStatus code that the peer is told (NULL: it is told nothing). A reason is a guard of
 * its own (spec: media.md, Guards) so that an operator sees which one struck.
 *
 *   X(NAME, "label", "text", "onStatus code" or NULL)
 */
#define RTMP_CLOSE_TABLE(X) \
	X(NONE, "none", "still open", NULL) \
	X(PEER, "peer", "the peer closed the connection", NULL) \
	X(TLS, "tls", "TLS handshake failed", NULL) \
	X(VERSION, "version", "not RTMP version 3 (RTMPE is refused)", NULL) \
	X(HANDSHAKE_TIMEOUT, "handshake_timeout", "handshake not finished in time", NULL) \
	X(PUBLISH_TIMEOUT, "publish_timeout", "no publish in time after connecting", \
		"NetConnection.Connect.IdleTimeOut") \
	X(SILENCE, "silence", "nothing received for too long", \
		"NetConnection.Connect.IdleTimeOut") \
	X(CHUNK_PROTOCOL, "chunk_protocol", "malformed chunk stream", NULL) \
	X(MESSAGE_SIZE, "message_size", "message larger than allowed", NULL) \
	X(CHUNK_SIZE, "chunk_size", "chunk size out of range", NULL) \
	X(CHUNK_STREAMS, "chunk_streams", "too many chunk streams", NULL) \
	X(PARTIAL_BYTES, "partial_bytes", "too many bytes in unfinished messages", NULL) \
	X(COMMAND, "command", "undecodable command", NULL) \
	X(HELD_BYTES, "held_bytes", "too many bytes before publish was answered", NULL) \
	X(OUTPUT, "output", "the peer does not read", NULL) \
	X(BITRATE, "bitrate", "inbound bit rate above the limit", "NetStream.Publish.Rejected") \
	X(INVALID_APP, "invalid_app", "unknown application name", NULL) \
	X(BAD_KEY, "bad_key", "stream key refused", "NetStream.Publish.BadName") \
	X(BUSY, "busy", "the key is being published already", "NetStream.Publish.BadName") \
	X(NO_STREAM, "no_stream", "no such stream to play", "NetStream.Play.StreamNotFound") \
	X(FORBIDDEN, "forbidden", "this needs a playback token that is valid", \
		"NetStream.Play.Failed") \
	X(PLAYER_LIMIT, "player_limit", "too many players", "NetStream.Play.Failed") \
	X(STALLED, "stalled", "the player takes nothing", "NetStream.Play.InsufficientBW") \
	X(CODEC, "codec", "codec not supported", "NetStream.Publish.Rejected") \
	X(MEDIA, "media", "undecodable media", "NetStream.Publish.Rejected") \
	X(TAKEOVER, "takeover", "a newer publisher took over the key", \
		"NetStream.Publish.BadName") \
	X(ENDED, "ended", "the stream was ended", "NetStream.Unpublish.Success") \
	X(KICKED, "kicked", "closed by an operator", "NetStream.Publish.Rejected") \
	X(ADDRESS_LIMIT, "address_limit", "too many connections from the address", NULL) \
	X(CONNECTION_LIMIT, "connection_limit", "too many connections", NULL) \
	X(PUBLISHER_LIMIT, "publisher_limit", "too many publishers", "NetStream.Publish.Rejected") \
	X(DRAIN, "drain", "the server is shutting down", "NetConnection.Connect.AppShutdown") \
	X(INTERNAL, "internal", "the server could not serve the stream", \
		"NetStream.Publish.Rejected")

enum rtmp_close {
#define X(name, label, text, code) RTMP_CLOSE_##name,
	RTMP_CLOSE_TABLE(X)
#undef X
		RTMP_CLOSE_COUNT
};

const char *rtmp_close_label(enum rtmp_close reason); /* for metrics: [a-z_]+ */
const char *rtmp_close_text(enum rtmp_close reason); /* for logs and the peer */
const char *rtmp_close_code(enum rtmp_close reason); /* onStatus code, or NULL */
