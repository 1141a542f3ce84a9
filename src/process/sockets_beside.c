/* SPDX-License-Identifier: ISC */
#include "process/sockets_beside.h"

#include <unistd.h>

#include "loop/socket.h"

static bool is_any(const struct listen_socket *sock)
{
	return endpoint_is_any_v6(sock->endpoint) || ip_equal(sock->endpoint.ip, ip_from_v4(0));
}

static bool takes_both_families(const struct listen_socket *sock)
{
	return endpoint_is_any_v6(sock->endpoint) && (sock->how & SOCKET_V6_ONLY) == 0;
}

/* Whether the kernel could give both the same clients. */
static bool listen_socket_overlaps(const struct listen_socket *a, const struct listen_socket *b)
{
	if (a->kind == SOCKET_UNIX || a->kind != b->kind || a->endpoint.port != b->endpoint.port)
		return false;
	if (ip_is_v4(a->endpoint.ip) != ip_is_v4(b->endpoint.ip))
		return takes_both_families(a) || takes_both_families(b);
	return ip_equal(a->endpoint.ip, b->endpoint.ip) || is_any(a) || is_any(b);
}

static bool overlaps_any(const struct listen_socket *sock, const struct sockets *others)
{
	bool any = false;

	for (size_t i = 0; i < others->len; i++)
		any |= others->sock[i].fd >= 0 && listen_socket_overlaps(sock, &others->sock[i]);
	return any;
}

/* Those of threads share their address for as long as they live. */
static void listen_socket_share(const struct listen_socket *sock, enum socket_sharing sharing)
{
	if (sock->kind == SOCKET_TCP && sock->fd >= 0 && (sock->how & SOCKET_SHARED) == 0)
		socket_share(sock->fd, sharing);
}

static void sockets_share(const struct sockets *sockets, enum socket_sharing sharing)
{
	for (size_t i = 0; i < sockets->len; i++)
		listen_socket_share(&sockets->sock[i], sharing);
}

/* Whether it is ours, which any port shows: that of the address itself would get questions. */
static int try_address(struct endpoint endpoint, unsigned how, struct fault *why)
{
	int fd, r;

	endpoint.port = 0;
	r = socket_bind_udp(endpoint, how, &fd, why);
	if (r == 0)
		close(fd);
	return r;
}

static int bind_tcp_beside(
	struct listen_socket *sock, const struct sockets *const leaving[2], struct fault *why)
{
	int r;

	sockets_share(leaving[0], SOCKET_SHARES);
	sockets_share(leaving[1], SOCKET_SHARES);
	r = socket_bind_tcp(sock->endpoint, sock->how | SOCKET_SHARED, &sock->fd, why);
	sockets_share(leaving[0], SOCKET_ALONE);
	sockets_share(leaving[1], SOCKET_ALONE);
	listen_socket_share(sock, SOCKET_ALONE);
	return r;
}

/* Nothing comes to it yet. */
static int listen_socket_open_late(
	struct listen_socket *sock, const struct sockets *const leaving[2], struct fault *why)
{
	int r;

	sock->late = true;
	if (sock->kind == SOCKET_TCP)
		return bind_tcp_beside(sock, leaving, why);
	r = try_address(sock->endpoint, sock->how, why);
	return r < 0 ? r : socket_open_udp(sock->endpoint, sock->how, &sock->fd, why);
}

int sockets_open_beside(
	struct sockets *sockets, const struct sockets *const leaving[2], struct fault *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sockets->len; i++) {
		struct listen_socket *sock = &sockets->sock[i];

		if (sock->fd >= 0)
			continue;
		r = overlaps_any(sock, sockets) || overlaps_any(sock, leaving[0]) ||
				    overlaps_any(sock, leaving[1])
			    ? listen_socket_open_late(sock, leaving, why)
			    : listen_socket_open(sock, why);
	}
	return r;
}

bool sockets_any_late(const struct sockets *sockets)
{
	bool any = false;

	for (size_t i = 0; i < sockets->len; i++)
		any |= sockets->sock[i].late;
	return any;
}

static int listen_socket_serve(
	const struct listen_socket *sock, const struct sockets *leaving, struct fault *why)
{
	int r;

	if (sock->kind == SOCKET_UDP)
		return socket_bind(sock->fd, sock->endpoint, sock->how, why);
	sockets_share(leaving, SOCKET_SHARES);
	listen_socket_share(sock, SOCKET_SHARES);
	r = socket_listen(sock->fd, sock->endpoint, why);
	sockets_share(leaving, SOCKET_ALONE);
	listen_socket_share(sock, SOCKET_ALONE);
	return r;
}

int sockets_serve(struct sockets *sockets, const struct sockets *leaving, struct fault *why)
{
	int all = 0;

	for (size_t i = 0; i < sockets->len; i++) {
		struct listen_socket *sock = &sockets->sock[i];
		int r = sock->late ? listen_socket_serve(sock, leaving, why) : 0;

		sock->late = r < 0;
		all = r < 0 ? r : all;
	}
	return all;
}

void sockets_leave(struct sockets *from, struct sockets *to)
{
	for (size_t i = 0; i < from->len && to->len < SOCKETS_MAX; i++) {
		struct listen_socket *sock = &from->sock[i];

		if (sock->fd < 0 || sock->late)
			continue;
		to->sock[to->len++] = *sock;
		sock->fd = -1;
	}
}
