/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "keeper/keeper.h"

/*
 * Group commit: all evidence and all commands that came in during one turn of the loop are one transaction, with one
 * serial, one sync of the disk and one delta; answers and acknowledgements go out when it is on disk. While the disk
 * syncs, the next batch collects in the sockets: so the busier it is, the larger the batches.
 *
 *   put, put, command, command    turn ends -> number, COMMIT -> paint, tell followers -> acknowledge, hold the answers
 *
 * A command is a part of the transaction that can be taken back alone, so a wrong one does no harm to its neighbours. When
 * the store itself fails, nothing of the batch was done.
 */

static void batch_clear(struct batch *batch)
{
	batch->works = NULL;
	batch->works_end = &batch->works;
	arena_free(&batch->change.arena);
	batch->change = (struct change){.len = 0};
	batch->len = 0;
}

static void batch_on_commit(struct timer *timer, void *arg)
{
	(void)timer;
	batch_flush(OBJ(keeper, arg));
}

void batch_init(struct keeper *keeper)
{
	timer_init(&keeper->batch.commit, keeper->loop, batch_on_commit, keeper);
	batch_clear(&keeper->batch);
}

void batch_done(struct keeper *keeper)
{
	timer_done(&keeper->batch.commit);
	batch_clear(&keeper->batch);
	mem_free(keeper->batch.acks);
}

int batch_open(struct keeper *keeper)
{
	struct batch *batch = &keeper->batch;
	int r;

	if (batch->open)
		return 0;
	r = store_begin(keeper->store);
	if (r < 0)
		return r;
	batch->open = true;
	batch->change.arena = arena_new(0);
	if (!timer_is_set(&batch->commit))
		timer_set(&batch->commit, loop_now_ms(keeper->loop));
	return 0;
}

/* Finishing may close links and so come back to the batch: it is empty by then. */
static void batch_finish(struct keeper *keeper, int error)
{
	struct work *work = keeper->batch.works;

	batch_clear(&keeper->batch);
	while (work != NULL) {
		struct work *next = work->next; /* finishing gives the memory of a work away */

		work->error = error < 0 ? error : work->error;
		work_finish(work);
		work = next;
	}
}

void batch_fail(struct keeper *keeper, int error)
{
	struct batch *batch = &keeper->batch;

	timer_clear(&batch->commit);
	if (batch->open)
		store_rollback(keeper->store);
	batch->open = false;
	keeper_store_failed(keeper, error);
	batch_finish(keeper, error);
}

static int batch_commit(struct keeper *keeper, uint32_t *ret_serial)
{
	struct batch *batch = &keeper->batch;
	int r = 0;

	if (batch->change.rows != 0)
		r = publish_number(keeper, &batch->change, ret_serial);
	return r < 0 ? r : store_commit(keeper->store);
}

static void batch_publish(struct keeper *keeper, uint32_t serial)
{
	struct batch *batch = &keeper->batch;
	bool more = false;

	for (struct work *work = batch->works; work != NULL; work = work->next) {
		more = more || work->more;
		if (work->change.rows != 0)
			work->serial = serial;
	}
	if (batch->change.rows != 0)
		publish_change(keeper, &batch->change, serial, more);
	for (struct work *work = batch->works; work != NULL; work = work->next)
		work->change.all =
			batch->change.all; /* whoever answers has to wait for the snapshot */
}

void batch_flush(struct keeper *keeper)
{
	struct batch *batch = &keeper->batch;
	uint32_t serial = 0;
	int r;

	timer_clear(&batch->commit);
	if (!batch->open)
		return;
	r = batch_commit(keeper, &serial);
	if (r < 0) {
		batch_fail(keeper, r);
		return;
	}
	batch->open = false;
	keeper_store_worked(keeper);
	put_acknowledge(batch);
	batch_publish(keeper, serial);
	batch_finish(keeper, 0);
	keeper_arm_expiry(keeper);
}

void batch_forget_link(struct keeper *keeper, const struct link *link)
{
	put_forget_link(&keeper->batch, link);
	for (struct work *work = keeper->batch.works; work != NULL; work = work->next) {
		if (work->link == link)
			work->link = NULL;
	}
}
