/* SPDX-License-Identifier: ISC */
#include "rbldnsd/worker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "rbldnsd/loader.h"
#include "rbldnsd/query_line.h"

enum {
	LOG_SIZE = 32768,
	LOG_DELAY_MS = 1000,
	COUNT_IN = RBL_RESULTS,
	COUNT_OUT,
	COUNTS,
};

/* One zone's counts of one desk: written by its worker alone, read by the main thread, on a cache line of its own. */
struct desk_counts {
	_Alignas(64) _Atomic uint64_t of[COUNTS];
};

struct rbldnsd_desk {
	struct rbldnsd_desks *desks;
	struct rbldnsd_desk *next;
	struct shelf_item *held;
	struct rbl_service service;
	struct desk_counts *counts; /* of no zone first, then by zone */
	bool idle;                  /* nothing was answered since the last refresh */
	int64_t log_since_ms;       /* of the first line that waits */
	size_t log_len;
	char log[LOG_SIZE];
};

static void desk_flush(struct rbldnsd_desk *desk)
{
	if (desk->log_len != 0)
		query_log_write(desk->desks->log, span_of(desk->log, desk->log_len));
	desk->log_len = 0;
}

static void desk_refresh(void *arg)
{
	struct rbldnsd_desk *desk = arg;

	if (shelf_refresh(desk->desks->shelf, &desk->held) != 0)
		desk->service.table = rbldnsd_loader_table(desk->held);
	if (desk->idle)
		desk_flush(desk);
	desk->idle = true;
}

static void *desk_open(void *arg)
{
	struct rbldnsd_desks *desks = arg;
	struct rbldnsd_desk *desk = mem_new(rbldnsd_desk);

	desk->desks = desks;
	desk->service.authority = desks->authority;
	desk->service.version = desks->version;
	desk->counts = aligned_alloc(
		_Alignof(struct desk_counts), (desks->zones_len + 1) * sizeof(*desk->counts));
	ASSERT(desk->counts != NULL);
	memset((void *)desk->counts, 0, (desks->zones_len + 1) * sizeof(*desk->counts));
	desk_refresh(desk);
	desk->next = desks->first;
	desks->first = desk;
	return desk;
}

static void desk_close(void *arg)
{
	struct rbldnsd_desk *desk = arg;

	desk_flush(desk);
	shelf_release(desk->desks->shelf, &desk->held);
	desk->service.table = NULL;
}

static void count_add(_Atomic uint64_t *count, uint64_t more)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
		memory_order_relaxed);
}

static void desk_count(
	struct rbldnsd_desk *desk, const struct dns_job *job, struct rbl_outcome outcome)
{
	_Atomic uint64_t *of = desk->counts[outcome.zone + 1].of;

	count_add(&of[outcome.result], 1);
	count_add(&of[COUNT_IN], job->query.len);
	count_add(&of[COUNT_OUT], job->out_len);
}

static void desk_log(struct rbldnsd_desk *desk, const struct dns_job *job, struct dns_now now)
{
	if (LOG_SIZE - desk->log_len < RBL_QUERY_LINE_MAX)
		desk_flush(desk);
	if (desk->log_len == 0)
		desk->log_since_ms = now.ms;
	desk->log_len += rbl_query_line(job, now.s, desk->log + desk->log_len);
}

/* Lines wait for company, but no longer than a second; those of TCP, whose worker may sleep for long now, not at all. */
static void desk_log_batch(
	struct rbldnsd_desk *desk, const struct dns_job *jobs, size_t len, struct dns_now now)
{
	for (size_t i = 0; i < len; i++)
		desk_log(desk, &jobs[i], now);
	if (desk->desks->log->at_once || now.ms - desk->log_since_ms >= LOG_DELAY_MS ||
		(len != 0 && jobs[0].transport == DNS_TCP))
		desk_flush(desk);
}

/* Groups are small, so that what is fetched for the first is still in the nearest cache when the last is answered. */
static void desk_answer_group(
	struct rbldnsd_desk *desk, struct dns_job *jobs, size_t len, struct dns_now now)
{
	struct rbl_outcome outcomes[RBL_BATCH_MAX];

	rbl_answer_jobs(&desk->service, jobs, len, now.s, outcomes);
	for (size_t i = 0; i < len; i++)
		desk_count(desk, &jobs[i], outcomes[i]);
}

static void desk_answer(void *arg, struct dns_job *jobs, size_t len, struct dns_now now)
{
	struct rbldnsd_desk *desk = arg;

	desk->idle = false;
	for (size_t at = 0; at < len; at += RBL_BATCH_MAX) {
		size_t group = len - at < RBL_BATCH_MAX ? len - at : RBL_BATCH_MAX;

		desk_answer_group(desk, jobs + at, group, now);
	}
	if (desk->desks->log != NULL)
		desk_log_batch(desk, jobs, len, now);
}

const struct dns_desk_calls rbldnsd_desk_calls = {
	.open = desk_open,
	.close = desk_close,
	.refresh = desk_refresh,
	.answer = desk_answer,
};

struct rbl_counts rbldnsd_desks_count(const struct rbldnsd_desks *desks, int zone)
{
	struct rbl_counts counts = {.in = 0};

	for (const struct rbldnsd_desk *desk = desks->first; desk != NULL; desk = desk->next) {
		const _Atomic uint64_t *of = desk->counts[zone + 1].of;

		for (size_t i = 0; i < RBL_RESULTS; i++)
			counts.results[i] += atomic_load_explicit(&of[i], memory_order_relaxed);
		counts.in += atomic_load_explicit(&of[COUNT_IN], memory_order_relaxed);
		counts.out += atomic_load_explicit(&of[COUNT_OUT], memory_order_relaxed);
	}
	return counts;
}

void rbldnsd_desks_done(struct rbldnsd_desks *desks)
{
	while (desks->first != NULL) {
		struct rbldnsd_desk *desk = desks->first;

		desks->first = desk->next;
		free((void *)desk->counts);
		mem_free(desk);
	}
}
