/* SPDX-License-Identifier: ISC */
#pragma once
/* A file, plain or gzip, in blocks of whole lines: big reads, no copy of a line. Not mapped: a file
 * that is cut short while it is mapped kills its reader. Owner: the caller; one thread. */
#include "base/err.h"
#include "base/span.h"

enum { RBL_LINE_MAX = 32768 };

/* What a compressed file may hold: a few kilobytes can claim to be anything. */
#define RBL_GZIP_MAX (UINT64_C(1) << 30)

struct rbl_lines;

struct rbl_lines_options {
	bool no_gzip;      /* a compressed file is an error */
	bool no_pipe;      /* a pipe is one, and nobody is waited for */
	uint64_t gzip_max; /* bytes; 0: RBL_GZIP_MAX */
};

/* E_ABSENT, E_DENIED, E_IO, E_USAGE (compressed, or a pipe, and that is not wanted). */
int rbl_lines_open(const char *path, const struct rbl_lines_options *options,
	struct rbl_lines **ret_lines, struct fault *why);

/* The same for an open descriptor, which stays the caller's. */
int rbl_lines_open_fd(int fd, const struct rbl_lines_options *options, struct rbl_lines **ret_lines,
	struct fault *why);
void rbl_lines_free(struct rbl_lines **lines);

/* 1: *ret_block has whole lines, good until the next call. Each ends in a newline, but for the last
 * of the file and for a line of more than RBL_LINE_MAX, which is cut: the block then ends there. 0:
 * the end. E_IO, E_CORRUPT, E_TRUNCATED (gzip), E_LIMIT (gzip_max), E_CONFLICT (at the end: the
 * file has changed meanwhile). */
int rbl_lines_next(struct rbl_lines *lines, struct span *ret_block, struct fault *why);

/* When the file was last changed, in whole seconds. */
int64_t rbl_lines_changed_s(const struct rbl_lines *lines);
