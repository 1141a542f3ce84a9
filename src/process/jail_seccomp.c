/* SPDX-License-Identifier: ISC */
#include "process/jail_seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"

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

enum {
	MAY_WRITE_FILES = MAY_WRITE_LISTS | MAY_WRITE_STORE | MAY_WRITE_STATE,
	MAY_INTERNET = MAY_ASK_RESOLVER | MAY_USE_BACKEND,
	WRITING_FLAGS = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC,
};

/* Errors of libseccomp are collected: it fails as a whole or not at all. */
struct filter {
	scmp_filter_ctx context;
	int error;
};

static void filter_allow_call(struct filter *filter, int call)
{
	int r = filter->error == 0 ? seccomp_rule_add(filter->context, SCMP_ACT_ALLOW, call, 0) : 0;

	/* A call that this architecture does not have needs no rule. */
	if (r < 0 && r != -EDOM && call >= 0)
		filter->error = r;
}

static void filter_allow(struct filter *filter, const struct jail_calls *calls)
{
	for (size_t i = 0; i < calls->len; i++)
		filter_allow_call(filter, calls->numbers[i]);
}

static void filter_allow_if(struct filter *filter, int call, struct scmp_arg_cmp condition)
{
	if (filter->error == 0)
		filter->error = seccomp_rule_add_array(
			filter->context, SCMP_ACT_ALLOW, call, 1, &condition);
}

static void filter_allow_options(struct filter *filter)
{
	for (size_t i = 0; filter->error == 0 && i < jail_options_len; i++) {
		const struct scmp_arg_cmp conditions[] = {
			SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)jail_options[i].level),
			SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)jail_options[i].name),
		};

		filter->error = seccomp_rule_add_array(filter->context, SCMP_ACT_ALLOW,
			SCMP_SYS(setsockopt), COUNTOF(conditions), conditions);
	}
}

/* Memory is written or executed, never both; signals go to ourselves (abort); no terminals. Who
 * sends says no address, which the filter could not read: it goes where the socket leads. */
static void filter_allow_always(struct filter *filter)
{
	scmp_datum_t self = (scmp_datum_t)getpid();

	filter_allow_options(filter);
	filter_allow_if(filter, SCMP_SYS(sendto), SCMP_A4(SCMP_CMP_EQ, 0));
	filter_allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	filter_allow_if(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	filter_allow_if(filter, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_EQ, self));
	filter_allow_if(filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, self));
	filter_allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	filter_allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO));
	filter_allow_if(filter, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0)); /* asks only */
	/* A reload reads the configuration; libfyaml asks whether it may use colours: no. */
	if (filter->error == 0)
		filter->error = seccomp_rule_add(filter->context, SCMP_ACT_ERRNO(ENOTTY),
			SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, TCGETS));
}

/* The family's own protocol for this type only: Landlock counts the ports of TCP, and not of what
 * resembles it (MPTCP, SMC). */
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
		filter_allow_call(filter, SCMP_SYS(connect));
	if ((may & MAY_USE_BUS) != 0)
		filter_allow_socket(filter, AF_UNIX, SOCK_STREAM);
	if ((may & MAY_USE_SYSLOG) != 0)
		filter_allow_socket(filter, AF_UNIX, SOCK_DGRAM);
	if ((may & (MAY_INTERNET | MAY_ASK_FEEDS)) == 0)
		return;
	filter_allow_socket(filter, AF_INET, SOCK_STREAM);
	filter_allow_socket(filter, AF_INET6, SOCK_STREAM);
	if ((may & MAY_INTERNET) == 0)
		return; /* transfers are TCP alone, whose ports Landlock counts */
	filter_allow_socket(filter, AF_INET, SOCK_DGRAM);
	filter_allow_socket(filter, AF_INET6, SOCK_DGRAM);
}

static void filter_allow_files(struct filter *filter, unsigned may)
{
	if ((may & MAY_PASS_SOCKETS) != 0)
		return;
	if ((may & MAY_WRITE_FILES) != 0)
		filter_allow(filter, &jail_calls_of_writers);
	else if ((may & MAY_WRITE_NAMED) != 0)
		filter_allow(filter, &jail_calls_of_named_files);
	else
		filter_allow_if(
			filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, WRITING_FLAGS, 0));
}

/* Threads, and no processes. The flags of clone3 lie in memory, where no filter sees them: the C
 * library falls back on clone when it is told that there is no such call. */
static void filter_allow_threads(struct filter *filter)
{
	filter_allow(filter, &jail_calls_of_starters);
	filter_allow_if(
		filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (filter->error == 0)
		filter->error = seccomp_rule_add(
			filter->context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
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

/* A filter for threads that are there already takes seccomp(2); where a service manager's own
 * filter answers it with EPERM, as systemd's @system-service does, prctl(2) is what is left. */
static void filter_cover_threads(struct filter *filter, unsigned may)
{
	if ((may & MAY_START_THREADS) != 0)
		filter_allow_threads(filter);
	else
		filter->error = seccomp_attr_set(filter->context, SCMP_FLTATR_CTL_TSYNC, 1);
}

static int filter_fail(int error, struct fault *why)
{
	return fault_set(why, E_SYSTEM, "cannot filter system calls: %s",
		error == -EOPNOTSUPP ? "seccomp(2) is refused; in a systemd unit "
				       "'SystemCallFilter=seccomp' allows it"
				     : strerror(-error));
}

int jail_filter_calls(const struct jail *jail, struct fault *why)
{
	struct sigaction action = {.sa_sigaction = jail_on_refused_call, .sa_flags = SA_SIGINFO};
	struct filter filter = {.context = seccomp_init(SCMP_ACT_TRAP)};

	if (filter.context == NULL)
		return fault_set(why, E_SYSTEM, "no filter for role '%s'", jail->role);
	tzset(); /* gmtime_r reads the zone's file when it is called first: each line of the log */
	sigaction(SIGSYS, &action, NULL);
	filter_cover_threads(&filter, jail->may);
	if (filter.error == 0) /* a search tree: calls are looked up on every system call */
		filter.error = seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	filter_allow(&filter,
		(jail->may & MAY_PASS_SOCKETS) != 0 ? &jail_calls_of_dialers : &jail_calls_of_all);
	if ((jail->may & MAY_SEND_DATAGRAMS) != 0)
		filter_allow(&filter, &jail_calls_of_datagrams);
	filter_allow_always(&filter);
	filter_allow_sockets(&filter, jail->may);
	filter_allow_files(&filter, jail->may);
	if (JAIL_SANITIZED) {
		filter_allow(&filter, &jail_calls_of_sanitizers);
		filter_allow_if(
			&filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, WRITING_FLAGS, 0));
	}
	if (filter.error == 0)
		filter.error = seccomp_load(filter.context);
	seccomp_release(filter.context);
	if (filter.error < 0)
		return filter_fail(filter.error, why);
#if JAIL_SANITIZED
	jail_is_sealed = true;
#endif
	return 0;
}
