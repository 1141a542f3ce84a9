/* SPDX-License-Identifier: ISC */
/* What each role may do stands in jail_rules.c. */
#include "process/jail.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/jail_seccomp.h"

/* What a user other than root may still hold, as by a systemd unit's AmbientCapabilities. */
static int jail_drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &head, none);
}

/* The mark of a role: no bytes for message queues, which no role has. A limit is lowered by anybody
 * and raised by nobody who is in the jail (no capability, and setting limits is not among the
 * calls), it can be asked of another process of the same user without /proc, and no ordinary
 * program has it at zero. */
int jail_holds(pid_t pid)
{
	struct rlimit limit;

	if (pid <= 0)
		return 0; /* of another pid namespace: roles are in ours */
	if (prlimit(pid, RLIMIT_MSGQUEUE, NULL, &limit) < 0)
		return errno == ESRCH ? E_ABSENT : E_DENIED;
	return limit.rlim_max == 0;
}

static int jail_enter(const char *role, struct jail_scope *scope, struct fault *why)
{
	struct rlimit none = {0, 0};

	scope->jail = jail_find(role);
	if (scope->jail == NULL)
		return fault_set(why, E_ABSENT, "no jail is described for role '%s'", role);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || jail_drop_capabilities() < 0 ||
		setrlimit(RLIMIT_MSGQUEUE, &none) < 0)
		return fault_set(why, E_SYSTEM, "cannot give rights up: %s", strerror(errno));
	setrlimit(RLIMIT_CORE, &none);      /* mail and keys do not belong into core files, */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nor before the eyes of a process of the same user */
	return jail_restrict(scope, why);
}

int jail_confine(const char *role, const struct conf *conf, struct fault *why)
{
	struct jail_scope scope = {.conf = conf};

	return jail_enter(role, &scope, why);
}

int jail_confine_to(const char *role, const struct jail_path *paths, size_t len, struct fault *why)
{
	struct jail_scope scope = {.paths = paths, .paths_len = len};

	return jail_enter(role, &scope, why);
}

static bool are_same_feeds(const struct conf *a, const struct conf *b)
{
	bool same = a->feeds_len == b->feeds_len;

	for (size_t i = 0; same && i < a->feeds_len; i++)
		same = endpoint_equal(a->feeds[i].server, b->feeds[i].server);
	return same;
}

/* The gate's sessions have a backend each, and the way by which it hears of clients was found safe
 * for the process: another one is for another process, too. */
static bool is_same_backend(const struct conf *a, const struct conf *b)
{
	return endpoint_equal(a->backend, b->backend) && a->pass_client == b->pass_client;
}

bool jail_is_same(const char *role, const struct conf *a, const struct conf *b)
{
	const struct jail *jail = jail_find(role);
	const struct jail *dialer = jail_find_dialer(role);
	unsigned may = (jail != NULL ? jail->may : 0) | (dialer != NULL ? dialer->may : 0);
	unsigned lists = MAY_READ_LISTS | MAY_WRITE_LISTS;

	return strcmp(a->run_path, b->run_path) == 0 &&
	       ((may & lists) == 0 || strcmp(a->lists_path, b->lists_path) == 0) &&
	       ((may & MAY_WRITE_STATE) == 0 || strcmp(a->state_path, b->state_path) == 0) &&
	       ((may & MAY_WRITE_STORE) == 0 || strcmp(a->store, b->store) == 0) &&
	       ((may & MAY_ASK_RESOLVER) == 0 || endpoint_equal(a->resolver, b->resolver)) &&
	       ((may & MAY_USE_BACKEND) == 0 || is_same_backend(a, b)) &&
	       ((may & MAY_ASK_FEEDS) == 0 || are_same_feeds(a, b));
}

int jail_seal(const char *role, struct fault *why)
{
	const struct jail *jail = jail_find(role);

	return jail != NULL ? jail_filter_calls(jail, why)
			    : fault_set(why, E_ABSENT, "no filter for role '%s'", role);
}
