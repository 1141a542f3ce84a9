/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Group commit: all that came in during one turn of the loop is one transaction, with one serial,
 * one sync of the disk and one delta; answers and acknowledgements go out when it is on disk. While
 * the disk syncs, the next transaction collects in the sockets: so the busier it is, the larger the
 * transactions.
 *
 *	join, join, join    turn ends -> number, COMMIT -> publish -> finish, finish, finish
 *
 * It knows items, not what they are: a command, the evidence of a turn, the change set of a feed,
 * what has expired. An item whose `run` fails with words is taken back alone and does no harm to
 * its neighbours. When the store itself fails, nothing of the transaction was done, and all items
 * are told so.
 *
 * Owner: the keeper; one thread. An item is its owner's until `finish` was called, which may free
 * it.
 */
#include "keeper/change.h"
#include "keeper/publisher.h"
#include "keeper/store_guard.h"

struct transaction;

/* What run says about the rows it wrote. */
enum item_verdict { ITEM_TAKE_BACK, ITEM_KEEP };

struct transaction_result {
	int error;          /* 0, or why nothing of the item was kept */
	uint32_t serial;    /* of the changes of the transaction; 0: there are none */
	enum served served; /* how they come to the followers */
};

struct transaction_item {
	/* Writes rows and notes in `change` what they change. An enum item_verdict, or < 0: with
	 * words in `why` the item alone is taken back, without, for a failure of the store,
	 * everything. */
	int (*run)(void *arg);
	void (*finish)(const struct transaction_result *result, void *arg);
	void *arg;
	struct change change; /* its arena is the owner's */
	struct fault why;
	enum publish_when when;

	struct transaction_item *next; /* the transaction's own */
	int error;
};

struct transaction *transaction_new(struct store_guard *guard, struct publisher *publisher,
	void (*committed)(void *arg), void *arg);
/* Nothing may be open: transaction_commit comes before. */
void transaction_free(struct transaction **transaction);

/* Runs the item as a part of this turn's transaction. */
void transaction_join(struct transaction *transaction, struct transaction_item *item);
/* Runs it as a transaction of its own, which is over when this returns: for what writes many
 * rows. */
void transaction_run_alone(struct transaction *transaction, struct transaction_item *item);

/* For rows that need not be taken back alone: opens this turn's transaction, and has `finish`
 * told what became of it. */
int transaction_open(struct transaction *transaction);
void transaction_await(struct transaction *transaction, struct transaction_item *item);
/* Such a row met a failure of the store: nothing is kept. */
void transaction_fail(struct transaction *transaction, int error);

/* Commits what came in this turn; before anything else uses the store. */
void transaction_commit(struct transaction *transaction);
