/* SPDX-License-Identifier: ISC */
#pragma once
/* Files of rbldnsd, line after line: what they share (special lines, defaults, comments, warnings
 * with their places), for who takes the entries: the loader and `list import`. One thread. */
#include "rbldata/report.h"
#include "rbldata/special.h"

/* What follows one type and one set of defaults: a file, or all of a $DATASET. */
struct rbl_section {
	enum rbl_type type;
	struct rbl_scope scope;
	struct rbl_value default_value; /* its text in memory of its own */
	enum rbl_word default_word;
	bool default_is_set; /* ip4tset, ip6tset: the first default line counts */
	/* another with each default line: who keeps the number of the value sees that it is old */
	unsigned default_serial;
};

void rbl_section_start(struct rbl_section *section, enum rbl_type type);
void rbl_section_done(struct rbl_section *section);

/* Whole lines, each with its newline. */
struct rbl_plain_lines {
	struct span text; /* what was taken at its beginning is cut off */
	uint64_t line;    /* the number of the first; of the first that is left */
};

/* Lines are counted through all files. */
struct rbl_taker {
	/* Entries, and lines that set a default, before it holds. Negative ends reading. */
	int (*entry)(void *arg, const struct rbl_section *section, const struct rbl_entry *entry,
		uint64_t line);
	/* Takes the plain addresses at the beginning, or NULL. Negative ends reading. */
	int (*plain)(void *arg, const struct rbl_section *section, struct rbl_plain_lines *lines);
	/* generic: a line. May be NULL: there is no such section. */
	int (*record)(void *arg, const struct rbl_section *section, struct span line,
		struct rbl_offence *ret_offence);
	/* combined: words behind $DATASET begin this section, or NULL. E_PARSE, *ret_offence. */
	int (*dataset)(void *arg, struct span words, struct rbl_section **ret_section,
		struct rbl_offence *ret_offence);
	void *arg;
};

struct rbl_reader;

/* taker, which outlives the reader, gets what is read. */
struct rbl_reader *rbl_reader_new(enum rbl_type type, const struct rbl_options *options,
	int64_t now_s, const struct rbl_taker *taker);
/* Warnings go to report, which outlives the reader; NULL, and at first: to nobody. */
void rbl_reader_report_to(struct rbl_reader *reader, const struct rbl_report *report);
void rbl_reader_free(struct rbl_reader **reader);

/* The section of the files themselves. */
struct rbl_section *rbl_reader_section(struct rbl_reader *reader);

/* With the defaults filled in. */
const struct rbl_options *rbl_reader_options(const struct rbl_reader *reader);

/* Reads one file after the other. The errors of rbl_dataset_load. */
int rbl_reader_file(struct rbl_reader *reader, const char *path, struct fault *why);

/* The same for an open descriptor; name is for messages. */
int rbl_reader_fd(struct rbl_reader *reader, int fd, const char *name, struct fault *why);

uint64_t rbl_reader_lines(const struct rbl_reader *reader);

/* Tells of a line of any file read so far. */
void rbl_reader_note(struct rbl_reader *reader, uint64_t line, unsigned column, const char *text);

/* What special lines said; head.ns is handed over. */
struct rbl_head rbl_reader_take_head(struct rbl_reader *reader);
