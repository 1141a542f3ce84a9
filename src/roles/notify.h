/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The sd_notify(3) protocol by hand: one datagram "READY=1" to the socket that NOTIFY_SOCKET names. Roles tell their
 * supervisor so, the supervisor tells systemd. The socket is connected early and used after the jail was entered. Main
 * thread.
 */

/* Connects and clears NOTIFY_SOCKET; -1 when nobody wants to know. */
int notify_connect(void);
/* "READY=1", "STOPPING=1", "WATCHDOG=1"; best effort. */
void notify_send(int fd, const char *state);
