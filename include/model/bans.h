#pragma once

#include "model/repo.h"

/* Whom this server wants nothing from: a family of the repo (`repo.bans`). */
enum ban_kind { BAN_ADDRESS, BAN_USER };
const char *ban_kind_text(enum ban_kind k); /* address, user */
bool ban_kind_parse(const char *text, enum ban_kind *out);

struct ban_record {
	enum ban_kind kind;
	char *subject; /* a user's id, or an address or network: "192.0.2.1", "2001:db8::/32" */
	uint64_t until; /* ms, 0: until it is lifted */
	char *reason; /* NULL: none given */
	char *actor; /* who banned */
	uint64_t created_at;
};
void ban_record_finish(struct ban_record *r);
void ban_record_copy(struct ban_record *out, const struct ban_record *r);

struct repo_ban_list {
	struct ban_record *rows; /* by kind, then subject */
	size_t n;
};
void repo_ban_list_finish(struct repo_ban_list *l);

struct repo_ban_ops {
	/* A further ban of the same subject replaces the one before. */
	void (*ban_put)(void *impl, const struct ban_record *b, repo_done done, void *user);
	/* NOT_FOUND: there is none. */
	void (*ban_delete)(
		void *impl, enum ban_kind kind, const char *subject, repo_done done, void *user);
	/* Those in force at now_ms; what is over is forgotten by the next ban_put. */
	enum repo_result (*ban_list)(void *impl, uint64_t now_ms, struct repo_ban_list *out);
};
