/* SPDX-License-Identifier: ISC */
#include "dnsd/worker.h"

#include "base/mem.h"
#include "dnsd/stats.h"
#include "zone/guard.h"

struct dnsd_worker {
	const struct dns_shelves *shelves;
	struct shelf_item *table;
	struct shelf_item *view;
	struct zone_service *service;
	struct guard_worker *guard;
};

static void worker_refresh(void *arg)
{
	struct dnsd_worker *worker = arg;
	int newer = shelf_refresh(worker->shelves->tables, &worker->table);

	newer |= shelf_refresh(worker->shelves->views, &worker->view);
	if (newer == 0 && worker->service != NULL)
		return;
	zone_service_free(&worker->service);
	worker->service = zone_service_new(shelf_object(worker->table), shelf_object(worker->view));
}

static void *worker_open(void *arg)
{
	struct dnsd_worker *worker = mem_new(dnsd_worker);

	worker->shelves = arg;
	worker->guard = guard_worker_new(worker->shelves->workers);
	if (worker->shelves->stats != NULL)
		dnsd_stats_add(worker->shelves->stats, worker->guard);
	worker_refresh(worker);
	return worker;
}

static void worker_close(void *arg)
{
	struct dnsd_worker *worker = arg;

	zone_service_free(&worker->service);
	if (worker->shelves->stats != NULL)
		dnsd_stats_remove(worker->shelves->stats, worker->guard);
	guard_worker_free(&worker->guard);
	if (worker->table != NULL)
		shelf_release(worker->shelves->tables, &worker->table);
	if (worker->view != NULL)
		shelf_release(worker->shelves->views, &worker->view);
	mem_free(worker);
}

static void worker_answer(
	void *arg, struct dns_request *requests, size_t requests_len, struct dns_now now)
{
	struct dnsd_worker *worker = arg;

	zone_answer_requests(worker->service, worker->guard, requests, requests_len, now);
}

const struct worker_calls dnsd_worker_calls = {
	.open = worker_open,
	.close = worker_close,
	.refresh = worker_refresh,
	.answer = worker_answer,
};
