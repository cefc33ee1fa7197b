#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What an encoder says of a picture's colours in a video tag's metadata: the AMF0 value "colorInfo"
 * (Enhanced RTMP v2, "Metadata Frame"). What is not said is 0.
 */
struct flv_color {
	/* Code points of ISO/IEC 23091-2 (H.273); 2 is unspecified, too. */
	uint8_t primaries, transfer, matrix;
	double max_fall, max_cll; /* cd/m² */
	/* Of the display it was mastered on: CIE 1931 chromaticities, and cd/m². */
	struct flv_point {
		double x, y;
	} red, green, blue, white;
	double max_luminance, min_luminance;
};

/* The body of such a packet. False: it is no colorInfo, or cannot be read. A colorInfo that is
 * undefined or null takes back what was said before: all 0. */
bool flv_color_read(const uint8_t *amf, size_t len, struct flv_color *out);
