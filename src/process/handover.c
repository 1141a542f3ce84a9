/* SPDX-License-Identifier: ISC */
#include "process/handover.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "conf/asking_keys.h"
#include "conf/sealed.h"
#include "conf/secrets.h"
#include "conf/tls_files.h"
#include "conf/tsig_keys.h"
#include "loop/rights.h"
#include "process/dialer.h"
#include "process/helper.h"
#include "process/jail_rules.h"

/* The one octet of a message. */
enum { BYTE_CONF = 'C', BYTE_RETIRE = 'R', BYTE_AGAIN = 'A', BYTE_READY = 'Y', BYTE_SIGN = 'W' };

int handover_pair(int ret_ends[2], struct fault *why)
{
	if (rights_pair(ret_ends) < 0)
		return fault_set(
			why, E_SYSTEM, "cannot make the sockets of a role: %s", strerror(errno));
	return 0;
}

unsigned handover_secrets(const char *role)
{
	const struct jail *jail = jail_find(role);
	unsigned may = jail != NULL ? jail->may : 0;

	return ((may & MAY_HAVE_DNS_SECRETS) != 0 ? SECRETS_OF_ASKING : 0U) |
	       ((may & MAY_HAVE_KEYS) != 0 ? SECRETS_OF_KEYS : 0U) |
	       ((may & MAY_HAVE_TLS_KEY) != 0 ? SECRETS_OF_TLS : 0U);
}

/* ---- sending ---- */

struct conf_message {
	const struct conf *conf;
	const char *role;
	int dialer_fd; /* -1: none goes with it */
};

static int conf_send(int fd, const struct conf_message *message, struct fault *why)
{
	const char byte = BYTE_CONF;
	struct rights rights = {
		.len = message->dialer_fd >= 0 ? 2 : 1, .fds = {-1, message->dialer_fd}};
	int r = sealed_new(message->conf, handover_secrets(message->role), &rights.fds[0], why);

	if (r < 0)
		return r;
	r = rights_send(fd, span_of(&byte, 1), &rights);
	close(rights.fds[0]);
	return r < 0 ? fault_set(why, r, "role '%s' takes no configuration: %s", message->role,
			       err_text(r))
		     : 0;
}

int handover_send_conf(int fd, const struct conf *conf, const char *role, struct fault *why)
{
	return conf_send(fd, &(struct conf_message){conf, role, -1}, why);
}

static int handover_send(int fd, char byte)
{
	return send(fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? E_CLOSED : 0;
}

int handover_send_retire(int fd)
{
	return handover_send(fd, BYTE_RETIRE);
}

void handover_ask_reader(int fd)
{
	handover_send(fd, BYTE_AGAIN);
}

void handover_report(int fd, enum handover_report report)
{
	handover_send(fd, report == REPORT_READY ? BYTE_READY : BYTE_SIGN);
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

enum handover handover_receive(int fd, struct handover_parts *ret_parts)
{
	struct rights rights = {.len = 0};
	uint8_t byte = 0;
	int r = rights_receive(fd, &byte, 1, &rights);

	if (r == E_AGAIN)
		return HANDOVER_NOTHING;
	if (r > 0 && byte == BYTE_CONF && (rights.len == 1 || rights.len == 2)) {
		*ret_parts = (struct handover_parts){
			rights.fds[0], rights.len == 2 ? rights.fds[1] : -1};
		return HANDOVER_CONF;
	}
	rights_close(&rights);
	if (r <= 0)
		return HANDOVER_ENDED;
	return byte == BYTE_RETIRE ? HANDOVER_RETIRE : HANDOVER_NOTHING;
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
	if (r == 0 && (secrets & SECRETS_OF_TLS) != 0)
		r = tls_files_check(conf, why);
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

/* With a dialer of its own: the one before knows nothing of what is new. */
static int reader_send(int fd, const struct conf *conf, const char *role, struct fault *why)
{
	AUTO(dial_targets) *targets = dialer_targets(role, conf);
	struct conf_message message = {conf, role, -1};
	int r = dialer_start(&(struct dialer_plan){role, conf, targets}, &message.dialer_fd, why);

	if (r >= 0)
		r = conf_send(fd, &message, why);
	if (message.dialer_fd >= 0)
		close(message.dialer_fd);
	return r;
}

static void reader_serve(int fd, const char *path, const char *role)
{
	AUTO(conf) *conf = NULL;
	struct fault why = {""};
	int r = handover_load(path, &conf);

	if (r == 0)
		r = handover_load_secrets(conf, handover_secrets(role), &why);
	if (r == 0)
		r = reader_send(fd, conf, role, &why);
	if (r < 0)
		log_event(EV_CONFIG_BAD, LOG_FIELDS(log_text("file", path),
						 log_text("why", why.text), log_error(r)));
}

struct reader_work {
	const char *path, *role;
};

static void reader_run(int fd, const void *arg)
{
	const struct reader_work *work = arg;
	ssize_t n;
	char byte;

	signal(SIGCHLD, SIG_IGN); /* former dialers */
	log_open(work->role, LOG_INFO);
	while ((n = recv(fd, &byte, 1, 0)) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			reader_serve(fd, work->path, work->role);
	}
}

int handover_start_reader(const char *path, const char *role, int *ret_fd, struct fault *why)
{
	const struct reader_work work = {path, role};

	return helper_start(&(struct helper){reader_run, &work}, ret_fd, why);
}
