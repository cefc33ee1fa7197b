#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Words and phrases that no message may hold. Compared without regard to case, by whole words, and
 * to characters that cannot be seen. Sans-io but for the file.
 */
struct chat_words;

/* NULL with errno set if the file cannot be read. Lines: a word or a phrase; '#' comments. */
struct chat_words *chat_words_load(const char *path);
struct chat_words *chat_words_parse(const char *text, size_t len);
void chat_words_destroy(struct chat_words **w);
size_t chat_words_count(const struct chat_words *w);
/* w may be NULL: none. */
bool chat_words_hit(const struct chat_words *w, const char *message);

/* A link, with or without its scheme: "https://…", "www.…", "shop.example.com/…". */
bool chat_has_link(const char *message);

/* The message without white space (and what cannot be seen) around it: a part of it. */
void chat_trim(const char **message, size_t *len);
