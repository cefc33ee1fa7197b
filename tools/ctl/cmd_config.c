#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ctl.h"
#include "output.h"

static void tell_reserved(void *user, const struct config_key *key)
{
	ctl_error("[%s] %s has no effect in this version", key->section, key->name);
}

enum ctl_exit config_check_run(struct ctl *c)
{
	bool good = c->config != NULL;
	if (c->json) {
		json_t *faults = json_array();
		char *rest = (char *)(uintptr_t)buf_text(&c->config_errors);
		for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
			if (line[0] != '\0') {
				json_array_append_new(faults, json_string(line));
			}
		}
		json_t *answer = json_pack(
			"{s:b, s:s?, s:o}", "ok", good, "file", c->config_path, "faults", faults);
		ctl_print_json(answer);
		json_decref(answer);
	} else if (good) {
		config_reserved(c->config, tell_reserved, NULL);
		printf("%s: ok\n", c->config_path != NULL ? c->config_path : "defaults");
	} else {
		fputs(buf_text(&c->config_errors), stderr);
	}
	return good ? CTL_OK : CTL_FAILED;
}

static const char *shown(const struct config *config, const struct config_key *key)
{
	const char *text = config_text(config, key);
	return key->secret && text[0] != '\0' ? "(hidden)" : text;
}

enum ctl_exit config_show_run(struct ctl *c)
{
	static const struct table_column columns[] = {
		{"KEY"}, {"VALUE", .flexible = true}, {"FROM"}};
	const struct config *config = ctl_config(c);
	if (config == NULL) {
		return CTL_FAILED;
	}
	struct table *t = table_create(columns, 3);
	json_t *list = json_array();
	bool changed_only = args_has(&c->args, "changed");
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *key = config_key_at(i);
		if (changed_only && text_eq(config_text(config, key), key->fallback)) {
			continue;
		}
		struct buf origin = {0};
		config_origin(config, key, &origin);
		char *name = mem_printf("%s.%s", key->section, key->name);
		table_put(t, name);
		free(name);
		table_put(t, shown(config, key));
		table_put(t, buf_text(&origin));
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "section", key->section, "key",
				key->name, "value", shown(config, key), "origin", buf_text(&origin),
				"default", key->fallback, "reload", key->reload));
		buf_finish(&origin);
	}
	output_table(c, &t, list);
	return CTL_OK;
}

enum ctl_exit config_example_run(struct ctl *c)
{
	struct buf out = {0};
	config_example(&out);
	fputs(buf_text(&out), stdout);
	buf_finish(&out);
	return CTL_OK;
}
