/* SPDX-License-Identifier: ISC */
#include "process/jail_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/folders.h"

/* Debian 12's headers know the second version; the kernel may know more, and we use it. */
enum { LANDLOCK_VERSION_WANTED = 6 };

#define FS_TRUNCATE         (1ULL << 14) /* version 3 */
#define FS_IOCTL_DEV        (1ULL << 15) /* version 5 */
#define NET_BIND_TCP        (1ULL << 0)  /* version 4 */
#define NET_CONNECT_TCP     (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* version 6 */
#define SCOPE_SIGNAL        (1ULL << 1)
#define RULE_NET_PORT       2

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                 \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE)

#define FS_APPEND (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)

struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct net_port_attr {
	uint64_t allowed, port;
};

struct ruleset {
	int fd;
	struct ruleset_attr attr;
};

/* Everything that this version can forbid is forbidden; the rules then allow. */
static int ruleset_open(long version, struct ruleset *ret_ruleset)
{
	size_t size = sizeof(uint64_t) * (version >= 6 ? 3 : version >= 4 ? 2 : 1);
	struct ruleset_attr attr = {.handled_fs = (1ULL << 13) - 1};

	if (version >= 2)
		attr.handled_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		attr.handled_fs |= FS_TRUNCATE;
	if (version >= 4)
		attr.handled_net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (version >= 5)
		attr.handled_fs |= FS_IOCTL_DEV;
	if (version >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	ret_ruleset->attr = attr;
	ret_ruleset->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	return ret_ruleset->fd < 0 ? E_SYSTEM : 0;
}

static int ruleset_allow_path(
	const struct ruleset *ruleset, const char *path, uint64_t access, struct fault *why)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access & ruleset->attr.handled_fs};
	struct stat status;
	long r;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT
			       ? 0
			       : fault_set(why, E_SYSTEM, "cannot open '%s' for the jail: %s", path,
					 strerror(errno));
	if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &=
			LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
	r = syscall(SYS_landlock_add_rule, ruleset->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	if (r < 0)
		fault_set(
			why, E_SYSTEM, "cannot allow '%s' in the jail: %s", path, strerror(errno));
	close(rule.parent_fd);
	return r < 0 ? E_SYSTEM : 0;
}

static int ruleset_allow_connect(
	const struct ruleset *ruleset, struct endpoint endpoint, struct fault *why)
{
	struct net_port_attr rule = {.allowed = NET_CONNECT_TCP, .port = endpoint.port};

	if (ruleset->attr.handled_net == 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, ruleset->fd, RULE_NET_PORT, &rule, 0) < 0)
		return fault_set(why, E_SYSTEM, "cannot allow port %u in the jail: %s",
			(unsigned)endpoint.port, strerror(errno));
	return 0;
}

static int jail_allow_paths(const struct jail *jail, const struct ruleset *ruleset,
	const struct conf *conf, struct fault *why)
{
	char path[PATH_MAX];
	int r = 0;

	if ((jail->may & MAY_READ_LISTS) != 0)
		r = ruleset_allow_path(ruleset, conf->lists_path, FS_READ, why);
	if (r == 0 && (jail->may & MAY_WRITE_LISTS) != 0)
		r = ruleset_allow_path(ruleset, conf->lists_path, FS_WRITE, why);
	if (r == 0 && (jail->may & MAY_WRITE_STATE) != 0) {
		r = folders_state(conf, jail->role, path, sizeof(path));
		r = r == 0 ? ruleset_allow_path(ruleset, path, FS_WRITE, why) : r;
	}
	if (r == 0 && (jail->may & MAY_WRITE_STORE) != 0) {
		r = folders_store(conf, path, sizeof(path));
		r = r > 0 ? ruleset_allow_path(ruleset, path, FS_WRITE, why) : r;
	}
	return r;
}

static int jail_allow_ports(const struct jail *jail, const struct ruleset *ruleset,
	const struct conf *conf, struct fault *why)
{
	int r = 0;

	if ((jail->may & MAY_ASK_RESOLVER) != 0) /* TCP, after truncated answers */
		r = ruleset_allow_connect(ruleset, conf->resolver, why);
	if (r == 0 && (jail->may & MAY_USE_BACKEND) != 0)
		r = ruleset_allow_connect(ruleset, conf->backend, why);
	for (size_t i = 0; r == 0 && (jail->may & MAY_ASK_FEEDS) != 0 && i < conf->feeds_len; i++)
		r = ruleset_allow_connect(ruleset, conf->feeds[i].server, why);
	return r;
}

static int scope_allow(
	const struct jail_scope *scope, const struct ruleset *ruleset, struct fault *why)
{
	int r = 0;

	if (scope->conf != NULL) {
		r = jail_allow_paths(scope->jail, ruleset, scope->conf, why);
		return r == 0 ? jail_allow_ports(scope->jail, ruleset, scope->conf, why) : r;
	}
	for (size_t i = 0; r == 0 && i < scope->paths_len; i++) {
		const struct jail_path *path = &scope->paths[i];

		r = ruleset_allow_path(
			ruleset, path->path, path->writes ? FS_APPEND : FS_READ, why);
	}
	return r;
}

int jail_restrict(const struct jail_scope *scope, struct fault *why)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset ruleset;
	int r;

	if (version < 1)
		return 0;
	if (ruleset_open(version, &ruleset) < 0)
		return fault_set(
			why, E_SYSTEM, "cannot make the rules of the jail: %s", strerror(errno));
	r = scope_allow(scope, &ruleset, why);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset.fd, 0) < 0)
		r = fault_set(why, E_SYSTEM, "cannot enter the jail: %s", strerror(errno));
	close(ruleset.fd);
	return r < 0 ? r : version >= LANDLOCK_VERSION_WANTED;
}
