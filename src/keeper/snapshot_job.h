/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Snapshot files, written by a thread beside the loop, one at a time. A file holds the state that
 * the store has when it is asked for, whatever is committed while it is written. A published file
 * is never written again: a serial is used once.
 *
 * Owner: the publisher; called in the loop's thread.
 */
#include "keeper/layout.h"
#include "loop/loop.h"

struct snapshot_thread;
struct store;

struct snapshot_wish {
	const char *store_url;
	struct store *store; /* the caller's own, as that URL was opened */
	const char *folder;
	const struct list_layout *layout; /* is copied */
	int64_t now_s;
};

struct snapshot_result {
	int error;
	uint32_t serial;
	uint64_t entries;
	int64_t took_ms;
	struct fault why;
};

/* done: a file is whole and has its name just now, or could not be written. E_SYSTEM. The thread
 * starts here, before the jail closes, and sleeps. */
int snapshot_thread_new(struct loop *loop,
	void (*done)(const struct snapshot_result *result, void *arg), void *arg,
	struct snapshot_thread **ret_thread);
/* Waits for what is being written, which nobody will be told of. NULL is fine. */
void snapshot_thread_free(struct snapshot_thread **thread);

/* 0: it is being written, and `done` will be called. E_... of the store with words: it will not;
 * E_CORRUPT also when the URL names another store by now than the caller's. The store is opened in
 * the caller's thread, which may wait for it as long as for a commit (BUSY_MS of the backend). */
int snapshot_thread_write(
	struct snapshot_thread *thread, const struct snapshot_wish *wish, struct fault *why);
