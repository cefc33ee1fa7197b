#include "proto/rtmp_close.h"

#include "base/must.h"

struct close_row {
	const char *label, *text, *code;
};

static const struct close_row rows[] = {
#define X(name, label, text, code) {label, text, code},
	RTMP_CLOSE_TABLE(X)
#undef X
};

static const struct close_row *row(enum rtmp_close reason)
{
	must(reason < RTMP_CLOSE_COUNT);
	return &rows[reason];
}

const char *rtmp_close_label(enum rtmp_close reason)
{
	return row(reason)->label;
}

const char *rtmp_close_text(enum rtmp_close reason)
{
	return row(reason)->text;
}

const char *rtmp_close_code(enum rtmp_close reason)
{
	return row(reason)->code;
}
