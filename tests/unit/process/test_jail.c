/* SPDX-License-Identifier: ISC */
/* Each case enters the jail of a role in a process of its own and tries something there. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "loop/socket.h"
#include "process/jail.h"
#include "unit.h"

/* What became of a try: done, an errno, or the signal of a refused call. */
enum { DONE = 0, REFUSED = 1000, NO_JAIL = 2000 };

static char folder[64];
static struct endpoint backend;
static struct endpoint elsewhere;
/* Connected before the jail closed, as what a dialer hands over. */
static int given_datagrams, given_stream;
static struct endpoint other_datagrams;

static const char *below(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int try_open(const char *name, int flags)
{
	return open(below(name), flags | O_CLOEXEC, 0600) >= 0 ? DONE : errno;
}

static int read_store(void)
{
	return try_open("store/stockade.db", O_RDONLY);
}

static int write_store(void)
{
	return try_open("store/stockade.db", O_RDWR);
}

static int read_list(void)
{
	return try_open("lists/list-1.snap", O_RDONLY);
}

static int write_list(void)
{
	return try_open("lists/list-2.snap", O_WRONLY | O_CREAT);
}

static int remove_list(void)
{
	return unlink(below("lists/list-1.snap")) == 0 ? DONE : errno;
}

static int write_own_state(void)
{
	return try_open("state/gate/spool", O_WRONLY | O_CREAT);
}

static int read_conf(void)
{
	return try_open("etc/stockade.yaml", O_RDONLY);
}

static int read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? DONE : errno;
}

static int run_program(void)
{
	return execl("/bin/true", "true", (char *)NULL) == 0 ? DONE : errno;
}

static int make_process(void)
{
	return fork() >= 0 ? DONE : errno;
}

static int trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ? DONE : errno;
}

static int signal_parent(void)
{
	return kill(getppid(), SIGCONT) == 0 ? DONE : errno;
}

static int become_root(void)
{
	return setuid(0) == 0 ? DONE : errno;
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0) != MAP_FAILED
		       ? DONE
		       : errno;
}

static int make_internet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? DONE : errno;
}

static int make_raw_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? DONE : errno;
}

/* Landlock counts the ports of TCP; what connects like TCP and is not is left out by the filter. */
static int make_multipath_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP) >= 0 ? DONE : errno;
}

/* A log daemon, a service manager: whoever listens for datagrams on this machine is nobody a role
 * talks to. */
static int make_unix_datagram_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? DONE : errno;
}

static int make_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? DONE : errno;
}

static int make_resolver_socket(void)
{
	return socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0) >= 0 ? DONE : errno;
}

static int raise_limits(void)
{
	struct rlimit limit = {819200, 819200};

	return prlimit(0, RLIMIT_MSGQUEUE, &limit, NULL) == 0 ? DONE : errno;
}

static int try_connect(struct endpoint endpoint)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, len) == 0 ? DONE : errno;
}

/* A socket that was handed over leads where it was connected to, whatever is tried with it. */
static int send_there(void)
{
	return send(given_datagrams, "x", 1, 0) == 1 ? DONE : errno;
}

static int send_elsewhere(void)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(other_datagrams, &address);

	return sendto(given_datagrams, "x", 1, 0, (struct sockaddr *)&address, len) == 1 ? DONE
											 : errno;
}

static int send_message_elsewhere(void)
{
	struct sockaddr_storage address;
	char octet = 0;
	struct iovec part = {.iov_base = &octet, .iov_len = 1};
	struct msghdr message = {.msg_name = &address,
		.msg_namelen = endpoint_to_sockaddr(other_datagrams, &address),
		.msg_iov = &part,
		.msg_iovlen = 1};

	return sendmsg(given_datagrams, &message, 0) == 1 ? DONE : errno;
}

static int connect_datagrams_again(void)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(other_datagrams, &address);

	return connect(given_datagrams, (struct sockaddr *)&address, len) == 0 ? DONE : errno;
}

static int disconnect_stream(void)
{
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	return connect(given_stream, &nobody, sizeof(nobody)) == 0 ? DONE : errno;
}

/* Loose source and record route (RFC 791): the kernel sends to the first address of it. */
static int route_elsewhere(void)
{
	static const uint8_t route[] = {1, 131, 7, 4, 127, 0, 0, 2};

	return setsockopt(given_datagrams, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)) == 0
		       ? DONE
		       : errno;
}

static int set_nodelay(void)
{
	int on = 1;

	return setsockopt(given_stream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 ? DONE
											: errno;
}

static int connect_backend(void)
{
	return try_connect(backend);
}

static int connect_elsewhere(void)
{
	return try_connect(elsewhere);
}

static int read_data(void)
{
	return try_open("data/list", O_RDONLY);
}

static int write_data(void)
{
	return try_open("data/list", O_RDWR);
}

static int write_log(void)
{
	return try_open("log/queries", O_WRONLY | O_CREAT | O_APPEND);
}

static int remove_log(void)
{
	return unlink(below("log/old")) == 0 ? DONE : errno;
}

static int read_sequentially(void)
{
	int fd = open(below("data/list"), O_RDONLY | O_CLOEXEC);

	return posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

static int use_memory(void)
{
	char *block = malloc(1 << 20);

	memset(block, 1, 1 << 20);
	free(block);
	return getpid() > 0 ? DONE : ESRCH;
}

static void *thread(void *arg)
{
	*(int *)arg = DONE;
	return NULL;
}

static int start_thread(void)
{
	int outcome = EPERM;
	pthread_t id;

	if (pthread_create(&id, NULL, thread, &outcome) == 0)
		pthread_join(id, NULL);
	return outcome;
}

static const struct jail_case {
	const char *role;
	int (*attempt)(void);
	int expected;
	bool needs_landlock;
	const char *name;
} cases[] = {
#define CASE(role, attempt, expected, needs_landlock)                      \
	{                                                                  \
		role, attempt, expected, needs_landlock, role " " #attempt \
	}
	CASE("gate", use_memory, DONE, false),
	CASE("gate", read_store, EACCES, true),
	CASE("gate", write_store, EACCES, true),
	CASE("gate", read_list, DONE, false),
	CASE("gate", write_list, EACCES, true),
	CASE("gate", remove_list, EACCES, true),
	CASE("gate", write_own_state, DONE, false),
	CASE("gate", read_conf, EACCES, true),
	CASE("gate", read_passwd, EACCES, true),
	CASE("gate", run_program, REFUSED, false),
	CASE("gate", make_process, REFUSED, false),
	CASE("gate", trace_parent, REFUSED, false),
	CASE("gate", signal_parent, REFUSED, false),
	CASE("gate", become_root, REFUSED, false),
	CASE("gate", make_code, REFUSED, false),
	CASE("gate", make_internet_socket, REFUSED, false),
	CASE("gate", make_raw_socket, REFUSED, false),
	CASE("gate", make_multipath_socket, REFUSED, false),
	CASE("gate", make_unix_datagram_socket, REFUSED, false),
	CASE("gate", make_unix_socket, REFUSED, false),
	CASE("gate", make_resolver_socket, REFUSED, false),
	CASE("gate", raise_limits, REFUSED, false),
	CASE("gate", send_there, DONE, false),
	CASE("gate", send_elsewhere, REFUSED, false),
	CASE("gate", send_message_elsewhere, REFUSED, false),
	CASE("gate", connect_datagrams_again, REFUSED, false),
	CASE("gate", disconnect_stream, REFUSED, false),
	CASE("gate", route_elsewhere, REFUSED, false),
	CASE("gate", set_nodelay, DONE, false),
	CASE("gate", start_thread, REFUSED, false),
	CASE("gate-dialer", use_memory, DONE, false),
	CASE("gate-dialer", make_resolver_socket, DONE, false),
	CASE("gate-dialer", make_unix_socket, DONE, false),
	CASE("gate-dialer", make_unix_datagram_socket, REFUSED, false),
	CASE("gate-dialer", make_multipath_socket, REFUSED, false),
	CASE("gate-dialer", connect_backend, DONE, false),
	CASE("gate-dialer", connect_elsewhere, EACCES, true),
	CASE("gate-dialer", send_elsewhere, REFUSED, false),
	CASE("gate-dialer", route_elsewhere, REFUSED, false),
	CASE("gate-dialer", read_list, REFUSED, false),
	CASE("gate-dialer", write_own_state, REFUSED, false),
	CASE("gate-dialer", run_program, REFUSED, false),
	CASE("gate-dialer", make_process, REFUSED, false),
	CASE("gate-dialer", make_code, REFUSED, false),
	CASE("web", use_memory, DONE, false),
	CASE("web", read_store, EACCES, true),
	CASE("web", write_own_state, EACCES, true), /* the gate's, that is */
	CASE("web", read_list, DONE, false),
	CASE("web", read_conf, EACCES, true),
	CASE("web", run_program, REFUSED, false),
	CASE("web", make_internet_socket, REFUSED, false),
	CASE("web", make_unix_socket, REFUSED, false),
	CASE("web", disconnect_stream, REFUSED, false),
	CASE("web-dialer", make_unix_socket, DONE, false),
	CASE("web-dialer", make_internet_socket, REFUSED, false),
	CASE("dns", use_memory, DONE, false),
	CASE("dns", start_thread, REFUSED, false), /* they are there before the filter */
	CASE("dns", make_process, REFUSED, false),
	CASE("dns", read_store, EACCES, true),
	CASE("dns", read_list, DONE, false),
	CASE("dns", read_conf, EACCES, true),
	CASE("dns", write_list, REFUSED, false),
	CASE("dns", run_program, REFUSED, false),
	CASE("dns", make_internet_socket, REFUSED, false),
	CASE("dns", send_elsewhere, DONE, false), /* it answers strangers */
	CASE("dns", route_elsewhere, REFUSED, false),
	CASE("courier", use_memory, DONE, false),
	CASE("courier", read_store, EACCES, true),
	CASE("courier", read_list, EACCES, true),
	CASE("courier", write_own_state, EACCES, true), /* the gate's, that is */
	CASE("courier", read_conf, EACCES, true),
	CASE("courier", make_unix_socket, REFUSED, false),
	CASE("courier", make_internet_socket, REFUSED, false),
	CASE("courier", connect_datagrams_again, REFUSED, false),
	CASE("courier", run_program, REFUSED, false),
	CASE("courier", make_process, REFUSED, false),
	CASE("courier", start_thread, REFUSED, false),
	CASE("courier-dialer", connect_elsewhere, DONE, false), /* where its feed is */
	CASE("courier-dialer", connect_backend, EACCES, true),
	CASE("courier-dialer", make_resolver_socket, REFUSED, false), /* transfers are TCP */
	CASE("rbldnsd", use_memory, DONE, false),
	CASE("rbldnsd", read_data, DONE, false),
	CASE("rbldnsd", read_sequentially, 0, false),
	CASE("rbldnsd", write_data, EACCES, true),
	CASE("rbldnsd", write_log, DONE, false),
	CASE("rbldnsd", remove_log, REFUSED, false),
	CASE("rbldnsd", read_list, EACCES, true),
	CASE("rbldnsd", read_passwd, EACCES, true),
	CASE("rbldnsd", read_store, EACCES, true),
	CASE("rbldnsd", make_unix_datagram_socket, DONE,
		false), /* syslog may have been restarted */
	CASE("rbldnsd", make_unix_socket, REFUSED, false),
	CASE("rbldnsd", make_internet_socket, REFUSED, false),
	CASE("rbldnsd", run_program, REFUSED, false),
	CASE("rbldnsd", make_process, REFUSED, false),
	CASE("rbldnsd", start_thread, DONE, false),
	CASE("keeper", write_store, DONE, false),
	CASE("keeper", write_list, DONE, false),
	CASE("keeper", remove_list, DONE, false),
	CASE("keeper", read_conf, EACCES, true),
	CASE("keeper", run_program, REFUSED, false),
	CASE("keeper", make_internet_socket, REFUSED, false),
	CASE("keeper", send_elsewhere, REFUSED, false),
	CASE("keeper", disconnect_stream, REFUSED, false),
#undef CASE
};

static struct conf conf_of_folder(void)
{
	static char text[6][128];
	static struct conf_feed feed;
	static const char *const names[] = {
		"etc/stockade.yaml", "store/stockade.db", "run", "lists", "state"};

	for (size_t i = 0; i < COUNTOF(names); i++)
		snprintf(text[i], sizeof(text[i]), "%s%s/%s", i == 1 ? "sqlite:" : "", folder,
			names[i]);
	feed.server = elsewhere;
	return (struct conf){.file = text[0],
		.feeds = &feed,
		.feeds_len = 1,
		.store = text[1],
		.run_path = text[2],
		.lists_path = text[3],
		.state_path = text[4],
		.backend = backend,
		.resolver = {.ip = backend.ip, .port = 53}};
}

static void touch(const char *name)
{
	int fd = open(below(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static struct endpoint listen_somewhere(void)
{
	struct endpoint endpoint = {.ip = ip_from_v4(0x7f000001)};
	int fd;

	assert_int_equal(socket_listen_tcp(endpoint, 0, &fd, NULL), 0);
	assert_int_equal(socket_local(fd, &endpoint), 0);
	return endpoint;
}

static struct endpoint take_datagrams(void)
{
	struct endpoint endpoint = {.ip = ip_from_v4(0x7f000001)};
	int fd;

	assert_int_equal(socket_bind_udp(endpoint, 0, &fd, NULL), 0);
	assert_int_equal(socket_local(fd, &endpoint), 0);
	return endpoint;
}

static int set_up(void **state)
{
	static const char *const folders[] = {"etc", "store", "lists", "run", "state", "state/gate",
		"state/web", "state/keeper", "data", "log"};

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/stk-jail-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < COUNTOF(folders); i++)
		assert_int_equal(mkdir(below(folders[i]), 0700), 0);
	touch("etc/stockade.yaml");
	touch("store/stockade.db");
	touch("lists/list-1.snap");
	touch("data/list");
	touch("log/old");
	backend = listen_somewhere();
	elsewhere = listen_somewhere();
	other_datagrams = take_datagrams();
	assert_int_equal(socket_connect_udp(take_datagrams(), &given_datagrams), 0);
	assert_int_equal(socket_connect_tcp(backend, &given_stream), 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

/* The server that has no configuration gets its paths one by one. */
static int confine(const char *role, const struct conf *conf)
{
	char data[128], log[128];
	const struct jail_path paths[] = {{data, false}, {log, true}};

	snprintf(data, sizeof(data), "%s/data", folder);
	snprintf(log, sizeof(log), "%s/log", folder);
	return strcmp(role, "rbldnsd") == 0 ? jail_confine_to(role, paths, COUNTOF(paths), NULL)
					    : jail_confine(role, conf, NULL);
}

/* As systemd's group @system-service does it. */
static void refuse_seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNTOF(code), code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(1);
}

/* In the child: the jail, the attempt, and the outcome through a pipe (exit codes are too short for
 * an errno). */
static _Noreturn void inmate(const struct jail_case *row, void (*before)(void), int out)
{
	struct conf conf = conf_of_folder();
	int outcome = NO_JAIL;

	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	before();
	if (confine(row->role, &conf) >= 0 && jail_seal(row->role, NULL) == 0)
		outcome = row->attempt();
	(void)!write(out, &outcome, sizeof(outcome));
	_exit(0);
}

static int outcome_of(const struct jail_case *row, void (*before)(void))
{
	int outcome = NO_JAIL;
	int ends[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0)
		inmate(row, before, ends[1]);
	close(ends[1]);
	(void)!read(ends[0], &outcome, sizeof(outcome));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? REFUSED : -WTERMSIG(status);
	return outcome;
}

static void nothing(void)
{
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 4;
}

static void test_each_role_may_what_its_row_says_and_nothing_else(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		int outcome;

		if (cases[i].needs_landlock && !has_landlock())
			continue;
		outcome = outcome_of(&cases[i], nothing);
		if (outcome != cases[i].expected)
			print_error("%s: %d instead of %d\n", cases[i].name, outcome,
				cases[i].expected);
		wrong += outcome != cases[i].expected;
	}
	assert_int_equal(wrong, 0);
}

static void test_the_jailed_are_known_to_others_of_the_same_user(void **state)
{
	struct conf conf = conf_of_folder();
	char byte = 0;
	int there[2];
	int back[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(there), 0);
	assert_int_equal(pipe(back), 0);
	pid = fork();
	if (pid == 0) {
		close(back[1]);
		if (jail_confine("gate", &conf, NULL) >= 0)
			(void)!write(there[1], &byte, 1);
		(void)!read(back[0], &byte, 1);
		_exit(0);
	}
	close(back[0]);
	assert_int_equal(read(there[0], &byte, 1), 1);
	assert_int_equal(jail_holds(pid), 1);
	assert_int_equal(jail_holds(getpid()), 0);
	close(back[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(jail_holds(pid), E_ABSENT);
	close(there[0]);
	close(there[1]);
}

static void *open_socket(void *arg)
{
	*(int *)arg = make_internet_socket();
	return NULL;
}

static int make_socket_in_thread(void)
{
	int outcome = EPERM;
	pthread_t id;

	if (pthread_create(&id, NULL, open_socket, &outcome) == 0)
		pthread_join(id, NULL);
	return outcome;
}

static void test_a_service_filter_without_seccomp_leaves_rbldnsd_its_jail(void **state)
{
	const struct jail_case refused[] = {
		{"rbldnsd", make_internet_socket, REFUSED, false, "its own"},
		{"rbldnsd", make_socket_in_thread, REFUSED, false, "of a thread"}};
	const struct jail_case done = {"rbldnsd", start_thread, DONE, false, "a thread"};
	const struct jail_case role = {"dns", start_thread, NO_JAIL, false, "no jail, no role"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(refused); i++)
		assert_int_equal(outcome_of(&refused[i], refuse_seccomp), refused[i].expected);
	assert_int_equal(outcome_of(&done, refuse_seccomp), done.expected);
	assert_int_equal(outcome_of(&role, refuse_seccomp), role.expected);
}

static void test_unknown_roles_get_no_jail(void **state)
{
	struct conf conf = conf_of_folder();
	struct fault why = {""};

	(void)state;
	assert_int_equal(jail_confine("cook", &conf, &why), E_ABSENT);
	assert_string_equal(why.text, "no jail is described for role 'cook'");
	assert_int_equal(jail_seal("cook", &why), E_ABSENT);
}

/* ---- what of a configuration is built into a jail ---- */

enum { OF_GATE = 1, OF_DNS = 2, OF_WEB = 4, OF_KEEPER = 8, OF_COURIER = 16 };

static const char *const jailed[] = {"gate", "dns", "web", "keeper", "courier"};

static struct conf conf_in_jail(const struct conf_feed *feed)
{
	return (struct conf){.run_path = "/run/a",
		.lists_path = "/var/lists",
		.state_path = "/var/state",
		.store = "sqlite:/var/a.db",
		.resolver = {ip_from_v4(0x7f000001), 53},
		.backend = {ip_from_v4(0x7f000001), 10025},
		.feeds = feed,
		.feeds_len = 1};
}

static unsigned roles_that_differ(const struct conf *a, const struct conf *b)
{
	unsigned differ = 0;

	for (unsigned i = 0; i < COUNTOF(jailed); i++)
		differ |= jail_is_same(jailed[i], a, b) ? 0 : 1U << i;
	return differ;
}

static void test_another_process_for_what_its_jail_is_made_of(void **state)
{
	const struct conf_feed feed = {.server = {ip_from_v4(0xc0000201), 53}};
	const struct conf_feed other_feed = {.server = {ip_from_v4(0xc0000202), 53}};
	const struct conf first = conf_in_jail(&feed);
	struct conf run = first, lists = first, spool = first, store = first, resolver = first,
		    server = first, way = first, feeds = first, words = first;

	(void)state;
	run.run_path = "/run/b";
	lists.lists_path = "/var/other";
	spool.state_path = "/var/other";
	store.store = "sqlite:/var/b.db";
	resolver.resolver.port = 54;
	server.backend.port = 26;
	way.pass_client = PASS_CLIENT_PROXY_V1;
	feeds.feeds = &other_feed;
	words.hostname = "mx9.example.test";
	assert_int_equal(roles_that_differ(&first, &first), 0);
	assert_int_equal(roles_that_differ(&first, &words), 0);
	assert_int_equal(roles_that_differ(&first, &run),
		OF_GATE | OF_DNS | OF_WEB | OF_KEEPER | OF_COURIER);
	assert_int_equal(roles_that_differ(&first, &lists), OF_GATE | OF_DNS | OF_WEB | OF_KEEPER);
	assert_int_equal(
		roles_that_differ(&first, &spool), OF_GATE | OF_WEB | OF_KEEPER | OF_COURIER);
	assert_int_equal(roles_that_differ(&first, &store), OF_KEEPER);
	assert_int_equal(roles_that_differ(&first, &resolver), OF_GATE);
	assert_int_equal(roles_that_differ(&first, &server), OF_GATE);
	assert_int_equal(roles_that_differ(&first, &way), OF_GATE);
	assert_int_equal(roles_that_differ(&first, &feeds), OF_COURIER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_role_may_what_its_row_says_and_nothing_else),
		cmocka_unit_test(test_the_jailed_are_known_to_others_of_the_same_user),
		cmocka_unit_test(test_a_service_filter_without_seccomp_leaves_rbldnsd_its_jail),
		cmocka_unit_test(test_unknown_roles_get_no_jail),
		cmocka_unit_test(test_another_process_for_what_its_jail_is_made_of),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
