#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The wall clock inside a video frame: an H.264 SEI message, user data unregistered (ITU-T H.264
 * D.1.7, payload type 5), with a UUID of ours and the microseconds since 1970 as 16 hexadecimal
 * digits, which need no emulation prevention and survive every container unchanged.
 */
#define STAMP_DIGITS 16

/*
 * Appends an FLV video tag's body with the stamp before the first slice. False, with nothing
 * appended, if the body is not an AVC frame with four-byte NAL lengths.
 */
bool stamp_frame(struct buf *out, const uint8_t *body, size_t len, uint64_t wall_us);

/*
 * Calls found() for each stamp in a piece of media as it was served: fragmented MP4, MPEG-TS (its
 * video is put together first) or FLV. Returns how many there were.
 */
size_t stamp_scan(
	const uint8_t *data, size_t len, void (*found)(uint64_t wall_us, void *user), void *user);
