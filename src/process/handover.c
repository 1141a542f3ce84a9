/* SPDX-License-Identifier: ISC */
#include "process/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "conf/asking_keys.h"
#include "conf/sealed.h"
#include "conf/secrets.h"
#include "conf/tsig_keys.h"
#include "process/child.h"
#include "process/jail_rules.h"

/* The one octet of a message. */
enum { BYTE_CONF = 'C', BYTE_RETIRE = 'R', BYTE_AGAIN = 'A', BYTE_READY = 'Y', BYTE_SIGN = 'W' };

#ifndef SO_PASSRIGHTS
enum { SO_PASSRIGHTS = 83 }; /* since Linux 6.16 */
#endif

union descriptor_room {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr aligned;
};

/* A descriptor that nobody wants is closed by who reads past it, which may take as long as its
 * sender likes (SO_LINGER). An older kernel has no such switch. */
int handover_pair(int ret_ends[2], struct fault *why)
{
	int off = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_ends) < 0)
		return fault_set(
			why, E_SYSTEM, "cannot make the sockets of a role: %s", strerror(errno));
	setsockopt(ret_ends[0], SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	return 0;
}

unsigned handover_secrets(const char *role)
{
	const struct jail *jail = jail_find(role);
	unsigned may = jail != NULL ? jail->may : 0;

	return ((may & MAY_HAVE_DNS_SECRETS) != 0 ? SECRETS_OF_ASKING : 0U) |
	       ((may & MAY_HAVE_KEYS) != 0 ? SECRETS_OF_KEYS : 0U);
}

/* ---- sending ---- */

/* One octet, with a descriptor when there is one. */
static int handover_send(int fd, char byte, int descriptor)
{
	union descriptor_room room;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *head;

	memset(&room, 0, sizeof(room));
	if (descriptor >= 0) {
		message.msg_control = &room;
		message.msg_controllen = sizeof(room);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &descriptor, sizeof(int));
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS ? E_AGAIN : E_CLOSED;
}

int handover_send_conf(int fd, const struct conf *conf, const char *role, struct fault *why)
{
	int memory, r = sealed_new(conf, handover_secrets(role), &memory, why);

	if (r < 0)
		return r;
	r = handover_send(fd, BYTE_CONF, memory);
	close(memory);
	return r < 0 ? fault_set(why, r, "role '%s' takes no configuration: %s", role, err_text(r))
		     : 0;
}

int handover_send_retire(int fd)
{
	return handover_send(fd, BYTE_RETIRE, -1);
}

void handover_ask_reader(int fd)
{
	handover_send(fd, BYTE_AGAIN, -1);
}

void handover_report(int fd, enum handover_report report)
{
	handover_send(fd, report == REPORT_READY ? BYTE_READY : BYTE_SIGN, -1);
}

/* ---- receiving ---- */

enum handover_report handover_hear(int fd)
{
	char byte = 0;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return REPORT_NOTHING;
	if (n <= 0)
		return REPORT_ENDED;
	return byte == BYTE_READY ? REPORT_READY : REPORT_SIGN;
}

static int message_descriptor(struct msghdr *message)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
		head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(head), sizeof(int));
	return fd;
}

enum handover handover_receive(int fd, int *ret_conf_fd)
{
	union descriptor_room room;
	char byte = 0;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int descriptor = n > 0 ? message_descriptor(&message) : -1;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? HANDOVER_NOTHING : HANDOVER_ENDED;
	if (n == 0)
		return HANDOVER_ENDED;
	if (byte == BYTE_RETIRE)
		return HANDOVER_RETIRE;
	if (descriptor < 0)
		return HANDOVER_NOTHING;
	*ret_conf_fd = descriptor;
	return HANDOVER_CONF;
}

static void report_print(const struct conf_report *report, const char *path)
{
	struct buf text;

	buf_init(&text, 0);
	conf_report_print(report, path, &text);
	(void)!write(STDERR_FILENO, buf_cstr(&text), buf_len(&text));
	buf_done(&text);
}

int handover_load(const char *path, struct conf **ret_conf)
{
	struct conf_report report;
	int r = conf_load(path, clock_now_s(), ret_conf, &report);

	if (report.diagnostics_len > 0 || r < 0)
		report_print(&report, path);
	conf_report_done(&report);
	return r;
}

int handover_load_secrets(struct conf *conf, unsigned secrets, struct fault *why)
{
	AUTO(keys) *keys = NULL;
	int r = secrets_read(conf, secrets, why);

	if (r == 0 && (secrets & SECRETS_OF_KEYS) != 0)
		r = keys_read(conf, &keys, why);
	if (r == 0 && (secrets & SECRETS_OF_ASKING) != 0)
		r = asking_check(conf, why);
	return r;
}

/* Without its warnings: who read the file said them. */
int handover_open(int conf_fd, struct conf **ret_conf)
{
	struct conf_report report;
	int r = conf_load_sealed(conf_fd, clock_now_s(), ret_conf, &report);

	if (r < 0)
		report_print(&report, "configuration");
	conf_report_done(&report);
	return r;
}

/* ---- the reader beside a role that was started by itself ---- */

static void reader_serve(int fd, const char *path, const char *role)
{
	AUTO(conf) *conf = NULL;
	struct fault why = {""};
	int r = handover_load(path, &conf);

	if (r == 0)
		r = handover_load_secrets(conf, handover_secrets(role), &why);
	if (r == 0)
		r = handover_send_conf(fd, conf, role, &why);
	if (r < 0)
		log_event(EV_CONFIG_BAD, LOG_FIELDS(log_text("file", path),
						 log_text("why", why.text), log_error(r)));
}

/* Without the sockets of the role, which others may want to open when the role is gone. */
static _Noreturn void reader_main(int end, const char *path, const char *role)
{
	int fd = STDERR_FILENO + 1;
	ssize_t n;
	char byte;

	if (dup2(end, fd) < 0 || close_range((unsigned)fd + 1, ~0U, 0) < 0 ||
		fcntl(fd, F_SETFL, 0) < 0) /* it has nothing else to do: it waits */
		_exit(err_exit_code(E_SYSTEM));
	signal(SIGHUP, SIG_IGN); /* for the role, like the others of a terminal */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_open(role, LOG_INFO);
	while ((n = recv(fd, &byte, 1, 0)) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			reader_serve(fd, path, role);
	}
	_exit(0);
}

int handover_start_reader(const char *path, const char *role, int *ret_fd, struct fault *why)
{
	int ends[2], r = handover_pair(ends, why);
	pid_t pid = r == 0 ? child_fork() : -1;

	if (r < 0)
		return r;
	/* The role is the end that takes descriptors. */
	if (pid == 0)
		reader_main(ends[0], path, role);
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return fault_set(why, E_SYSTEM, "cannot fork: %s", strerror(errno));
	}
	*ret_fd = ends[1];
	return 0;
}
