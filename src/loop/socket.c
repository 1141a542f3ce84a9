/* SPDX-License-Identifier: ISC */
#include "loop/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macro.h"
#include "loop/rights.h"

static int socket_fail(int fd, struct fault *why, const char *what, const char *subject)
{
	int number = errno, r = number == EADDRINUSE ? E_EXISTS : err_from_errno(number);

	if (fd >= 0)
		close(fd);
	return fault_set(why, r, "cannot %s '%s': %s", what, subject, strerror(number));
}

static int socket_open(struct endpoint endpoint, int type)
{
	int family = ip_is_v4(endpoint.ip) ? AF_INET : AF_INET6;

	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int socket_switch_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

void socket_share(int fd, enum socket_sharing sharing)
{
	int on = sharing == SOCKET_SHARES;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

/* "[::]:25" takes IPv4 as well; the mapped form is what struct ip holds anyway. */
static int socket_take_address(int fd, struct endpoint endpoint, unsigned how)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);
	int v6_only = (how & SOCKET_V6_ONLY) != 0;

	if (!ip_is_v4(endpoint.ip))
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
	return bind(fd, (struct sockaddr *)&address, len);
}

int socket_bind_tcp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why)
{
	char text[ENDPOINT_TEXT_SIZE];
	int fd = socket_open(endpoint, SOCK_STREAM);

	if (fd < 0 || socket_switch_on(fd, SOL_SOCKET, SO_REUSEADDR) < 0 ||
		((how & SOCKET_SHARED) != 0 &&
			socket_switch_on(fd, SOL_SOCKET, SO_REUSEPORT) < 0) ||
		socket_take_address(fd, endpoint, how) < 0)
		return socket_fail(fd, why, "listen on", endpoint_print(endpoint, text));
	*ret_fd = fd;
	return 0;
}

int socket_listen(int fd, struct endpoint endpoint, struct fault *why)
{
	char text[ENDPOINT_TEXT_SIZE];

	return listen(fd, SOCKET_BACKLOG) < 0
		       ? socket_fail(-1, why, "listen on", endpoint_print(endpoint, text))
		       : 0;
}

int socket_listen_tcp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why)
{
	int fd = -1, r = socket_bind_tcp(endpoint, how, &fd, why);

	if (r < 0)
		return r;
	r = socket_listen(fd, endpoint, why);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int socket_open_udp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why)
{
	char text[ENDPOINT_TEXT_SIZE];
	int fd = socket_open(endpoint, SOCK_DGRAM);

	if (fd < 0 ||
		((how & SOCKET_SHARED) != 0 && socket_switch_on(fd, SOL_SOCKET, SO_REUSEPORT) < 0))
		return socket_fail(fd, why, "listen on", endpoint_print(endpoint, text));
	*ret_fd = fd;
	return 0;
}

int socket_bind(int fd, struct endpoint endpoint, unsigned how, struct fault *why)
{
	char text[ENDPOINT_TEXT_SIZE];

	return socket_take_address(fd, endpoint, how) < 0
		       ? socket_fail(-1, why, "listen on", endpoint_print(endpoint, text))
		       : 0;
}

int socket_bind_udp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why)
{
	int fd = -1, r = socket_open_udp(endpoint, how, &fd, why);

	if (r < 0)
		return r;
	r = socket_bind(fd, endpoint, how, why);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

static int socket_connect(struct endpoint endpoint, int type, int *ret_fd)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);
	int fd = socket_open(endpoint, type);

	if (fd < 0)
		return err_from_errno(errno);
	if (type == SOCK_STREAM)
		socket_switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
	if (connect(fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS) {
		int r = err_from_errno(errno);

		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int socket_connect_tcp(struct endpoint endpoint, int *ret_fd)
{
	return socket_connect(endpoint, SOCK_STREAM, ret_fd);
}

int socket_connect_udp(struct endpoint endpoint, int *ret_fd)
{
	return socket_connect(endpoint, SOCK_DGRAM, ret_fd);
}

int socket_error(int fd)
{
	int number = 0;
	socklen_t len = sizeof(number);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &len) < 0)
		number = errno;
	return number == 0 ? 0 : err_from_errno(number);
}

/* A socket, and the address for it. */
static int socket_open_unix(const char *path, struct sockaddr_un *ret_address, struct fault *why)
{
	int fd;

	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return fault_set(why, E_LIMIT, "socket path '%s' is too long", path);
	memcpy(ret_address->sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? socket_fail(fd, why, "open", path) : fd;
}

int socket_listen_unix(const char *path, unsigned mode, int *ret_fd, struct fault *why)
{
	struct sockaddr_un address;
	int bound, fd = socket_open_unix(path, &address, why);
	mode_t old_mask;

	if (fd < 0)
		return fd;
	rights_refuse(fd);
	unlink(path);
	/* Never open wider than asked, not even for a moment. */
	old_mask = umask((mode_t)(~mode & 0777));
	bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(old_mask);
	if (bound < 0 || listen(fd, SOCKET_BACKLOG) < 0)
		return socket_fail(fd, why, "listen on", path);
	*ret_fd = fd;
	return 0;
}

int socket_connect_unix(const char *path, int *ret_fd, struct fault *why)
{
	struct sockaddr_un address;
	int fd = socket_open_unix(path, &address, why);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return socket_fail(fd, why, "connect to", path);
	*ret_fd = fd;
	return 0;
}

int socket_local(int fd, struct endpoint *ret_endpoint)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return err_from_errno(errno);
	return endpoint_from_sockaddr((struct sockaddr *)&address, ret_endpoint);
}
