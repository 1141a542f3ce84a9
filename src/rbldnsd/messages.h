/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What `stockade rbldnsd` has to say, in the words and to the places that rbldnsd's operators know: the terminal while it
 * starts or stays in the foreground, syslog when it is a daemon. The other roles write events (base/log.h); graphs and
 * alarms around rbldnsd read these lines. Any thread once it is open; open and leave from the main thread.
 */
#include "base/err.h"

enum words_level { WORDS_ERROR, WORDS_WARNING, WORDS_INFO };

enum words_place {
	WORDS_STDOUT = 1, /* what is no warning */
	WORDS_STDERR = 2, /* warnings and errors */
	WORDS_SYSLOG = 4,
};

/* facility: "daemon", "local0" ...; NULL is "daemon". E_USAGE: no such facility. Opens syslog before anything (chroot) can
 * take its socket away. */
int words_open(unsigned places, const char *facility, struct fault *why);

/* From now on only there. */
void words_go_to(unsigned places);

void words_say(enum words_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
