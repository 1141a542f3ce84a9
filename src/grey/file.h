/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The greylist on disk, so that it survives the end of the gate: two files that take turns, opened
 * before the jail closes; afterwards only read, written and cut, never created or renamed. What
 * changes is appended by grey_file_write, so that a process that is killed loses what came since
 * the last call; a power cut may lose more, and costs a client one more wait. When a file has grown
 * to several times what is alive, the table is written to the other one, a part with each call.
 *
 * A process whose predecessor still runs takes the files at another place beside them and begins
 * with what the other has. Owner: whoever opened it; one thread.
 */
#include "grey/record.h"

struct grey_file;

enum { GREY_FILES_MAX = 8 };

/* path.a and path.b; path-1.a and so on while others have those. E_BUSY: all are in use; E_DENIED
 * ... */
int grey_file_open(const char *path, struct grey_file **ret_file, struct fault *why);
void grey_file_free(struct grey_file **file);

/* Everything that former processes left, and the secret that it was made with: list->secret, a new
 * one when there is none. */
void grey_file_load(struct grey_file *file, struct greylist *list, int64_t now_s,
	struct grey_counts *ret_found);

/* The same for who only looks, beside the process that has the files: nothing is locked or written.
 * False: there is nothing, or it may not be read. */
bool grey_file_peek(const char *path, struct greylist *list, int64_t now_s);

/* Something changed: it is written by the next grey_file_write. */
void grey_file_put(struct grey_file *file, const struct grey_entry *entry);
/* All of it changed. */
void grey_file_renew(struct grey_file *file);
/* E_IO, E_FULL ...: what was to be written is lost, and the whole table is written with the next
 * calls. */
int grey_file_write(struct grey_file *file, const struct grey_table *table);

void grey_secret_make(struct grey_secret *ret_secret);
