#pragma once

/* What readers of our transport streams have to know. */
#define TS_PACKET 188
#define TS_SYNC 0x47
#define TS_PID 0x100 /* of the first track; the next one has the next */
#define TS_CLOCK \
	90000 /* ticks a second; times have 33 bits of them and begin anew after 26.5 h \
	       */
/* The stream's timeline begins here, so that its clock reference has room below: 1.4 s, which is
 * what FFmpeg's own streams begin with. */
#define TS_DELAY (TS_CLOCK * 14 / 10)
