/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "keeper/keeper_priv.h"

/*
 * Group commit: all evidence and all commands that came in during one turn of the loop are one transaction, with one
 * serial, one sync of the disk and one delta; answers and acknowledgements go out when it is on disk. While the disk
 * syncs, the next transaction collects in the sockets: so the busier it is, the larger the transactions.
 *
 *   put, put, command, command    turn ends -> number, COMMIT -> paint, tell followers -> acknowledge, hold the answers
 *
 * A command is a part of the transaction that can be taken back alone, so a wrong one does no harm to its neighbours. When
 * the store itself fails, nothing of it was done.
 */

static void transaction_clear(struct transaction *transaction)
{
	transaction->runs = NULL;
	transaction->runs_end = &transaction->runs;
	arena_free(&transaction->change.arena);
	transaction->change = (struct change){.len = 0};
	transaction->len = 0;
}

static void transaction_on_commit(struct timer *timer, void *arg)
{
	(void)timer;
	transaction_commit(OBJ(keeper, arg));
}

void transaction_init(struct keeper *keeper)
{
	timer_init(&keeper->transaction.commit, keeper->loop, transaction_on_commit, keeper);
	transaction_clear(&keeper->transaction);
}

void transaction_done(struct keeper *keeper)
{
	timer_done(&keeper->transaction.commit);
	transaction_clear(&keeper->transaction);
	mem_free(keeper->transaction.acks);
}

int transaction_open(struct keeper *keeper)
{
	struct transaction *transaction = &keeper->transaction;
	int r;

	if (transaction->open)
		return 0;
	r = store_begin(keeper->guard.store);
	if (r < 0)
		return r;
	transaction->open = keeper->guard.in_transaction = true;
	transaction->change.arena = arena_new(0);
	if (!timer_is_set(&transaction->commit))
		timer_set(&transaction->commit, loop_now_ms(keeper->loop));
	return 0;
}

/* Finishing may close connections and so come back to the transaction: it is empty by then. */
static void transaction_finish(struct keeper *keeper, int error)
{
	struct command_run *run = keeper->transaction.runs;

	transaction_clear(&keeper->transaction);
	while (run != NULL) {
		struct command_run *next = run->next; /* finishing gives the memory of a run away */

		run->error = error < 0 ? error : run->error;
		command_finish(run);
		run = next;
	}
}

void transaction_fail(struct keeper *keeper, int error)
{
	struct transaction *transaction = &keeper->transaction;

	timer_clear(&transaction->commit);
	if (transaction->open)
		store_rollback(keeper->guard.store);
	transaction->open = keeper->guard.in_transaction = false;
	store_guard_failed(&keeper->guard, error);
	transaction_finish(keeper, error);
}

static int transaction_write(struct keeper *keeper, uint32_t *ret_serial)
{
	struct transaction *transaction = &keeper->transaction;
	int r = 0;

	if (transaction->change.rows != 0)
		r = publish_number(keeper, &transaction->change, ret_serial);
	return r < 0 ? r : store_commit(keeper->guard.store);
}

static void transaction_publish(struct keeper *keeper, uint32_t serial)
{
	struct transaction *transaction = &keeper->transaction;
	bool more = false;

	for (struct command_run *run = transaction->runs; run != NULL; run = run->next) {
		more = more || run->more;
		if (run->change.rows != 0)
			run->serial = serial;
	}
	if (transaction->change.rows != 0)
		publish_change(keeper, &transaction->change, serial, more);
	for (struct command_run *run = transaction->runs; run != NULL; run = run->next)
		run->change.all =
			transaction->change.all; /* whoever answers has to wait for the snapshot */
}

void transaction_commit(struct keeper *keeper)
{
	struct transaction *transaction = &keeper->transaction;
	uint32_t serial = 0;
	int r;

	timer_clear(&transaction->commit);
	if (!transaction->open)
		return;
	r = transaction_write(keeper, &serial);
	if (r < 0) {
		transaction_fail(keeper, r);
		return;
	}
	transaction->open = keeper->guard.in_transaction = false;
	store_guard_worked(&keeper->guard);
	evidence_ack(transaction);
	transaction_publish(keeper, serial);
	transaction_finish(keeper, 0);
	keeper_arm_expiry(keeper);
}

void transaction_forget_connection(struct keeper *keeper, const struct connection *connection)
{
	evidence_forget_connection(&keeper->transaction, connection);
	for (struct command_run *run = keeper->transaction.runs; run != NULL; run = run->next) {
		if (run->connection == connection)
			run->connection = NULL;
	}
}
