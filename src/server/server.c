/* SPDX-License-Identifier: ISC */
#include "server/server.h"

#include <pthread.h>
#include <signal.h>

#include "base/macro.h"
#include "base/mem.h"
#include "server/tcp.h"
#include "server/udp.h"

struct dns_server {
	size_t udp_len;
	struct dns_udp **udp;
	struct dns_tcp *tcp;
	uint64_t *seen; /* turns of each UDP thread */
	uint64_t seen_tcp;
};

static int server_start(struct dns_server *server, const struct dns_sockets *sockets,
	const struct worker_kind *kind, struct fault *why)
{
	int r = 0;
	server->udp = mem_alloc_array(sockets->udp_len + 1, sizeof(*server->udp));
	server->seen = mem_alloc_array(sockets->udp_len + 1, sizeof(*server->seen));
	for (size_t i = 0; i < sockets->udp_len && r == 0; i++) {
		r = dns_udp_new(sockets->udp[i], kind, &server->udp[i], why);
		server->udp_len += r == 0;
	}
	if (r == 0 && sockets->tcp_len != 0)
		r = dns_tcp_new(sockets, kind, &server->tcp, why);
	server->seen_tcp = UINT64_MAX; /* its first turn waits for somebody: it is well before */
	return r;
}

int dns_server_new(const struct dns_sockets *sockets, const struct worker_kind *kind,
	struct dns_server **ret_server, struct fault *why)
{
	AUTO(dns_server) *server = mem_new(dns_server);
	sigset_t all;
	sigset_t old;
	int r;

	sigfillset(&all);        /* signals belong to the main thread; threads inherit the mask */
	sigdelset(&all, SIGSYS); /* but a call that the jail refuses is heard where it was made */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = server_start(server, sockets, kind, why);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return r;
	*ret_server = TAKE(server);
	return 0;
}

void dns_server_limit_tcp(struct dns_server *server, const struct dns_tcp_limits *limits)
{
	if (server->tcp != NULL)
		dns_tcp_limit(server->tcp, limits);
}

void dns_server_wake(struct dns_server *server)
{
	if (server->tcp != NULL)
		dns_tcp_wake(server->tcp);
}

static bool is_newer(uint64_t turns, uint64_t *seen)
{
	bool newer = turns != *seen;

	*seen = turns;
	return newer;
}

/* The threads of UDP wait no longer than a nap; that of TCP is woken for the next time. */
bool dns_server_turns(struct dns_server *server)
{
	bool all = true;

	for (size_t i = 0; i < server->udp_len; i++)
		all &= is_newer(dns_udp_turns(server->udp[i]), &server->seen[i]);
	if (server->tcp == NULL)
		return all;
	all &= is_newer(dns_tcp_turns(server->tcp), &server->seen_tcp);
	dns_tcp_wake(server->tcp);
	return all;
}

void dns_server_retire(struct dns_server *server)
{
	for (size_t i = 0; i < server->udp_len; i++)
		dns_udp_close(&server->udp[i]);
	server->udp_len = 0;
	if (server->tcp != NULL)
		dns_tcp_retire(server->tcp);
}

bool dns_server_is_done(const struct dns_server *server)
{
	return server->tcp == NULL || dns_tcp_is_done(server->tcp);
}

void dns_server_free(struct dns_server **server)
{
	struct dns_server *s = *server;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->udp_len; i++)
		dns_udp_free(&s->udp[i]);
	dns_tcp_free(&s->tcp);
	mem_free(s->udp);
	mem_free(s->seen);
	mem_free(s);
	*server = NULL;
}
