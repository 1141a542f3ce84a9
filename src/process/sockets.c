/* SPDX-License-Identifier: ISC */
#include "process/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/macro.h"
#include "loop/rights.h"
#include "loop/socket.h"
#include "process/folders.h"

enum { INHERITED_MAX = 1024 };

/* Who speaks to the keeper; each by a socket of its own (doc/decisions.md). */
static const char *const bus_roles[] = {"gate", "dns", "web", "courier"};

static struct listen_socket *sockets_append(struct sockets *sockets, struct fault *why)
{
	struct listen_socket *sock;

	if (sockets->len == SOCKETS_MAX) {
		fault_set(why, E_LIMIT, "more than %d sockets for one role", SOCKETS_MAX);
		return NULL;
	}
	sock = &sockets->sock[sockets->len++];
	*sock = (struct listen_socket){.fd = -1};
	return sock;
}

static int sockets_add_tcp(
	struct sockets *sockets, const char *name, struct endpoint endpoint, struct fault *why)
{
	struct listen_socket *sock = sockets_append(sockets, why);

	if (sock == NULL)
		return E_LIMIT;
	snprintf(sock->name, sizeof(sock->name), "%s", name);
	sock->kind = SOCKET_TCP;
	sock->endpoint = endpoint;
	return 0;
}

static int sockets_plan_gate(const struct conf *conf, struct sockets *sockets, struct fault *why)
{
	char name[SOCKET_NAME_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->gate_listen_len; i++) {
		snprintf(name, sizeof(name), "smtp-%zu", i);
		r = sockets_add_tcp(sockets, name, conf->gate_listen[i], why);
	}
	return r;
}

static size_t dns_threads(const struct conf *conf)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return conf->dns_threads > 0 ? conf->dns_threads : cores > 0 ? (size_t)cores : 1;
}

static int sockets_plan_dns(const struct conf *conf, struct sockets *sockets, struct fault *why)
{
	size_t threads = dns_threads(conf);

	for (size_t i = 0; i < conf->dns_listen_len * threads; i++) {
		struct listen_socket *udp = sockets_append(sockets, why);
		struct listen_socket *tcp = udp != NULL ? sockets_append(sockets, why) : NULL;

		if (tcp == NULL)
			return E_LIMIT;
		snprintf(udp->name, sizeof(udp->name), "dns-udp-%hu-%hu",
			(unsigned short)(i / threads), (unsigned short)(i % threads));
		snprintf(tcp->name, sizeof(tcp->name), "dns-tcp-%hu-%hu",
			(unsigned short)(i / threads), (unsigned short)(i % threads));
		udp->kind = SOCKET_UDP;
		tcp->kind = SOCKET_TCP;
		udp->how = tcp->how = SOCKET_SHARED;
		udp->endpoint = tcp->endpoint = conf->dns_listen[i / threads];
	}
	return 0;
}

static int sockets_add_unix(
	struct sockets *sockets, const char *owner, const char *path, struct fault *why)
{
	struct listen_socket *sock = sockets_append(sockets, why);

	if (sock == NULL)
		return E_LIMIT;
	sock->kind = SOCKET_UNIX;
	snprintf(sock->name, sizeof(sock->name), "%s%s", owner[0] != '\0' ? "bus-" : "control",
		owner);
	snprintf(sock->owner, sizeof(sock->owner), "%s", owner);
	snprintf(sock->path, sizeof(sock->path), "%s", path);
	return 0;
}

static int sockets_plan_keeper(const struct conf *conf, struct sockets *sockets, struct fault *why)
{
	char path[SOCKET_PATH_SIZE];
	int r;

	for (size_t i = 0; i < COUNTOF(bus_roles); i++) {
		r = sockets_bus_path(conf, bus_roles[i], path, sizeof(path));
		if (r == 0)
			r = sockets_add_unix(sockets, bus_roles[i], path, NULL);
		if (r < 0)
			return fault_set(
				why, r, "run.folder '%s' is too long for sockets", conf->run_path);
	}
	r = sockets_control_path(conf, path, sizeof(path));
	return r < 0 ? r : sockets_add_unix(sockets, "", path, why);
}

bool endpoint_is_any_v6(struct endpoint endpoint)
{
	const struct ip any = {{0}};

	return ip_equal(endpoint.ip, any);
}

/* "[::]:25" beside "0.0.0.0:25", as administrators write it for other servers, is IPv6 alone:
 * otherwise whichever is opened second is in the way of the first. */
static void sockets_part_families(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->len; i++) {
		struct listen_socket *sock = &sockets->sock[i];

		for (size_t k = 0; k < sockets->len && endpoint_is_any_v6(sock->endpoint); k++) {
			const struct listen_socket *other = &sockets->sock[k];

			if (other->kind == sock->kind && ip_is_v4(other->endpoint.ip) &&
				other->endpoint.port == sock->endpoint.port)
				sock->how |= SOCKET_V6_ONLY;
		}
	}
}

int sockets_plan(
	const struct conf *conf, const char *role, struct sockets *ret_sockets, struct fault *why)
{
	struct sockets sockets = {.len = 0};
	int r = 0;

	if (strcmp(role, "gate") == 0)
		r = sockets_plan_gate(conf, &sockets, why);
	else if (strcmp(role, "dns") == 0)
		r = sockets_plan_dns(conf, &sockets, why);
	else if (strcmp(role, "keeper") == 0)
		r = sockets_plan_keeper(conf, &sockets, why);
	else if (strcmp(role, "web") == 0 && conf->has_portal_listen)
		r = sockets_add_tcp(&sockets, "http-0", conf->portal_listen, why);
	sockets_part_families(&sockets);
	if (r == 0)
		*ret_sockets = sockets;
	return r;
}

static struct listen_socket *sockets_find(struct sockets *sockets, struct span name)
{
	for (size_t i = 0; i < sockets->len; i++) {
		if (span_equal_text(name, sockets->sock[i].name))
			return &sockets->sock[i];
	}
	return NULL;
}

uint64_t sockets_inherited_count(uint64_t most)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	uint64_t number;

	if (pid == NULL || count == NULL ||
		span_parse_u64(span_text(pid), INT32_MAX, &number) < 0 ||
		number != (uint64_t)getpid() || span_parse_u64(span_text(count), most, &number) < 0)
		return 0;
	return number;
}

int sockets_inherited(const char *name)
{
	struct span names = span_text(getenv("LISTEN_FDNAMES"));
	uint64_t count = sockets_inherited_count(INHERITED_MAX);

	for (uint64_t i = 0; i < count; i++) {
		if (span_equal_text(span_split(&names, ':'), name))
			return LISTEN_FDS_START + (int)i;
	}
	return -1;
}

void sockets_inherit(struct sockets *sockets, int kept)
{
	struct span names = span_text(getenv("LISTEN_FDNAMES"));
	uint64_t count = sockets_inherited_count(INHERITED_MAX);

	for (uint64_t i = 0; i < count; i++) {
		int fd = LISTEN_FDS_START + (int)i;
		struct listen_socket *sock = sockets_find(sockets, span_split(&names, ':'));

		if (fd == kept)
			continue;
		if (sock == NULL || sock->fd >= 0) {
			close(fd);
			continue;
		}
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		/* A UDP socket may be another process's as well, which waits in it. */
		if (sock->kind != SOCKET_UDP)
			fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		if (sock->kind == SOCKET_UNIX)
			rights_refuse(fd);
		sock->fd = fd;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static bool listen_socket_file(const struct listen_socket *sock, uint64_t ret_file[2])
{
	struct stat status;

	if (lstat(sock->path, &status) < 0)
		return false;
	ret_file[0] = status.st_dev;
	ret_file[1] = status.st_ino;
	return true;
}

static int listen_socket_open_unix(struct listen_socket *sock, struct fault *why)
{
	int r = socket_listen_unix(sock->path, 0600, &sock->fd, why);

	if (r == 0)
		listen_socket_file(sock, sock->file);
	return r;
}

/* Whether a client that opens the path reaches us. Of an inherited one nobody told us the file. */
static bool listen_socket_is_lost(const struct listen_socket *sock)
{
	uint64_t file[2];

	return sock->kind == SOCKET_UNIX && sock->fd >= 0 && sock->file[1] != 0 &&
	       (!listen_socket_file(sock, file) || file[0] != sock->file[0] ||
		       file[1] != sock->file[1]);
}

int listen_socket_open(struct listen_socket *sock, struct fault *why)
{
	switch (sock->kind) {
	case SOCKET_TCP:
		return socket_listen_tcp(sock->endpoint, sock->how, &sock->fd, why);
	case SOCKET_UDP:
		return socket_bind_udp(sock->endpoint, sock->how, &sock->fd, why);
	case SOCKET_UNIX:
		return listen_socket_open_unix(sock, why);
	}
	return E_BUG;
}

int sockets_open(struct sockets *sockets, struct fault *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sockets->len; i++)
		r = sockets->sock[i].fd < 0 ? listen_socket_open(&sockets->sock[i], why) : 0;
	return r;
}

/* A bus socket belongs to the user of the role that connects; the control socket to who runs us. */
int sockets_hand_over(const struct sockets *sockets, struct fault *why)
{
	for (size_t i = 0; i < sockets->len; i++) {
		const struct listen_socket *sock = &sockets->sock[i];
		struct role_user user;

		if (sock->kind != SOCKET_UNIX || sock->owner[0] == '\0')
			continue;
		user = role_user(sock->owner);
		if (user.own && chown(sock->path, user.uid, user.gid) < 0)
			return fault_set(why, err_from_errno(errno), "cannot hand over '%s': %s",
				sock->path, strerror(errno));
	}
	return 0;
}

void sockets_unlink(const struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->len; i++) {
		const struct listen_socket *sock = &sockets->sock[i];

		if (sock->kind == SOCKET_UNIX && sock->fd >= 0 && !listen_socket_is_lost(sock))
			unlink(sock->path);
	}
}

const struct listen_socket *sockets_close_lost(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->len; i++) {
		struct listen_socket *sock = &sockets->sock[i];

		if (!listen_socket_is_lost(sock))
			continue;
		close(sock->fd);
		sock->fd = -1;
		return sock;
	}
	return NULL;
}

bool sockets_are_open(const struct sockets *sockets)
{
	bool open = true;

	for (size_t i = 0; i < sockets->len; i++)
		open &= sockets->sock[i].fd >= 0;
	return open;
}

void sockets_close(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->len; i++) {
		struct listen_socket *sock = &sockets->sock[i];

		if (sock->fd >= 0)
			close(sock->fd);
		sock->fd = -1;
		sock->late = false;
	}
}

/* The same address, bound alike, whatever its place among others. */
static bool is_same_address(const struct listen_socket *a, const struct listen_socket *b)
{
	return a->kind == b->kind && a->how == b->how && ip_equal(a->endpoint.ip, b->endpoint.ip) &&
	       a->endpoint.port == b->endpoint.port && strcmp(a->path, b->path) == 0;
}

static bool listen_socket_equal(const struct listen_socket *a, const struct listen_socket *b)
{
	return strcmp(a->name, b->name) == 0 && is_same_address(a, b);
}

static struct listen_socket *sockets_find_address(
	struct sockets *sockets, const struct listen_socket *wanted)
{
	for (size_t i = 0; i < sockets->len; i++)
		if (sockets->sock[i].fd >= 0 && is_same_address(&sockets->sock[i], wanted))
			return &sockets->sock[i];
	return NULL;
}

void sockets_move(struct sockets *from, struct sockets *to)
{
	for (size_t i = 0; i < to->len; i++) {
		struct listen_socket *target = &to->sock[i];
		struct listen_socket *sock =
			target->fd < 0 ? sockets_find_address(from, target) : NULL;

		if (sock == NULL)
			continue;
		target->fd = sock->fd;
		target->late = sock->late;
		memcpy(target->file, sock->file, sizeof(target->file));
		sock->fd = -1;
	}
}

bool sockets_equal(const struct sockets *a, const struct sockets *b)
{
	bool equal = a->len == b->len;

	for (size_t i = 0; equal && i < a->len; i++)
		equal = listen_socket_equal(&a->sock[i], &b->sock[i]);
	return equal;
}

int sockets_bus_path(const struct conf *conf, const char *role, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/bus/%s.sock", conf->run_path, role);

	return len < 0 || (size_t)len >= size ? E_LIMIT : 0;
}

int sockets_control_path(const struct conf *conf, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/control.sock", conf->run_path);

	return len < 0 || (size_t)len >= size ? E_LIMIT : 0;
}
