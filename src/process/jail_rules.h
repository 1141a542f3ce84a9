/* SPDX-License-Identifier: ISC */
#pragma once
/* What each role may do: the table that an auditor reads, in jail_rules.c. jail_landlock.c and
 * jail_seccomp.c turn a row into what the kernel enforces. Constant; any thread. */
#include <stddef.h>

enum may {
	MAY_READ_LISTS = 1,  /* snapshots */
	MAY_WRITE_LISTS = 2, /* the keeper alone */
	MAY_WRITE_STORE = 4, /* the keeper alone: it parses no strangers' bytes */
	MAY_WRITE_STATE = 8, /* the role's own spool */
	/* connect to unix sockets; whose, is a matter of their owners and modes */
	MAY_USE_BUS = 16,
	MAY_ASK_RESOLVER = 32,
	MAY_USE_BACKEND = 64,
	/* Handed over with the configuration (process/handover.h); no role opens their files. */
	MAY_HAVE_DNS_SECRETS = 128, /* keys of clients, secrets of cookies */
	MAY_HAVE_KEYS = 256,        /* dns.keys: secrets shared with other name servers */
	MAY_ASK_FEEDS = 512,
	MAY_WRITE_NAMED = 1024, /* files that the command line names: logs */
	MAY_USE_SYSLOG = 2048,
	MAY_START_THREADS = 4096, /* its filter comes before its threads */
	/* send to whom it likes by UDP: answers to strangers, NOTIFY to secondaries */
	MAY_SEND_DATAGRAMS = 8192,
	MAY_HAVE_TLS_KEY = 32768, /* gate.tls, as the secrets above */
	MAY_PASS_SOCKETS = 16384, /* a dialer, which does little else */
	MAY_CONNECT =
		MAY_USE_BUS | MAY_USE_SYSLOG | MAY_ASK_RESOLVER | MAY_USE_BACKEND | MAY_ASK_FEEDS,
};

struct jail {
	const char *role;
	unsigned may; /* of enum may */
};

/* NULL: no such role. */
const struct jail *jail_find(const char *role);
/* Of the process that connects for a role (process/dialer.h); NULL: it connects by itself. */
const struct jail *jail_find_dialer(const char *role);

/* System calls by number, as libseccomp has them. */
struct jail_calls {
	size_t len;
	const int *numbers;
};

extern const struct jail_calls jail_calls_of_all;       /* each role */
extern const struct jail_calls jail_calls_of_dialers;   /* instead of these */
extern const struct jail_calls jail_calls_of_datagrams; /* MAY_SEND_DATAGRAMS */
/* who may write files, where Landlock lets it */
extern const struct jail_calls jail_calls_of_writers;
extern const struct jail_calls jail_calls_of_named_files; /* MAY_WRITE_NAMED */
extern const struct jail_calls jail_calls_of_starters;    /* MAY_START_THREADS */
extern const struct jail_calls jail_calls_of_sanitizers;  /* debug builds */

/* Options of sockets that may be set: none of them leads what is sent elsewhere. */
struct jail_option {
	int level, name;
};

extern const size_t jail_options_len;
extern const struct jail_option jail_options[];
