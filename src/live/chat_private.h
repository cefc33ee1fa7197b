#pragma once

#include "base/list.h"
#include "base/map.h"
#include "chat_words.h"
#include "live/chat.h"

/* What the files of the chat share. */
struct chat {
	struct loop *loop;
	struct repo repo;
	struct chat_words *words;
	bool links_blocked;
	uint32_t slow_mode_max;
	chat_permit permit;
	void *permit_impl;
	struct list calls; /* chat_call.link */
	/* Writes under way, struct chat_call: by client_id, and by writer in slow mode. */
	struct map *by_client_id, *by_writer;
	struct signal written, deleted, mute_changed, mode_changed;
};

/* One action under way. chat is NULL once the chat is gone: the caller had its answer. */
struct chat_call {
	struct list link;
	struct chat *chat;
	chat_done done;
	void *user;
	struct chat_answer refusal; /* of one that never reached the store */
	struct uuid stream_id, message_id;
	struct mute_record mute; /* moderator_id: who acts */
	bool lifted, by_power;
	/* Of a write. */
	struct chat_record message;
	bool untold; /* its message goes into the store, and was not told yet */
	unsigned roles;
	char *neighborhood;
	char *client_key, *writer_key; /* its keys in the chat's maps, NULL: it is in none */
	struct list twins, by_twin; /* those that came with its client_id while it was under way */
};

struct chat_call *chat_call_create(
	struct chat *c, struct uuid stream_id, chat_done done, void *user);
/* The answer of it and its twins, if the chat is still there, and its end. */
void chat_call_end(struct chat_call *call, const struct chat_answer *answer);
/* The same later. */
void chat_call_refuse(struct chat_call *call, struct chat_answer refusal);

enum chat_result chat_read_stream(struct chat *c, struct uuid id, struct stream_record *out);
