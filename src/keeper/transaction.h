/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One transaction for what came in during a turn of the loop.
 */
#include "keeper/change.h"
#include "loop/loop.h"

struct command_run;
struct connection;
struct keeper;
struct pending_ack;

/* What came in during this turn of the loop: one transaction. */
struct transaction {
	bool open; /* a transaction is */
	struct timer commit;
	struct pending_ack *acks;
	size_t len;
	size_t room;
	struct command_run *runs, **runs_end; /* in order */
	struct change change;                 /* of all of them */
};

void transaction_init(struct keeper *keeper);
void transaction_done(struct keeper *keeper);
/* Opens the transaction of this turn, when it is not. < 0: all of the transaction has failed. */
int transaction_open(struct keeper *keeper);
/* Commits what came in this turn and answers it; before anything else uses the store. */
void transaction_commit(struct keeper *keeper);
/* The store failed: nothing of the transaction is kept, commands are told so, evidence comes again. */
void transaction_fail(struct keeper *keeper, int error);
void transaction_forget_connection(struct keeper *keeper, const struct connection *connection);
