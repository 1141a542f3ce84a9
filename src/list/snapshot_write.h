/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Writes a snapshot file from listings: keeper, tests and bench. Entries come in any order; the
 * writer sorts and paints (sets/prefix.h). The file is complete, synced and renamed, or absent: a
 * published file is never modified. Owner: the caller; one thread. Memory: about 20 bytes an IPv4
 * address while writing, of one list at a time.
 */
#include "list/entry.h"
#include "list/hit.h"

struct snapshot_writer;

struct snapshot_writer *snapshot_writer_new(uint32_t serial, int64_t now_s);
void snapshot_writer_free(struct snapshot_writer **writer);

/* Declares a list and its sublists, in order; returns the index of the list, or E_LIMIT. */
int snapshot_writer_add_list(struct snapshot_writer *writer, struct span name,
	const struct span *sublists, size_t count);

/* One listing, into the list of that index. E_NOMEM, E_LIMIT; E_RANGE: no such list or sublist. */
int snapshot_writer_add(
	struct snapshot_writer *writer, int list_index, const struct list_entry *entry);

/* The file `from` is `to` from now on, and stays so. E_... of the system: it is gone. */
int snapshot_rename(const char *from, const char *to, struct fault *why);

/* E_FULL, E_IO, E_NOMEM ... leave no file behind. */
int snapshot_writer_finish(struct snapshot_writer *writer, const char *path, struct fault *why);
