/* SPDX-License-Identifier: ISC */
#include "dnsd/worker.h"

#include <sys/random.h>

#include "base/mem.h"
#include "dnsd/stats.h"
#include "zone/answer.h"
#include "zone/guard.h"

struct dnsd_worker {
	const struct dnsd_workers *shared;
	struct shelf_item *rules;
	struct shelf_item *view;
	struct zone_service *service;
	struct guard_worker *guard;
};

static void worker_refresh(void *arg)
{
	struct dnsd_worker *worker = arg;
	const struct dns_shelves *shelves = worker->shared->shelves;
	int newer = shelf_refresh(shelves->views, &worker->view); /* first, as xfr/outgoing.c */

	newer |= shelf_refresh(shelves->rules, &worker->rules);
	if (newer == 0 && worker->service != NULL)
		return;
	zone_service_free(&worker->service);
	worker->service = zone_service_new(
		shelf_object(worker->rules), shelf_object(worker->view), worker->guard);
}

/* Without a random number samples have a rhythm, and nothing worse. */
static uint32_t random_seed(void)
{
	uint32_t seed = 0;

	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : 0;
}

static void *worker_open(void *arg)
{
	const struct dnsd_workers *shared = arg;
	struct dnsd_worker *worker = mem_new(dnsd_worker);

	worker->shared = shared;
	if (shared->guard != NULL)
		worker->guard = guard_worker_new(shared->guard, shared->count, random_seed());
	if (worker->guard != NULL && shared->stats != NULL)
		dnsd_stats_add(shared->stats, worker->guard);
	worker_refresh(worker);
	return worker;
}

static void worker_close(void *arg)
{
	struct dnsd_worker *worker = arg;
	const struct dns_shelves *shelves = worker->shared->shelves;

	zone_service_free(&worker->service);
	if (worker->guard != NULL && worker->shared->stats != NULL)
		dnsd_stats_remove(worker->shared->stats, worker->guard);
	guard_worker_free(&worker->guard);
	if (worker->rules != NULL)
		shelf_release(shelves->rules, &worker->rules);
	if (worker->view != NULL)
		shelf_release(shelves->views, &worker->view);
	mem_free(worker);
}

static void worker_answer(
	void *arg, struct dns_request *requests, size_t requests_len, struct dns_now now)
{
	const struct dnsd_worker *worker = arg;

	zone_answer_requests(worker->service, requests, requests_len, now);
}

const struct worker_calls dnsd_worker_calls = {
	.open = worker_open,
	.close = worker_close,
	.refresh = worker_refresh,
	.answer = worker_answer,
};
