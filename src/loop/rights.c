/* SPDX-License-Identifier: ISC */
#include "loop/rights.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/macro.h"

#ifndef SO_PASSRIGHTS
enum { SO_PASSRIGHTS = 83 }; /* since Linux 6.16 */
#endif

union rights_room {
	char bytes[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
	struct cmsghdr aligned;
};

/* A descriptor that nobody wants is closed by who reads past it, which may take as long as its
 * sender likes (SO_LINGER). An older kernel has no such switch. */
void rights_refuse(int fd)
{
	int off = 0;

	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

int rights_pair(int ret_ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_ends) < 0)
		return E_SYSTEM;
	rights_refuse(ret_ends[0]);
	return 0;
}

int rights_send(int fd, struct span message, const struct rights *rights)
{
	union rights_room room;
	struct iovec part = {.iov_base = (void *)message.ptr, .iov_len = message.len};
	struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
	size_t size = rights->len * sizeof(int);

	if (size != 0) {
		memset(&room, 0, sizeof(room));
		head.msg_control = &room;
		head.msg_controllen = CMSG_SPACE(size);
		*CMSG_FIRSTHDR(&head) = (struct cmsghdr){.cmsg_len = CMSG_LEN(size),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&head)), rights->fds, size);
	}
	if (sendmsg(fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS ? E_AGAIN : E_CLOSED;
}

static void rights_read(struct msghdr *head, struct rights *ret_rights)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(head);

	ret_rights->len = 0;
	if (control == NULL || control->cmsg_level != SOL_SOCKET ||
		control->cmsg_type != SCM_RIGHTS || control->cmsg_len < CMSG_LEN(0))
		return;
	ret_rights->len = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(ret_rights->fds, CMSG_DATA(control), ret_rights->len * sizeof(int));
}

int rights_receive(int fd, uint8_t *room, size_t size, struct rights *ret_rights)
{
	union rights_room control;
	struct iovec part = {.iov_base = room, .iov_len = size};
	struct msghdr head = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? E_AGAIN : E_CLOSED;
	rights_read(&head, ret_rights);
	return (int)n;
}

void rights_close(struct rights *rights)
{
	for (size_t i = 0; i < rights->len; i++)
		close(rights->fds[i]);
	rights->len = 0;
}
