/* SPDX-License-Identifier: ISC */
#include "rbldnsd/worker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "rbldnsd/loader.h"
#include "rbldnsd/query_line.h"

enum { LOG_SIZE = 32768, LOG_DELAY_MS = 1000, COUNT_IN = RBL_RESULTS, COUNT_OUT, COUNTS };

/* One zone's counts: written by one worker, read by the main thread, on their own cache line. */
struct rbl_worker_counts {
	_Alignas(64) _Atomic uint64_t of[COUNTS];
};

struct rbldnsd_worker {
	uint32_t magic;
	struct rbldnsd_workers *workers;
	struct rbldnsd_worker *next;
	struct shelf_item *held;
	struct rbl_service service;
	struct rbl_worker_counts *counts; /* of no zone first, then by zone */
	bool idle;                        /* nothing was answered since the last refresh */
	int64_t log_since_ms;             /* of the first line that waits */
	size_t log_len;
	char log[LOG_SIZE];
};

static void rbl_worker_flush(struct rbldnsd_worker *worker)
{
	if (worker->log_len != 0)
		query_log_write(worker->workers->log, span_of(worker->log, worker->log_len));
	worker->log_len = 0;
}

static void rbl_worker_refresh(void *arg)
{
	struct rbldnsd_worker *worker = OBJ(rbldnsd_worker, arg);

	if (shelf_refresh(worker->workers->shelf, &worker->held) != 0)
		worker->service.table = rbldnsd_loader_table(worker->held);
	if (worker->idle)
		rbl_worker_flush(worker);
	worker->idle = true;
}

static void *rbl_worker_open(void *arg)
{
	struct rbldnsd_workers *workers = arg;
	struct rbldnsd_worker *worker = mem_new(rbldnsd_worker);

	worker->magic = (uint32_t)MAGIC_rbldnsd_worker;
	worker->workers = workers;
	worker->service.authority = workers->authority;
	worker->service.version = workers->version;
	worker->counts = aligned_alloc(_Alignof(struct rbl_worker_counts),
		(workers->zones_len + 1) * sizeof(*worker->counts));
	ASSERT(worker->counts != NULL);
	memset((void *)worker->counts, 0, (workers->zones_len + 1) * sizeof(*worker->counts));
	rbl_worker_refresh(worker);
	worker->next = workers->first;
	workers->first = worker;
	return worker;
}

static void rbl_worker_close(void *arg)
{
	struct rbldnsd_worker *worker = OBJ(rbldnsd_worker, arg);

	rbl_worker_flush(worker);
	shelf_release(worker->workers->shelf, &worker->held);
	worker->service.table = NULL;
}

static void count_add(_Atomic uint64_t *count, uint64_t more)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
		memory_order_relaxed);
}

/* Lines wait for company, but no longer than a second; those of TCP, whose worker may sleep for
 * long now, not at all. */
static void rbl_worker_log_batch(struct rbldnsd_worker *worker, const struct dns_request *requests,
	size_t len, struct dns_now now)
{
	for (size_t i = 0; i < len; i++) {
		if (LOG_SIZE - worker->log_len < RBL_QUERY_LINE_MAX)
			rbl_worker_flush(worker);
		if (worker->log_len == 0)
			worker->log_since_ms = now.ms;
		worker->log_len +=
			rbl_query_line(&requests[i], now.s, worker->log + worker->log_len);
	}
	if (worker->workers->log->at_once || now.ms - worker->log_since_ms >= LOG_DELAY_MS ||
		(len != 0 && requests[0].transport == DNS_TCP))
		rbl_worker_flush(worker);
}

/* Groups are small: what is fetched for the first is still cached when the last is answered. */
static void rbl_worker_answer_group(
	struct rbldnsd_worker *worker, struct dns_request *requests, size_t len, struct dns_now now)
{
	struct rbl_outcome outcomes[RBL_BATCH_MAX];

	rbl_answer_requests(&worker->service, requests, len, now.s, outcomes);
	for (size_t i = 0; i < len; i++) {
		_Atomic uint64_t *of = worker->counts[outcomes[i].zone + 1].of;

		count_add(&of[outcomes[i].result], 1);
		count_add(&of[COUNT_IN], requests[i].query.len);
		count_add(&of[COUNT_OUT], requests[i].out_len);
	}
}

static void rbl_worker_answer(
	void *arg, struct dns_request *requests, size_t len, struct dns_now now)
{
	struct rbldnsd_worker *worker = OBJ(rbldnsd_worker, arg);

	worker->idle = false;
	for (size_t at = 0; at < len; at += RBL_BATCH_MAX) {
		size_t group = len - at < RBL_BATCH_MAX ? len - at : RBL_BATCH_MAX;

		rbl_worker_answer_group(worker, requests + at, group, now);
	}
	if (worker->workers->log != NULL)
		rbl_worker_log_batch(worker, requests, len, now);
}

const struct worker_calls rbldnsd_worker_calls = {
	.open = rbl_worker_open,
	.close = rbl_worker_close,
	.refresh = rbl_worker_refresh,
	.answer = rbl_worker_answer,
};

struct rbl_counts rbldnsd_workers_count(const struct rbldnsd_workers *workers, int zone)
{
	struct rbl_counts counts = {.in = 0};

	for (const struct rbldnsd_worker *worker = workers->first; worker != NULL;
		worker = worker->next) {
		const _Atomic uint64_t *of = worker->counts[zone + 1].of;

		for (size_t i = 0; i < RBL_RESULTS; i++)
			counts.results[i] += atomic_load_explicit(&of[i], memory_order_relaxed);
		counts.in += atomic_load_explicit(&of[COUNT_IN], memory_order_relaxed);
		counts.out += atomic_load_explicit(&of[COUNT_OUT], memory_order_relaxed);
	}
	return counts;
}

void rbldnsd_workers_done(struct rbldnsd_workers *workers)
{
	while (workers->first != NULL) {
		struct rbldnsd_worker *worker = workers->first;

		workers->first = worker->next;
		free((void *)worker->counts);
		mem_free(worker);
	}
}
