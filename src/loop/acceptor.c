/* SPDX-License-Identifier: ISC */
#include "loop/acceptor.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/obj.h"

enum { ACCEPTS_IN_A_TURN = 64, PAUSE_MS = 100, ACCEPTS_AT_THE_END = 4096 /* the longest queue */ };

struct acceptor {
	uint32_t magic;
	struct loop *loop;
	struct watch *watch;
	struct timer again; /* set while it pauses */
	bool stopped;
	acceptor_call *call;
	void *arg;
};

static void acceptor_pause(struct acceptor *acceptor)
{
	watch_set(acceptor->watch, WATCH_NOTHING);
	timer_set(&acceptor->again, loop_now_ms(acceptor->loop) + PAUSE_MS);
}

/* Of descriptors or memory; or it does not listen yet. */
static bool passes_by_itself(int number)
{
	return number == EINVAL || number == EMFILE || number == ENFILE || number == ENOBUFS ||
	       number == ENOMEM;
}

static void acceptor_take(struct acceptor *acceptor, int most)
{
	for (int i = 0; i < most && !acceptor->stopped; i++) {
		struct sockaddr_storage address;
		struct sockaddr *from = (struct sockaddr *)&address;
		socklen_t len = sizeof(address);
		struct endpoint peer;
		int fd = accept4(
			watch_fd(acceptor->watch), from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			bool has_peer = endpoint_from_sockaddr(from, &peer) == 0;

			acceptor->call(fd, has_peer ? &peer : NULL, acceptor->arg);
		} else if (passes_by_itself(errno)) {
			acceptor_pause(acceptor);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

static void acceptor_on_ready(struct watch *watch, int ready, void *arg)
{
	(void)watch;
	(void)ready;
	acceptor_take(OBJ(acceptor, arg), ACCEPTS_IN_A_TURN);
}

void acceptor_go_on(struct acceptor *acceptor)
{
	if (acceptor->stopped || !timer_is_set(&acceptor->again))
		return;
	timer_clear(&acceptor->again);
	watch_set(acceptor->watch, WATCH_READ);
}

static void acceptor_on_again(struct timer *timer, void *arg)
{
	struct acceptor *acceptor = OBJ(acceptor, arg);

	(void)timer;
	watch_set(acceptor->watch, WATCH_READ);
}

void acceptor_stop(struct acceptor *acceptor)
{
	acceptor->stopped = true;
	timer_clear(&acceptor->again);
	watch_set(acceptor->watch, WATCH_NOTHING);
}

struct acceptor *acceptor_new(struct loop *loop, int fd, acceptor_call *call, void *arg)
{
	struct acceptor *acceptor = mem_new(acceptor);

	acceptor->magic = (uint32_t)MAGIC_acceptor;
	acceptor->loop = loop;
	acceptor->call = call;
	acceptor->arg = arg;
	timer_init(&acceptor->again, loop, acceptor_on_again, acceptor);
	acceptor->watch = watch_new(loop, fd, acceptor_on_ready, acceptor);
	watch_set(acceptor->watch, WATCH_READ);
	return acceptor;
}

void acceptor_drain(struct acceptor *acceptor)
{
	acceptor_take(acceptor, ACCEPTS_AT_THE_END);
}

void acceptor_close(struct acceptor **acceptor)
{
	int fd = watch_fd((*acceptor)->watch);

	acceptor_drain(*acceptor);
	acceptor_free(acceptor);
	close(fd);
}

void acceptor_free(struct acceptor **acceptor)
{
	struct acceptor *a = *acceptor;

	if (a == NULL)
		return;
	watch_free(&a->watch);
	timer_done(&a->again);
	a->magic = 0;
	mem_free(a);
	*acceptor = NULL;
}
