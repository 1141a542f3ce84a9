/* SPDX-License-Identifier: ISC */
#include "rbldnsd/sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/socket.h"
#include "process/sockets.h"
#include "rbldnsd/messages.h"

enum { BIND_SIZE = 512 };

struct addresses {
	size_t len;
	struct endpoint endpoints[RBL_BINDS_MAX];
};

/* A name may stand for one address twice. */
static int addresses_add(struct addresses *addresses, struct endpoint endpoint, struct fault *why)
{
	for (size_t i = 0; i < addresses->len; i++) {
		if (ip_equal(addresses->endpoints[i].ip, endpoint.ip) &&
			addresses->endpoints[i].port == endpoint.port)
			return 0;
	}
	if (addresses->len == RBL_BINDS_MAX)
		return fault_set(
			why, E_LIMIT, "too many listening sockets (%d max)", RBL_BINDS_MAX);
	addresses->endpoints[addresses->len++] = endpoint;
	return 0;
}

/* "host", "host/port", with names for both. */
static int addresses_resolve(
	struct addresses *addresses, const char *text, enum rbl_family family, struct fault *why)
{
	struct addrinfo hints = {.ai_family = family == RBL_FAMILY_V4   ? AF_INET
					      : family == RBL_FAMILY_V6 ? AF_INET6
									: AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	char host[BIND_SIZE], *slash;
	int r;

	if (snprintf(host, sizeof(host), "%s", text) >= (int)sizeof(host))
		return fault_set(why, E_USAGE, "'%.60s' is too long for an address", text);
	slash = strchr(host, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (host[0] == '\0')
		return fault_set(why, E_USAGE, "missing host part in bind address '%s'", text);
	r = getaddrinfo(host, slash != NULL && *slash != '\0' ? slash : "domain", &hints, &found);
	if (r != 0)
		return fault_set(why, E_USAGE, "%s: %s", text, gai_strerror(r));
	r = 0;
	for (const struct addrinfo *at = found; at != NULL && r == 0; at = at->ai_next) {
		struct endpoint endpoint;

		if (endpoint_from_sockaddr(at->ai_addr, &endpoint) == 0)
			r = addresses_add(addresses, endpoint, why);
	}
	freeaddrinfo(found);
	return r;
}

/* Sockets that share a port (SO_REUSEPORT) would share it with another process of the same user as
 * well, half of the queries each: one that does not share finds out first. */
static int listen_udp(struct rbldnsd_sockets *sockets, struct endpoint endpoint, unsigned threads,
	struct fault *why)
{
	int fd;
	int r = socket_bind_udp(endpoint, 0, &fd, why);

	if (r < 0)
		return r;
	close(fd);
	for (unsigned i = 0; i < threads && sockets->udp_len < RBLDNSD_UDP_MAX; i++) {
		r = socket_bind_udp(endpoint, SOCKET_SHARED, &sockets->udp[sockets->udp_len], why);
		if (r < 0)
			return r;
		sockets->udp_len++;
	}
	return 0;
}

static void listen_tcp(struct rbldnsd_sockets *sockets, struct endpoint endpoint)
{
	struct fault why = {""};

	if (sockets->tcp_len == RBLDNSD_TCP_MAX)
		return;
	if (socket_listen_tcp(endpoint, 0, &sockets->tcp[sockets->tcp_len], &why) < 0)
		message_log(MESSAGE_WARNING,
			"no answers by TCP there, and long ones will not be had: %s", why.text);
	else
		sockets->tcp_len++;
}

/* Threads of all addresses together are as many as sockets may be. */
static unsigned threads_for_each(const struct rbl_command *command, size_t addresses)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t threads = command->threads != 0 ? command->threads : cores > 0 ? (size_t)cores : 1;
	size_t most = RBLDNSD_UDP_MAX / (addresses != 0 ? addresses : 1);

	return (unsigned)(threads < most ? threads : most);
}

static int listen_addresses(
	const struct rbl_command *command, struct rbldnsd_sockets *sockets, struct fault *why)
{
	struct addresses addresses = {.len = 0};
	char text[ENDPOINT_TEXT_SIZE];
	unsigned threads;
	int r = 0;

	for (size_t i = 0; i < command->binds_len && r == 0; i++)
		r = addresses_resolve(&addresses, command->binds[i], command->family, why);
	threads = threads_for_each(command, addresses.len);
	for (size_t i = 0; i < addresses.len && r == 0; i++) {
		r = listen_udp(sockets, addresses.endpoints[i], threads, why);
		if (r < 0)
			break;
		listen_tcp(sockets, addresses.endpoints[i]);
		message_log(MESSAGE_INFO, "listening on %s, %u thread(s)",
			endpoint_print(addresses.endpoints[i], text), threads);
	}
	sockets->addresses += addresses.len;
	return r;
}

/* ---- from systemd ---- */

static void inherit_one(struct rbldnsd_sockets *sockets, int fd, unsigned threads)
{
	int type = 0;
	socklen_t len = sizeof(type);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		close(fd);
		return;
	}
	if (type == SOCK_STREAM && sockets->tcp_len < RBLDNSD_TCP_MAX)
		sockets->tcp[sockets->tcp_len++] = fd;
	for (unsigned i = 0;
		type == SOCK_DGRAM && i < threads && sockets->udp_len < RBLDNSD_UDP_MAX; i++)
		sockets->udp[sockets->udp_len++] = fd;
	sockets->addresses++;
}

static void inherit(const struct rbl_command *command, struct rbldnsd_sockets *sockets)
{
	int count = (int)sockets_inherited_count(RBL_BINDS_MAX);
	unsigned threads = threads_for_each(command, command->binds_len + (size_t)count);

	for (int i = 0; i < count; i++)
		inherit_one(sockets, LISTEN_FDS_START + i, threads);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

int rbldnsd_listen(
	const struct rbl_command *command, struct rbldnsd_sockets *ret_sockets, struct fault *why)
{
	struct rbldnsd_sockets sockets = {.addresses = 0};
	int r = 0;

	inherit(command, &sockets);
	if (command->binds_len != 0)
		r = listen_addresses(command, &sockets, why);
	if (r == 0 && sockets.udp_len == 0)
		r = fault_set(why, E_USAGE, "no address to listen on (-b option) specified");
	if (r == 0)
		*ret_sockets = sockets;
	return r;
}
