/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How much of each thing a stranger may send. One struct, so that a test can be strict and a reader
 * sees all of it at once. Sections are those of RFC 5321. Passing a limit is E_LIMIT, never a
 * truncation.
 */
#include <stddef.h>

struct smtp_limits {
	size_t line;        /* a command with its line end; section 4.5.3.1.4: 512 at least */
	size_t helo;        /* the argument of HELO and EHLO */
	size_t local_part;  /* section 4.5.3.1.1 asks for 64; real bounce addresses are longer */
	size_t domain;      /* section 4.5.3.1.2 */
	size_t reply_line;  /* a line of a backend's reply; section 4.5.3.1.5 asks for 512, filters
			     * write longer ones */
	size_t reply_lines; /* of one reply */
};

#define SMTP_LIMITS_DEFAULT                                                                      \
	{                                                                                        \
		.line = 2048, .helo = 255, .local_part = 256, .domain = 255, .reply_line = 8192, \
		.reply_lines = 100                                                               \
	}

static const struct smtp_limits smtp_limits_default = SMTP_LIMITS_DEFAULT;
