/* SPDX-License-Identifier: ISC */
#pragma once
/* What readers of files have to say about them: each time a place and words. Owner: whoever reads;
 * the note dies with the call. */
#include <stdbool.h>
#include <stdint.h>

struct rbl_note {
	const char *file;
	uint64_t line;   /* from 1; 0: the file as a whole */
	unsigned column; /* from 1, in bytes; 0: the line as a whole */
	const char *text;
	bool is_comment; /* what other programs pass over as one */
};

struct rbl_report {
	void (*note)(void *arg, const struct rbl_note *note);
	void *arg;
};
