/* SPDX-License-Identifier: ISC */
#include "server/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/query.h"
#include "loop/socket.h"

/*
 * recvmmsg waits for the first datagram and takes what else is there: under load one call brings
 * dozens, and an idle server answers a lone query with two system calls. An event loop in between
 * would add a third and gain nothing, since a thread has one socket.
 *
 * A signal ends the wait: four times a second by a timer, so that an idle thread notices a newer
 * view and lets the old one go, and at the end. A receive time-out would do the first, and costs a
 * timer for each lone query; shutdown(2) would do the second, but the socket may be another
 * process's too, and outlive us.
 *
 * Under a flood a thread that sleeps for a moment first takes dozens at once instead of five, which
 * spares both sides wake-ups. A rest that brings less costs more than it gives, so that the next
 * one is tried much later.
 */
enum {
	BATCH = 64,
	QUERY_MAX = 1280, /* a longer datagram is no query anybody means */
	CONTROL_MAX = 64,
	KICK_EVERY_NS = 250 * 1000 * 1000,
	KICK_AGAIN_NS = 200 * 1000,
	KICK_SIGNAL = SIGURG, /* which does nothing where nobody handles it */
	REST_FROM = 3,
	REST_NS = 50 * 1000, /* and the 50 us by which the kernel may be late */
	REST_WORTH = BATCH / 2,
	REST_NOT_FOR = 64,      /* turns */
	TURNS_AT_THE_END = 128, /* more than the buffer holds; others may wait in the socket, too */
	/* what comes while a view is adopted waits here; the kernel may grant less */
	RECEIVE_BUFFER = 4 << 20,
};

struct dns_udp {
	int fd;
	bool wildcard; /* answers have to leave by the address that was asked */
	atomic_bool stop;
	_Atomic uint64_t turns;
	pthread_t thread;
	const struct worker_calls *calls;
	void *worker;
	size_t received;   /* in the last turn */
	unsigned restless; /* turns until a rest is tried again */
	struct dns_request requests[BATCH];
	uint8_t request_of[BATCH]; /* the datagram of each request */
	struct mmsghdr in[BATCH];
	struct mmsghdr out[BATCH];
	struct iovec in_vec[BATCH];
	struct iovec out_vec[BATCH];
	struct sockaddr_storage peers[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_MAX];
	uint8_t queries[BATCH][QUERY_MAX];
	uint8_t answers[BATCH][DNS_ANSWER_UDP_MAX];
};

static void udp_prepare(struct dns_udp *udp)
{
	for (size_t i = 0; i < BATCH; i++) {
		udp->in_vec[i] = (struct iovec){udp->queries[i], QUERY_MAX};
		udp->in[i].msg_hdr = (struct msghdr){
			.msg_name = &udp->peers[i],
			.msg_iov = &udp->in_vec[i],
			.msg_iovlen = 1,
			.msg_control = udp->wildcard ? udp->control[i] : NULL,
		};
		udp->requests[i].out = udp->answers[i];
	}
}

/* The kernel overwrote these lengths with what it delivered. */
static void udp_rearm(struct dns_udp *udp, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		udp->in[i].msg_hdr.msg_namelen = sizeof(udp->peers[i]);
		udp->in[i].msg_hdr.msg_controllen = udp->wildcard ? CONTROL_MAX : 0;
	}
}

/* On a socket bound to all addresses the answer takes the way back: from the address that was
 * asked, by the route of the system (interface 0) unless the address only means something on its
 * link. */
static void udp_control_for_answer(struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(c);

			info->ipi_ifindex = 0;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(c);

			if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
				info->ipi6_ifindex = 0;
		}
	}
}

/* The datagrams that may be queries, as requests; returns how many. */
static size_t udp_take_requests(struct dns_udp *udp, size_t received)
{
	size_t count = 0;

	for (size_t i = 0; i < received; i++) {
		struct dns_request *request = &udp->requests[count];

		if ((udp->in[i].msg_hdr.msg_flags & MSG_TRUNC) != 0 ||
			endpoint_from_sockaddr(
				(const struct sockaddr *)&udp->peers[i], &request->client) < 0 ||
			!dns_answers_port(request->client.port))
			continue;
		request->query = span_of(udp->queries[i], udp->in[i].msg_len);
		request->out_len = 0;
		udp->request_of[count++] = (uint8_t)i;
	}
	return count;
}

/* The answers as a batch to send; returns how many. */
static size_t udp_fill_out(struct dns_udp *udp, size_t requests_len)
{
	size_t count = 0;

	for (size_t i = 0; i < requests_len; i++) {
		struct msghdr *header = &udp->out[count].msg_hdr;

		if (udp->requests[i].out_len == 0)
			continue;
		udp->out_vec[count] =
			(struct iovec){udp->requests[i].out, udp->requests[i].out_len};
		*header = udp->in[udp->request_of[i]].msg_hdr;
		header->msg_iov = &udp->out_vec[count++];
		if (udp->wildcard)
			udp_control_for_answer(header);
	}
	return count;
}

/* An answer that cannot be sent (no route, no buffer) is lost like a datagram; the others go on. */
static void udp_send(struct dns_udp *udp, size_t count)
{
	size_t sent = count == 1; /* a lone one is cheaper alone */

	if (count == 1)
		sendmsg(udp->fd, &udp->out[0].msg_hdr, MSG_DONTWAIT);
	while (sent < count) {
		int n = sendmmsg(udp->fd, udp->out + sent, (unsigned)(count - sent), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		sent += n > 0 ? (size_t)n : 1;
	}
}

static void udp_wait(struct dns_udp *udp)
{
	const struct timespec moment = {.tv_nsec = REST_NS};
	bool rests = udp->restless == 0 && udp->received >= REST_FROM && udp->received < BATCH;
	int received;

	if (rests)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	received = recvmmsg(udp->fd, udp->in, BATCH, MSG_WAITFORONE, NULL);
	udp->received = received > 0 ? (size_t)received : 0;
	if (rests && udp->received < REST_WORTH)
		udp->restless = REST_NOT_FOR;
	else
		udp->restless -= udp->restless != 0;
}

static void udp_answer(struct dns_udp *udp)
{
	size_t requests_len;

	udp->calls->refresh(udp->worker); /* after the wait: never an answer from before it */
	if (udp->received == 0)
		return;
	requests_len = udp_take_requests(udp, udp->received);
	udp->calls->answer(udp->worker, udp->requests, requests_len, worker_now());
	udp_send(udp, udp_fill_out(udp, requests_len));
	udp_rearm(udp, udp->received);
}

static void udp_turn(struct dns_udp *udp)
{
	udp_wait(udp);
	udp_answer(udp);
}

/* What waits, until nothing does. */
static void udp_drain(struct dns_udp *udp)
{
	for (int i = 0; i < TURNS_AT_THE_END; i++) {
		int received = recvmmsg(udp->fd, udp->in, BATCH, MSG_DONTWAIT, NULL);

		if (received <= 0)
			return;
		udp->received = (size_t)received;
		udp_answer(udp);
	}
}

/* Its coming is all: it ends the wait. */
static void udp_on_kick(int number)
{
	(void)number;
}

/* false: the system is out of timers, and an idle thread holds what is old until the next query. */
static bool udp_hear_kicks(timer_t *ret_timer)
{
	const struct sigaction action = {.sa_handler = udp_on_kick}; /* without SA_RESTART */
	const struct itimerspec every = {{.tv_nsec = KICK_EVERY_NS}, {.tv_nsec = KICK_EVERY_NS}};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};
	sigset_t kick;

	sigaction(KICK_SIGNAL, &action, NULL);
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	event._sigev_un._tid = gettid();
	return timer_create(CLOCK_MONOTONIC, &event, ret_timer) == 0 &&
	       timer_settime(*ret_timer, 0, &every, NULL) == 0;
}

static void *udp_thread(void *arg)
{
	struct dns_udp *udp = arg;
	timer_t timer;
	bool has_timer = udp_hear_kicks(&timer);

	while (!atomic_load_explicit(&udp->stop, memory_order_relaxed)) {
		udp_turn(udp);
		atomic_fetch_add_explicit(&udp->turns, 1, memory_order_relaxed);
	}
	if (has_timer)
		timer_delete(timer);
	return NULL;
}

static bool udp_is_wildcard(int fd)
{
	static const struct ip any_v6 = {{0}};
	struct endpoint local;

	return socket_local(fd, &local) == 0 &&
	       (ip_equal(local.ip, any_v6) || ip_equal(local.ip, ip_from_v4(0)));
}

/* Errors of these calls show in worse service only, so that nothing is to be done about them. */
static void udp_socket_options(struct dns_udp *udp)
{
	int probe = IP_PMTUDISC_PROBE, probe_v6 = IPV6_PMTUDISC_PROBE;
	int size = RECEIVE_BUFFER;
	int on = 1;

	setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* No answer is ever a fragment, and no forged ICMP message makes it one (RFC 9715
	 * section 3.1); 1232 octets pass where IPv6 does. */
	setsockopt(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
	setsockopt(udp->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe_v6, sizeof(probe_v6));
	if (!udp->wildcard)
		return;
	/* "[::]" gets IPv4 too, as mapped addresses in the same control message: one of both has to
	 * do, in CONTROL_MAX. */
	if (setsockopt(udp->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		setsockopt(udp->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
}

int dns_udp_new(int fd, const struct worker_kind *kind, struct dns_udp **ret_udp, struct fault *why)
{
	struct dns_udp *udp = mem_new(dns_udp);
	int flags = fcntl(fd, F_GETFL);
	int r;

	udp->fd = fd;
	udp->wildcard = udp_is_wildcard(fd);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
		r = fault_set(why, err_from_errno(errno), "cannot use a DNS socket");
		mem_free(udp);
		return r;
	}
	udp_socket_options(udp);
	udp_prepare(udp);
	udp_rearm(udp, BATCH);
	udp->calls = kind->calls;
	udp->worker = kind->calls->open(kind->arg);
	r = pthread_create(&udp->thread, NULL, udp_thread, udp);
	if (r != 0) {
		kind->calls->close(udp->worker);
		mem_free(udp);
		return fault_set(why, err_from_errno(r), "cannot start a DNS thread");
	}
	*ret_udp = udp;
	return 0;
}

uint64_t dns_udp_turns(const struct dns_udp *udp)
{
	return atomic_load_explicit(&udp->turns, memory_order_relaxed);
}

/* A kick between the look at `stop` and the wait is lost: another follows. */
static void udp_join(struct dns_udp *udp)
{
	const struct timespec moment = {.tv_nsec = KICK_AGAIN_NS};

	do {
		pthread_kill(udp->thread, KICK_SIGNAL);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	} while (pthread_tryjoin_np(udp->thread, NULL) == EBUSY);
}

static void udp_stop(struct dns_udp *udp)
{
	atomic_store_explicit(&udp->stop, true, memory_order_relaxed);
	udp_join(udp);
}

static void udp_release(struct dns_udp **udp)
{
	(*udp)->calls->close((*udp)->worker);
	mem_free(*udp);
	*udp = NULL;
}

void dns_udp_close(struct dns_udp **udp)
{
	udp_stop(*udp);
	udp_drain(*udp);
	close((*udp)->fd);
	udp_release(udp);
}

void dns_udp_free(struct dns_udp **udp)
{
	if (*udp == NULL)
		return;
	udp_stop(*udp);
	udp_release(udp);
}
