/* SPDX-License-Identifier: ISC */
/*
 * The table first: it is what an auditor reads. Below it the two mechanisms.
 */
#include "process/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "process/folders.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JAIL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define JAIL_SANITIZED 1
#endif
#endif
#ifndef JAIL_SANITIZED
#define JAIL_SANITIZED 0
#endif

enum may {
	MAY_READ_LISTS = 1,  /* snapshots */
	MAY_WRITE_LISTS = 2, /* the keeper alone */
	MAY_WRITE_STORE = 4, /* the keeper alone: it parses no strangers' bytes */
	MAY_WRITE_STATE = 8, /* the role's own spool */
	MAY_USE_BUS =
		16, /* connect to unix sockets; whose, is a matter of their owners and modes */
	MAY_ASK_RESOLVER = 32,
	MAY_USE_BACKEND = 64,
	MAY_READ_DNS_FILES = 128, /* keys of clients, secrets of cookies */
	MAY_READ_KEYS = 256,      /* dns.keys: secrets shared with other name servers */
	MAY_ASK_FEEDS = 512,
	MAY_WRITE_NAMED = 1024, /* files that the command line names: logs */
	MAY_USE_SYSLOG = 2048,
};

static const struct jail {
	const char *role;
	unsigned may;
} jails[] = {
	{"keeper", MAY_READ_LISTS | MAY_WRITE_LISTS | MAY_WRITE_STORE | MAY_WRITE_STATE},
	{"dns", MAY_READ_LISTS | MAY_USE_BUS | MAY_READ_DNS_FILES | MAY_READ_KEYS},
	{"gate", MAY_READ_LISTS | MAY_WRITE_STATE | MAY_USE_BUS | MAY_ASK_RESOLVER |
			 MAY_USE_BACKEND},
	{"courier", MAY_WRITE_STATE | MAY_USE_BUS | MAY_ASK_FEEDS | MAY_READ_KEYS},
	{"web", MAY_READ_LISTS | MAY_WRITE_STATE | MAY_USE_BUS},
	{"rbldnsd", MAY_WRITE_NAMED | MAY_USE_SYSLOG}, /* no role: it stands alone */
};

enum {
	MAY_WRITE_FILES = MAY_WRITE_LISTS | MAY_WRITE_STORE | MAY_WRITE_STATE,
	MAY_CONNECT =
		MAY_USE_BUS | MAY_USE_SYSLOG | MAY_ASK_RESOLVER | MAY_USE_BACKEND | MAY_ASK_FEEDS,
	MAY_INTERNET = MAY_ASK_RESOLVER | MAY_USE_BACKEND,
	WRITING_FLAGS = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC,
};

/* Memory, time, threads that are there already, events, descriptors that are open already, serving. */
static const int calls_of_all[] = {
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(brk),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getcpu),
	SCMP_SYS(getdents64),
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getuid),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(membarrier),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	SCMP_SYS(newfstatat),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pread64),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(statx),
	SCMP_SYS(sysinfo),
	SCMP_SYS(time),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(uname),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* Where Landlock lets it. */
static const int calls_of_writers[] = {
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(fallocate),
	SCMP_SYS(fchmod),
	SCMP_SYS(fdatasync),
	SCMP_SYS(flock),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fsync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(getcwd),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(openat),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
};

/* Data are read again, and a log is opened in the place of the old one. */
static const int calls_of_named_files[] = {
	SCMP_SYS(dup3),
	SCMP_SYS(fadvise64),
	SCMP_SYS(openat),
};

/* For the reports of sanitizers, which debug builds for tests contain; nothing here reaches another process. */
static const int calls_of_sanitizers[] = {
	SCMP_SYS(getrlimit),
	SCMP_SYS(mincore),
	SCMP_SYS(personality),
	SCMP_SYS(prctl),
	SCMP_SYS(readlink),
	SCMP_SYS(stat),
	SCMP_SYS(times),
};

static const struct jail *jail_find(const char *role)
{
	for (size_t i = 0; i < COUNTOF(jails); i++) {
		if (strcmp(jails[i].role, role) == 0)
			return &jails[i];
	}
	return NULL;
}

/*
 * Paths and ports: Landlock. Debian 12's headers know its second version; the kernel may know more, and we use it.
 */
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
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct net_port_attr {
	uint64_t allowed;
	uint64_t port;
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

/* Whether path is folder or lies below it. Both as the configuration writes them: absolute. */
static bool path_is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	return strncmp(path, folder, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0' || len == 1);
}

static void folder_of(const char *file, char *folder, size_t size)
{
	char path[PATH_MAX];
	char *slash;

	folder[0] = '\0';
	if (realpath(file, path) == NULL)
		return;
	slash = strrchr(path, '/');
	*(slash == path ? slash + 1 : slash) = '\0';
	if (strlen(path) < size)
		memcpy(folder, path, strlen(path) + 1);
}

/* Nothing that the role may not see lies below the folder of file, so that it may have the folder. */
static bool folder_is_harmless(const struct conf *conf, const char *file)
{
	char folder[PATH_MAX];
	char store[PATH_MAX];

	folder_of(file, folder, sizeof(folder));
	if (folder[0] == '\0' || path_is_below(conf->state_path, folder) ||
		path_is_below(conf->run_path, folder) || path_is_below(conf->lists_path, folder))
		return false;
	return folders_store(conf, store, sizeof(store)) <= 0 || !path_is_below(store, folder);
}

bool jail_can_reload(const struct conf *conf)
{
	bool can = folder_is_harmless(conf, conf->file);
	const char *file;

	for (size_t i = 0; (file = conf_dns_file(conf, i)) != NULL; i++)
		can = can && folder_is_harmless(conf, file);
	for (size_t i = 0; i < conf->keys_len; i++)
		can = can && folder_is_harmless(conf, conf->keys[i].file);
	return can;
}

/* The folder of a file that is read again at a reload; a file that is replaced by rename is another file. But not when the
 * store lies below: then this one file, and the supervisor starts roles anew instead of reloading them. */
static int jail_allow_file(
	const struct ruleset *ruleset, const struct conf *conf, const char *file, struct fault *why)
{
	char folder[PATH_MAX];

	if (!folder_is_harmless(conf, file))
		return ruleset_allow_path(ruleset, file, FS_READ, why);
	folder_of(file, folder, sizeof(folder));
	return ruleset_allow_path(ruleset, folder, FS_READ, why);
}

static int jail_allow_dns_files(
	const struct ruleset *ruleset, const struct conf *conf, struct fault *why)
{
	const char *file;
	int r = 0;

	for (size_t i = 0; r == 0 && (file = conf_dns_file(conf, i)) != NULL; i++)
		r = jail_allow_file(ruleset, conf, file, why);
	return r;
}

static int jail_allow_keys(
	const struct ruleset *ruleset, const struct conf *conf, struct fault *why)
{
	int r = 0;

	for (size_t i = 0; i < conf->keys_len && r == 0; i++)
		r = jail_allow_file(ruleset, conf, conf->keys[i].file, why);
	return r;
}

static int jail_allow_paths(const struct jail *jail, const struct ruleset *ruleset,
	const struct conf *conf, struct fault *why)
{
	char path[PATH_MAX];
	int r = jail_allow_file(ruleset, conf, conf->file, why);

	if (r == 0 && (jail->may & MAY_READ_DNS_FILES) != 0)
		r = jail_allow_dns_files(ruleset, conf, why);
	if (r == 0 && (jail->may & MAY_READ_KEYS) != 0)
		r = jail_allow_keys(ruleset, conf, why);
	if (r == 0 && (jail->may & MAY_READ_LISTS) != 0)
		r = ruleset_allow_path(ruleset, conf->lists_path, FS_READ, why);
	if (r == 0 && (jail->may & MAY_WRITE_LISTS) != 0)
		r = ruleset_allow_path(ruleset, conf->lists_path, FS_WRITE, why);
	if (r == 0 && (jail->may & MAY_WRITE_STATE) != 0) {
		r = folders_state(conf, jail->role, path, sizeof(path));
		if (r == 0)
			r = ruleset_allow_path(ruleset, path, FS_WRITE, why);
	}
	if (r == 0 && (jail->may & MAY_WRITE_STORE) != 0) {
		r = folders_store(conf, path, sizeof(path));
		if (r > 0)
			r = ruleset_allow_path(ruleset, path, FS_WRITE, why);
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

/* How one jail fills its rules. */
struct rules {
	const struct jail *jail;
	const struct conf *conf; /* NULL: paths are all there is to say */
	const struct jail_path *paths;
	size_t paths_len;
};

static int rules_fill(const struct rules *rules, const struct ruleset *ruleset, struct fault *why)
{
	int r = 0;

	if (rules->conf != NULL) {
		r = jail_allow_paths(rules->jail, ruleset, rules->conf, why);
		return r == 0 ? jail_allow_ports(rules->jail, ruleset, rules->conf, why) : r;
	}
	for (size_t i = 0; r == 0 && i < rules->paths_len; i++) {
		const struct jail_path *path = &rules->paths[i];

		r = ruleset_allow_path(
			ruleset, path->path, path->writes ? FS_APPEND : FS_READ, why);
	}
	return r;
}

static int jail_confine_paths(const struct rules *rules, struct fault *why)
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
	r = rules_fill(rules, &ruleset, why);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset.fd, 0) < 0)
		r = fault_set(why, E_SYSTEM, "cannot enter the jail: %s", strerror(errno));
	close(ruleset.fd);
	return r < 0 ? r : version >= LANDLOCK_VERSION_WANTED;
}

/* What a user other than root may still hold, as by a systemd unit's AmbientCapabilities. */
static int jail_drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &head, none);
}

/*
 * The mark of a role: no bytes for message queues, which no role has. A limit is lowered by anybody and raised by nobody who
 * is in the jail (no capability, and setting limits is not among the calls), it can be asked of another process of the same
 * user without /proc, and no ordinary program has it at zero.
 */
static int jail_mark(void)
{
	struct rlimit none = {0, 0};

	return setrlimit(RLIMIT_MSGQUEUE, &none);
}

int jail_holds(pid_t pid)
{
	struct rlimit limit;

	if (pid <= 0)
		return 0; /* of another pid namespace: roles are in ours */
	if (prlimit(pid, RLIMIT_MSGQUEUE, NULL, &limit) < 0)
		return errno == ESRCH ? E_ABSENT : E_DENIED;
	return limit.rlim_max == 0;
}

static int jail_enter(const char *role, struct rules *rules, struct fault *why)
{
	struct rlimit none = {0, 0};

	rules->jail = jail_find(role);
	if (rules->jail == NULL)
		return fault_set(why, E_ABSENT, "no jail is described for role '%s'", role);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || jail_drop_capabilities() < 0 ||
		jail_mark() < 0)
		return fault_set(why, E_SYSTEM, "cannot give rights up: %s", strerror(errno));
	setrlimit(RLIMIT_CORE, &none);      /* mail and keys do not belong into core files, */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nor before the eyes of a process of the same user */
	return jail_confine_paths(rules, why);
}

int jail_confine(const char *role, const struct conf *conf, struct fault *why)
{
	struct rules rules = {.conf = conf};

	return jail_enter(role, &rules, why);
}

int jail_confine_to(const char *role, const struct jail_path *paths, size_t len, struct fault *why)
{
	struct rules rules = {.paths = paths, .paths_len = len};

	return jail_enter(role, &rules, why);
}

/*
 * System calls: seccomp. Errors of libseccomp are collected: it fails as a whole or not at all.
 */
struct filter {
	scmp_filter_ctx context;
	int error;
};

static void filter_allow(struct filter *filter, const int *calls, size_t len)
{
	for (size_t i = 0; i < len && filter->error == 0; i++) {
		int r = seccomp_rule_add(filter->context, SCMP_ACT_ALLOW, calls[i], 0);

		/* A call that this architecture does not have needs no rule. */
		if (r < 0 && r != -EDOM && calls[i] >= 0)
			filter->error = r;
	}
}

static void filter_allow_if(struct filter *filter, int call, struct scmp_arg_cmp condition)
{
	if (filter->error == 0)
		filter->error = seccomp_rule_add_array(
			filter->context, SCMP_ACT_ALLOW, call, 1, &condition);
}

/* Memory is written or executed, never both; signals go to ourselves (abort); no terminals. */
static void filter_allow_always(struct filter *filter)
{
	scmp_datum_t self = (scmp_datum_t)getpid();

	filter_allow(filter, calls_of_all, COUNTOF(calls_of_all));
	filter_allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	filter_allow_if(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	filter_allow_if(filter, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_EQ, self));
	filter_allow_if(filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, self));
	filter_allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	filter_allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO));
	filter_allow_if(filter, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0)); /* asks only */
	/* A reload reads the configuration, and libfyaml asks whether it may use colours: it may not. */
	if (filter->error == 0)
		filter->error = seccomp_rule_add(filter->context, SCMP_ACT_ERRNO(ENOTTY),
			SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, TCGETS));
}

/* The family's own protocol for this type only: Landlock counts the ports of TCP, and not of what resembles it (MPTCP, SMC). */
static void filter_allow_socket(struct filter *filter, int family, int type)
{
	enum { TYPE_BITS = 0xf }; /* the rest are flags */
	const struct scmp_arg_cmp conditions[] = {
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family),
		SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_BITS, (scmp_datum_t)type),
		SCMP_A2(SCMP_CMP_EQ, 0),
	};

	if (filter->error == 0)
		filter->error = seccomp_rule_add_array(filter->context, SCMP_ACT_ALLOW,
			SCMP_SYS(socket), COUNTOF(conditions), conditions);
}

static void filter_allow_sockets(struct filter *filter, unsigned may)
{
	if ((may & MAY_CONNECT) != 0)
		filter_allow(filter, (const int[]){SCMP_SYS(connect)}, 1);
	if ((may & MAY_USE_BUS) != 0)
		filter_allow_socket(filter, AF_UNIX, SOCK_STREAM);
	if ((may & MAY_USE_SYSLOG) != 0)
		filter_allow_socket(filter, AF_UNIX, SOCK_DGRAM);
	if ((may & (MAY_INTERNET | MAY_ASK_FEEDS)) == 0)
		return;
	filter_allow(filter, (const int[]){SCMP_SYS(bind)}, 1); /* random source ports */
	filter_allow_socket(filter, AF_INET, SOCK_STREAM);
	filter_allow_socket(filter, AF_INET6, SOCK_STREAM);
	if ((may & MAY_INTERNET) == 0)
		return; /* transfers are TCP alone, whose ports Landlock counts */
	filter_allow_socket(filter, AF_INET, SOCK_DGRAM);
	filter_allow_socket(filter, AF_INET6, SOCK_DGRAM);
}

static void filter_allow_files(struct filter *filter, unsigned may)
{
	if ((may & MAY_WRITE_FILES) != 0)
		filter_allow(filter, calls_of_writers, COUNTOF(calls_of_writers));
	else if ((may & MAY_WRITE_NAMED) != 0)
		filter_allow(filter, calls_of_named_files, COUNTOF(calls_of_named_files));
	else
		filter_allow_if(
			filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, WRITING_FLAGS, 0));
}

static void filter_allow_sanitizers(struct filter *filter)
{
	filter_allow(filter, calls_of_sanitizers, COUNTOF(calls_of_sanitizers));
	filter_allow_if(filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, WRITING_FLAGS, 0));
}

/* Says which call it was, then ends as the filter would have ended it. */
static void jail_on_refused_call(int number, siginfo_t *info, void *context)
{
	(void)context;
	log_event(EV_JAIL_REFUSED, LOG_FIELDS(log_number("call", info->si_syscall)));
	signal(number, SIG_DFL);
	raise(number);
}

#if JAIL_SANITIZED
int __lsan_is_turned_off(void);

static bool jail_is_sealed;

/* The search for leaks at exit traces threads, which no role may. */
int __lsan_is_turned_off(void)
{
	return jail_is_sealed;
}
#endif

int jail_seal(const char *role, struct fault *why)
{
	const struct jail *jail = jail_find(role);
	struct sigaction action = {.sa_sigaction = jail_on_refused_call, .sa_flags = SA_SIGINFO};
	struct filter filter = {.context = jail != NULL ? seccomp_init(SCMP_ACT_TRAP) : NULL};

	if (filter.context == NULL)
		return fault_set(
			why, jail == NULL ? E_ABSENT : E_SYSTEM, "no filter for role '%s'", role);
	sigaction(SIGSYS, &action, NULL);
	filter.error = seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_TSYNC, 1);
	if (filter.error == 0) /* a search tree: calls are looked up on every system call */
		filter.error = seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	filter_allow_always(&filter);
	filter_allow_sockets(&filter, jail->may);
	filter_allow_files(&filter, jail->may);
	if (JAIL_SANITIZED)
		filter_allow_sanitizers(&filter);
	if (filter.error == 0)
		filter.error = seccomp_load(filter.context);
	seccomp_release(filter.context);
	if (filter.error < 0)
		return fault_set(
			why, E_SYSTEM, "cannot filter system calls: %s", strerror(-filter.error));
#if JAIL_SANITIZED
	jail_is_sealed = true;
#endif
	return 0;
}
