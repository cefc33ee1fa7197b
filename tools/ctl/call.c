#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "base/text.h"
#include "client.h"
#include "output.h"

static bool is_none(const char *text)
{
	return text[0] == '\0' || text_eq(text, "none");
}

static json_t *integer(const char *option, const char *text)
{
	char *end;
	long long v = strtoll(text, &end, 10);
	if (text[0] == '\0' || *end != '\0') {
		ctl_error("--%s must be a whole number", option);
		return NULL;
	}
	return json_integer(v);
}

static json_t *integer_operand(const char *text)
{
	char *end;
	long long v = strtoll(text, &end, 10);
	if (text[0] == '\0' || *end != '\0') {
		ctl_error("%s is no whole number", text);
		return NULL;
	}
	return json_integer(v);
}

static json_t *number(const char *option, const char *text)
{
	char *end;
	double v = strtod(text, &end);
	json_t *value = text[0] != '\0' && *end == '\0' ? json_real(v) : NULL;
	if (value == NULL) {
		ctl_error("--%s must be a number", option);
	}
	return value;
}

static json_t *yes_or_no(const char *option, const char *text)
{
	if (text_eq(text, "yes") || text_eq(text, "no")) {
		return json_boolean(text_eq(text, "yes"));
	}
	ctl_error("--%s must be yes or no", option);
	return NULL;
}

static json_t *text_value(const char *option, const char *text)
{
	json_t *value = json_string(text);
	if (value == NULL) {
		ctl_error("%s%s is not UTF-8", option[0] >= 'a' ? "--" : "the word ",
			option[0] >= 'a' ? option : text);
	}
	return value;
}

static json_t *seconds(const char *option, const char *text)
{
	uint64_t us;
	if (!text_duration_us(text, &us) || us < 1000000) {
		ctl_error("--%s must be a duration from 1s, such as 10m, 1h or 30d", option);
		return NULL;
	}
	return json_integer((json_int_t)(us / 1000000));
}

static json_t *append_text(json_t *list, const char *option, const char *text)
{
	json_t *value = text_value(option, text);
	if (value == NULL) {
		json_decref(list);
		return NULL;
	}
	json_array_append_new(list, value);
	return list;
}

static json_t *option_texts(struct ctl *c, const char *option)
{
	json_t *list = json_array();
	const char *text;
	size_t pos = 0;
	while (list != NULL && (text = args_next(&c->args, option, &pos)) != NULL) {
		list = append_text(list, option, text);
	}
	return list;
}

static json_t *operand_texts(struct ctl *c, size_t first)
{
	json_t *list = json_array();
	for (size_t i = first; list != NULL && i < c->args.n_operands; i++) {
		list = append_text(list, "", c->args.operands[i]);
	}
	return list;
}

/* A new reference; NULL, with a line on stderr, if the text is none of this kind. */
static json_t *value_of(struct ctl *c, const struct call_field *f, const char *text)
{
	switch (f->kind) {
	case CALL_TEXT:
		return text_value(f->option, text);
	case CALL_TEXT_OR_NULL:
		return is_none(text) ? json_null() : text_value(f->option, text);
	case CALL_INTEGER:
		return integer(f->option, text);
	case CALL_INTEGER_OR_NULL:
		return is_none(text) ? json_null() : integer(f->option, text);
	case CALL_NUMBER:
		return number(f->option, text);
	case CALL_YES_NO:
		return yes_or_no(f->option, text);
	case CALL_SWITCH:
	case CALL_TRUE:
		return json_true();
	case CALL_SWITCH_OFF:
		return json_false();
	case CALL_LIST:
		return option_texts(c, f->option);
	case CALL_SECONDS:
		return seconds(f->option, text);
	case CALL_OPERAND:
		return text_value("", text);
	case CALL_INTEGER_OPERAND:
		return integer_operand(text);
	case CALL_OPERANDS:
		return operand_texts(c, (size_t)(f->option[0] - '0'));
	}
	return NULL;
}

/* The text that a field is made of, NULL if it was not given. */
static const char *given(const struct ctl *c, const struct call_field *f)
{
	if (f->kind == CALL_TRUE || f->kind == CALL_OPERANDS) {
		return "";
	}
	if (f->kind == CALL_OPERAND || f->kind == CALL_INTEGER_OPERAND) {
		size_t i = (size_t)(f->option[0] - '0');
		return i < c->args.n_operands ? c->args.operands[i] : NULL;
	}
	return args_get(&c->args, f->option);
}

bool call_fill(struct ctl *c, const struct call_field *fields, json_t *body)
{
	for (const struct call_field *f = fields; f != NULL && f->member != NULL; f++) {
		const char *text = given(c, f);
		json_t *value = text != NULL ? value_of(c, f, text) : NULL;
		if (text != NULL && value == NULL) {
			return false;
		}
		if (value != NULL) {
			json_object_set_new(body, f->member, value);
		}
	}
	return true;
}

bool call_limit(struct ctl *c, size_t *limit)
{
	const char *text = args_get(&c->args, "limit");
	uint64_t v = 0;
	if (text != NULL && !text_u64(text, 1, 1000000, &v)) {
		ctl_error("--limit must be a number from 1 to 1000000");
		return false;
	}
	*limit = (size_t)v;
	return true;
}

static enum ctl_exit become(struct ctl *c, enum call_as as)
{
	const char *first = c->args.operands[0];
	switch (as) {
	case CALL_OPERATOR:
		return CTL_OK;
	case CALL_OWNER:
		return act_as_seller_of(c, "/api/v1/streams/{0}", first);
	case CALL_PRODUCT_OWNER:
		return act_as_seller_of(c, "/api/v1/products/{0}", first);
	case CALL_USER:
		return act_as_only(c, first, ACT_REFUSE_UNKNOWN);
	case CALL_SELLER:
		return act_as_only(c, first, ACT_MAKE_SELLER);
	}
	return CTL_OK;
}

static void add_query(struct ctl *c, const struct call *call, struct buf *path)
{
	for (const struct call_field *f = call->query; f != NULL && f->member != NULL; f++) {
		if (f->kind == CALL_SWITCH) {
			client_query(
				path, f->member, args_has(&c->args, f->option) ? "true" : NULL);
		} else {
			client_query(path, f->member, given(c, f));
		}
	}
}

static void print(struct ctl *c, const struct call *call, json_t *answer)
{
	if (call->member != NULL && !(c->json && call->is_whole)) {
		json_t *inner = json_incref(json_object_get(answer, call->member));
		json_decref(answer);
		answer = inner;
	}
	if (!c->json && call->said != NULL) {
		puts(call->said);
		json_decref(answer);
	} else if (json_is_array(answer)) {
		output_list(c, answer, call->fields, call->n_fields);
	} else {
		output_object(c, answer, call->fields, call->n_fields);
	}
}

static enum ctl_exit perform(
	struct ctl *c, const struct call *call, const char *path, const json_t *body)
{
	json_t *answer;
	size_t limit;
	if (!call_limit(c, &limit)) {
		return CTL_USAGE;
	}
	enum ctl_exit result = become(c, call->as);
	if (result == CTL_OK) {
		result = call->is_list ? client_list(c, path, limit, &answer)
				       : client_call(c, call->method, path, body, &answer);
	}
	if (result == CTL_OK) {
		print(c, call, answer);
	}
	return result;
}

enum ctl_exit call_run(struct ctl *c, const struct call *call)
{
	json_t *body = call->body != NULL ? json_object() : NULL;
	if (!call_fill(c, call->body, body)) {
		json_decref(body);
		return CTL_USAGE;
	}
	if (call->needs_field && json_object_size(body) == 0) {
		ctl_error("say what to change: --help tells what there is");
		json_decref(body);
		return CTL_USAGE;
	}
	struct buf path = {0};
	char *base = client_path(call->path, c->args.operands, c->args.n_operands);
	if (base == NULL) {
		json_decref(body);
		return CTL_FAILED;
	}
	buf_put_str(&path, base);
	add_query(c, call, &path);
	enum ctl_exit result = perform(c, call, buf_text(&path), body);
	buf_finish(&path);
	free(base);
	json_decref(body);
	return result;
}
