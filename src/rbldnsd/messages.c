/* SPDX-License-Identifier: ISC */
/* Without base/log.h, whose levels have the names of syslog.h's. */
#include "rbldnsd/messages.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/macro.h"

#define MESSAGE_PROGRAM "rbldnsd"

enum { LINE_SIZE = 1024, PREFIX_LEN = sizeof(MESSAGE_PROGRAM ": ") - 1 };

static atomic_uint message_targets = MESSAGE_STDERR;

static const struct facility {
	const char *name;
	int number;
} facilities[] = {{"auth", LOG_AUTH}, {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
	{"daemon", LOG_DAEMON}, {"ftp", LOG_FTP}, {"kern", LOG_KERN}, {"local0", LOG_LOCAL0},
	{"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
	{"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
	{"local7", LOG_LOCAL7}, {"lpr", LOG_LPR}, {"mail", LOG_MAIL}, {"news", LOG_NEWS},
	{"syslog", LOG_SYSLOG}, {"user", LOG_USER}, {"uucp", LOG_UUCP}};

static int facility_find(const char *name, int *ret_number)
{
	for (size_t i = 0; i < COUNTOF(facilities); i++) {
		if (strcmp(facilities[i].name, name) == 0) {
			*ret_number = facilities[i].number;
			return 0;
		}
	}
	return E_ABSENT;
}

int messages_open(unsigned targets, const char *facility, struct fault *why)
{
	int number = LOG_DAEMON;

	if (facility != NULL && facility_find(facility, &number) < 0)
		return fault_set(why, E_USAGE, "log facility %s is not valid", facility);
	if ((targets & MESSAGE_SYSLOG) != 0)
		openlog(MESSAGE_PROGRAM, LOG_PID | LOG_NDELAY, number);
	message_targets = targets;
	return 0;
}

void messages_redirect(unsigned targets)
{
	message_targets = targets;
}

/* One line is one write, so that those of several threads do not mix. */
void message_log(enum message_level level, const char *format, ...)
{
	static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO};
	unsigned target = level == MESSAGE_INFO ? MESSAGE_STDOUT : MESSAGE_STDERR;
	unsigned targets =
		message_targets; /* the main thread may just be letting its terminal go */
	char line[LINE_SIZE] = MESSAGE_PROGRAM ": ";
	size_t len;
	va_list args;

	va_start(args, format);
	vsnprintf(line + PREFIX_LEN, sizeof(line) - PREFIX_LEN - 1, format, args);
	va_end(args);
	if ((targets & MESSAGE_SYSLOG) != 0)
		syslog(levels[level], "%s", line + PREFIX_LEN);
	if ((targets & target) == 0)
		return;
	len = strlen(line);
	line[len++] = '\n';
	(void)!write(target == MESSAGE_STDOUT ? STDOUT_FILENO : STDERR_FILENO, line, len);
}
