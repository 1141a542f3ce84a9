/* SPDX-License-Identifier: ISC */
#include "dnsd/worker.h"

#include "base/mem.h"
#include "dnsd/stats.h"
#include "zone/guard.h"

struct dns_desk {
	const struct dns_shelves *shelves;
	struct shelf_item *table;
	struct shelf_item *view;
	struct zone_service *service;
	struct guard_worker *guard;
};

static void desk_refresh(void *arg)
{
	struct dns_desk *desk = arg;
	int newer = shelf_refresh(desk->shelves->tables, &desk->table);

	newer |= shelf_refresh(desk->shelves->views, &desk->view);
	if (newer == 0 && desk->service != NULL)
		return;
	zone_service_free(&desk->service);
	desk->service = zone_service_new(shelf_object(desk->table), shelf_object(desk->view));
}

static void *desk_open(void *arg)
{
	struct dns_desk *desk = mem_new(dns_desk);

	desk->shelves = arg;
	desk->guard = guard_worker_new(desk->shelves->workers);
	if (desk->shelves->watch != NULL)
		dns_watch_add(desk->shelves->watch, desk->guard);
	desk_refresh(desk);
	return desk;
}

static void desk_close(void *arg)
{
	struct dns_desk *desk = arg;

	zone_service_free(&desk->service);
	if (desk->shelves->watch != NULL)
		dns_watch_remove(desk->shelves->watch, desk->guard);
	guard_worker_free(&desk->guard);
	if (desk->table != NULL)
		shelf_release(desk->shelves->tables, &desk->table);
	if (desk->view != NULL)
		shelf_release(desk->shelves->views, &desk->view);
	mem_free(desk);
}

static void desk_answer(void *arg, struct dns_job *jobs, size_t jobs_len, struct dns_now now)
{
	struct dns_desk *desk = arg;

	zone_answer_jobs(desk->service, desk->guard, jobs, jobs_len, now);
}

const struct dns_desk_calls dns_desk_calls = {
	.open = desk_open,
	.close = desk_close,
	.refresh = desk_refresh,
	.answer = desk_answer,
};
