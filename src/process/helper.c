/* SPDX-License-Identifier: ISC */
#include "process/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/macro.h"
#include "loop/rights.h"
#include "process/child.h"

/* Signals to the whole group, of a terminal or a service manager, are for the role, which may need
 * its helper until it has ended what is under way. Its sockets go, because others may want to open
 * them when the role is gone. */
static _Noreturn void helper_main(const struct helper *helper, int end)
{
	static const int for_the_role[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};
	int fd = STDERR_FILENO + 1;

	if (dup2(end, fd) < 0 || close_range((unsigned)fd + 1, ~0U, 0) < 0 ||
		fcntl(fd, F_SETFL, 0) < 0) /* it has nothing else to do: it waits */
		_exit(err_exit_code(E_SYSTEM));
	for (size_t i = 0; i < COUNTOF(for_the_role); i++)
		signal(for_the_role[i], SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	helper->run(fd, helper->arg);
	_exit(0);
}

int helper_start(const struct helper *helper, int *ret_fd, struct fault *why)
{
	int ends[2];
	pid_t pid;

	if (rights_pair(ends) < 0)
		return fault_set(
			why, E_SYSTEM, "cannot make a pair of sockets: %s", strerror(errno));
	pid = child_fork();
	if (pid == 0)
		helper_main(helper, ends[0]);
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return fault_set(why, E_SYSTEM, "cannot fork: %s", strerror(errno));
	}
	*ret_fd = ends[1];
	return 0;
}
