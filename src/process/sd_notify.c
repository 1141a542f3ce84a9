/* SPDX-License-Identifier: ISC */
#include "process/sd_notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"

static int notify_open(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* abstract socket */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int notify_connect(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = path != NULL ? notify_open(path) : -1;

	unsetenv("NOTIFY_SOCKET");
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
