#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Small text codecs that several floors need. Outputs are NUL-terminated. */

/* Copies what fits; false if it did not fit whole. */
bool text_copy(char *out, size_t size, const char *s);
bool text_eq(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts(const char *s, const char *prefix);

void text_hex(char *out, const void *data, size_t len); /* 2*len+1 bytes, lower case */
bool text_unhex(void *out, size_t len, const char *hex);
/* RFC 4648 section 5 without padding; out needs text_base64url_size(len). */
size_t text_base64url_size(size_t len);
void text_base64url(char *out, const void *data, size_t len);
/* Decodes into at most size bytes; false for other characters, padding or stray bits. */
bool text_unbase64url(const char *s, size_t len, void *out, size_t size, size_t *out_len);

/* Whole decimal number in [min, max], nothing else around it. */
bool text_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);
/* "200ms" "2s" "10m" "1h" "30d" (or "0") to microseconds. */
bool text_duration_us(const char *s, uint64_t *out);
/* "256k" "20M" "1G" (powers of 1000 if decimal is set, else of 1024) or a plain number. */
bool text_size(const char *s, bool decimal, uint64_t *out);

/* ISO 8601 in UTC with milliseconds: 2026-01-31T12:00:00.000Z, 25 bytes with NUL. */
#define TEXT_TIME_SIZE 25
void text_time(char out[static TEXT_TIME_SIZE], uint64_t wall_ms);
bool text_time_parse(const char *s, uint64_t *wall_ms); /* offsets other than Z are understood */

/*
 * Decodes a name or value of application/x-www-form-urlencoded text, as queries are: %XX and '+'
 * for a blank; a '%' without two digits stands for itself. False if it does not fit with its NUL
 * or holds a NUL.
 */
bool text_form_decode(const char *text, size_t len, char *out, size_t size);

/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool text_utf8_valid(const char *s, size_t len);
size_t text_utf8_count(const char *s); /* code points; s must be valid */

/* True if both are equal; takes the same time wherever they differ. */
bool text_equal_const(const void *a, const void *b, size_t len);
