/* SPDX-License-Identifier: ISC */
#include "process/sd_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/span.h"

enum { DATAGRAMS_IN_A_TURN = 32 };

struct notify_listener {
	uint32_t magic;
	int fd;
	struct watch *watch;
	struct notify_call call;
	char path[16]; /* "@0002f": an abstract name, chosen by the kernel */
};

int notify_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* abstract socket */
	unsetenv("NOTIFY_SOCKET");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void notify_send(int fd, const char *state)
{
	if (fd >= 0)
		(void)!send(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
}

int64_t notify_watchdog_ms(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t every_us;

	unsetenv("WATCHDOG_PID");
	if (text == NULL || span_parse_u64(span_text(text), INT64_MAX, &every_us) < 0 ||
		every_us < 10000)
		return 0;
	unsetenv("WATCHDOG_USEC");
	return (int64_t)every_us / 2000;
}

/* 1: *ret_text is a datagram of *ret_pid; 0: no more. */
static int notify_receive(int fd, char *text, size_t size, pid_t *ret_pid)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr aligned;
	} control;
	struct iovec part = {.iov_base = text, .iov_len = size - 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = len >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct ucred sender = {.pid = 0};

	if (len < 0)
		return 0;
	text[len] = '\0';
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_CREDENTIALS)
		memcpy(&sender, CMSG_DATA(head), sizeof(sender));
	*ret_pid = sender.pid;
	return 1;
}

static void notify_listener_hear(
	const struct notify_listener *listener, struct span rest, pid_t pid)
{
	const struct notify_call *call = &listener->call;

	while (!span_is_empty(rest)) {
		struct span word = span_split(&rest, '\n');

		if (span_equal_text(word, "READY=1"))
			call->notified(NOTIFY_READY, pid, call->arg);
		else if (span_equal_text(word, "WATCHDOG=1"))
			call->notified(NOTIFY_SIGN, pid, call->arg);
	}
}

/* Anybody on this machine may write here: what else the loop has to do comes in between. */
static void notify_listener_on_input(struct watch *watch, int ready, void *arg)
{
	struct notify_listener *listener = OBJ(notify_listener, arg);
	char text[256];
	pid_t pid;

	(void)watch;
	(void)ready;
	for (unsigned i = 0; i < DATAGRAMS_IN_A_TURN &&
			     notify_receive(listener->fd, text, sizeof(text), &pid) > 0;
		i++)
		notify_listener_hear(listener, span_text(text), pid);
}

/* An abstract socket needs no folder that all roles reach; the kernel tells who sent. */
static int notify_listener_bind(struct notify_listener *listener)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(address.sun_family);
	int on = 1;
	size_t name;

	listener->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&address, len) < 0 ||
		setsockopt(listener->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return err_from_errno(errno);
	len = sizeof(address);
	if (getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0)
		return err_from_errno(errno);
	name = len - offsetof(struct sockaddr_un, sun_path);
	if (name < 2 || name >= sizeof(listener->path))
		return E_SYSTEM;
	memcpy(listener->path, address.sun_path, name);
	listener->path[0] = '@';
	return 0;
}

int notify_listener_new(struct loop *loop, struct notify_call call,
	struct notify_listener **ret_listener, struct fault *why)
{
	AUTO(notify_listener) *listener = mem_new(notify_listener);
	int r;

	listener->magic = (uint32_t)MAGIC_notify_listener;
	listener->call = call;
	r = notify_listener_bind(listener);
	if (r < 0)
		return fault_set(why, r, "cannot make the socket on which roles report");
	listener->watch = watch_new(loop, listener->fd, notify_listener_on_input, listener);
	r = watch_set(listener->watch, WATCH_READ);
	if (r < 0)
		return fault_set(why, r, "cannot watch the socket on which roles report");
	*ret_listener = TAKE(listener);
	return 0;
}

void notify_listener_free(struct notify_listener **listener)
{
	struct notify_listener *old = *listener;

	*listener = NULL;
	if (old == NULL)
		return;
	watch_free(&old->watch);
	if (old->fd >= 0)
		close(old->fd);
	mem_free(old);
}

const char *notify_listener_path(const struct notify_listener *listener)
{
	return listener->path;
}
