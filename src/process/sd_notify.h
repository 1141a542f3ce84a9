/* SPDX-License-Identifier: ISC */
#pragma once
/* The sd_notify(3) protocol by hand: datagrams such as "READY=1" to the socket that NOTIFY_SOCKET
 * names. Roles tell their supervisor, the supervisor tells systemd. A socket is connected early and
 * used after the jail was entered. Main thread. */
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"

/* Connects and clears NOTIFY_SOCKET; -1 when nobody wants to know. */
int notify_connect(void);
/* "READY=1", "STOPPING=1", "WATCHDOG=1"; best effort. */
void notify_send(int fd, const char *state);
/* How often whoever listens wants "WATCHDOG=1" at least: half of WATCHDOG_USEC
 * (sd_watchdog_enabled(3)), which is cleared; 0: not at all. */
int64_t notify_watchdog_ms(void);

struct notify_listener;

/* For each "READY=1" and "WATCHDOG=1", with the process that the kernel says sent it. */
enum notify_word { NOTIFY_READY, NOTIFY_SIGN };
struct notify_call {
	void (*notified)(enum notify_word word, pid_t pid, void *arg);
	void *arg;
};

/* The other end. E_SYSTEM. */
int notify_listener_new(struct loop *loop, struct notify_call call,
	struct notify_listener **ret_listener, struct fault *why);
void notify_listener_free(struct notify_listener **listener);
/* For NOTIFY_SOCKET. */
const char *notify_listener_path(const struct notify_listener *listener);
