/* SPDX-License-Identifier: ISC */
#include "process/jail_rules.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/macro.h"

static const struct jail jails[] = {
	{"keeper", MAY_READ_LISTS | MAY_WRITE_LISTS | MAY_WRITE_STORE | MAY_WRITE_STATE},
	{"dns", MAY_READ_LISTS | MAY_USE_BUS | MAY_SEND_DATAGRAMS | MAY_HAVE_DNS_SECRETS |
			MAY_HAVE_KEYS},
	/* These connect to nobody: their dialers do (process/dialer.h). */
	{"gate", MAY_READ_LISTS | MAY_WRITE_STATE | MAY_HAVE_TLS_KEY},
	{"gate-dialer", MAY_PASS_SOCKETS | MAY_USE_BUS | MAY_ASK_RESOLVER | MAY_USE_BACKEND},
	{"courier", MAY_WRITE_STATE | MAY_HAVE_KEYS},
	{"courier-dialer", MAY_PASS_SOCKETS | MAY_USE_BUS | MAY_ASK_FEEDS},
	{"web", MAY_READ_LISTS | MAY_WRITE_STATE},
	{"web-dialer", MAY_PASS_SOCKETS | MAY_USE_BUS},
	/* no role: it stands alone */
	{"rbldnsd", MAY_WRITE_NAMED | MAY_USE_SYSLOG | MAY_SEND_DATAGRAMS | MAY_START_THREADS},
};

/* Memory, time, serving; threads, events and descriptors that are there already. */
static const int of_all[] = {SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(brk),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(close),
	SCMP_SYS(dup), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(fcntl), SCMP_SYS(fstat), SCMP_SYS(futex), SCMP_SYS(getcpu),
	SCMP_SYS(getdents64), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getpeername), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getrandom),
	SCMP_SYS(getrusage), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday), SCMP_SYS(getuid), SCMP_SYS(lseek), SCMP_SYS(madvise),
	SCMP_SYS(membarrier), SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(nanosleep),
	SCMP_SYS(newfstatat), SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pread64),
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list), SCMP_SYS(shutdown), SCMP_SYS(sigaltstack), SCMP_SYS(statx),
	SCMP_SYS(sysinfo), SCMP_SYS(time), SCMP_SYS(timer_create), SCMP_SYS(timer_delete),
	SCMP_SYS(timer_settime), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
	SCMP_SYS(uname), SCMP_SYS(write), SCMP_SYS(writev)};

/* To connect, and hand over what came of it. */
static const int of_dialers[] = {SCMP_SYS(brk), SCMP_SYS(clock_gettime), SCMP_SYS(close),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(munmap), SCMP_SYS(poll), SCMP_SYS(recvfrom), SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sendmsg),
	SCMP_SYS(write)};

/* With an address beside the datagram. */
static const int of_datagrams[] = {SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto)};

/* Where Landlock lets it. */
static const int of_writers[] = {SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(fallocate), SCMP_SYS(fchmod), SCMP_SYS(fdatasync), SCMP_SYS(flock),
	SCMP_SYS(fstatfs), SCMP_SYS(fsync), SCMP_SYS(ftruncate), SCMP_SYS(getcwd), SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat), SCMP_SYS(openat), SCMP_SYS(pwrite64), SCMP_SYS(pwritev),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat)};

/* Data are read again, and a log is opened in the place of the old one. */
static const int of_named_files[] = {SCMP_SYS(dup3), SCMP_SYS(fadvise64), SCMP_SYS(openat)};

/* The rest of a start: the thread that reads gives way to others, a daemon lets its terminal go. */
static const int of_starters[] = {SCMP_SYS(dup2), SCMP_SYS(setpriority), SCMP_SYS(setsid)};

/* For the reports of sanitizers (debug builds), and the start and naps of the thread that one of
 * them has; nothing here reaches another process. */
static const int of_sanitizers[] = {SCMP_SYS(clock_nanosleep), SCMP_SYS(getrlimit),
	SCMP_SYS(gettimeofday), SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(nanosleep),
	SCMP_SYS(personality), SCMP_SYS(prctl), SCMP_SYS(readlink), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list), SCMP_SYS(sigaltstack), SCMP_SYS(stat),
	SCMP_SYS(times)};

const struct jail_calls jail_calls_of_all = {COUNTOF(of_all), of_all};
const struct jail_calls jail_calls_of_dialers = {COUNTOF(of_dialers), of_dialers};
const struct jail_calls jail_calls_of_datagrams = {COUNTOF(of_datagrams), of_datagrams};
const struct jail_calls jail_calls_of_writers = {COUNTOF(of_writers), of_writers};
const struct jail_calls jail_calls_of_named_files = {COUNTOF(of_named_files), of_named_files};
const struct jail_calls jail_calls_of_starters = {COUNTOF(of_starters), of_starters};
const struct jail_calls jail_calls_of_sanitizers = {COUNTOF(of_sanitizers), of_sanitizers};

/* Source routes (IP_OPTIONS, IPV6_RTHDR) would lead the packets of a connected socket to any host,
 * and SO_BINDTODEVICE by another way, so options are counted one by one. */
const struct jail_option jail_options[] = {
	{SOL_SOCKET, SO_RCVBUF},
	{IPPROTO_TCP, TCP_NODELAY},
	{IPPROTO_IP, IP_MTU_DISCOVER},
	{IPPROTO_IP, IP_PKTINFO},
	{IPPROTO_IPV6, IPV6_MTU_DISCOVER},
	{IPPROTO_IPV6, IPV6_RECVPKTINFO},
};
const size_t jail_options_len = COUNTOF(jail_options);

const struct jail *jail_find(const char *role)
{
	for (size_t i = 0; i < COUNTOF(jails); i++) {
		if (strcmp(jails[i].role, role) == 0)
			return &jails[i];
	}
	return NULL;
}

const struct jail *jail_find_dialer(const char *role)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-dialer", role);
	return jail_find(name);
}
