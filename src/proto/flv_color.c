#include "proto/flv_color.h"

#include <math.h>

#include "proto/amf0.h"

enum group { GROUP_CONFIG, GROUP_LIGHT, GROUP_MASTERING, GROUPS };

static const char *const groups[GROUPS] = {"colorConfig", "hdrCll", "hdrMdcv"};

#define AT(member) offsetof(struct flv_color, member)

static const struct {
	enum group group;
	const char *name;
	size_t offset;
	bool is_code; /* a code point, else a number of the world */
} fields[] = {
	{GROUP_CONFIG, "colorPrimaries", AT(primaries), true},
	{GROUP_CONFIG, "transferCharacteristics", AT(transfer), true},
	{GROUP_CONFIG, "matrixCoefficients", AT(matrix), true},
	{GROUP_LIGHT, "maxFall", AT(max_fall), false},
	{GROUP_LIGHT, "maxCLL", AT(max_cll), false},
	{GROUP_MASTERING, "redX", AT(red.x), false},
	{GROUP_MASTERING, "redY", AT(red.y), false},
	{GROUP_MASTERING, "greenX", AT(green.x), false},
	{GROUP_MASTERING, "greenY", AT(green.y), false},
	{GROUP_MASTERING, "blueX", AT(blue.x), false},
	{GROUP_MASTERING, "blueY", AT(blue.y), false},
	{GROUP_MASTERING, "whitePointX", AT(white.x), false},
	{GROUP_MASTERING, "whitePointY", AT(white.y), false},
	{GROUP_MASTERING, "maxLuminance", AT(max_luminance), false},
	{GROUP_MASTERING, "minLuminance", AT(min_luminance), false},
};

#define NUMBER_MAX 100000.0

static void store(
	struct flv_color *out, enum group group, struct amf0_text name, const struct amf0_value *v)
{
	char *base = (char *)out;

	if (v->type != AMF0_NUMBER || !isfinite(v->number) || v->number < 0 ||
		v->number > NUMBER_MAX)
		return;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].group != group || !amf0_text_is(name, fields[i].name))
			continue;
		if (!fields[i].is_code)
			*(double *)(void *)(base + fields[i].offset) = v->number;
		else if (v->number <= UINT8_MAX)
			*(uint8_t *)(base + fields[i].offset) = (uint8_t)v->number;
	}
}

static bool is_object(const struct amf0_value *v)
{
	return v->type == AMF0_OBJECT || v->type == AMF0_ECMA_ARRAY;
}

static bool read_group(struct amf0_reader *r, enum group group, struct flv_color *out)
{
	struct amf0_text name;
	struct amf0_value v;

	while (amf0_member(r, &name)) {
		if (!amf0_read(r, &v))
			return false;
		store(out, group, name, &v);
		if (!amf0_skip_inside(r, &v))
			return false;
	}
	return !r->failed;
}

static enum group find_group(struct amf0_text name)
{
	enum group group = 0;

	while (group < GROUPS && !amf0_text_is(name, groups[group]))
		group++;
	return group;
}

static bool read_groups(struct amf0_reader *r, struct flv_color *out)
{
	struct amf0_text name;
	struct amf0_value v;

	while (amf0_member(r, &name)) {
		enum group group = find_group(name);
		if (!amf0_read(r, &v))
			return false;
		if (!(group < GROUPS && is_object(&v) ? read_group(r, group, out)
						      : amf0_skip_inside(r, &v)))
			return false;
	}
	return !r->failed;
}

bool flv_color_read(const uint8_t *amf, size_t len, struct flv_color *out)
{
	struct amf0_reader r = amf0_reader(amf, len);
	struct amf0_value v;

	*out = (struct flv_color){0};
	if (!amf0_read(&r, &v) || v.type != AMF0_STRING || !amf0_text_is(v.text, "colorInfo") ||
		!amf0_read(&r, &v))
		return false;
	return is_object(&v) ? read_groups(&r, out)
			     : v.type == AMF0_UNDEFINED || v.type == AMF0_NULL;
}
