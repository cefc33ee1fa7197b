#include "functions.h"

#include <string.h>

#include "base/text.h"
#include "model/uuid.h"

static void fn_uuid_new(sqlite3_context *c, int argc, sqlite3_value **argv)
{
	struct uuid id = uuid_new(sqlite3_user_data(c));
	sqlite3_result_blob(c, id.bytes, sizeof(id.bytes), SQLITE_TRANSIENT);
}

static void fn_uuid_text(sqlite3_context *c, int argc, sqlite3_value **argv)
{
	struct uuid id;
	char text[UUID_TEXT_SIZE];
	const void *bytes = sqlite3_value_blob(argv[0]);
	if (bytes == NULL || sqlite3_value_bytes(argv[0]) != (int)sizeof(id.bytes)) {
		return;
	}
	memcpy(id.bytes, bytes, sizeof(id.bytes));
	uuid_text(text, id);
	sqlite3_result_text(c, text, -1, SQLITE_TRANSIENT);
}

static void fn_now_ms(sqlite3_context *c, int argc, sqlite3_value **argv)
{
	sqlite3_result_int64(c, (sqlite3_int64)clock_wall_ms(sqlite3_user_data(c)));
}

static void fn_iso_time(sqlite3_context *c, int argc, sqlite3_value **argv)
{
	char text[TEXT_TIME_SIZE];
	sqlite3_int64 ms = sqlite3_value_int64(argv[0]);
	if (ms > 0) {
		text_time(text, (uint64_t)ms);
		sqlite3_result_text(c, text, -1, SQLITE_TRANSIENT);
	}
}

bool functions_add(struct db *db, const struct clock *clock)
{
	static const struct {
		const char *name;
		int args;
		void (*call)(sqlite3_context *, int, sqlite3_value **);
	} all[] = {
		{"uuid_new", 0, fn_uuid_new},
		{"uuid_text", 1, fn_uuid_text},
		{"now_ms", 0, fn_now_ms},
		{"iso_time", 1, fn_iso_time},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (sqlite3_create_function(db->handle, all[i].name, all[i].args, SQLITE_UTF8,
			    (void *)clock, all[i].call, NULL, NULL) != SQLITE_OK) {
			return false;
		}
	}
	return true;
}
