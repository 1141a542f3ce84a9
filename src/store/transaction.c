/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/list_slot.h"
#include "store/listing_group.h"
#include "store/meta.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* Transactions and savepoints. What was counted or looked up in one is forgotten with it. */

static int transaction_run(struct store *store, enum query name)
{
	AUTO(sql) *sql = sql_start(store, name);

	return sql_run(sql);
}

/* What is known of a transaction that is over. */
static void forget(struct store *store)
{
	store->counts = (struct row_counts){.slots_len = 0};
	store->renewing = RENEWING_UNKNOWN;
	list_slot_forget(store);
	groups_forget(store);
}

int store_check(struct store *store)
{
	return store->ops->check(store);
}

int store_begin(struct store *store)
{
	int r = store_check(store);

	ASSERT(!store->in_transaction);
	if (r >= 0)
		r = transaction_run(store, store->reader ? Q_BEGIN_READ : Q_BEGIN);
	store->in_transaction = r >= 0;
	forget(store);
	return r;
}

void store_rollback(struct store *store)
{
	if (store->in_transaction)
		store->ops->rollback(store);
	store->in_transaction = false;
	forget(store);
}

int store_commit(struct store *store)
{
	int r = counts_write(store);

	ASSERT(store->in_transaction);
	store->counts = (struct row_counts){.slots_len = 0};
	if (r >= 0)
		r = transaction_run(store, Q_COMMIT);
	if (r < 0)
		store_rollback(store);
	store->in_transaction = false;
	return r;
}

int transaction_end(struct store *store, int result)
{
	int r = result < 0 ? result : store_commit(store);

	if (result < 0)
		store_rollback(store);
	return r < 0 ? r : result;
}

int store_savepoint(struct store *store)
{
	store->counts_at_savepoint = store->counts;
	return transaction_run(store, Q_SAVEPOINT);
}

int store_savepoint_release(struct store *store)
{
	return transaction_run(store, Q_SAVEPOINT_RELEASE);
}

/* After some errors the backend has rolled all back, the savepoint with it: then this fails too. */
int store_savepoint_rollback(struct store *store)
{
	int r = transaction_run(store, Q_SAVEPOINT_ROLLBACK);

	store->counts = store->counts_at_savepoint;
	list_slot_forget(store);
	groups_forget(store);
	return r < 0 ? r : transaction_run(store, Q_SAVEPOINT_RELEASE);
}

int store_read_begin(struct store *store)
{
	return transaction_run(store, Q_BEGIN_READ);
}

void store_read_end(struct store *store)
{
	transaction_run(store, Q_COMMIT);
}

int store_probe(struct store *store, int64_t now_s)
{
	int r = store_begin(store);

	return r < 0 ? r : transaction_end(store, meta_set(store, "touched", now_s));
}
