#include "model/repo.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/repo_cursor.h"

const char *repo_result_text(enum repo_result r)
{
	switch (r) {
	case REPO_OK:
		return "ok";
	case REPO_NOT_FOUND:
		return "not_found";
	case REPO_WRONG_STATE:
		return "wrong_state";
	case REPO_DUPLICATE:
		return "duplicate";
	case REPO_NOT_OWNER:
		return "not_owner";
	case REPO_NO_PRODUCTS:
		return "no_products";
	case REPO_NO_SUCH_PRODUCT:
		return "no_such_product";
	case REPO_FAILED:
		return "failed";
	}
	return "unknown";
}

void repo_stream_page_finish(struct repo_stream_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		stream_record_finish(&p->rows[i]);
	}
	free(p->rows);
	free(p->next_cursor);
	*p = (struct repo_stream_page){0};
}

void repo_product_page_finish(struct repo_product_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		product_record_finish(&p->rows[i]);
	}
	free(p->rows);
	free(p->next_cursor);
	*p = (struct repo_product_page){0};
}

char *repo_cursor_text(struct repo_cursor c)
{
	uint8_t bytes[1 + sizeof(c.id.bytes)];
	char *out = mem_alloc(text_base64url_size(sizeof(bytes)));
	bytes[0] = c.rank;
	memcpy(bytes + 1, c.id.bytes, sizeof(c.id.bytes));
	text_base64url(out, bytes, sizeof(bytes));
	return out;
}

bool repo_cursor_parse(const char *text, struct repo_cursor *out)
{
	uint8_t bytes[1 + sizeof(out->id.bytes)];
	size_t len;
	if (!text_unbase64url(text, strlen(text), bytes, sizeof(bytes), &len) ||
		len != sizeof(bytes)) {
		return false;
	}
	out->rank = bytes[0];
	memcpy(out->id.bytes, bytes + 1, sizeof(out->id.bytes));
	return true;
}

int repo_cursor_order(struct repo_cursor a, struct repo_cursor b)
{
	if (a.rank != b.rank) {
		return a.rank > b.rank ? -1 : 1;
	}
	return memcmp(b.id.bytes, a.id.bytes, sizeof(a.id.bytes));
}
