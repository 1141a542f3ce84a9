/* SPDX-License-Identifier: ISC */
#pragma once
/* The sd_notify(3) protocol by hand: datagrams such as "READY=1" to the socket that NOTIFY_SOCKET
 * names. Roles tell their supervisor, the supervisor tells systemd. A socket is connected early and
 * used after the jail was entered. Main thread. */
#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"

/* Connects and clears NOTIFY_SOCKET; -1 when nobody wants to know. */
int notify_connect(void);
/* "READY=1", "STOPPING=1", "WATCHDOG=1"; best effort. */
void notify_send(int fd, const char *state);

struct notify_listener;

/* For each "READY=1", with the process that the kernel says sent it. */
struct notify_call {
	void (*ready)(pid_t pid, void *arg);
	void *arg;
};

/* The other end. E_SYSTEM. */
int notify_listener_new(struct loop *loop, struct notify_call call,
	struct notify_listener **ret_listener, struct fault *why);
void notify_listener_free(struct notify_listener **listener);
/* For NOTIFY_SOCKET. */
const char *notify_listener_path(const struct notify_listener *listener);
