/* SPDX-License-Identifier: ISC */
#include "keeper/transaction.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"

enum { JOIN_CHANGED_MAX = CHANGED_MAX / 2 /* one more item of few sources still fits a delta */ };

struct transaction {
	uint32_t magic;
	struct store_guard *guard; /* whose in_transaction says whether one is open */
	struct publisher *publisher;
	void (*committed)(void *arg);
	void *arg;
	struct timer due;
	struct transaction_item *items, **items_end; /* in order */
	struct change change;                        /* of all of them */
};

static void transaction_clear(struct transaction *transaction)
{
	transaction->items = NULL;
	transaction->items_end = &transaction->items;
	arena_free(&transaction->change.arena);
	transaction->change = (struct change){.len = 0};
}

static void transaction_on_due(struct timer *timer, void *arg)
{
	struct transaction *transaction = OBJ(transaction, arg);

	(void)timer;
	transaction_commit(transaction);
}

struct transaction *transaction_new(struct store_guard *guard, struct publisher *publisher,
	void (*committed)(void *arg), void *arg)
{
	struct transaction *transaction = mem_new(transaction);

	*transaction = (struct transaction){.magic = (uint32_t)MAGIC_transaction,
		.guard = guard,
		.publisher = publisher,
		.committed = committed,
		.arg = arg};
	timer_init(&transaction->due, guard->loop, transaction_on_due, transaction);
	transaction_clear(transaction);
	return transaction;
}

void transaction_free(struct transaction **transaction)
{
	struct transaction *t = *transaction;

	if (t == NULL)
		return;
	ASSERT(!t->guard->in_transaction);
	timer_done(&t->due);
	transaction_clear(t);
	t->magic = 0;
	mem_free(t);
	*transaction = NULL;
}

int transaction_open(struct transaction *transaction)
{
	struct store_guard *guard = transaction->guard;
	int r;

	if (guard->in_transaction)
		return 0;
	r = store_begin(guard->store);
	if (r < 0)
		return r;
	guard->in_transaction = true;
	transaction->change.arena = arena_new(0);
	if (!timer_is_set(&transaction->due))
		timer_set(&transaction->due, loop_now_ms(guard->loop));
	return 0;
}

void transaction_await(struct transaction *transaction, struct transaction_item *item)
{
	item->next = NULL;
	item->error = 0;
	*transaction->items_end = item;
	transaction->items_end = &item->next;
}

/* Finishing may close connections and so come back here: the transaction is empty by then. */
static void transaction_finish(
	struct transaction *transaction, const struct transaction_result *result)
{
	struct transaction_item *item = transaction->items;

	transaction_clear(transaction);
	while (item != NULL) {
		struct transaction_item *next = item->next;
		struct transaction_result of_item = *result;

		if (result->error == 0)
			of_item.error = item->error;
		item->finish(&of_item, item->arg);
		item = next;
	}
}

static void transaction_roll_back(struct transaction *transaction)
{
	timer_clear(&transaction->due);
	if (transaction->guard->in_transaction)
		store_rollback(transaction->guard->store);
	transaction->guard->in_transaction = false;
}

void transaction_fail(struct transaction *transaction, int error)
{
	transaction_roll_back(transaction);
	store_guard_failed(transaction->guard, error);
	transaction_finish(transaction, &(struct transaction_result){.error = error});
}

/* ---- items ---- */

/* < 0: the store failed, and the transaction with it; a wrong item is only taken back. */
static int item_run(struct transaction_item *item)
{
	int r = item->run(item->arg);

	if (r >= 0)
		return r;
	if (item->why.text[0] == '\0') {
		if (error_is_of_store(r))
			return r;
		fault_set(&item->why, r, "%s; nothing was changed", err_text(r));
	}
	item->error = r;
	return ITEM_TAKE_BACK;
}

static bool transaction_admit(struct transaction *transaction, struct transaction_item *item)
{
	struct transaction_result result = {
		.error = store_guard_need(transaction->guard, &item->why)};

	if (result.error == 0) {
		result.error = transaction_open(transaction);
		if (result.error < 0)
			store_guard_failed(transaction->guard, result.error);
	}
	if (result.error < 0) {
		item->finish(&result, item->arg);
		return false;
	}
	transaction_await(transaction, item);
	return true;
}

static int item_run_part(struct transaction *transaction, struct transaction_item *item)
{
	struct store *store = transaction->guard->store;
	int r = store_savepoint(store);

	if (r >= 0)
		r = item_run(item);
	if (r < 0)
		return r;
	if (r == ITEM_TAKE_BACK)
		return store_savepoint_rollback(store);
	change_join(&transaction->change, &item->change);
	return store_savepoint_release(store);
}

void transaction_join(struct transaction *transaction, struct transaction_item *item)
{
	int r;

	if (transaction->change.len > JOIN_CHANGED_MAX)
		transaction_commit(transaction);
	if (!transaction_admit(transaction, item))
		return;
	r = item_run_part(transaction, item);
	if (r < 0)
		transaction_fail(transaction, r);
}

/* Without a savepoint: SQLite would keep a copy of each page that millions of rows touch, and
 * search them for each row. */
void transaction_run_alone(struct transaction *transaction, struct transaction_item *item)
{
	int r;

	transaction_commit(transaction);
	if (!transaction_admit(transaction, item))
		return;
	r = item_run(item);
	if (r < 0) {
		transaction_fail(transaction, r);
	} else if (r == ITEM_TAKE_BACK) {
		transaction_roll_back(transaction);
		transaction_finish(transaction, &(struct transaction_result){.error = 0});
	} else {
		change_join(&transaction->change, &item->change);
		transaction_commit(transaction);
	}
}

/* ---- commit ---- */

static enum publish_when transaction_when(const struct transaction *transaction)
{
	for (const struct transaction_item *item = transaction->items; item != NULL;
		item = item->next) {
		if (item->when == PUBLISH_LATER)
			return PUBLISH_LATER;
	}
	return PUBLISH_NOW;
}

static int transaction_write(struct transaction *transaction, uint32_t *ret_serial)
{
	int r = 0;

	if (transaction->change.rows != 0)
		r = publisher_number(transaction->publisher, &transaction->change, ret_serial);
	return r < 0 ? r : store_commit(transaction->guard->store);
}

void transaction_commit(struct transaction *transaction)
{
	struct transaction_result result = {.served = SERVED_BY_DELTA};
	int r;

	timer_clear(&transaction->due);
	if (!transaction->guard->in_transaction)
		return;
	r = transaction_write(transaction, &result.serial);
	if (r < 0) {
		transaction_fail(transaction, r);
		return;
	}
	transaction->guard->in_transaction = false;
	store_guard_worked(transaction->guard);
	if (result.serial != 0)
		result.served = publisher_publish(transaction->publisher, &transaction->change,
			result.serial, transaction_when(transaction));
	transaction_finish(transaction, &result);
	transaction->committed(transaction->arg);
}
