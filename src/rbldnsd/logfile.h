/* SPDX-License-Identifier: ISC */
#pragma once
/* Files that `stockade rbldnsd` writes for its operators: the query log, which workers append to,
 * and the statistics. A log that was moved away is written to until the main thread opens the new
 * one; then the new file takes the place of the old descriptor, so that no worker waits or
 * notices. */
#include <stdatomic.h>

#include "base/buf.h"
#include "rbldnsd/command.h"

struct query_log {
	const char *path; /* NULL: standard output, which is never opened anew */
	bool at_once;     /* "+": each batch is written when it was answered */
	atomic_int fd;    /* -1: could not be opened */
};

/* 0; E_... with words: nothing is logged for now, or still into the old file. Main thread. */
int query_log_open(struct query_log *log, struct fault *why);
void query_log_close(struct query_log *log);

/* Any thread; whole lines. A log that cannot be written loses lines, never holds answers up. */
void query_log_write(struct query_log *log, struct span lines);

/* Appends a line to the statistics. Main thread. E_... */
int stats_write(const char *path, struct span line);
