/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The store and how it fares. It may fail at any time, at the start too: then the lists stay as
 * they are, commands get a clear answer, evidence stays in the spools of the roles, and a row is
 * tried once a second until it can be written again. A damaged or replaced file is closed and
 * opened anew.
 *
 * Owner: keeper.c; one thread. Whoever writes rows gets it by pointer.
 */
#include "conf/conf.h"
#include "loop/loop.h"
#include "store/store.h"

struct store_guard {
	struct store *store;     /* NULL: it cannot be opened */
	const struct conf *conf; /* today's, replaced by a reload */
	struct loop *loop;       /* whose time is now */
	bool in_transaction;     /* of keeper/transaction.c: the store may not be closed */
	bool is_bad;
	int error;
	char why[512];
	int64_t retry_ms;
	enum store_reserve_state {
		RESERVE_NONE, /* there was no room for it yet */
		RESERVE_KEPT,
		RESERVE_USED, /* by operators: the disk is full */
	} reserve;
	int64_t reserve_at_ms; /* to be put aside again, not before */
	bool log_is_long;      /* somebody keeps it from being written back */
	/* An older schema is being brought up to date, each few seconds; NULL: nobody hears. */
	void (*goes_on)(void *arg);
	void *arg;
};

/* Opens it, with create also when it is absent; a failure is said. What follows from an open
 * store is the caller's. */
int store_guard_open(struct store_guard *guard, bool create);
/* Closes it because of error, with the words of `why`, or of the store when that is NULL.
 * Returns error. */
int store_guard_give_up(struct store_guard *guard, int error, const struct fault *why);

/* A failure: said once; the store is closed when it is damaged. Nothing when it is closed already.
 * Returns error. */
int store_guard_failed(struct store_guard *guard, int error);
/* A transaction went well. */
void store_guard_worked(struct store_guard *guard);
/* The disk is full, and an operator's small change has to go on: what was put aside for that is
 * given back. False: there is nothing of it. */
bool store_guard_use_reserve(struct store_guard *guard);
/* Once in a while: puts room aside again, and looks how long the log is. */
void store_guard_look(struct store_guard *guard);
/* 0, or E_FULL with words: only small changes of operators are taken, nothing of strangers and no
 * imports. */
int store_guard_takes_bulk(const struct store_guard *guard, struct fault *why);
/* 0, or why there is no store, with words. */
int store_guard_need(const struct store_guard *guard, struct fault *why);
/* It is open, and the last that was written went well. */
bool store_guard_is_well(const struct store_guard *guard);

/* Failures of the store itself, as against "not found". */
bool error_is_of_store(int error);
