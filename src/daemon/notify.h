#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What systemd wants to know of a Type=notify service: one datagram a state to the socket that
 * NOTIFY_SOCKET names (sd_notify(3)). Without that variable nothing is sent. Any thread.
 */
void notify_ready(void);
void notify_reloading(void); /* followed by notify_ready */
void notify_stopping(void);
void notify_alive(void); /* within each watchdog period */
/* Shown by systemctl status. */
void notify_status(const char *text);

/*
 * How often notify_alive must be called: half of WATCHDOG_USEC; 0 if no watchdog looks at this
 * process (sd_watchdog_enabled(3)).
 */
uint64_t notify_period_us(void);
