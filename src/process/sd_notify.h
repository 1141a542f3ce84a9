/* SPDX-License-Identifier: ISC */
#pragma once
/* The sd_notify(3) protocol by hand: datagrams such as "READY=1" to the socket that NOTIFY_SOCKET
 * names: `stockade run`, or a role that was started by itself, tells systemd. A socket is connected
 * early and used after the jail was entered. Main thread. */
#include <stdint.h>

/* Connects and clears NOTIFY_SOCKET, which is for this process alone; -1 when nobody wants to know.
 */
int notify_connect(void);
/* "READY=1", "STOPPING=1", "WATCHDOG=1"; best effort. */
void notify_send(int fd, const char *state);
/* How often whoever listens wants "WATCHDOG=1" at least: half of WATCHDOG_USEC
 * (sd_watchdog_enabled(3)), which is cleared; 0: not at all. */
int64_t notify_watchdog_ms(void);
