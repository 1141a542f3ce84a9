/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How long the gate waits and how much it takes, in one struct, so that a test can be impatient.
 * The figures are those of RFC 5321 section 4.5.3 where it has any.
 */
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "smtp/limits.h"

struct smtpd_limits {
	struct smtp_limits smtp;
	size_t sessions;          /* at once; more are told 421 */
	size_t backends;          /* connections to the mail server at once; more wait */
	size_t questions;         /* to the resolver at once */
	size_t recipients;        /* of a message */
	size_t recipients_beyond; /* so many more are told 452 before that counts as an error */
	unsigned errors_soft;     /* since a message was taken */
	unsigned errors_hard;
	/* Commands that lead nowhere (NOOP, RSET, a second EHLO ...) since a message was answered:
	 * more count as errors. */
	unsigned junk;
	size_t input;  /* unread bytes of a client; at least a command line */
	size_t output; /* replies a client has not taken yet, before no more commands are read */
	size_t ahead;  /* bytes of a message under way, before the client is held back */

	int64_t proxy_ms;   /* for the PROXY header */
	int64_t tls_ms;     /* for the handshake */
	int64_t greet_ms;   /* the greeting is held back no longer */
	int64_t command_ms; /* for the next command, or the next piece of a message */
	int64_t delay_ms;   /* for each error beyond errors_soft */
	int64_t close_ms;   /* for the client to take the last reply */
	int64_t stop_ms;    /* for transactions under way when the role ends */

	int64_t backend_open_ms;    /* until the backend is ready for MAIL */
	int64_t backend_command_ms; /* for its reply to MAIL, RCPT, DATA */
	int64_t backend_place_ms;   /* until there is a connection to be had */
	int64_t backend_idle_ms;    /* between messages, before it is given back */
	int64_t backend_stall_ms;   /* a message is under way and the backend takes none of it */
	int64_t backend_end_ms;     /* for its reply to the message; a client waits ten minutes */
	int64_t probe_again_ms;     /* when the backend could not be asked whether it relays */
	int64_t probe_unclear_ms;   /* when it did not say so of all clients, and passes some */
	int64_t probe_every_ms;     /* when it could: it may be configured anew */
};

static const struct smtpd_limits smtpd_limits_default = {
	.smtp = SMTP_LIMITS_DEFAULT,
	.sessions = 20000,
	.backends = 90,
	.questions = 2048,
	.recipients = 1000,
	.recipients_beyond = 1000,
	.errors_soft = 10,
	.errors_hard = 20,
	.junk = 100,
	.input = 16384,
	.output = 16384,
	.ahead = 65536,
	.proxy_ms = 5000,
	.tls_ms = 60000,
	.greet_ms = 20000,
	.command_ms = 300000,
	.delay_ms = 1000,
	.close_ms = 5000,
	.stop_ms = 20000, /* the supervisor is more patient: what it cuts off comes again */
	.backend_open_ms = 30000,
	.backend_command_ms = 120000,
	.backend_place_ms = 60000,
	.backend_idle_ms = 5000,
	.backend_stall_ms = 180000,
	.backend_end_ms = 300000,
	.probe_again_ms = 5000,
	.probe_unclear_ms = 60000,
	.probe_every_ms = 3600000,
};

/* The totals of the configuration, as far as the process may have so many descriptors. */
void smtpd_limits_fit(struct smtpd_limits *limits, const struct conf *conf, size_t descriptors);

/* Nearly full (smtpd/stress.h): whoever needs long makes room for others. */
struct smtpd_limits smtpd_limits_stressed(const struct smtpd_limits *limits);
