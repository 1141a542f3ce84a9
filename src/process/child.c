/* SPDX-License-Identifier: ISC */
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

static _Noreturn void child_fail(const struct child_plan *plan, const char *what)
{
	dprintf(STDERR_FILENO, "stockade: cannot start role '%s': %s: %s\n", plan->role, what,
		strerror(errno));
	_exit(err_exit_code(E_SYSTEM));
}

struct passing {
	struct buf names;
	int count;
	int moved[SOCKETS_MAX + 1];
};

/* Out of the way of where the others are going to be. */
static void child_pass(
	const struct child_plan *plan, struct passing *passing, const char *name, int fd)
{
	buf_append_format(&passing->names, "%s%s", passing->count > 0 ? ":" : "", name);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, LISTEN_FDS_START + SOCKETS_MAX + 1);
	if (fd < 0)
		child_fail(plan, "move socket");
	passing->moved[passing->count++] = fd;
}

static void child_pass_sockets(const struct child_plan *plan, struct passing *passing)
{
	child_pass(plan, passing, SOCKET_OF_HANDOVER, plan->handover);
	for (size_t i = 0; i < plan->sockets->len; i++) {
		const struct listen_socket *sock = &plan->sockets->sock[i];

		if (sock->fd >= 0)
			child_pass(plan, passing, sock->name, sock->fd);
	}
	for (int i = 0; i < passing->count; i++) {
		if (dup2(passing->moved[i], LISTEN_FDS_START + i) < 0)
			child_fail(plan, "place socket");
	}
}

static void child_set_number(const char *name, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	setenv(name, text, 1);
}

static _Noreturn void child_exec(const struct child_plan *plan)
{
	const char *arguments[] = {
		"stockade", "role", plan->role, "--config", plan->conf_path, NULL};
	struct passing passing = {.count = 0};

	buf_init(&passing.names, 0);
	child_pass_sockets(plan, &passing);
	child_set_number("LISTEN_FDS", passing.count);
	child_set_number("LISTEN_PID", getpid());
	setenv("LISTEN_FDNAMES", buf_cstr(&passing.names), 1);
	/* A role gives a sign twice in that time, so three times before it is killed. */
	child_set_number("WATCHDOG_USEC", (long)plan->silence_ms * 1000 / 3 * 2);
	/* The program as when the supervisor started, also when a newer one was installed since. */
	execv("/proc/self/exe", (char *const *)arguments);
	child_fail(plan, "exec");
}

pid_t child_fork(void)
{
	sigset_t all, mask;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	for (int number = 1; pid == 0 && number < NSIG; number++)
		signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return pid;
}

/* The group has its number until the leader is waited for. A role cannot do this by itself with
 * PR_SET_PDEATHSIG: that is a signal of its own, and Landlock keeps its signals inside its jail. */
bool child_reap(pid_t pid, int *ret_status)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
		return false;
	kill(-pid, SIGKILL);
	return waitpid(pid, ret_status, 0) > 0;
}

int child_start(const struct child_plan *plan, pid_t *ret_pid, struct fault *why)
{
	pid_t parent = getpid(), pid = child_fork();

	if (pid == 0) {
		setsid(); /* Ctrl-C on the terminal is for the supervisor; a group, for child_reap
			   */
		if (role_user_become(plan->user, NULL) < 0)
			child_fail(plan, "change of user");
		/* After the change of user, which clears it. The parent may be gone already. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
			child_fail(plan, "tie to the supervisor");
		if (getppid() != parent)
			_exit(err_exit_code(E_CLOSED));
		child_exec(plan);
	}
	if (pid < 0)
		return fault_set(why, E_SYSTEM, "cannot fork: %s", strerror(errno));
	*ret_pid = pid;
	return 0;
}
