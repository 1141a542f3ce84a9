/* SPDX-License-Identifier: ISC */
#pragma once
/* What `stockade rbldnsd` has to say, in the words and to the targets that rbldnsd's operators
 * know: the terminal while it starts or stays in the foreground, syslog when it is a daemon. The
 * other roles write events (base/log.h); graphs and alarms around rbldnsd read these lines. Any
 * thread once it is open; open and leave from the main thread. */
#include "base/err.h"

enum message_level { MESSAGE_ERROR, MESSAGE_WARNING, MESSAGE_INFO };

enum message_target {
	MESSAGE_STDOUT = 1, /* what is no warning */
	MESSAGE_STDERR = 2, /* warnings and errors */
	MESSAGE_SYSLOG = 4,
};

/* facility: "daemon", "local0" ...; NULL is "daemon". E_USAGE: no such facility. Opens syslog
 * before anything (chroot) can take its socket away. */
int messages_open(unsigned targets, const char *facility, struct fault *why);

/* From now on only there. */
void messages_redirect(unsigned targets);

void message_log(enum message_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
