/* SPDX-License-Identifier: ISC */
#include "process/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/macro.h"
#include "loop/socket.h"
#include "process/folders.h"

enum { LISTEN_FDS_START = 3 }; /* sd_listen_fds(3) */

/* Who speaks to the keeper; each by a socket of its own (doc/decisions.md). */
static const char *const bus_roles[] = {"gate", "dns", "web", "courier"};

static struct port *ports_append(struct ports *ports, struct fault *why)
{
	struct port *port;

	if (ports->len == PORTS_MAX) {
		fault_set(why, E_LIMIT, "more than %d sockets for one role", PORTS_MAX);
		return NULL;
	}
	port = &ports->port[ports->len++];
	*port = (struct port){.fd = -1};
	return port;
}

static int ports_add_tcp(
	struct ports *ports, const char *name, struct endpoint endpoint, struct fault *why)
{
	struct port *port = ports_append(ports, why);

	if (port == NULL)
		return E_LIMIT;
	snprintf(port->name, sizeof(port->name), "%s", name);
	port->kind = PORT_TCP;
	port->endpoint = endpoint;
	return 0;
}

static int ports_plan_gate(const struct conf *conf, struct ports *ports, struct fault *why)
{
	for (size_t i = 0; i < conf->gate_listen_len; i++) {
		char name[PORT_NAME_SIZE];

		snprintf(name, sizeof(name), "smtp-%zu", i);
		if (ports_add_tcp(ports, name, conf->gate_listen[i], why) < 0)
			return E_LIMIT;
	}
	return 0;
}

static size_t ports_dns_threads(const struct conf *conf)
{
	long cores;

	if (conf->dns_threads > 0)
		return conf->dns_threads;
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores > 0 ? (size_t)cores : 1;
}

static int ports_plan_dns(const struct conf *conf, struct ports *ports, struct fault *why)
{
	size_t threads = ports_dns_threads(conf);

	for (size_t i = 0; i < conf->dns_listen_len * threads; i++) {
		struct port *udp = ports_append(ports, why);
		struct port *tcp = udp != NULL ? ports_append(ports, why) : NULL;

		if (tcp == NULL)
			return E_LIMIT;
		snprintf(udp->name, sizeof(udp->name), "dns-udp-%hu-%hu",
			(unsigned short)(i / threads), (unsigned short)(i % threads));
		snprintf(tcp->name, sizeof(tcp->name), "dns-tcp-%hu-%hu",
			(unsigned short)(i / threads), (unsigned short)(i % threads));
		udp->kind = PORT_UDP;
		tcp->kind = PORT_TCP;
		udp->shared = tcp->shared = true;
		udp->endpoint = tcp->endpoint = conf->dns_listen[i / threads];
	}
	return 0;
}

static int ports_add_unix(
	struct ports *ports, const char *owner, const char *path, struct fault *why)
{
	struct port *port = ports_append(ports, why);

	if (port == NULL)
		return E_LIMIT;
	port->kind = PORT_UNIX;
	if (owner != NULL) {
		snprintf(port->name, sizeof(port->name), "bus-%s", owner);
		snprintf(port->owner, sizeof(port->owner), "%s", owner);
	} else {
		snprintf(port->name, sizeof(port->name), "control");
	}
	snprintf(port->path, sizeof(port->path), "%s", path);
	return 0;
}

static int ports_plan_keeper(const struct conf *conf, struct ports *ports, struct fault *why)
{
	char path[PORT_PATH_SIZE];
	int r;

	for (size_t i = 0; i < COUNTOF(bus_roles); i++) {
		r = ports_bus_path(conf, bus_roles[i], path, sizeof(path));
		if (r == 0)
			r = ports_add_unix(ports, bus_roles[i], path, NULL);
		if (r < 0)
			return fault_set(
				why, r, "run.folder '%s' is too long for sockets", conf->run_path);
	}
	r = ports_control_path(conf, path, sizeof(path));
	return r < 0 ? r : ports_add_unix(ports, NULL, path, why);
}

int ports_plan(
	const struct conf *conf, const char *role, struct ports *ret_ports, struct fault *why)
{
	struct ports ports = {.len = 0};
	int r = 0;

	if (strcmp(role, "gate") == 0)
		r = ports_plan_gate(conf, &ports, why);
	else if (strcmp(role, "dns") == 0)
		r = ports_plan_dns(conf, &ports, why);
	else if (strcmp(role, "keeper") == 0)
		r = ports_plan_keeper(conf, &ports, why);
	else if (strcmp(role, "web") == 0 && conf->has_portal_listen)
		r = ports_add_tcp(&ports, "http-0", conf->portal_listen, why);
	if (r == 0)
		*ret_ports = ports;
	return r;
}

static struct port *ports_find(struct ports *ports, struct span name)
{
	for (size_t i = 0; i < ports->len; i++) {
		if (span_equal_text(name, ports->port[i].name))
			return &ports->port[i];
	}
	return NULL;
}

/* How many descriptors are meant for this process; sd_listen_fds(3) says LISTEN_PID has to name it. */
static uint64_t ports_inherited_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	uint64_t number;

	if (pid == NULL || count == NULL ||
		span_parse_u64(span_text(pid), INT32_MAX, &number) < 0 ||
		number != (uint64_t)getpid() || span_parse_u64(span_text(count), 1024, &number) < 0)
		return 0;
	return number;
}

void ports_inherit(struct ports *ports)
{
	struct span names = span_text(getenv("LISTEN_FDNAMES"));
	uint64_t count = ports_inherited_count();

	for (uint64_t i = 0; i < count; i++) {
		int fd = LISTEN_FDS_START + (int)i;
		struct port *port = ports_find(ports, span_split(&names, ':'));

		if (port == NULL || port->fd >= 0) {
			close(fd);
			continue;
		}
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		port->fd = fd;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static int port_open(struct port *port, struct fault *why)
{
	switch (port->kind) {
	case PORT_TCP:
		return socket_listen_tcp(port->endpoint, port->shared, &port->fd, why);
	case PORT_UDP:
		return socket_bind_udp(port->endpoint, port->shared, &port->fd, why);
	case PORT_UNIX:
		return socket_listen_unix(port->path, 0600, &port->fd, why);
	}
	return E_BUG;
}

int ports_open(struct ports *ports, struct fault *why)
{
	for (size_t i = 0; i < ports->len; i++) {
		int r = ports->port[i].fd < 0 ? port_open(&ports->port[i], why) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* A bus socket belongs to the user of the role that connects to it; the control socket to root, or whoever runs us. */
int ports_hand_over(const struct ports *ports, struct fault *why)
{
	for (size_t i = 0; i < ports->len; i++) {
		const struct port *port = &ports->port[i];
		struct role_user user;

		if (port->kind != PORT_UNIX || port->owner[0] == '\0')
			continue;
		user = role_user(port->owner);
		if (user.own && chown(port->path, user.uid, user.gid) < 0)
			return fault_set(why, err_from_errno(errno), "cannot hand over '%s': %s",
				port->path, strerror(errno));
	}
	return 0;
}

void ports_unlink(const struct ports *ports)
{
	for (size_t i = 0; i < ports->len; i++) {
		if (ports->port[i].kind == PORT_UNIX && ports->port[i].fd >= 0)
			unlink(ports->port[i].path);
	}
}

bool ports_are_open(const struct ports *ports)
{
	for (size_t i = 0; i < ports->len; i++) {
		if (ports->port[i].fd < 0)
			return false;
	}
	return true;
}

void ports_close(struct ports *ports)
{
	for (size_t i = 0; i < ports->len; i++) {
		struct port *port = &ports->port[i];

		if (port->fd >= 0)
			close(port->fd);
		port->fd = -1;
	}
}

static bool port_equal(const struct port *a, const struct port *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->shared == b->shared &&
	       ip_equal(a->endpoint.ip, b->endpoint.ip) && a->endpoint.port == b->endpoint.port &&
	       strcmp(a->path, b->path) == 0;
}

void ports_move(struct ports *from, struct ports *to)
{
	for (size_t i = 0; i < to->len; i++) {
		struct port *target = &to->port[i];
		struct port *port = ports_find(from, span_text(target->name));

		if (target->fd >= 0 || port == NULL || !port_equal(port, target))
			continue;
		target->fd = port->fd;
		port->fd = -1;
	}
}

bool ports_equal(const struct ports *a, const struct ports *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (!port_equal(&a->port[i], &b->port[i]))
			return false;
	}
	return true;
}

int ports_bus_path(const struct conf *conf, const char *role, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/bus/%s.sock", conf->run_path, role);

	return len < 0 || (size_t)len >= size ? E_LIMIT : 0;
}

int ports_control_path(const struct conf *conf, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/control.sock", conf->run_path);

	return len < 0 || (size_t)len >= size ? E_LIMIT : 0;
}
