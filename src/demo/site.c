/* SPDX-License-Identifier: ISC */
#include "demo/site.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/store_url.h"
#include "loop/socket.h"
#include "process/child.h"

enum {
	GATE_PORT = 2525,
	DNS_PORT = 5300,
	PAGES_PORT = 8460,
	PORTS_TRIED = 200,
	WORDS_MAX = 24,
};

extern char **environ;

enum protocols { TCP_ALONE, TCP_AND_UDP };

static bool port_is_free(struct endpoint endpoint, enum protocols protocols)
{
	int tcp = -1, udp = -1;
	bool is_free = socket_listen_tcp(endpoint, 0, &tcp, NULL) == 0 &&
		       (protocols == TCP_ALONE || socket_bind_udp(endpoint, 0, &udp, NULL) == 0);

	if (tcp >= 0)
		close(tcp);
	if (udp >= 0)
		close(udp);
	return is_free;
}

/* From the port that people expect upwards. */
static int port_choose(struct endpoint first, enum protocols protocols,
	struct endpoint *ret_endpoint, struct fault *why)
{
	struct endpoint endpoint = first;

	for (; endpoint.port < first.port + PORTS_TRIED; endpoint.port++) {
		if (port_is_free(endpoint, protocols)) {
			*ret_endpoint = endpoint;
			return 0;
		}
	}
	return fault_set(why, E_EXISTS, "no free port between %d and %d", first.port,
		first.port + PORTS_TRIED);
}

static struct endpoint port_here(uint16_t port)
{
	return (struct endpoint){.ip = ip_from_v4(INADDR_LOOPBACK), .port = port};
}

static int site_make_folder(struct demo_site *site, struct fault *why)
{
	const char *base = getenv("TMPDIR");
	char etc[2 * DEMO_PATH_SIZE];

	/* Unix sockets live below: a long TMPDIR would not do. */
	if (base == NULL || base[0] != '/' || strlen(base) > 30)
		base = "/tmp";
	snprintf(site->folder, sizeof(site->folder), "%s/stockade-demo-XXXXXX", base);
	if (mkdtemp(site->folder) == NULL)
		return fault_set(
			why, E_SYSTEM, "cannot make '%s': %s", site->folder, strerror(errno));
	snprintf(etc, sizeof(etc), "%s/etc", site->folder);
	/* Started by root, each role is a user of its own and has to get here. */
	if (chmod(site->folder, 0755) < 0 || mkdir(etc, 0755) < 0)
		return fault_set(why, E_SYSTEM, "cannot make '%s': %s", etc, strerror(errno));
	snprintf(site->conf_path, sizeof(site->conf_path), "%s/etc/stockade.yaml", site->folder);
	snprintf(site->log_path, sizeof(site->log_path), "%s/log", site->folder);
	return 0;
}

static void site_print_notify_path(const struct demo_site *site, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s/notify", site->folder);
}

/* For `stockade run` alone, which is the user that we are; its roles may be others. */
static int site_listen(struct demo_site *site, struct fault *why)
{
	struct sockaddr_un address;
	mode_t mask = umask(077);
	int bound;

	site_print_notify_path(site, &address);
	site->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bound = bind(site->notify_fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	return bound == 0 ? 0
			  : fault_set(why, E_SYSTEM, "cannot make '%s': %s", address.sun_path,
				    strerror(errno));
}

bool demo_site_is_ready(const struct demo_site *site)
{
	char text[256];
	ssize_t len = recv(site->notify_fd, text, sizeof(text), MSG_DONTWAIT);

	return len > 0 && memmem(text, (size_t)len, "READY=1", 7) != NULL;
}

int demo_site_init(struct demo_site *site, struct fault *why)
{
	int r;

	*site = (struct demo_site){.supervisor = 0, .notify_fd = -1};
	r = port_choose(port_here(GATE_PORT), TCP_ALONE, &site->gate, why);
	if (r == 0) /* behind the gate */
		r = port_choose(
			port_here((uint16_t)(site->gate.port + 1)), TCP_ALONE, &site->mailbox, why);
	if (r == 0)
		r = port_choose(port_here(DNS_PORT), TCP_AND_UDP, &site->dns, why);
	if (r == 0)
		r = port_choose(port_here(PAGES_PORT), TCP_ALONE, &site->pages, why);
	/* What comes from 127.0.0.1 has to bring a PROXY header; what comes from ::1 has none. */
	(void)port_choose(
		(struct endpoint){.ip = {.b = {[15] = 1}}, .port = (uint16_t)(site->gate.port + 2)},
		TCP_ALONE, &site->plain, NULL);
	if (r == 0)
		r = site_make_folder(site, why);
	return r == 0 ? site_listen(site, why) : r;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	remove(path);
	return 0;
}

void demo_site_done(struct demo_site *site, bool keep)
{
	if (site->notify_fd >= 0)
		close(site->notify_fd);
	if (!keep && site->folder[0] != '\0')
		nftw(site->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	site->folder[0] = '\0';
}

/* Every check refuses here, also those that a careful administrator would begin with as tag. */
static void site_print_conf(const struct demo_site *site, struct buf *out)
{
	char names[ENDPOINT_TEXT_SIZE], gate[ENDPOINT_TEXT_SIZE], mailbox[ENDPOINT_TEXT_SIZE],
		dns[ENDPOINT_TEXT_SIZE], pages[ENDPOINT_TEXT_SIZE], plain[ENDPOINT_TEXT_SIZE];
	bool has_plain = site->plain.port != 0;

	endpoint_print(site->names, names);
	buf_append_format(out,
		"# The configuration of `stockade demo`.\n"
		"hostname: mx.demo.test\n"
		"contact: postmaster@demo.test\n"
		"portal-url: http://127.0.0.1:%u/why\n"
		"mode: enforce\n"
		"store: " STORE_URL_FILE "%s/store/stockade.db\n"
		"\nrun:\n"
		"  resolver: %s\n"
		"  folder: %s/run\n"
		"  lists: %s/lists\n"
		"  state: %s/state\n"
		"\nown:\n"
		"  domains: [demo.test]\n"
		"\ngate:\n"
		"  listen: [\"%s\"%s%s%s]\n"
		"  backend: {address: \"%s\", pass-client: xclient}\n"
		"  proxy-from: [127.0.0.0/8]\n"
		"\nchecks:\n"
		"  no-ptr: reject\n"
		"  fcrdns: reject\n"
		"  helo-bad: reject\n"
		"  helo-ours: reject\n"
		"  early: {action: reject, wait: 200ms}\n"
		"\ndnsbl:\n"
		"  - zone: bl.foreign.test\n"
		"    name: Third-Party List\n"
		"    url: https://foreign.test/look/$ip\n"
		"    codes: 127.0.0.2-9\n"
		"    action: reject\n"
		"\npolicies:\n"
		"  by-hand:\n"
		"    criterion: {version: 1, text: \"Entered by a named operator with a written reason.\"}\n"
		"    takes: [operator]\n"
		"    lasts: 24h\n"
		"\nlists:\n"
		"  main:\n"
		"    zone: bl.demo.test\n"
		"    scope: Addresses that visited the demo.\n"
		"    sublists: {manual: {code: 127.0.0.8, policy: by-hand}}\n"
		"  names:\n"
		"    zone: dbl.demo.test\n"
		"    holds: domains\n"
		"    sublists: {manual: {code: 127.0.1.2, policy: by-hand}}\n"
		"\ndns:\n"
		"  listen: [\"%s\"]\n"
		"  threads: 1\n"
		/* So that dig may transfer a zone; the demo's own name server is told of changes.
		 */
		"  transfer-to: [{address: \"%s\"}]\n"
		"\nportal:\n"
		"  listen: %s\n",
		site->pages.port, site->folder, names, site->folder, site->folder, site->folder,
		endpoint_print(site->gate, gate), has_plain ? ", \"" : "",
		has_plain ? endpoint_print(site->plain, plain) : "", has_plain ? "\"" : "",
		endpoint_print(site->mailbox, mailbox), endpoint_print(site->dns, dns), names,
		endpoint_print(site->pages, pages));
}

int demo_site_write(const struct demo_site *site, struct fault *why)
{
	struct buf text;
	FILE *file = fopen(site->conf_path, "we");
	bool failed = file == NULL;

	buf_init(&text, 0);
	site_print_conf(site, &text);
	if (file != NULL) {
		failed = fwrite(buf_span(&text).ptr, buf_len(&text), 1, file) != 1;
		failed = fclose(file) != 0 || failed;
	}
	buf_done(&text);
	if (failed)
		return fault_set(why, E_IO, "cannot write '%s'", site->conf_path);
	return chmod(site->conf_path, 0644) == 0 ? 0 : E_IO;
}

static int site_open_log(const struct demo_site *site)
{
	return open(site->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static _Noreturn void site_exec_supervisor(const struct demo_site *site, pid_t parent)
{
	struct sockaddr_un notify;
	int log = site_open_log(site);

	setsid(); /* Ctrl-C is for the demo, which then ends the others in order */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || log < 0 || dup2(log, STDOUT_FILENO) < 0 ||
		dup2(log, STDERR_FILENO) < 0)
		_exit(err_exit_code(E_SYSTEM));
	site_print_notify_path(site, &notify);
	setenv("NOTIFY_SOCKET", notify.sun_path, 1);
	execl("/proc/self/exe", "stockade", "run", "--config", site->conf_path, (char *)NULL);
	_exit(err_exit_code(E_SYSTEM));
}

int demo_site_start(struct demo_site *site, struct fault *why)
{
	pid_t parent = getpid(), pid = child_fork();

	if (pid == 0)
		site_exec_supervisor(site, parent);
	if (pid < 0)
		return fault_set(why, E_SYSTEM, "cannot fork: %s", strerror(errno));
	site->supervisor = pid;
	return 0;
}

int demo_site_verb(const struct demo_site *site, const char *const *words)
{
	const char *arguments[WORDS_MAX] = {"stockade"};
	posix_spawn_file_actions_t actions;
	size_t len = 1;
	int status = -1;
	int log = site_open_log(site);
	pid_t pid;

	while (*words != NULL && len < WORDS_MAX - 3)
		arguments[len++] = *words++;
	arguments[len++] = "--config";
	arguments[len] = site->conf_path;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
	if (posix_spawn(
		    &pid, "/proc/self/exe", &actions, NULL, (char *const *)arguments, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	if (log >= 0)
		close(log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : err_exit_code(E_SYSTEM);
}

void demo_site_show_log(const struct demo_site *site)
{
	char bytes[4096];
	int log = open(site->log_path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	while (log >= 0 && (len = read(log, bytes, sizeof(bytes))) > 0)
		(void)!write(STDERR_FILENO, bytes, (size_t)len);
	if (log >= 0)
		close(log);
}
